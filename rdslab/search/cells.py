"""The times of a study in its ledger: one fact a net and cell, a cell being a device, a size and a form.

Nothing here knows torch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rdslab.comparable import differences
from rdslab.records import Context
from rdslab.search.documents import HERE, is_measured
from rdslab.search.ledger import Ledger, Row
from rdslab.search.plan import NO_SEED, Study

TIMES, REFUSED = "times", "refused"
EAGER, DEPLOYED = "eager", "deployed"


@dataclass(frozen=True, order=True)
class Cell:
    """Where a time belongs, besides its net."""

    device: str
    size: str
    classes: int
    form: str  # eager or deployed

    def context(self, details: Mapping[str, Any]) -> Context:
        """`details` is the profile of a prediction, or protocol and host of a measurement."""
        plain = {"device": self.device, "size": self.size, "classes": self.classes, "form": self.form}
        return Context({"kind": TIMES, **plain, "details": details})


def cell_of(fact: Row) -> Cell:
    """The cell of a fact of kind `times` or `refused`."""
    context = fact["context"]
    form = context.get("form") or (fact["document"].get("protocol") or {}).get("form") or EAGER
    return Cell(context["device"], context["size"], context["classes"], form)


def measured_cells(study: Study) -> Iterator[Cell]:
    """Every cell that the study wants measured, device by device."""
    for device in study.measured:
        for size in study.sizes:
            for form in forms_on(study, device):
                yield Cell(device, str(size), study.document.deploy.classes, form)


def forms_on(study: Study, device: str) -> tuple[str, ...]:
    """The forms that a net can have a time in on the device."""
    if device == HERE:
        return study.document.deploy.forms
    if is_measured(device):
        return (DEPLOYED,)  # what is exported is that form
    return (EAGER, DEPLOYED)  # a profile predicts the one that it says


class TimesFacts:
    """What the ledger knows of times, read once; `put` keeps it true for one writer."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._facts: dict[tuple[str, Cell], list[Row]] = {}
        for fact in (*ledger.facts_of(TIMES), *ledger.facts_of(REFUSED)):
            self._facts.setdefault((fact["net_id"], cell_of(fact)), []).append(fact)

    def times(self, net_id: str, cell: Cell) -> Row | None:
        """The document of the time, or None."""
        return next((f["document"] for f in self._facts.get((net_id, cell), ()) if f["kind"] == TIMES), None)

    def refused(self, net_id: str, cell: Cell) -> str:
        """Why there is no time, "" where nobody has tried."""
        found = [f["document"]["reason"] for f in self._facts.get((net_id, cell), ()) if f["kind"] == REFUSED]
        return str(found[0]) if found else ""

    def put(self, net_id: str, cell: Cell, details: Mapping[str, Any], document: Mapping[str, Any]) -> None:
        """Enter a time in place of any other of this net and cell, and a prediction in place of any of its device."""
        cells = [cell]
        if document["predicted"]:  # a profile has one form, and may have got another
            cells = [c for n, c in self._facts if n == net_id and replace(c, form=cell.form) == cell] or cells
        old = [fact for c in cells for fact in self._facts.pop((net_id, c), [])]
        self._enter(TIMES, net_id, cell, details, document, old)

    def refuse(self, net_id: str, cell: Cell, reason: str) -> None:
        """Enter why there is no time."""
        old = [fact for fact in self._facts.pop((net_id, cell), []) if fact["kind"] == REFUSED]
        self._enter(REFUSED, net_id, cell, {}, {"reason": reason}, old)

    def _enter(
        self,
        kind: str,
        net_id: str,
        cell: Cell,
        details: Mapping[str, Any],
        document: Mapping[str, Any],
        old: Sequence[Row],
    ) -> None:
        context = cell.context(details)
        self.ledger.put_instead(kind, net_id, context, document, old)
        key = {"study": self.ledger.study, "kind": kind, "net_id": net_id, "context_id": context.id, "seed": NO_SEED}
        self._facts.setdefault((net_id, cell), []).append({**key, "document": document, "context": context.document})


def forget_times(ledger: Ledger, devices: Sequence[str]) -> None:
    """Remove what is known of times on these devices: they are to be measured anew."""
    ledger.remove([f for f in ledger.facts_of() if f["kind"] in (TIMES, REFUSED) and cell_of(f).device in devices])


def side_by_side(found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """By name of those times that may not stand beside the most of the others: which field differs, and how.

    `found`: documents of times, by any name.
    """
    groups: list[list[str]] = []
    for name, times in found.items():
        group = next((g for g in groups if not _differences(found[g[0]], times)), None)
        if group is None:
            groups.append([name])
        else:
            group.append(name)
    kept = max(groups, key=len, default=[])
    return {
        name: f"not comparable with the others: {'; '.join(_differences(found[kept[0]], found[name]))}"
        for group in groups
        for name in group
        if group is not kept
    }


def _differences(theirs: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    shown = [
        [d.field, *("not known" if value is None else value for value in (d.b, d.a))] for d in differences(theirs, own)
    ]
    return [f"{field} is {mine}, of the others {others}" for field, mine, others in shown]
