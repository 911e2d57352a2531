"""What other processes use of the processor, so that nothing is timed while they do."""

import os
import time
from pathlib import Path
from typing import Callable, NamedTuple, Optional

TICKS_S = 0.02  # what the kernel's counts, kept in ticks of 10 ms, may be off between two looks


class _Look(NamedTuple):
    at_s: float
    all_s: float  # processor time of everybody, this machine's host included if it is a virtual one
    own_s: float  # of this process, its threads, and children that have ended


class OtherProcesses:
    """Cores that other processes have used since the last call; None where the system does not tell (no /proc/stat).

    The first call counts from when the object was made.
    """

    def __init__(
        self, root: str = "/", clock: Callable[[], float] = time.monotonic, times: Callable[[], object] = os.times
    ) -> None:
        self.path, self.clock, self.times = Path(root) / "proc" / "stat", clock, times
        self.last = self._look()

    def __call__(self) -> Optional[float]:
        last, self.last = self.last, self._look()
        if last is None or self.last is None or self.last.at_s <= last.at_s:
            return None
        others_s = (self.last.all_s - last.all_s) - (self.last.own_s - last.own_s) - TICKS_S
        return max(0.0, others_s) / (self.last.at_s - last.at_s)

    def _look(self) -> Optional[_Look]:
        try:
            fields = self.path.read_text().split("\n", 1)[0].split()
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields[1:9])
        except (OSError, ValueError):
            return None
        ticks = user + nice + system + irq + softirq + steal
        own = self.times()
        own_s = sum(own[:4])  # type: ignore[index]  # user, system, and the same of children
        return _Look(self.clock(), ticks / os.sysconf("SC_CLK_TCK"), own_s)
