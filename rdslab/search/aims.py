"""What a search is for: its objectives and its samplers by name, read from a study. Nothing here knows torch."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rdslab.errors import SpecError, did_you_mean
from rdslab.search.documents import StudyDocument, is_measured
from rdslab.source import Source

MIOU = "miou"
LATENCY = "latency_ms."
ENERGY = "energy_mj."  # of an image, on devices that are measured
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
    devices = document.deploy.devices
    known = (MIOU, *COSTS, *(f"{LATENCY}{device}" for device in devices), *measured_figures(devices, (ENERGY,)))
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


def measured_figures(devices: Sequence[str], kinds: Sequence[str] = (LATENCY, ENERGY)) -> tuple[str, ...]:
    """The figures that only a measurement tells."""
    return tuple(f"{kind}{device}" for kind in kinds for device in devices if is_measured(device))


def device_of(figure: str) -> str:
    """The device of a latency or an energy."""
    return figure.partition(".")[2]


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
