"""The variants of a study: those it lists, and what its design, or `one_at_a_time` and `grid`, unroll to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from rdslab.errors import SpecError, did_you_mean
from rdslab.search.designs import MOST_VARIANTS, Design
from rdslab.search.documents import StudyDocument
from rdslab.search.factors import shown
from rdslab.yamlio import Source

KINDS = {"one_at_a_time": "one_at_a_time", "grid": "factorial"}


@dataclass(frozen=True)
class Variant:
    """A named net of a study: a net's name or file, and the places to set in it, in order."""

    name: str
    net: str
    settings: tuple[tuple[str, Any], ...]
    against: str | None = None
    where: str = field(default="", compare=False)
    levels: Mapping[str, str] = field(default_factory=dict)  # of a run of the study's design: factor -> level
    found: bool = False  # by the study's search; its settings are genes
    repeated: bool = False  # found, and trained with several seeds


def unrolled(document: StudyDocument, design: Design | None, source: Source) -> tuple[Variant, ...]:
    """The variants, those of the design first, else a base where none is plain.

    Raises SpecError for names that stand twice or mean nothing.
    """
    common = tuple(document.set.items())
    listed = [
        Variant(
            line.name,
            line.net or document.base,
            (*common, *line.set.items()),
            line.against,
            source.where(("variants", index)),
        )
        for index, line in enumerate(document.variants)
    ]
    if design is not None:
        _check_alone(document, source)
        where = source.where(("design",))
        runs = [(design.name(run), design.settings(run), design.levels(run)) for run in design.runs]
        found = [Variant(name, document.base, (*common, *own), None, where, levels) for name, own, levels in runs]
    elif any(not line.set and line.net is None for line in document.variants):
        found = []
    else:
        found = [Variant("base", document.base, common, where=source.where(("base",)))]
    found += [*listed, *_by_path(document, source)]
    _check_names(found)
    return tuple(found)


def _check_alone(document: StudyDocument, source: Source) -> None:
    for key in ("one_at_a_time", "grid"):
        if getattr(document, key):
            hint = f"write its places as factors, or leave `design` out; kind: {KINDS[key]} does the same"
            raise SpecError("does not stand beside `design`", hint, where=source.where((key,)))


def _by_path(document: StudyDocument, source: Source) -> list[Variant]:
    """What `one_at_a_time` and `grid` ask for."""
    common, found = tuple(document.set.items()), list[Variant]()
    for path, values in document.one_at_a_time.items():
        where = source.where(("one_at_a_time", path))
        found += [
            Variant(_label({path: v}, document.one_at_a_time), document.base, (*common, (path, v)), where=where)
            for v in values
        ]
    if not document.grid:
        return found
    where = source.where(("grid",))
    if prod(map(len, document.grid.values())) > MOST_VARIANTS:
        raise SpecError(f"gives more than {MOST_VARIANTS:,} variants", where=where)
    for values in product(*document.grid.values()):
        chosen = dict(zip(document.grid, values, strict=True))
        settings = (*common, *chosen.items())
        found.append(Variant(_label(chosen, document.grid), document.base, settings, where=where))
    return found


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


def _label(chosen: Mapping[str, Any], paths: Mapping[str, Any]) -> str:
    """`shuffle=4, groups=2`: the last word of each path where that tells them apart, else the path."""
    last = [path.rpartition(".")[2] for path in paths]
    parts = []
    for path, value in chosen.items():
        word = path.rpartition(".")[2]
        parts.append(f"{word if last.count(word) == 1 else path}={shown(value)}")
    return ", ".join(parts)
