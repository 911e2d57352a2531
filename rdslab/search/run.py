"""Running a study: everything on paper first, then the training on one or several workers, then the timing."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rdslab.errors import RdslabError
from rdslab.search.boards import DeviceTaken
from rdslab.search.columns import columns_of, enter_columns
from rdslab.search.database import DatabaseLost, wait_until_back
from rdslab.search.fleet import Fleet, Processes, command_of, logs_of
from rdslab.search.ledger import OPEN, Ledger, Row
from rdslab.search.on_ray import Tasks
from rdslab.search.plan import Study
from rdslab.search.prepare import Prepared, enter, prepare
from rdslab.search.queue import work_off
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


@dataclass(frozen=True)
class Engine:
    """Where workers run: in processes of this machine, or as tasks of a Ray cluster."""

    name: Literal["processes", "ray"] = "processes"
    address: str | None = None  # of the cluster; None for a Ray of our own


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
    study: Study,
    url: str,
    *,
    workers: int,
    settings: Sequence[str],
    watch: Watch,
    again: Again = Again(),
    engine: Engine = Engine(),
) -> Ledger:
    """Run what is left of a study. Several workers are processes of their own, which get the `settings` too.

    Raises SpecError for what is wrong with the study or its data, RunError when a worker breaks.
    """
    prepared, ledger = start(study, url, force=again.force)
    if again.retry_failed:
        ledger.free_failed()
    watch.slots(ledger.rows())
    if study.trains and workers == 1 and engine.name == "processes":
        Worker(prepared, ledger, lambda text: (watch.notice(text), watch.slots(ledger.rows()))).work()
    elif study.trains:
        _watched(_fleet(study, url, workers, settings, engine), ledger, watch)
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


def _fleet(study: Study, url: str, workers: int, settings: Sequence[str], engine: Engine) -> Fleet:
    command, logs = command_of(study, url, settings), logs_of(study, workers)
    if engine.name == "ray":
        return Tasks(command, logs, address=engine.address, threads=study.document.threads, url=url)
    return Processes(command, logs)


def _watched(fleet: Fleet, ledger: Ledger, watch: Watch) -> None:
    """Wait for the workers, and say which slots have ended meanwhile."""
    told = {row["number"] for row in ledger.rows() if row["state"] not in OPEN}
    with fleet:
        busy = True
        while busy:
            busy = fleet.busy()
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
        fleet.check()
