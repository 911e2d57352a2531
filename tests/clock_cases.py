"""A machine whose clock is a number."""

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat

from rdslab.measure.agent.clock import Plan, Runner, WallTimer, timed


class Machine:
    """A clock that only calls move, and what was called."""

    def __init__(self) -> None:
        self.now, self.called, self.synced = 0.0, [], 0
        self.slower = 1.0  # than it usually is

    def clock(self) -> float:
        return self.now

    def sync(self) -> None:
        self.synced += 1

    def call(self, name: str, each_ms: Iterable[float]) -> Callable[[], None]:
        steps: Iterator[float] = iter(each_ms)

        def run() -> None:
            self.called.append(name)
            self.now += next(steps) * self.slower / 1e3

        return run

    @property
    def timer(self) -> WallTimer:
        return WallTimer(self.clock, self.sync)

    def runner(self, name: str, each_ms: Iterable[float]) -> Runner:
        return timed(self.call(name, each_ms), self.timer)

    def turns(self) -> list[tuple[str, int]]:
        """Who was called how often in a row."""
        found: list[tuple[str, int]] = []
        for name in self.called:
            if found and found[-1][0] == name:
                found[-1] = name, found[-1][1] + 1
            else:
                found.append((name, 1))
        return found


def always(ms: float) -> Iterator[float]:
    return repeat(ms)


SHORT = Plan(warm_up_s=0.0, runs=20, seconds=1.0, turn_s=0.02, sentinel_s=0.02, busy_share=0.0)
