"""What a study has done, does and has left, as one document. Nothing here knows torch."""

import json
from typing import Any

from rdslab.search.aims import MIOU, is_found, objectives_of
from rdslab.search.budget import TRAINED, is_search_slot
from rdslab.search.courses import Courses
from rdslab.search.hours import hours_of
from rdslab.search.ledger import Ledger, Row
from rdslab.search.outcome import volume
from rdslab.search.plan import Study
from rdslab.search.waiting import measuring

STATES = ("waiting", "running", "done", "failed")
OF_A_SEARCH = ("pruned", "refused", "repeated")
SHOWN = ("number", "variant", "seed", "state", "progress", "error")


def state_of(study: Study, ledger: Ledger) -> dict[str, Any]:
    """Slots by state, each slot, the devices that are measured; of a search its front, its budget and its workers."""
    searches = study.document.search is not None
    wanted = {(slot.variant, slot.seed) for slot in study.slots}
    rows = ledger.rows()
    own = [r for r in rows if (r["variant"], r["seed"]) in wanted or (searches and is_found(r["variant"]))]
    states = (*STATES, *(OF_A_SEARCH if searches else ()))
    return {
        "name": study.name,
        **{state: sum(row["state"] == state for row in own) for state in states},
        "slots": [{key: row[key] for key in SHOWN} | {"worker": _worker(row)} for row in own],
        "measuring": measuring(study, ledger),
        **({"search": _search(study, ledger, own)} if searches else {}),
    }


def _worker(row: Row) -> str:
    """`host:pid` of who works on a slot."""
    if row["state"] != "running" or not row["owner"]:
        return ""
    who = json.loads(row["owner"])
    return f"{who['host']}:{who['pid']}"


def _search(study: Study, ledger: Ledger, rows: list[Row]) -> dict[str, Any]:
    search = study.document.search
    assert search is not None
    objectives = objectives_of(study.document, study.source)
    courses = Courses(ledger, objectives)
    courses.refresh()
    found = {row["number"] for row in rows if is_found(row["variant"])}
    with ledger.change() as c:
        spent = sum(seconds for slot, _, seconds in hours_of(c, ledger.study) if slot in found) / 3600
    own = [row for row in rows if is_search_slot(row)]
    return {
        "objectives": [one.figure for one in objectives],
        "trained": sum(row["state"] in TRAINED for row in own),
        "trials": search.trials,
        "hours": spent,
        "hours_budget": search.hours,
        "hours_left": None if search.hours is None else max(search.hours - spent, 0.0),
        "front": [_member(courses, row, [one.figure for one in courses.costs]) for row in courses.front()],
        "hypervolume": volume(courses),
    }


def _member(courses: Courses, row: Row, figures: list[str]) -> dict[str, Any]:
    """A net of the front: its mIoU, and its other objectives as they are meant."""
    loss, *costs = courses.point(row["number"])
    maximised = [one.maximise for one in courses.costs]
    signed = [-cost if most else cost for cost, most in zip(costs, maximised, strict=True)]
    return {"variant": row["variant"], MIOU: -loss, **dict(zip(figures, signed, strict=True))}
