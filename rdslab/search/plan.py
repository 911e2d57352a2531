"""A study as data: what is compared, on which data, with which recipe and seeds; unrolled into variants and slots.

Nothing here knows torch: a laptop without it can read a study and its results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from rdslab.errors import SpecError, did_you_mean
from rdslab.records import Size
from rdslab.yamlio import Document, Source, read_yaml, validate, with_settings

Values = Annotated[tuple[Any, ...], Field(min_length=1)]
MOST_VARIANTS = 10_000
MOST_EXTENDED = 8


class VariantDocument(Document):
    """One variant: the base with some places set, or another net."""

    name: Annotated[str, Field(min_length=1)]
    net: str | None = None
    against: str | None = None  # the variant that it is compared with, if that is not the base
    set: dict[str, Any] = Field(default_factory=dict)


class DeployDocument(Document):
    """What costs and times belong to."""

    size: str
    classes: Annotated[int, Field(ge=2, le=254)] = 19
    devices: tuple[str, ...] = ()


class StudyDocument(Document):
    """An ablation: a base net, variants of it, and how each is trained and judged."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    title: str = ""
    base: str
    set: dict[str, Any] = Field(default_factory=dict)  # changes every variant, the base too
    variants: tuple[VariantDocument, ...] = ()
    one_at_a_time: dict[str, Values] = Field(default_factory=dict)
    grid: dict[str, Values] = Field(default_factory=dict)
    data: dict[str, Any]
    recipe: str | dict[str, Any]
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, le=2**31 - 1)], ...], Field(min_length=1)]
    deploy: DeployDocument
    threads: Annotated[int, Field(ge=1, le=1024)] = 1


@dataclass(frozen=True)
class Variant:
    """A named net of a study: a net's name or file, and the places to set in it, in order."""

    name: str
    net: str
    settings: tuple[tuple[str, Any], ...]
    against: str | None = None
    where: str = field(default="", compare=False)


@dataclass(frozen=True)
class Slot:
    """A numbered place in a study: one variant with one seed."""

    number: int
    variant: str
    seed: int


@dataclass(frozen=True)
class Study:
    """A study that was read and checked, as far as that goes without building a net."""

    document: StudyDocument
    variants: tuple[Variant, ...]
    size: Size  # what costs and times belong to
    source: Source = field(compare=False)

    @property
    def name(self) -> str:
        return self.document.name

    @property
    def base(self) -> str:
        """The name of the variant that all others are compared with: the one that sets nothing."""
        plain = (line.name for line in self.document.variants if not line.set and line.net is None)
        return next(plain, "base")

    @property
    def compared(self) -> dict[str, str]:
        """For each variant the one that it is compared with; "" for the base and what others are held against."""
        alone = {self.base, *(variant.against for variant in self.variants)}
        return {v.name: v.against or ("" if v.name in alone else self.base) for v in self.variants}

    @property
    def folder(self) -> Path:
        """Where the study's file lies: nets, recipes and profiles are named from there."""
        return self.source.path.parent if self.source.path else Path()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Every variant with every seed; the first seed of all comes first, so that a half-done study compares."""
        pairs = product(self.document.seeds, self.variants)
        return tuple(Slot(number, variant.name, seed) for number, (seed, variant) in enumerate(pairs))

    @property
    def run_folder(self) -> Path:
        """Where a study keeps its database, checkpoints and weights: `runs/NAME` below the current folder."""
        return Path("runs") / self.name

    def fixed(self) -> dict[str, Any]:
        """What may not change once a study has begun; roots of data are left out."""
        document = self.document.model_dump(mode="json")
        data = {key: value for key, value in document["data"].items() if key != "root"}
        return {"data": data, "recipe": document["recipe"], "threads": document["threads"]}


def load_study(path: str | Path, settings: Sequence[str] = ()) -> Study:
    """Read a study. Raises SpecError with file and line."""
    return study_from(with_settings(_extended(read_yaml(path)), settings))


def _extended(source: Source, depth: int = 0) -> Source:
    """The source with what it leaves out taken from the study beside it that its `extends:` names."""
    name = source.data.get("extends")
    if name is None:
        return source
    where = source.where(("extends",))
    if not isinstance(name, str) or depth > MOST_EXTENDED:
        raise SpecError(
            f"expected another study's file, got {name!r}" if depth <= MOST_EXTENDED else "extends itself", where=where
        )
    base = _extended(read_yaml((source.path or Path()).parent / name), depth + 1)
    own = {key: value for key, value in source.data.items() if key != "extends"}
    places = {place: base.where(place) for place in base.lines if place and place[0] not in own}
    return Source(source.name, {**base.data, **own}, source.lines, {**base.words, **source.words}, places, source.path)


def study_from(source: Source) -> Study:
    """A study from a source that was read. Raises SpecError."""
    document = validate(StudyDocument, source)
    if len(set(document.seeds)) != len(document.seeds):
        raise SpecError("a seed stands twice", "every seed is one repeat", where=source.where(("seeds",)))
    try:
        size = Size.parse(document.deploy.size)
    except SpecError as error:
        raise error.at(source.where(("deploy", "size"))) from None
    for index, device in enumerate(document.deploy.devices):
        if device in document.deploy.devices[:index]:
            raise SpecError(f"device {device!r} stands twice", where=source.where(("deploy", "devices", index)))
    return Study(document, _variants(document, source), size, source)


def _variants(document: StudyDocument, source: Source) -> tuple[Variant, ...]:
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
