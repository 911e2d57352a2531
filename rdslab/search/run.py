"""Running a study: everything on paper first, then the training on one or several workers, then the timing."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rdslab.errors import RdslabError, RunError, SpecError
from rdslab.search.boards import DeviceTaken
from rdslab.search.columns import columns_of, enter_columns
from rdslab.search.database import DatabaseLost, wait_until_back
from rdslab.search.ledger import OPEN, Ledger, Row
from rdslab.search.plan import Study
from rdslab.search.prepare import Prepared, enter, prepare
from rdslab.search.queue import work_off
from rdslab.search.training import PARENT
from rdslab.search.trials import close_stale_trials, in_words, open_optuna, open_search
from rdslab.search.worker import Worker

POLL_S = 0.5


@dataclass(frozen=True)
class Watch:
    """How a run shows what it does: words now and then, and the slots whenever they may have changed."""

    notice: Callable[[str], object] = str
    slots: Callable[[Sequence[Row]], object] = len
    runs: Callable[[int, int], object] = max  # blocks of runs that a measurement has done, and how many it takes


@dataclass(frozen=True)
class Again:
    """What a run does with a study that was begun before: its failed trials anew, its changed search all the same."""

    retry_failed: bool = False
    force: bool = False


def start(study: Study, url: str, *, force: bool = False) -> tuple[Prepared, Ledger]:
    """Check everything that can be checked before work begins, and enter it in the ledger. Raises SpecError."""
    prepared = prepare(study)
    columns = columns_of(prepared)
    ledger = Ledger(url, study.name)
    enter(prepared, ledger, force=force)
    enter_columns(prepared, ledger, columns)
    if study.trains:
        close_stale_trials(open_optuna(prepared, url), ledger)
    if prepared.genotypes is not None:
        close_stale_trials(open_search(prepared, url), ledger, found=True)
    return prepared, ledger


def run_study(
    study: Study, url: str, *, workers: int, settings: Sequence[str], watch: Watch, again: Again = Again()
) -> Ledger:
    """Run what is left of a study. Several workers are processes of their own, which get the `settings` too.

    Raises SpecError for what is wrong with the study or its data, RunError when a worker breaks.
    """
    prepared, ledger = start(study, url, force=again.force)
    if again.retry_failed:
        ledger.free_failed()
    watch.slots(ledger.rows())
    if study.trains and workers == 1:
        Worker(prepared, ledger, lambda text: (watch.notice(text), watch.slots(ledger.rows()))).work()
    elif study.trains:
        _several(study, ledger, workers, settings, watch)
    watch.slots(ledger.rows())
    measure_the_rest(prepared, ledger, watch)
    return ledger


def measure_the_rest(prepared: Prepared, ledger: Ledger, watch: Watch) -> None:
    """Measure what has no time yet, device by device. A device that another process measures on is left to it.

    Raises the error of a device that cannot measure, after the others are done.
    """
    failed: list[RdslabError] = []
    for device in prepared.study.measured:
        try:
            work_off(prepared, ledger, [device], watch.notice, progress=watch.runs)
        except DeviceTaken as error:
            watch.notice(str(error))
        except RdslabError as error:
            failed.append(error)
    if failed:
        raise failed[0]


def _several(study: Study, ledger: Ledger, workers: int, settings: Sequence[str], watch: Watch) -> None:
    command = [sys.executable, "-m", "rdslab", "worker", study.source.name, "--storage", ledger.url]
    command += [part for setting in settings for part in ("--set", setting)]
    logs = [study.run_folder / f"worker{index}.log" for index in range(workers)]
    told = {row["number"] for row in ledger.rows() if row["state"] not in OPEN}
    with _processes(command, logs) as running:
        busy = True
        while busy:
            busy = any(process.poll() is None for process in running)
            try:
                rows = ledger.rows()
            except DatabaseLost:
                wait_until_back(ledger.engine)
                continue
            for row in rows:
                if row["state"] not in OPEN and row["number"] not in told:
                    told.add(row["number"])
                    watch.notice(in_words(row))
            watch.slots(rows)
            time.sleep(POLL_S if busy else 0)
    for log, process in zip(logs, running, strict=True):
        if process.returncode:
            raise _broken(log, process.returncode)


def _broken(log: Path, status: int) -> RdslabError:
    """What a worker that ended early said: its own message where the request was wrong."""
    said = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    if status == SpecError.exit_status:
        return SpecError(said[0], *(line.strip() for line in said[1:]))
    return RunError("a worker ended before its work was done", *said[-3:], f"all it said is in {log}")


@contextmanager
def _processes(command: Sequence[str], logs: Sequence[Path]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Worker processes, one for each log, that never outlive the block."""
    environment = {**os.environ, PARENT: str(os.getpid())}
    running: list[subprocess.Popen[bytes]] = []
    try:
        for log in logs:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("wb") as out:
                running.append(subprocess.Popen(command, stdout=out, stderr=out, env=environment))
        yield running
    finally:
        for process in running:
            process.terminate()  # does nothing to one that has ended
        for process in running:
            process.wait()
