"""A study of times on a board, and a board that answers as it is told, for the tests of the queue."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rdslab.errors import ConnectionLost, RunError, UnstableTime
from rdslab.search.cells import Cell
from rdslab.search.ledger import Ledger, storage_of
from rdslab.search.plan import load_study
from rdslab.search.prepare import Prepared
from rdslab.search.queue import Patience
from rdslab.search.run import start
from rdslab.search.times_results import gather_times
from rdslab.spec import Net
from rdslab.times import Host, Protocol, Times

BOARD = "ssh://me@nowhere.invalid"
TIMES_STUDY = f"""\
name: board
base: rdsnet
variants:
  - {{name: half, set: {{width: 0.5}}}}
  - {{name: quarter, set: {{width: 0.25}}}}
deploy: {{sizes: [64x64, 96x64], classes: 11, devices: ["{BOARD}"]}}
"""
HOST = Host("ARM", 4, 4.0, "Tegra", "Linux", {"tensorrt": "8.2"})


class Board:
    """A board that answers as it is told: each answer is for one batch, and the last one stays."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), list[tuple[str, list[str]]]()

    def open(self, study: Any, device: str, notice: Any, progress: Any) -> Callable[..., Any]:  # noqa: ARG002
        return self

    def __call__(self, nets: Mapping[str, Net], cell: Cell) -> dict[str, Any]:
        self.asked.append((cell.size, list(nets)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0] if self.answers else None
        if isinstance(answer, ConnectionLost | RunError) and not isinstance(answer, UnstableTime):
            raise answer
        if callable(answer):
            answer()
        bad = answer if isinstance(answer, UnstableTime) else None
        return {name: bad or times(cell) for name in nets}


def times(cell: Cell) -> Times:
    protocol = Protocol(
        cell.size, cell.classes, 1, "fp16", "tensorrt", 1, "channels_first", "network", "deployed", "default"
    )
    return Times(cell.device, False, (5.0, 5.1, 5.2), 5.1, 5.0, 5.2, protocol, HOST)


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def patience(self, **more: Any) -> Patience:
        return Patience(clock=lambda: self.now, sleep=self.sleep, **more)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def begin(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Prepared, Ledger]:
    """The study, begun in that folder."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TMPDIR", str(folder))
    (folder / "board.yaml").write_text(TIMES_STUDY)
    study = load_study("board.yaml")
    return start(study, storage_of(study, None))


def shown(prepared: Prepared, ledger: Ledger) -> dict[tuple[str, str], Any]:
    """Milliseconds, or why there are none, by variant and size, as the report has them."""
    found = gather_times(prepared.study, ledger)["times"]
    return {(t["variant"], t["size"]): t["times"].get("latency_ms") or t["times"]["missing"] for t in found}
