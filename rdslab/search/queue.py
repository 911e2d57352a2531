"""The queue for devices that are measured: every net without a time, in slot order, worked off by one process a device.

Nothing is kept but facts: a net that was entered and has no time on a device is a job. So nothing is lost with the
process, the board or the connection, and what other processes hand in meanwhile is taken as well.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from rdslab.errors import ConnectionLost, RdslabError, RunError
from rdslab.netfile import net_from_document
from rdslab.search.boards import hold_device
from rdslab.search.cells import Cell, TimesFacts
from rdslab.search.ledger import Ledger, Row
from rdslab.search.owner import is_dead
from rdslab.search.prepare import Prepared
from rdslab.search.timing import Progress, TimeNets, batch_of, timer_of
from rdslab.search.waiting import Job, waiting
from rdslab.spec import Net
from rdslab.times import Times

Notice = Callable[[str], object]
OpenTimer = Callable[[Any, str, Notice, Progress], TimeNets]


@dataclass(frozen=True)
class Patience:
    """How often and how long a queue tries. Its clock and sleep are those of the machine, but for tests."""

    tries: int = 3  # that one process gives a time that is refused
    again_s: float = 60.0  # between two of them
    give_up_s: float = 24 * 3600.0  # how long a lost board is waited for
    pause_s: float = 5.0  # after the first lost connection; each next is twice as long
    longest_s: float = 600.0
    poll_s: float = 5.0  # between two looks for new nets
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep


ONCE = Patience(tries=1, give_up_s=1800.0)  # of a run, which has other things to finish


class DeviceQueue:
    """The jobs of one device, and how its board behaves. `broken` says why nothing more can be measured there."""

    def __init__(
        self,
        device: str,
        prepared: Prepared,
        ledger: Ledger,
        times: TimeNets,
        patience: Patience,
        notice: Notice,
        only: str | None = None,
    ) -> None:
        self.device, self.prepared, self.ledger, self.patience = device, prepared, ledger, patience
        self.notice, self.time_nets = notice, times
        self.only = only
        self.broken: RdslabError | None = None
        self.due = patience.clock()
        self._nets = {prepared.net_id(name): net for name, net in prepared.nets.items()}
        self._tries: Counter[tuple[str, Cell]] = Counter()
        self._later: dict[tuple[str, Cell], float] = {}  # a refused job and when it is tried again
        self._lost_since: float | None = None
        self._pause = patience.pause_s

    def jobs(self) -> list[Job]:
        """What is left to be tried, what was refused last."""
        known = TimesFacts(self.ledger)
        left = [
            job for job in waiting(self.prepared.study, self.ledger.rows(), known) if job.cell.device == self.device
        ]
        left = [job for job in left if self._tries[job.key] < self.patience.tries and self.only in (None, job.net_id)]
        return sorted(left, key=lambda job: self._later.get(job.key, -1.0))

    def step(self) -> None:
        """Measure one batch, or find out when to look again."""
        jobs, now = self.jobs(), self.patience.clock()
        ready = [job for job in jobs if self._later.get(job.key, now) <= now]
        if not ready:
            self.due = min([self._later[job.key] for job in jobs], default=now + self.patience.poll_s)
            return
        batch = [job for job in ready if job.cell == ready[0].cell][: batch_of(self.device)]
        nets, cell = "1 net" if len(batch) == 1 else f"{len(batch)} nets", batch[0].cell
        self.notice(
            f"timing {nets} on {self.device} at {cell.size}, {cell.form}; {len(jobs) - len(batch)} times after that"
        )
        try:
            found = self.time_nets({job.net_id: self._net(job) for job in batch}, cell)
        except ConnectionLost as error:
            self._lost(error)
            return
        except RdslabError as error:
            self._give_up(error)
            return
        if self._lost_since is not None:
            self.notice(f"{self.device} is back")
        self._lost_since, self._pause = None, self.patience.pause_s
        known = TimesFacts(self.ledger)
        refused: dict[str, list[str]] = {}  # what disturbs a machine disturbs all of its times: said once
        for job in batch:
            result = found.get(job.net_id) or RunError("nothing came back for this net", where=self.device)
            if not self._enter(known, job, result):
                refused.setdefault(str(result), []).append(job.variant)
        for reason, names in refused.items():
            self.notice(f"no time on {self.device} for {', '.join(names)}: {reason}")
        self.due = self.patience.clock()

    def _net(self, job: Job) -> Net:
        """The net, also of a variant that this process has not read: it was handed in since."""
        if job.net_id not in self._nets:
            document = self.ledger.stored_net(job.net_id)
            self._nets[job.net_id] = net_from_document(document, where=f"net of {job.variant}")
        return self._nets[job.net_id]

    def _enter(self, known: TimesFacts, job: Job, result: Times | RdslabError) -> bool:
        """Write down a time, or why there is none; whether there is one."""
        if isinstance(result, Times):
            details = {"protocol": asdict(result.protocol), "host": asdict(result.host) if result.host else {}}
            known.put(job.net_id, job.cell, details, result.document())
            return True
        self._tries[job.key] += 1
        self._later[job.key] = self.patience.clock() + self.patience.again_s
        known.refuse(job.net_id, job.cell, str(result))
        return False

    def _lost(self, error: ConnectionLost) -> None:
        now = self.patience.clock()
        if self._lost_since is None:
            self._lost_since = now
            self.notice(
                f"{error}\n  waits for {self.device}; nothing is lost, and the same command goes on after a stop"
            )
        if now - self._lost_since >= self.patience.give_up_s:
            self._give_up(
                RunError(f"cannot be reached for {self.patience.give_up_s / 3600:g} hours", where=self.device)
            )
            return
        self.due, self._pause = now + self._pause, min(2 * self._pause, self.patience.longest_s)

    def _give_up(self, error: RdslabError) -> None:
        self.broken = error
        known = TimesFacts(self.ledger)
        for job in self.jobs():
            known.refuse(job.net_id, job.cell, str(error))


def work_off(
    prepared: Prepared,
    ledger: Ledger,
    devices: Sequence[str],
    notice: Notice,
    *,
    patience: Patience = ONCE,
    stay: bool = False,
    progress: Progress = max,
    open_timer: OpenTimer = timer_of,
    only: str | None = None,
) -> int:
    """Measure what has no time on these devices; the number of times that stay refused.

    `only`: the one net that matters now.
    With `stay`, as long as another process works for the study. A time is entered as soon as its batch has ended.
    Raises DeviceTaken where another process measures on one of the devices, and, when the others are done, the error
    of a device that cannot measure at all.
    """
    with ExitStack() as held:
        queues = []
        for device in devices:
            held.enter_context(hold_device(ledger, device))
            timer = open_timer(prepared.study, device, notice, progress)
            queues.append(DeviceQueue(device, prepared, ledger, timer, patience, notice, only))
        _loop(queues, ledger, patience, notice, stay=stay)
    for queue in queues:
        if queue.broken is not None:
            raise queue.broken
    known = TimesFacts(ledger)
    left = [job for job in waiting(prepared.study, ledger.rows(), known) if job.cell.device in devices]
    return len(left)


def _loop(queues: Sequence[DeviceQueue], ledger: Ledger, patience: Patience, notice: Notice, *, stay: bool) -> None:
    told = False
    while True:
        able = [queue for queue in queues if queue.broken is None]
        busy = [queue for queue in able if queue.jobs()]
        if not busy and not (able and stay and _others_work(ledger.rows())):
            return
        if not busy and not told:
            told = True
            notice("all nets are measured; waits for more while the study is at work")
        queue = min(busy or able, key=lambda queue: queue.due)
        if (wait := queue.due - patience.clock()) > 0:
            patience.sleep(wait)
        queue.step()


def _others_work(rows: Sequence[Row]) -> bool:
    now = time.time()
    return any(row["state"] == "running" and not is_dead(row["owner"], row["beat"], now) for row in rows)
