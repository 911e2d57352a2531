"""Running a study: everything on paper first, then the training on one or several workers, then the timing."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rdslab.errors import RunError
from rdslab.search.ledger import Ledger, Row
from rdslab.search.plan import Study
from rdslab.search.prepare import Prepared, enter, prepare
from rdslab.search.timing import time_variants
from rdslab.search.worker import PARENT, Worker, close_stale_trials, open_optuna

POLL_S = 0.5


@dataclass(frozen=True)
class Watch:
    """How a run shows what it does: words now and then, and the slots whenever they may have changed."""

    notice: Callable[[str], object] = str
    slots: Callable[[Sequence[Row]], object] = len


def start(study: Study, url: str) -> tuple[Prepared, Ledger]:
    """Check everything that can be checked before work begins, and enter it in the ledger. Raises SpecError."""
    prepared = prepare(study)
    ledger = Ledger(url, study.name)
    enter(prepared, ledger)
    facts = {(f["net_id"], f["seed"]): f["document"]["miou"] for f in ledger.facts_of("score")}
    close_stale_trials(
        open_optuna(prepared, url),
        ledger.rows(),
        lambda row: facts.get((row["net_id"], row["seed"])),
        lambda row: prepared.costs[row["variant"]].macs if row["variant"] in prepared.costs else 0,
    )
    return prepared, ledger


def run_study(
    study: Study, url: str, *, workers: int, settings: Sequence[str], watch: Watch, retry_failed: bool = False
) -> Ledger:
    """Run what is left of a study. Several workers are processes of their own. Raises RunError when a worker breaks."""
    prepared, ledger = start(study, url)
    failed = [row["number"] for row in ledger.rows() if row["state"] == "failed"] if retry_failed else []
    watch.slots(ledger.rows())
    if workers == 1:
        Worker(prepared, ledger, lambda text: (watch.notice(text), watch.slots(ledger.rows()))).work(failed)
    else:
        for number in failed:
            ledger.note(number, state="waiting")
        _several(study, ledger, workers, settings, watch)
    watch.slots(ledger.rows())
    if prepared.measured:
        time_variants(prepared, ledger, watch.notice)
    return ledger


def _several(study: Study, ledger: Ledger, workers: int, settings: Sequence[str], watch: Watch) -> None:
    command = [sys.executable, "-m", "rdslab", "worker", study.source.name, "--storage", ledger.url]
    command += [part for setting in settings for part in ("--set", setting)]
    environment = {**os.environ, PARENT: str(os.getpid())}
    logs = [study.run_folder / f"worker{index}.log" for index in range(workers)]
    with _processes(command, logs, environment) as running:
        while any(process.poll() is None for process in running):
            time.sleep(POLL_S)
            watch.slots(ledger.rows())
    broken = [log for log, process in zip(logs, running, strict=True) if process.returncode]
    if broken:
        last = broken[0].read_text(errors="replace").strip().splitlines()[-3:]
        raise RunError("a worker ended before its work was done", *last, f"all it said is in {broken[0]}")


class _processes:  # noqa: N801 - reads as a verb in `with`
    """Worker processes that never outlive the block."""

    def __init__(self, command: Sequence[str], logs: Sequence[Path], environment: Mapping[str, str]) -> None:
        self.command, self.logs, self.environment = command, logs, environment
        self.running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> list[subprocess.Popen[bytes]]:
        for log in self.logs:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("wb") as out:
                self.running.append(subprocess.Popen(self.command, stdout=out, stderr=out, env=dict(self.environment)))
        return self.running

    def __exit__(self, *error: object) -> None:
        for process in self.running:
            if process.poll() is None:
                process.terminate()
        for process in self.running:
            process.wait()
