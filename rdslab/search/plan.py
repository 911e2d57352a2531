"""A study as data: what is compared, on which data, with which recipe and seeds; unrolled into variants and slots.

Nothing here knows torch: a laptop without it can read a study and its results.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from rdslab.errors import SpecError, did_you_mean
from rdslab.records import Size
from rdslab.search.aims import check_search
from rdslab.search.designs import Design, design_of
from rdslab.search.documents import TRAINING, StudyDocument, is_measured
from rdslab.search.variants import Variant, unrolled
from rdslab.yamlio import Source, read_yaml, validate, with_settings

MOST_EXTENDED = 8
NO_SEED = -1  # of the slots of a study that trains nothing
BUDGET = ("trials", "hours")  # of a search: may change while it runs
BOARD = re.compile(r"ssh://([A-Za-z_][\w.-]*@)?([A-Za-z0-9_][\w.-]*|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?/?", re.ASCII)


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
    sizes: tuple[Size, ...]  # what costs and times belong to
    source: Source = field(compare=False)
    design: Design | None = None

    @property
    def name(self) -> str:
        return self.document.name

    @property
    def size(self) -> Size:
        """The deployment size; of several, the first."""
        return self.sizes[0]

    @property
    def trains(self) -> bool:
        """Whether its nets are trained. Else the study is about their times alone."""
        return bool(self.document.seeds)

    @property
    def measured(self) -> tuple[str, ...]:
        """The devices that nets are timed on: this machine and boards. The others are profiles."""
        return tuple(device for device in self.document.deploy.devices if is_measured(device))

    @property
    def base(self) -> str:
        """The variant that all others are compared with: the design's base, or the one that sets nothing."""
        if self.design is not None:
            return self.variants[0].name
        plain = (line.name for line in self.document.variants if not line.set and line.net is None)
        return next(plain, "base")

    @property
    def compared(self) -> dict[str, str]:
        """For each variant the one that it is compared with; "" for the base and what others are held against."""
        alone = {self.base, *(variant.against for variant in self.variants)}
        alone |= {variant.name for variant in self.variants if variant.found and not variant.repeated}
        return {v.name: v.against or ("" if v.name in alone else self.base) for v in self.variants}

    @property
    def folder(self) -> Path:
        """Where the study's file lies: nets, recipes and profiles are named from there."""
        return self.source.path.parent if self.source.path else Path()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Every variant with every seed; the first seed of all comes first, so that a half-done study compares."""
        pairs = product(self.document.seeds or (NO_SEED,), self.variants)
        return tuple(Slot(number, variant.name, seed) for number, (seed, variant) in enumerate(pairs))

    @property
    def run_folder(self) -> Path:
        """Where a study keeps its database, checkpoints and weights: `runs/NAME` below the current folder."""
        return Path("runs") / self.name

    def slot_folder(self, number: int) -> Path:
        """Where the trial in that slot keeps its checkpoint and weights."""
        return self.run_folder / "slots" / str(number)

    def fixed(self) -> dict[str, Any]:
        """What may not change once a study has begun; roots of data are left out."""
        document = self.document.model_dump(mode="json")
        if not self.trains:
            return {"threads": document["threads"]}
        data = {key: value for key, value in document["data"].items() if key != "root"}
        fixed = {"data": data, "recipe": document["recipe"], "threads": document["threads"]}
        if self.document.search is None:
            return fixed
        search = {key: value for key, value in document["search"].items() if key not in BUDGET}
        return fixed | {"seeds": document["seeds"][:1], "search": search}


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
    _check_training(document, source)
    if len(set(document.seeds)) != len(document.seeds):
        raise SpecError("a seed stands twice", "every seed is one repeat", where=source.where(("seeds",)))
    for index, device in enumerate(document.deploy.devices):
        where = source.where(("deploy", "devices", index))
        if device in document.deploy.devices[:index]:
            raise SpecError(f"device {device!r} stands twice", where=where)
        if device.startswith("ssh:") and not BOARD.fullmatch(device):
            raise SpecError(f"{device!r} names no board", "write it like ssh://user@jetson", where=where)
    check_search(document, source)
    design = design_of(document.design, source) if document.design else None
    study = Study(document, unrolled(document, design, source), _sizes(document, source), source, design)
    _check_ratios(study)
    return study


def _check_training(document: StudyDocument, source: Source) -> None:
    """A study names data, recipe and seeds, or trains nothing and names what times are wanted."""
    given = [key for key in TRAINING if key in source.data]
    missing = [key for key in TRAINING if key not in source.data]
    if given and missing:
        hint = f"a study that trains nothing leaves out {', '.join(given)} too"
        raise SpecError(f"missing key {missing[0]!r}", f"add `{missing[0]}:`", hint, where=source.where((missing[0],)))
    if missing and not (document.deploy.devices or document.published):
        what = "a study without data, recipe and seeds is about times, and this one asks for none"
        raise SpecError(what, "name devices under `deploy`, or `published` times", where=source.name)
    several = {"sizes": len(document.deploy.sizes), "forms": len(document.deploy.forms)}
    for key, number in several.items():
        if given and number > 1:
            what = f"a study that trains has one of {key}: its plots show a net once"
            raise SpecError(
                what, "a study of times leaves out data, recipe, seeds", where=source.where(("deploy", key))
            )
    for key in ("published", "ratios"):
        if given and source.data.get(key):
            what = "is for studies of times, which leave out data, recipe, seeds"
            raise SpecError(what, where=source.where((key,)))


def _sizes(document: StudyDocument, source: Source) -> tuple[Size, ...]:
    deploy = document.deploy
    if bool(deploy.size) == bool(deploy.sizes):
        what = "missing key 'size'" if not deploy.size else "both `size` and `sizes` are given"
        raise SpecError(what, "write `size: 640x360`, or `sizes: [...]` for several", where=source.where(("deploy",)))
    found: list[Size] = []
    for index, text in enumerate(deploy.sizes or (deploy.size,)):
        where = source.where(("deploy", "sizes", index) if deploy.sizes else ("deploy", "size"))
        try:
            size = Size.parse(text)
        except SpecError as error:
            raise error.at(where) from None
        if size in found:
            raise SpecError(f"size {size} stands twice", where=where)
        found.append(size)
    return tuple(found)


def _check_ratios(study: Study) -> None:
    names = [variant.name for variant in study.variants]
    for index, line in enumerate(study.document.ratios):
        for key in ("over", "under"):
            value = getattr(line, key)
            for name in (value,) if isinstance(value, str) else value:
                if name not in names:
                    where = study.source.where(("ratios", index, key))
                    raise SpecError(f"no variant is called {name!r}", did_you_mean(name, names), where=where)
