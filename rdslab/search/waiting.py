"""Which nets of a study wait to be measured. Nothing here knows torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rdslab.search.boards import holder
from rdslab.search.cells import Cell, TimesFacts, measured_cells
from rdslab.search.ledger import Ledger, Row
from rdslab.search.plan import Study


@dataclass(frozen=True)
class Job:
    """A net whose time in a cell is wanted."""

    slot: int  # the first that has the net
    variant: str
    net_id: str
    cell: Cell

    @property
    def key(self) -> tuple[str, Cell]:
        return self.net_id, self.cell


def waiting(study: Study, rows: Sequence[Row], known: TimesFacts) -> list[Job]:
    """Every net of the study's slots that has no time, cell by cell, in slot order."""
    first: dict[str, Row] = {}
    for row in rows:
        if row["net_id"]:  # a search's slot has none before its net has passed the limits
            first.setdefault(row["net_id"], row)
    return [
        Job(row["number"], row["variant"], net_id, cell)
        for cell in measured_cells(study)
        for net_id, row in first.items()
        if known.times(net_id, cell) is None
    ]


def measuring(study: Study, ledger: Ledger) -> list[dict[str, Any]]:
    """One line a measured device: how many times it has given, owes and refused, and who measures there."""
    known, rows = TimesFacts(ledger), ledger.rows()
    left, nets = waiting(study, rows, known), {row["net_id"] for row in rows if row["net_id"]}
    found = []
    for device in study.measured:
        own = [job for job in left if job.cell.device == device]
        cells = [cell for cell in measured_cells(study) if cell.device == device]
        refused = sum(bool(known.refused(job.net_id, job.cell)) for job in own)
        done = len(nets) * len(cells) - len(own)
        names = list(dict.fromkeys(job.variant for job in own))
        line = {"device": device, "measured": done, "waiting": len(own), "refused": refused}
        found.append({**line, "by": holder(ledger, device), "next": names})
    return found
