"""Where the hours of a study went: seconds by slot and stage. Nothing here knows torch."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from rdslab.search.tables import hours

PROPOSING, PAPER, MEASURING = "proposing", "on paper", "measuring"
WAITING, TRAINING, OTHER = "waiting", "training", "other"
STAGES = (PROPOSING, PAPER, MEASURING, WAITING, TRAINING, OTHER)


class Stages:
    """A slot's seconds by stage, as its worker meets them. `earlier_s`: what an interrupted training took before."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.earlier_s = 0.0
        self.seconds: dict[str, float] = {}

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """Count what happens meanwhile."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - started

    def all(self) -> dict[str, float]:
        """By stage; together they are the time since the slot was taken, and what was spent on it earlier."""
        known = sum(self.seconds.values())
        other = max(time.monotonic() - self.began - known, 0.0)
        found = {**self.seconds, OTHER: other}
        if self.earlier_s:
            found[TRAINING] = found.get(TRAINING, 0.0) + self.earlier_s
        return found


def hours_of(c: sa.Connection, study: str) -> list[tuple[int, str, float]]:
    """Slot, stage and seconds of all that has ended."""
    query = sa.select(hours.c.slot, hours.c.stage, hours.c.seconds).where(hours.c.study == study)
    return [(int(slot), str(stage), float(seconds)) for slot, stage, seconds in c.execute(query)]
