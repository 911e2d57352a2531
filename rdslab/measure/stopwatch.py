"""The clock loop: warm up until flat, then blocks of runs, the nets in turn. Knows neither nets nor torch."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rdslab.errors import UnstableTime

Call = Callable[[], object]


class Timer(Protocol):
    """Runs a call once and says how long it took."""

    def __call__(self, call: Call) -> float: ...  # milliseconds


@dataclass(frozen=True)
class WallTimer:
    """Time by a clock in seconds; `sync` waits until the device has done all it was given."""

    clock: Callable[[], float] = time.perf_counter
    sync: Callable[[], object] = int

    def __call__(self, call: Call) -> float:
        self.sync()
        start = self.clock()
        call()
        self.sync()
        return (self.clock() - start) * 1e3


@dataclass(frozen=True)
class Plan:
    """How long to warm up and how much to run. The defaults are the protocol of every time of ours."""

    window: int = 5  # the warm-up compares the median of the last runs with that of as many before them
    flat: float = 0.03  # and ends when the two differ by no more than this share
    warm_up_s: float = 0.25  # at least, so that a quick net too meets clocks that have risen
    warm_up_most_s: float = 20.0
    warm_up_most_runs: int = 200
    blocks: int = 5  # at least
    runs: int = 200  # at least so many in sum,
    seconds: float = 3.0  # or so long
    spread: float = 0.10  # the widest interquartile range, as a share of the median, that is still a measurement


PLAN = Plan()


@dataclass(frozen=True)
class Runs:
    """Every run of one net, milliseconds."""

    warm_up_ms: tuple[float, ...]
    flat: bool  # whether the warm-up ended because it was flat, not because it took too long
    blocks: tuple[tuple[float, ...], ...]

    @property
    def runs_ms(self) -> tuple[float, ...]:
        """The measured runs in order."""
        return tuple(ms for block in self.blocks for ms in block)


def warm_up(call: Call, timer: Timer, plan: Plan = PLAN) -> tuple[tuple[float, ...], bool]:
    """Run until the running median is flat, or until the plan's patience ends; the runs, and whether it became flat."""
    runs: list[float] = []
    total_s = 0.0
    while True:
        runs.append(timer(call))
        total_s += runs[-1] / 1e3
        if total_s >= plan.warm_up_s and is_flat(runs, plan):
            return tuple(runs), True
        if total_s >= plan.warm_up_most_s or len(runs) >= plan.warm_up_most_runs:
            # A quick net whose runs are flat all the while has merely not filled the least time.
            return tuple(runs), is_flat(runs, plan)


def is_flat(runs: Sequence[float], plan: Plan = PLAN) -> bool:
    """Whether the last window's median is that of the window before it, within the plan's share."""
    if len(runs) < 2 * plan.window:
        return False
    before = statistics.median(runs[-2 * plan.window : -plan.window])
    return abs(statistics.median(runs[-plan.window :]) - before) <= plan.flat * before


def interleave(
    calls: Mapping[str, Call],
    timer: Timer,
    plan: Plan = PLAN,
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Runs]:
    """Warm up each call, then run blocks of all in turn, so that a slow drift of the machine meets all alike.

    Each round begins one further in the order. A block begins with one run that is not counted, since it finds the
    caches as another net left them. `progress` is told the blocks done and in all; a warm-up is one of them.
    """
    total = len(calls) * (1 + plan.blocks)
    warm: dict[str, tuple[tuple[float, ...], bool]] = {}
    blocks: dict[str, list[tuple[float, ...]]] = {name: [] for name in calls}

    def tell() -> None:
        if progress is not None:
            done = len(warm) + sum(map(len, blocks.values()))
            progress(done, max(done, total))

    for name, call in calls.items():
        warm[name] = warm_up(call, timer, plan)
        tell()
    lengths = {name: _block_length(runs, plan) for name, (runs, _) in warm.items()}
    names = list(calls)
    turn = 0
    while unfinished := {name for name in names if not _enough(blocks[name], plan)}:
        for name in names[turn:] + names[:turn]:
            if name in unfinished:
                timer(calls[name])
                blocks[name].append(tuple(timer(calls[name]) for _ in range(lengths[name])))
                tell()
        turn = (turn + 1) % len(names)
    return {name: Runs(*warm[name], tuple(blocks[name])) for name in calls}


def _block_length(warm_up_ms: Sequence[float], plan: Plan) -> int:
    """Runs in a block, at least 2, so that the plan's blocks together are enough."""
    median_s = statistics.median(warm_up_ms[-plan.window :]) / 1e3
    # Somewhat more than the warm-up says, so that a net that has become a little quicker needs no block more.
    wanted = plan.runs if median_s <= 0 else min(plan.runs, 1.05 * plan.seconds / median_s)
    return max(2, math.ceil(wanted / plan.blocks))


def _enough(blocks: Sequence[Sequence[float]], plan: Plan) -> bool:
    if len(blocks) < plan.blocks:
        return False
    runs = sum(map(len, blocks))
    return runs >= plan.runs or sum(map(sum, blocks)) >= plan.seconds * 1e3


def quartiles(runs_ms: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median, third quartile."""
    low, median, high = statistics.quantiles(runs_ms, n=4, method="inclusive")
    return low, median, high


def steady(runs_ms: Sequence[float], plan: Plan = PLAN) -> tuple[float, float, float]:
    """The quartiles of runs that agree. Raises UnstableTime for runs that do not: they are no measurement."""
    low, median, high = quartiles(runs_ms)
    spread = (high - low) / median if median > 0 else math.inf
    if spread > plan.spread:
        percent = f"{100 * spread:.1f}" if spread < 0.2 else f"{100 * spread:.0f}"
        raise UnstableTime(
            f"the middle half of {len(runs_ms)} runs spreads over {percent} % of the median, {median:.2f} ms; "
            f"more than {100 * plan.spread:.0f} % is not a measurement",
            "lock the clocks (jetson_clocks, nvidia-smi -lgc) or free the machine, and try again",
        )
    return low, median, high
