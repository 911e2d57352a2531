"""Turns of runs, and which of them stand: those beside which the sentinel was as mostly, and nobody else at work."""

import os
import statistics
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from rdslab.errors import UnstableTime
from rdslab.measure.agent.plan import ADVICE, Plan

BUSY, STRAYED = "busy", "strayed"


class Turn(NamedTuple):
    """Some runs of one net, milliseconds, and what the machine was meanwhile."""

    name: str
    runs: Tuple[float, ...]
    sentinel_ms: Tuple[float, ...]  # its medians before and after; empty without one
    window: int  # number of the window of time in which others' use of the processor is told

    @property
    def ms(self) -> float:
        """How long it took."""
        return sum(self.runs)


class Window(NamedTuple):
    """Some turns in a row."""

    ms: float  # how long has been run in it, the sentinel and what is not counted included
    busy: Optional[float]  # cores that other processes used


class Turns:
    """All turns of a measurement. They are judged together, each time that a window of time is closed."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.cores = max(plan.busy, plan.busy_share * (os.cpu_count() or 1))  # that others may use
        self.turns: List[Turn] = []
        self.sentinel_ms: List[float] = []
        self.reference_ms = 0.0  # where the sentinel mostly is
        self.allowed = plan.drift  # how far it may stray from there
        self.faults: List[str] = []  # BUSY, STRAYED or "" for each turn, as far as is known by now
        self.windows: List[Window] = []
        self.stand: Dict[str, List[Turn]] = {}  # each net's, those that are not judged yet included
        self.open_ms = 0.0  # how long has been run since the last window was closed, all included

    def add(self, name: str, runs: Tuple[float, ...]) -> None:
        """A turn that has just ended, with the sentinel after it if there is one."""
        turn = Turn(name, runs, tuple(self.sentinel_ms[-2:]), len(self.windows))
        self.turns.append(turn)
        self.stand.setdefault(name, []).append(turn)

    def disturbed_now(self) -> bool:
        """Whether the sentinel strays at this moment, from what it mostly was when turns were last judged."""
        return self._off(self.sentinel_ms[-1:]) > self.allowed

    @property
    def spent_ms(self) -> float:
        """How long has been run, up to the last window."""
        return sum(window.ms for window in self.windows)

    @property
    def judged(self) -> bool:
        """Whether all are."""
        return len(self.faults) == len(self.turns)

    def share_of(self, name: str) -> float:
        """How much of what is wanted of a net has been run in turns that stand, or are not judged yet."""
        stand = self.stand.get(name, [])
        return self.plan.share(len(stand), sum(len(turn.runs) for turn in stand), sum(turn.ms for turn in stand))

    def close_window(self, busy: Optional[float]) -> None:
        """Judge every turn anew: what the sentinel mostly is becomes clearer with time."""
        self.windows.append(Window(self.open_ms, busy))
        self.open_ms = 0.0
        self._judge()

    def _judge(self) -> None:
        if self.sentinel_ms:
            self.reference_ms = mostly(self.sentinel_ms, 2 * self.allowed)
        self.faults = [self._fault(turn) for turn in self.turns]
        self.stand = {}
        for turn in self.kept():
            self.stand.setdefault(turn.name, []).append(turn)

    def widen(self, share: float) -> None:
        """Let the sentinel stray so far, where it is farther than now; turns thrown away for less stand again."""
        if share > self.allowed and self.sentinel_ms:
            self.allowed = share
            self._judge()

    def kept(self) -> List[Turn]:
        """The turns that stand."""
        return [turn for turn, fault in zip(self.turns, self.faults) if not fault]

    def drift(self) -> float:
        """The farthest that the sentinel strayed beside a turn that stands, as a share of where it mostly was."""
        return max(map(self._strayed, self.kept()), default=0.0)

    def busy(self) -> Optional[float]:
        """Cores that others used on average while the turns were run that stand; None: not known."""
        seen = [self.windows[number].busy for number in sorted({turn.window for turn in self.kept()})]
        known = [cores for cores in seen if cores is not None]
        return statistics.mean(known) if known else None

    def thrown(self, fault: str = "") -> List[Turn]:
        """The turns that do not stand, for this reason or any."""
        return [turn for turn, found in zip(self.turns, self.faults) if found and found == (fault or found)]

    def busy_at_a_stretch_ms(self) -> float:
        """How long others have been at work without a pause, up to now."""
        total = 0.0
        for window in reversed(self.windows):
            if not self._is_busy(window):
                break
            total += window.ms
        return total

    def words(self) -> Tuple[str, ...]:
        """What was thrown away, and why."""
        counts = [(len(self.thrown(fault)), words) for fault, words in self._reasons().items()]
        said = ["{} of {} turns were run again: {}".format(n, len(self.turns), why) for n, why in counts if n]
        if self.drift() > self.plan.drift:
            said.append(
                "the machine did not settle: the sentinel strayed by up to {:.1f} % beside turns that stand; "
                "{:g} % was wanted".format(100 * self.drift(), 100 * self.plan.drift)
            )
        return tuple(said)

    def refusal(self) -> UnstableTime:
        """The error that says what disturbed most."""
        fault = max((BUSY, STRAYED), key=lambda kind: len(self.thrown(kind)))
        limit = "{:.2f} cores are" if fault == BUSY else "{:g} % is"
        values: Dict[str, float] = {BUSY: self.cores, STRAYED: 100 * self.allowed}
        what = "the machine was disturbed in {} of {} turns: {}; more than {} not a measurement".format(
            len(self.thrown()), len(self.turns), self._reasons()[fault], limit.format(values[fault])
        )
        return UnstableTime(what, "`top` names them: let them end, and try again" if fault == BUSY else ADVICE)

    def _reasons(self) -> Dict[str, str]:
        cores = [self.windows[turn.window].busy or 0.0 for turn in self.thrown(BUSY)]
        strayed = 100 * max(map(self._strayed, self.thrown(STRAYED)), default=0.0)
        net = "the sentinel, always the same net, strayed by up to {:.1f} % from its {:.2f} ms"
        return {
            BUSY: "other processes used up to {:.2f} cores".format(max(cores, default=0.0)),
            STRAYED: net.format(strayed, self.reference_ms),
        }

    def _fault(self, turn: Turn) -> str:
        if self._is_busy(self.windows[turn.window]):
            return BUSY
        return STRAYED if self._strayed(turn) > self.allowed else ""

    def _is_busy(self, window: Window) -> bool:
        return window.busy is not None and window.busy > self.cores

    def _strayed(self, turn: Turn) -> float:
        return self._off(turn.sentinel_ms)

    def _off(self, sentinel_ms: Sequence[float]) -> float:
        """The farthest of these from where the sentinel mostly is, as a share; 0 where that is not known."""
        if self.reference_ms <= 0:
            return 0.0
        return max((abs(ms / self.reference_ms - 1) for ms in sentinel_ms), default=0.0)


def mostly(values: Sequence[float], share: float) -> float:
    """The median of the values where they lie closest: of the most that lie within `share` of the least of them."""
    ordered = sorted(values)
    best, first = ordered[:1], 0
    for last, value in enumerate(ordered):
        while value > ordered[first] * (1 + share):
            first += 1
        if last + 1 - first > len(best):
            best = ordered[first : last + 1]
    return statistics.median(best)
