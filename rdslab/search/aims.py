"""What a search is for: its objectives and its samplers by name, read from a study. Nothing here knows torch."""

import re
from dataclasses import dataclass
from typing import Literal

from rdslab.errors import SpecError, did_you_mean
from rdslab.search.documents import StudyDocument
from rdslab.source import Source

MIOU = "miou"
LATENCY = "latency_ms."
MAXIMISED = (MIOU, "receptive_field")
COSTS = ("macs", "params", "receptive_field")
SAMPLERS = ("known_cost", "random", "nsga2", "tpe", "gp")
FOUND = re.compile(r"s\d+")


@dataclass(frozen=True)
class Objective:
    """A figure of a net, and whether more of it is better."""

    figure: str
    maximise: bool

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """As Optuna has it."""
        return "maximize" if self.maximise else "minimize"


def found_name(slot: int) -> str:
    """What the net that a search finds in a slot is called."""
    return f"s{slot}"


def is_found(variant: str) -> bool:
    """Whether a variant of a study with a search is one that the search has found."""
    return FOUND.fullmatch(variant) is not None


def objectives_of(document: StudyDocument, source: Source) -> tuple[Objective, ...]:
    """The objectives of the study's search. Raises SpecError with file and line."""
    assert document.search is not None
    given = document.search.objectives
    known = (MIOU, *COSTS, *(f"{LATENCY}{device}" for device in document.deploy.devices))
    found: list[Objective] = []
    for index, name in enumerate(given):
        place = ("search", "objectives", name if isinstance(given, dict) else index)
        if name not in known:
            hint = f"there are: {', '.join(known)}; a device stands under deploy.devices"
            raise SpecError(
                f"no objective is called {name!r}", hint, did_you_mean(name, known), where=source.where(place)
            )
        if name in (one.figure for one in found):
            raise SpecError(f"objective {name!r} stands twice", where=source.where(place))
        found.append(Objective(name, given[name] == "maximise" if isinstance(given, dict) else name in MAXIMISED))
    if Objective(MIOU, False) in found:
        raise SpecError("mIoU is maximised", where=source.where(("search", "objectives", MIOU)))
    if MIOU not in [one.figure for one in found]:
        what = "a search trains nets for their mIoU, and its objectives leave it out"
        hint = "add miou; what nets cost without training says: rdslab space audit SPACE"
        raise SpecError(what, hint, where=source.where(("search", "objectives")))
    return tuple(found)


def check_search(document: StudyDocument, source: Source) -> None:
    """Raises SpecError for what a study with a search cannot have."""
    search = document.search
    if search is None:
        return
    objectives_of(document, source)
    if not document.seeds:
        raise SpecError("a search trains: it needs data, recipe, seeds", where=source.where(("search",)))
    if search.sampler not in SAMPLERS:
        hint = f"there are: {', '.join(SAMPLERS)}"
        where = source.where(("search", "sampler"))
        raise SpecError(
            f"no sampler is called {search.sampler!r}", hint, did_you_mean(search.sampler, SAMPLERS), where=where
        )
    for index, line in enumerate(document.variants):
        if is_found(line.name):
            what = f"nets that a search finds are called like {line.name!r}"
            raise SpecError(what, "give the variant another name", where=source.where(("variants", index, "name")))
