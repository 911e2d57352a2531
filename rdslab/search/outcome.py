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
        "front": [row["variant"] for row in courses.front()],
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


def volume(courses: Courses) -> float | None:
    """The hypervolume of the front, to the worst of each objective; None unless there are two."""
    trace = _volumes(courses, len(courses.objectives))
    return trace[-1][1] if trace else None


def _volumes(courses: Courses, objectives: int) -> list[tuple[int, float]]:
    """By slot the hypervolume of what was found up to it."""
    points = {number: courses.point(number) for number, row in sorted(courses.rows.items()) if row["state"] != "pruned"}
    if objectives != 2 or not points:
        return []
    reference = [max(point[i] for point in points.values()) for i in (0, 1)]
    kept: list[tuple[float, ...]] = []
    found: list[tuple[int, float]] = []
    for number, point in points.items():
        if any(a <= point[0] and b <= point[1] for a, b in kept):
            found.append((number, found[-1][1]))
            continue
        kept = [point, *(one for one in kept if not (point[0] <= one[0] and point[1] <= one[1]))]
        found.append((number, hypervolume(kept, ["minimize", "minimize"], reference)))
    return found


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
