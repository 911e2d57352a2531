"""What the trainings of a search have shown so far, read from the ledger as it grows. Nothing here knows torch."""

from collections.abc import Container, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from rdslab.records import Context
from rdslab.search.aims import MIOU, Objective
from rdslab.search.budget import is_search_slot
from rdslab.search.ledger import Ledger, Row
from rdslab.search.pruning import Course
from rdslab.search.tables import slots
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
        self._seen: set[int] = set()  # these, and the finals
        self._courses: dict[int, Course] = {}
        self._by_net: dict[str, int] = {}
        self._by_canonical: dict[str, int] = {}

    def refresh(self) -> None:
        """Read what has ended since."""
        new = _rows_beside(self.ledger, self._seen)
        self._seen.update(row["number"] for row in new)
        new = [row for row in new if is_search_slot(row)]
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
        if state in ("done", "pruned"):
            self._by_net.setdefault(row["net_id"], number)
            self._by_canonical.setdefault(document["canonical_id"], number)

    def trained(self) -> list[Course]:
        """Of those that were trained, in whole or in part."""
        return [self._courses[number] for number, row in self.rows.items() if row["state"] != "repeated"]

    def twin(self, net_id: str, canonical_id: str) -> Row | None:
        """The first slot with a training, in whole or in part, of this net; else of one that computes the same."""
        number = self._by_net.get(net_id, self._by_canonical.get(canonical_id))
        return None if number is None else self.rows[number]

    def miou(self, number: int) -> float:
        """A slot's last."""
        return self._courses[number].last

    def middle(self) -> float:
        """The median mIoU; 0 before there is one."""
        scores = sorted(course.last for number, course in self._courses.items() if self.rows[number]["state"] == "done")
        return scores[len(scores) // 2] if scores else 0.0

    def front(self) -> list[Row]:
        """The slots on the front, in order. Of equal nets the first."""
        rows = [row for row in self.rows.values() if row["state"] != "pruned"]
        first = {row["net_id"]: row for row in reversed(rows)}
        points = [self.point(row["number"]) for row in first.values()]
        member = front(points, ["minimize"] * len(self.objectives)) if points else []
        chosen = [row for row, on in zip(first.values(), member, strict=True) if on]
        return sorted(chosen, key=lambda row: int(row["number"]))

    def point(self, number: int) -> tuple[float, ...]:
        """A slot's objectives, minimised; mIoU first."""
        course = self._courses[number]
        return (-course.last, *course.costs)


def _rows_beside(ledger: Ledger, seen: Container[int]) -> list[Row]:
    """The slots that have ended and were not seen: of a long study all others stay unread."""
    own = slots.c.study == ledger.study
    with ledger.change() as c:
        ended = c.execute(sa.select(slots.c.number).where(own, slots.c.state.in_(TELLING))).scalars()
        new = {number for number in ended if number not in seen}
        if not new:
            return []
        query = sa.select(slots).where(own, slots.c.number >= min(new)).order_by(slots.c.number)
        return [dict(row) for row in c.execute(query).mappings() if row["number"] in new]
