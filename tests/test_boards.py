"""Who measures on a board: one process, that may be killed; and the verbs that speak of it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rdslab.cli import main
from rdslab.errors import SpecError
from rdslab.measure.lock import device_lock
from rdslab.search.boards import DeviceTaken, hold_device, holder
from rdslab.search.cells import Cell
from rdslab.search.ledger import Ledger
from rdslab.search.plan import load_study
from rdslab.search.queue import work_off
from rdslab.search.waiting import measuring
from tests.board_study import BOARD, TIMES_STUDY, Board, begin, shown
from tests.test_run import STUDY


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return begin(tmp_path, monkeypatch)


KILLED = """
import pathlib, sys, time
from rdslab.search.ledger import storage_of
from rdslab.search.plan import load_study
from rdslab.search.queue import work_off
from rdslab.search.run import start
from tests.board_study import BOARD, times

def open_timer(study, device, notice, progress):
    def time_nets(nets, cell):
        if cell.size == "96x64":
            pathlib.Path("half").write_text("way")
            time.sleep(600)
        return {name: times(cell) for name in nets}
    return time_nets

study = load_study("board.yaml")
prepared, ledger = start(study, storage_of(study, None))
work_off(prepared, ledger, [BOARD], print, open_timer=open_timer)
"""


def test_killed_half_way_and_started_again_it_measures_only_what_is_left(begun: Any, tmp_path: Path) -> None:
    prepared, ledger = begun
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    process = subprocess.Popen([sys.executable, "-c", KILLED], env=environment)
    try:
        while not (tmp_path / "half").exists():
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.05)
        assert holder(ledger, BOARD).startswith(f"process {process.pid} on ")
        with pytest.raises(DeviceTaken, match=rf"nowhere.invalid: process {process.pid} on .* measures there already"):
            work_off(prepared, ledger, [BOARD], str, open_timer=Board().open)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert measuring(prepared.study, ledger)[0] | {"next": []} == {
        "device": BOARD, "measured": 3, "waiting": 3, "refused": 0, "by": "", "next": [],
    }  # fmt: skip
    board = Board()
    work_off(prepared, ledger, [BOARD], str, open_timer=board.open)
    assert [size for size, _ in board.asked] == ["96x64"]
    assert set(shown(prepared, ledger).values()) == {5.1}


def test_a_process_that_works_for_another_database_holds_the_board_too(begun: Any, tmp_path: Path) -> None:
    _, ledger = begun
    with hold_device(ledger, BOARD):
        other = Ledger(f"sqlite:///{tmp_path / 'other.db'}", "other")
        with pytest.raises(DeviceTaken, match="another process of this machine"), hold_device(other, BOARD):
            pass
        assert holder(other, BOARD) == ""
        with hold_device(ledger, "ssh://me@another"):
            pass
    assert holder(ledger, BOARD) == ""
    with device_lock(BOARD) as alone:
        assert alone


def ask(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        main(words)
    out, err = capsys.readouterr()
    return int(leaving.value.code or 0), out, err


@pytest.mark.usefixtures("begun")
def test_measure_and_status_from_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, _ = ask(["status", "board.yaml", "--json"], capsys)
    (line,) = json.loads(out)["measuring"]
    assert (status, line["device"], line["waiting"], line["by"]) == (0, BOARD, 6, "")
    assert "6 waiting; nobody measures now" in ask(["status", "board.yaml"], capsys)[1]
    board = Board()
    remote = "rdslab.search.timing.measure_remote"
    monkeypatch.setattr(
        remote, lambda nets, size, classes, **how: board(nets, Cell(how["device"], str(size), classes, "deployed"))
    )
    status, out, _ = ask(["measure", "board.yaml", "--json"], capsys)
    assert (status, json.loads(out)["measuring"][0]["measured"]) == (0, 6)
    ask(["measure", "board.yaml", "--again", "--device", BOARD], capsys)
    assert len(board.asked) == 4
    status, _, err = ask(["measure", "board.yaml", "--device", "ssh://me@nowhere.invalit"], capsys)
    assert (status, "did you mean" in err) == (2, True)
    assert ask(["worker", "board.yaml", "--storage", "sqlite:///runs/board/study.db"], capsys)[0] == 2


def test_after_the_training_a_run_measures_what_is_left_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(STUDY.replace("devices: [jetson-tx1]", f'devices: [jetson-tx1, "{BOARD}"]'))
    board = Board()
    remote = "rdslab.search.timing.measure_remote"
    monkeypatch.setattr(
        remote, lambda nets, size, classes, **how: board(nets, Cell(how["device"], str(size), classes, "deployed"))
    )
    assert ask(["run", "small.yaml", "--set", "seeds=[0]"], capsys)[0] == 0
    assert [len(names) for _, names in board.asked] == [2]
    assert ask(["report", "small.yaml"], capsys)[0] == 0
    assert f"{BOARD} at 64x64, measured" in (tmp_path / "reports/small/report.html").read_text()


@pytest.mark.parametrize("board", ["ssh://-oProxyCommand=x", "ssh://a b", "ssh:host", "ssh://me@host/path", "ssh://"])
def test_what_names_no_board_is_refused_on_paper(tmp_path: Path, board: str) -> None:
    path = tmp_path / "board.yaml"
    path.write_text(TIMES_STUDY.replace(BOARD, board))
    with pytest.raises(SpecError, match=r"board\.yaml:6: deploy\.devices\[0\]: .* names no board"):
        load_study(path)
