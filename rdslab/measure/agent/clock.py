"""The clock loop: warm up until flat, then short turns of runs, the nets one after the other, again and again.

Between two turns a sentinel runs, a net that is always the same. Where it strays, or where other processes used the
processor, the machine was another one meanwhile: that turn is thrown away and run again. Knows neither nets nor torch.
"""

import math
import statistics
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from rdslab.measure.agent.plan import (
    PLAN,
    SLOW_MS,
    Busy,
    Call,
    Outcome,
    Plan,
    Progress,
    Runner,
    Runs,
    Timer,
    WallTimer,
    quartiles,
    steady,
    timed,
)
from rdslab.measure.agent.turns import Turns

__all__ = [
    "PLAN",
    "Call",
    "Outcome",
    "Plan",
    "Runner",
    "Runs",
    "Timer",
    "WallTimer",
    "interleave",
    "is_flat",
    "quartiles",
    "steady",
    "timed",
    "warm_up",
]

WINDOW_MS = 1000.0  # in which it is told what other processes use: the system counts that in ticks of 10 ms
PARTS = 10  # of each net's runs, in which progress is told
# Shares of the patience after which the sentinel may stray farther: a machine that never settles has a time too, but
# one that says so.
FIRST_STEP, SECOND_STEP = 0.1, 0.3
WAITS = 20  # times that the sentinel runs again before a turn, while it says that the machine is disturbed


def warm_up(runner: Runner, plan: Plan = PLAN) -> Tuple[Tuple[float, ...], bool]:
    """Run until the running median is flat, or until the plan's patience ends; the runs, and whether it became flat."""
    runs = list(runner(1))
    while True:
        # Quick ones by the window, since a runner may be a process with a warm-up of its own.
        runs += runner(plan.window if runs[-1] < SLOW_MS else 1)
        total_s = sum(runs) / 1e3
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
    runners: Mapping[str, Runner],
    plan: Plan = PLAN,
    progress: Optional[Progress] = None,
    sentinel: Optional[Runner] = None,
    busy: Optional[Busy] = None,
) -> Outcome:
    """Warm up each net, then run rounds of blocks of all, so that a slow drift of the machine meets all alike.

    Each round of turns begins one further in the order. A turn of a quick net begins with one run that is not counted,
    since it finds the caches as another net left them. The sentinel runs first, last, and between turns; `busy` says
    how many cores other processes used since it was last asked. `progress` is told how much is done, and of how much.

    Raises UnstableTime, and says what disturbed, where more would be thrown away than the plan has patience for.
    """
    return _Measurement(runners, plan, progress, sentinel, busy).outcome()


class _Measurement:
    def __init__(
        self,
        runners: Mapping[str, Runner],
        plan: Plan,
        progress: Optional[Progress],
        sentinel: Optional[Runner],
        busy: Optional[Busy],
    ) -> None:
        self.runners, self.plan, self.progress, self.sentinel, self.busy = runners, plan, progress, sentinel, busy
        self.turns = Turns(plan)
        self.warm: Dict[str, Tuple[Tuple[float, ...], bool]] = {}
        self.told = 0

    def outcome(self) -> Outcome:
        """Measure. Raises UnstableTime where the machine is too disturbed."""
        for name, runner in self.runners.items():
            self.warm[name] = warm_up(runner, self.plan)
            self._tell()
        if self.sentinel is not None:
            self.sentinel_length = self.plan.sentinel_runs(warm_up(self.sentinel, self.plan)[0])
            self._run_sentinel()
        if self.busy is not None:
            self.busy()  # what was before does not count
        self._run_rounds(list(self.runners))
        blocks = {name: self.plan.blocks_of([turn.runs for turn in self.turns.stand[name]]) for name in self.runners}
        return Outcome(
            runs={name: Runs(runs, flat, blocks[name]) for name, (runs, flat) in self.warm.items()},
            sentinel_ms=tuple(self.turns.sentinel_ms),
            drift=self.turns.drift(),
            repeated=len(self.turns.thrown()),
            busy=self.turns.busy(),
            words=self.turns.words(),
        )

    def _run_rounds(self, names: List[str]) -> None:
        """Until each net has run enough in turns that stand."""
        begin = 0
        while True:
            unfinished = {name for name in names if self.turns.share_of(name) < 1}
            if not unfinished and self.turns.judged:
                return
            for name in names[begin:] + names[:begin]:
                if name in unfinished:
                    self._run_turn(name)
            if not unfinished or self.turns.open_ms >= WINDOW_MS:
                self._judge()
            self._tell()
            begin = (begin + 1) % len(names)

    def _run_turn(self, name: str) -> None:
        for _ in range(WAITS):
            if not self.turns.disturbed_now():
                break
            self._run_sentinel()
        warm, _ = self.warm[name]
        runs = self._run(self.runners[name], self.plan.turn_runs(warm), self.plan.uncounted_runs(warm))
        self._run_sentinel()
        self.turns.add(name, runs)

    def _run_sentinel(self) -> None:
        if self.sentinel is not None:
            self.turns.sentinel_ms.append(statistics.median(self._run(self.sentinel, self.sentinel_length, 1)))

    def _run(self, runner: Runner, runs: int, uncounted: int) -> Tuple[float, ...]:
        """So many runs, after those that are not counted."""
        found = tuple(runner(uncounted + runs))
        self.turns.open_ms += sum(found)
        return found[uncounted:]

    def _judge(self) -> None:
        self.turns.close_window(self.busy() if self.busy is not None else None)
        wanted_ms = sum(self.plan.wanted_ms(runs) for runs, _ in self.warm.values())
        patience_ms = 1e3 * self.plan.patience_s
        waited_ms, most_ms = self.turns.spent_ms - patience_ms, self.plan.repeats * wanted_ms
        too_long = waited_ms > most_ms
        if self.turns.thrown() and waited_ms > FIRST_STEP * most_ms:
            drift, most = self.plan.drift, self.plan.most_drift
            self.turns.widen((drift + most) / 2 if waited_ms < SECOND_STEP * most_ms else most)
        if self.turns.busy_at_a_stretch_ms() > patience_ms or (too_long and self.turns.thrown()):
            raise self.turns.refusal()

    def _tell(self) -> None:
        """Progress counts a warm-up and ten parts of each net's runs. It never goes back."""
        done = sum(1 + math.floor(PARTS * self.turns.share_of(name)) for name in self.warm)
        self.told = max(self.told, done)
        if self.progress is not None:
            self.progress(self.told, (1 + PARTS) * len(self.runners))
