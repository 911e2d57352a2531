"""Watching a monitor at work, however slow the machine of the tests is."""

import time
from collections.abc import Callable
from itertools import count

from rdslab.measure.agent.clock import Outcome
from rdslab.measure.agent.monitor import FEWEST, Monitor

PERIOD_S = 0.001
OUTCOME = Outcome({}, (5.0, 5.1), 0.01, 2, 0.03, ("2 of 9 turns were run again: ...",))


def until(done: Callable[[], bool]) -> None:
    """Wait for the monitor's thread, however slow the machine."""
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, "the monitor takes no samples"
        time.sleep(PERIOD_S)


def watch(monitor: Monitor, samples: int = 3 * FEWEST) -> None:
    begin = len(monitor.samples)
    until(lambda: len(monitor.samples) >= begin + samples)


def ticks() -> Callable[[], float]:
    """A clock that moves by a period whenever it is looked at: no sample is ever late."""
    return (n * PERIOD_S for n in count()).__next__
