"""The workers of one run: processes of this machine, one log each, and the graphics cards that they share."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import torch

from rdslab.errors import RdslabError, RunError, SpecError
from rdslab.search.plan import Study
from rdslab.search.training import PARENT

VISIBLE = "CUDA_VISIBLE_DEVICES"


class Fleet(Protocol):
    """Workers that were started, and that never outlive the block they are used in."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def busy(self) -> bool:
        """Whether one is still at work."""

    def check(self) -> None:
        """Once none is. Raises the error of one that ended before its work was done."""


def command_of(study: Study, url: str, settings: Sequence[str]) -> list[str]:
    """What a worker is: `rdslab worker` with the settings of the run."""
    words = [sys.executable, "-m", "rdslab", "worker", study.source.name, "--storage", url]
    return words + [part for setting in settings for part in ("--set", setting)]


def logs_of(study: Study, workers: int) -> list[Path]:
    """Where each worker's words are kept."""
    study.run_folder.mkdir(parents=True, exist_ok=True)
    return [study.run_folder / f"worker{index}.log" for index in range(workers)]


class Processes:
    """Workers on this machine; where it has several graphics cards each gets one of them, in turn."""

    def __init__(self, command: Sequence[str], logs: Sequence[Path]) -> None:
        self.command, self.logs = command, logs
        self.running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        shown = cards(os.environ, torch.cuda.device_count())  # counted without waking any: that would cost its memory
        try:
            for index, log in enumerate(self.logs):
                environment = {**os.environ, PARENT: str(os.getpid()), **card_of(index, shown)}
                with log.open("wb") as out:
                    self.running.append(subprocess.Popen(self.command, stdout=out, stderr=out, env=environment))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        for process in self.running:
            process.terminate()  # does nothing to one that has ended
        for process in self.running:
            process.wait()

    def busy(self) -> bool:
        return any(process.poll() is None for process in self.running)

    def check(self) -> None:
        for log, process in zip(self.logs, self.running, strict=True):
            if process.returncode:
                raise broken(log, process.returncode)


def cards(environment: Mapping[str, str], found: int) -> list[str]:
    """The graphics cards that workers may share, as CUDA names them: those that are shown to us, else all `found`."""
    given = environment.get(VISIBLE)
    if given is None:
        return [str(index) for index in range(found)]
    names = [name.strip() for name in given.split(",")]
    stop = next((i for i, name in enumerate(names) if name in ("", "-1")), len(names))  # CUDA reads no further
    return names[:stop]


def card_of(worker: int, shown: Sequence[str]) -> dict[str, str]:
    """What a worker is shown: one card, which several may have to share; nothing new where there is none."""
    return {VISIBLE: shown[worker % len(shown)]} if shown else {}


def broken(log: Path, status: int) -> RdslabError:
    """What a worker that ended early said: its own message where the request was wrong."""
    said = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    if status == SpecError.exit_status:
        return SpecError(said[0], *(line.strip() for line in said[1:]))
    return RunError("a worker ended before its work was done", *said[-3:], f"all it said is in {log}")
