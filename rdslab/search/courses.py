"""What the trainings of a search have shown so far, read from the ledger as it grows. Nothing here knows torch."""

from collections.abc import Mapping, Sequence
from typing import Any

from rdslab.records import Context
from rdslab.search.aims import MIOU, Objective
from rdslab.search.budget import is_search_slot
from rdslab.search.ledger import Ledger, Row
from rdslab.search.pruning import Course
from rdslab.stats import front

COURSE = "course"  # the kind of the facts that say what became of a search's slot
TELLING = ("done", "pruned", "repeated")
FEW = 20  # facts that are read one by one


def course_context(slot: int) -> Context:
    """Of the one fact that says what became of a slot."""
    return Context({"kind": COURSE, "slot": slot})


def curve_of(history: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    """mIoU by epoch, of those epochs that were scored."""
    return {int(row["epoch"]): float(row[MIOU]) for row in history if row.get(MIOU) is not None}


class Courses:
    """The search's slots that have ended. Each one's facts are read once."""

    def __init__(self, ledger: Ledger, objectives: Sequence[Objective]) -> None:
        self.ledger, self.objectives = ledger, objectives
        self.costs = [one for one in objectives if one.figure != MIOU]
        self.rows: dict[int, Row] = {}
        self._courses: dict[int, Course] = {}
        self._by_net: dict[str, tuple[int, float]] = {}
        self._by_canonical: dict[str, tuple[int, float]] = {}

    def refresh(self) -> None:
        """Read what has ended since."""
        new = [
            row
            for row in self.ledger.rows()
            if is_search_slot(row) and row["state"] in TELLING and row["number"] not in self.rows
        ]
        if not new:
            return
        wanted = None if len(new) > FEW else [course_context(row["number"]).id for row in new]
        documents = {fact["context"]["slot"]: fact["document"] for fact in self.ledger.facts_of(COURSE, wanted)}
        for row in new:
            self._learn(row, documents[row["number"]])

    def _learn(self, row: Row, document: Mapping[str, Any]) -> None:
        number, state = row["number"], row["state"]
        curve = {int(epoch): float(miou) for epoch, miou in document["curve"].items()}
        self.rows[number] = row
        self._courses[number] = Course(tuple(document["costs"]), curve, state != "pruned")
        if state == "done":
            known = number, self._courses[number].last
            self._by_net.setdefault(row["net_id"], known)
            self._by_canonical.setdefault(document["canonical_id"], known)

    def trained(self) -> list[Course]:
        """Of those that were trained, in whole or in part."""
        return [self._courses[number] for number, row in self.rows.items() if row["state"] != "repeated"]

    def twin(self, net_id: str, canonical_id: str) -> tuple[int, float] | None:
        """Slot and mIoU of a training of this net, or of one that computes the same."""
        return self._by_net.get(net_id) or self._by_canonical.get(canonical_id)

    def middle(self) -> float:
        """The median mIoU; 0 before there is one."""
        scores = sorted(course.last for number, course in self._courses.items() if self.rows[number]["state"] == "done")
        return scores[len(scores) // 2] if scores else 0.0

    def front(self) -> list[tuple[Row, bool]]:
        """The slots on the front, and whether their score is their own. Of equal nets the first."""
        rows = [row for row in self.rows.values() if row["state"] != "pruned"]
        first = {row["net_id"]: row for row in reversed(rows)}
        points = [self.point(row["number"]) for row in first.values()]
        member = front(points, ["minimize"] * len(self.objectives)) if points else []
        chosen = [row for row, on in zip(first.values(), member, strict=True) if on]
        return [(row, row["state"] == "done") for row in sorted(chosen, key=lambda row: int(row["number"]))]

    def point(self, number: int) -> tuple[float, ...]:
        """A slot's objectives, minimised; mIoU first."""
        course = self._courses[number]
        return (-course.last, *course.costs)
