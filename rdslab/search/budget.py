"""The slots of a search: opened one by one while its budget lasts, and the finals on its front after that.

Nothing here knows torch. A slot is opened in one transaction, so that two workers never open one too many.
"""

import time
from collections.abc import Sequence

import sqlalchemy as sa

from rdslab.search.aims import found_name, is_found
from rdslab.search.documents import SearchDocument
from rdslab.search.hours import hours_of
from rdslab.search.ledger import Ledger, Row
from rdslab.search.owner import is_dead
from rdslab.search.tables import hours, slots

TRAINED = ("running", "done", "failed", "pruned")
MOST_FREE = 200  # proposals in a row that cost nothing: then the space has no more to give
UNKNOWN_NET = ""  # of a slot that nothing was proposed for yet


def is_search_slot(row: Row) -> bool:
    """Whether a slot was opened by the search. The finals of what it found have the same names, and other numbers."""
    return str(row["variant"]) == found_name(row["number"])


def is_free(row: Row) -> bool:
    """Whether nothing was trained in a slot of a search that has ended."""
    return row["state"] in ("refused", "repeated")


def open_slot(ledger: Ledger, search: SearchDocument, seed: int, reserve_s: float, me: str) -> Row | None:
    """A new slot, ours; None where the budget is spent, or the last proposals were all for nothing.

    `reserve_s`: seconds that the finals are expected to take.
    """
    with ledger.change() as c:
        ledger.alone(c)
        rows = _outlined(c, ledger.study)
        own = [row for row in rows if is_search_slot(row)]
        if sum(row["state"] in TRAINED for row in own) >= search.trials:
            return None
        if search.hours is not None and (_spent_s(c, ledger.study, rows) + reserve_s) / 3600 >= search.hours:
            return None
        last = own[-MOST_FREE:]
        if len(last) == MOST_FREE and all(map(is_free, last)):
            return None
        number = max((row["number"] for row in rows), default=-1) + 1
        row = {
            "study": ledger.study,
            "number": number,
            "variant": found_name(number),
            "seed": seed,
            "net_id": UNKNOWN_NET,
            "state": "running",
            "owner": me,
            "beat": time.time(),
        }
        c.execute(slots.insert().values(**row))
    return {**row, "trial": None, "progress": None, "error": None}


def claim_net(ledger: Ledger, number: int, net_id: str) -> bool:
    """Have a slot be the only one at work on a net; False, and the slot without a net, while another is."""
    now = time.time()
    with ledger.change() as c:
        ledger.alone(c)
        same = [row for row in ledger.rows_in(c, ("running",)) if row["net_id"] == net_id and row["number"] != number]
        others = any(is_search_slot(row) and not is_dead(row["owner"], row["beat"], now) for row in same)
        own = slots.c.study == ledger.study, slots.c.number == number
        c.execute(slots.update().where(*own).values(net_id=UNKNOWN_NET if others else net_id))
    return not others


def _outlined(c: sa.Connection, study: str) -> list[Row]:
    """Of every slot in order no more than a budget needs: a long search reads them again and again."""
    query = sa.select(slots.c.number, slots.c.variant, slots.c.state).where(slots.c.study == study)
    return [
        {"number": number, "variant": variant, "state": state}
        for number, variant, state in c.execute(query.order_by(slots.c.number))
    ]


def _spent_s(c: sa.Connection, study: str, rows: Sequence[Row]) -> float:
    """Of the search and its finals; what the study's own variants take is no matter of its budget."""
    own = {row["number"] for row in rows if is_found(row["variant"])}
    return sum(seconds for slot, _, seconds in hours_of(c, study) if slot in own)


def enter_finals(ledger: Ledger, front: Sequence[Row], seeds: Sequence[int]) -> int:
    """A slot for each seed that a net on the front was not trained with; how many are new.

    `front`: search slots. Where one's score was taken over from a net that computes the same, its net has not been
    trained with any seed.
    """
    with ledger.change() as c:
        ledger.alone(c)
        rows = ledger.rows_in(c)
        known = {(row["variant"], row["seed"]) for row in rows if row["state"] != "repeated"}
        number = max((row["number"] for row in rows), default=-1) + 1
        wanted = [(seed, row) for seed in seeds for row in front if (row["variant"], seed) not in known]
        for seed, row in wanted:
            values = {"variant": row["variant"], "seed": seed, "net_id": row["net_id"], "state": "waiting"}
            c.execute(slots.insert().values(study=ledger.study, number=number, **values))
            number += 1
    return len(wanted)


def seconds_of(ledger: Ledger, stage: str) -> dict[int, float]:
    """By slot the seconds of one stage."""
    query = sa.select(hours.c.slot, hours.c.seconds).where(hours.c.study == ledger.study, hours.c.stage == stage)
    with ledger.change() as c:
        return {int(slot): float(seconds) for slot, seconds in c.execute(query)}
