"""What became of a study's search: its slots, its front as it grew, where the hours went. Nothing here knows torch."""

from collections.abc import Mapping, Sequence
from typing import Any

from rdslab.search.aims import MIOU, objectives_of
from rdslab.search.budget import is_search_slot
from rdslab.search.courses import COURSE, Courses
from rdslab.search.found import with_found
from rdslab.search.hours import hours_of
from rdslab.search.ledger import Ledger, Row
from rdslab.search.plan import Study
from rdslab.stats import hypervolume

STAGE_OF_FINALS, STAGE_OF_VARIANTS = "finals", "the study's own variants"


def search_document(study: Study, ledger: Ledger) -> dict[str, Any]:
    """Plain data: objectives, sampler, budget, one entry a slot, the front's slots, hypervolume by slot, seconds.

    `hypervolume` is there for two objectives: by slot that of all trainings up to it, to the worst of each objective
    that any whole training has. `seconds` go by stage; those of the finals and of the study's own variants stand alone.
    """
    search = study.document.search
    if search is None:
        return {}
    objectives = objectives_of(study.document, study.source)
    courses = Courses(ledger, objectives)
    courses.refresh()
    rows = ledger.rows()
    facts = {fact["context"]["slot"]: fact["document"] for fact in ledger.facts_of(COURSE)}
    found = with_found(study, ledger).variants
    took: dict[int, dict[str, float]] = {}
    with ledger.change() as c:
        for slot, stage, seconds in hours_of(c, ledger.study):
            took.setdefault(slot, {})[stage] = seconds
    return {
        "objectives": {one.figure: "maximise" if one.maximise else "minimise" for one in objectives},
        "sampler": search.sampler,
        "seed": search.seed,
        "pruning": search.pruning.kind,
        "space": search.space,
        "budget": {"trials": search.trials, "hours": search.hours},
        "found": {v.name: {"genes": dict(v.settings), "repeated": v.repeated} for v in found if v.found},
        "slots": [_slot(row, facts, took) for row in rows if is_search_slot(row)],
        "front": [row["variant"] for row, _ in courses.front()],
        "hypervolume": _volumes(courses, len(objectives)),
        "seconds": _seconds(rows, took),
    }


def _slot(row: Row, facts: Mapping[int, Any], took: Mapping[int, Mapping[str, float]]) -> dict[str, Any]:
    fact = facts.get(row["number"]) or {}
    curve = {int(epoch): miou for epoch, miou in (fact.get("curve") or {}).items()}
    return {
        "slot": row["number"],
        "state": row["state"],
        "why": row["error"] or "",
        "epochs": max(curve, default=0),
        MIOU: curve[max(curve)] if curve else None,
        "figures": fact.get("figures") or {},
        "genes": fact.get("genes") or {},
        "seconds": dict(took.get(row["number"]) or {}),
    }


def _volumes(courses: Courses, objectives: int) -> list[tuple[int, float]]:
    """By slot the hypervolume of what was found up to it."""
    if objectives != 2:
        return []
    points = {number: courses.point(number) for number, row in sorted(courses.rows.items()) if row["state"] != "pruned"}
    if not points:
        return []
    reference = [max(point[i] for point in points.values()) for i in (0, 1)]
    both = ["minimize", "minimize"]
    numbers = list(points)
    return [
        (number, hypervolume([points[k] for k in numbers[: i + 1]], both, reference))
        for i, number in enumerate(numbers)
    ]


def _seconds(rows: Sequence[Row], took: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    """By stage of the search, then the finals, then the study's own variants: together all that was spent."""
    total: dict[str, float] = {}
    names = {row["variant"] for row in rows if is_search_slot(row)}
    for row in rows:
        for stage, seconds in (took.get(row["number"]) or {}).items():
            alone = STAGE_OF_FINALS if row["variant"] in names else STAGE_OF_VARIANTS
            name = stage if is_search_slot(row) else alone
            total[name] = total.get(name, 0.0) + seconds
    return total
