"""What a measurement is made of: timers and runners, the plan, and the runs that come of it."""

import math
import statistics
import time
from typing import Callable, Dict, NamedTuple, Optional, Sequence, Tuple

from rdslab.errors import UnstableTime

Call = Callable[[], object]
Timer = Callable[[Call], float]  # makes a call and says how long it took, milliseconds
Runner = Callable[[int], Sequence[float]]  # does so many runs and says how long each took, milliseconds
Progress = Callable[[int, int], object]
Busy = Callable[[], Optional[float]]  # cores that other processes used since it was last asked; None: not known
ADVICE = "lock the clocks (jetson_clocks, nvidia-smi -lgc) or free the machine, and try again"
SLOW_MS = 100.0  # a run that takes so long finds the caches as it leaves them


class WallTimer:
    """Time by a clock in seconds; `sync` waits until the device has done all it was given."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter, sync: Callable[[], object] = int) -> None:
        self.clock, self.sync = clock, sync

    def __call__(self, call: Call) -> float:
        self.sync()
        start = self.clock()
        call()
        self.sync()
        return (self.clock() - start) * 1e3


def timed(call: Call, timer: Timer) -> Runner:
    """The runner that makes a call again and again."""
    return lambda runs: [timer(call) for _ in range(runs)]


class Plan(NamedTuple):
    """How long to warm up and how much to run. The defaults are the protocol of every time of ours."""

    window: int = 5  # the warm-up compares the median of the last runs with that of as many before them
    flat: float = 0.03  # and ends when the two differ by no more than this share
    warm_up_s: float = 0.25  # at least, so that a quick net too meets clocks that have risen
    warm_up_most_s: float = 20.0
    warm_up_most_runs: int = 200
    blocks: int = 5  # at least
    runs: int = 200  # at least so many in sum,
    seconds: float = 3.0  # or so long
    turn_s: float = 0.03  # what a net runs before it is another's turn: noise that lasts longer meets all alike
    sentinel_s: float = 0.015  # and what the sentinel runs between two turns
    spread: float = 0.10  # the widest interquartile range, as a share of the median, that is still a measurement
    drift: float = 0.03  # the farthest that the sentinel may stray beside a turn, as a share,
    most_drift: float = 0.09  # and where too few turns stand for long, in two steps up to this; it is said
    busy: float = 0.15  # the most cores that other processes may use,
    busy_share: float = 0.02  # or this share of the machine's cores, if that is more
    patience_s: float = 10.0  # for so long at a stretch others may use the processor,
    repeats: float = 10.0  # and so long, and this many times what is wanted, it may take until enough turns stand

    @property
    def warm_up_words(self) -> str:
        """How it is warmed up, for a protocol."""
        return "running median of {} flat to {:g} %, {:g} s at least".format(
            self.window, 100 * self.flat, self.warm_up_s
        )

    @property
    def runs_words(self) -> str:
        """How much is run, for a protocol."""
        return "{} or {:g} s in {} blocks at least".format(self.runs, self.seconds, self.blocks)

    def turn_runs(self, warm_up_ms: Sequence[float]) -> int:
        """Runs in a turn, going by the end of the warm-up."""
        return self._fill(1e3 * self.turn_s, warm_up_ms)

    def sentinel_runs(self, warm_up_ms: Sequence[float]) -> int:
        """Runs of the sentinel between two turns."""
        return self._fill(1e3 * self.sentinel_s, warm_up_ms)

    def uncounted_runs(self, warm_up_ms: Sequence[float]) -> int:
        """Runs that settle the caches before those that count; to a slow net they make no difference."""
        return 1 if self._each_ms(warm_up_ms) < SLOW_MS else 0

    def wanted_ms(self, warm_up_ms: Sequence[float]) -> float:
        """How long a net will probably run, if nothing is run again."""
        return min(1e3 * self.seconds, self.runs * self._each_ms(warm_up_ms))

    def share(self, turns: int, runs: int, ms: float) -> float:
        """How much of what is wanted a net has run: 1 when it is enough."""
        wanted = max(runs / self.runs, ms / (1e3 * self.seconds))
        return min(1.0, wanted, turns / self.blocks, runs / (2 * self.blocks))

    def blocks_of(self, turns: Sequence[Sequence[float]]) -> Tuple[Tuple[float, ...], ...]:
        """A net's turns, in order, put together to blocks of like length: 10 of many turns, else 5."""
        count = 2 * self.blocks if len(turns) >= 4 * self.blocks else self.blocks
        ends = [round(len(turns) * number / count) for number in range(count + 1)]
        parts = [turns[ends[number] : ends[number + 1]] for number in range(count)]
        return tuple(tuple(ms for turn in part for ms in turn) for part in parts)

    def _fill(self, wanted_ms: float, warm_up_ms: Sequence[float]) -> int:
        """Runs that fill so much time. No more than there are to be in a block: a clock may stand still."""
        each_ms, most = self._each_ms(warm_up_ms), math.ceil(self.runs / self.blocks)
        return most if each_ms <= 0 else max(1, min(most, round(wanted_ms / each_ms)))

    def _each_ms(self, warm_up_ms: Sequence[float]) -> float:
        return statistics.median(warm_up_ms[-self.window :])


PLAN = Plan()


class Runs(NamedTuple):
    """Every run of one net, milliseconds."""

    warm_up_ms: Tuple[float, ...]
    flat: bool  # whether the warm-up ended because it was flat, not because it took too long
    blocks: Tuple[Tuple[float, ...], ...]

    @property
    def runs_ms(self) -> Tuple[float, ...]:
        """The measured runs in order."""
        return tuple(ms for block in self.blocks for ms in block)


class Outcome(NamedTuple):
    """The runs of all nets that were measured in turn, and what the machine did meanwhile."""

    runs: Dict[str, Runs]
    sentinel_ms: Tuple[float, ...]  # the median of its runs each time, in order
    drift: float  # the farthest that it strayed beside a turn that was kept, as a share of where it mostly was
    repeated: int  # turns thrown away and run again
    busy: Optional[float]  # cores that other processes used, on average, while turns were kept; None: not known
    words: Tuple[str, ...]  # what was thrown away, and why


def quartiles(runs_ms: Sequence[float]) -> Tuple[float, float, float]:
    """First quartile, median, third quartile; between two runs in proportion."""
    ordered = sorted(runs_ms)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

    return at(0.25), at(0.5), at(0.75)


def steady(runs_ms: Sequence[float], plan: Plan = PLAN) -> Tuple[float, float, float]:
    """The quartiles of runs that agree. Raises UnstableTime for runs that do not: they are no measurement."""
    low, median, high = quartiles(runs_ms)
    spread = (high - low) / median if median > 0 else math.inf
    if spread > plan.spread:
        percent = "{:.1f}".format(100 * spread) if spread < 0.2 else "{:.0f}".format(100 * spread)
        raise UnstableTime(
            "the middle half of {} runs spreads over {} % of the median, {:.2f} ms; "
            "more than {:.0f} % is not a measurement".format(len(runs_ms), percent, median, 100 * plan.spread),
            ADVICE,
        )
    return low, median, high
