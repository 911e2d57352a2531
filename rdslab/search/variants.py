"""The variants of a study: those it lists, and what `one_at_a_time` and `grid` unroll to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from rdslab.errors import SpecError, did_you_mean
from rdslab.search.documents import StudyDocument
from rdslab.yamlio import Source

MOST_VARIANTS = 10_000


@dataclass(frozen=True)
class Variant:
    """A named net of a study: a net's name or file, and the places to set in it, in order."""

    name: str
    net: str
    settings: tuple[tuple[str, Any], ...]
    against: str | None = None
    where: str = field(default="", compare=False)


def unrolled(document: StudyDocument, source: Source) -> tuple[Variant, ...]:
    """The variants, the base first where none is plain. Raises SpecError for names that stand twice or mean nothing."""
    common = tuple(document.set.items())
    found = [
        Variant(
            line.name,
            line.net or document.base,
            (*common, *line.set.items()),
            line.against,
            source.where(("variants", index)),
        )
        for index, line in enumerate(document.variants)
    ]
    if not any(not line.set and line.net is None for line in document.variants):
        found.insert(0, Variant("base", document.base, common, where=source.where(("base",))))
    for path, values in document.one_at_a_time.items():
        where = source.where(("one_at_a_time", path))
        found += [
            Variant(_label({path: v}, document.one_at_a_time), document.base, (*common, (path, v)), where=where)
            for v in values
        ]
    if document.grid:
        if len(list(document.grid)) and _product_size(document.grid) > MOST_VARIANTS:
            raise SpecError(f"gives more than {MOST_VARIANTS:,} variants", where=source.where(("grid",)))
        for values in product(*document.grid.values()):
            chosen = dict(zip(document.grid, values, strict=True))
            where = source.where(("grid",))
            settings = (*common, *chosen.items())
            found.append(Variant(_label(chosen, document.grid), document.base, settings, where=where))
    _check_names(found)
    return tuple(found)


def _check_names(found: Sequence[Variant]) -> None:
    names: set[str] = set()
    for variant in found:
        if variant.name in names:
            raise SpecError(
                f"two variants are called {variant.name!r}",
                "every variant needs a name of its own",
                where=variant.where,
            )
        names.add(variant.name)
    for variant in found:
        if variant.against is not None and variant.against not in names - {variant.name}:
            raise SpecError(
                f"variant {variant.name!r} is to be held against {variant.against!r}, which is no other variant",
                did_you_mean(variant.against, names - {variant.name}),
                where=variant.where,
            )


def _product_size(grid: Mapping[str, Sequence[Any]]) -> int:
    size = 1
    for values in grid.values():
        size *= len(values)
    return size


def _label(chosen: Mapping[str, Any], paths: Mapping[str, Any]) -> str:
    """`shuffle=4, groups=2`: the last word of each path where that tells them apart, else the path."""
    last = [path.rpartition(".")[2] for path in paths]
    parts = []
    for path, value in chosen.items():
        word = path.rpartition(".")[2]
        shown = value.get("block", value) if isinstance(value, Mapping) else value
        text = "-".join(map(str, shown)) if isinstance(shown, (list, tuple)) else str(shown)
        parts.append(f"{word if last.count(word) == 1 else path}={text}")
    return ", ".join(parts)
