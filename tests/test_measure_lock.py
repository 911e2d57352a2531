"""The machine's lock, held by real processes."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from rdslab.errors import RunError
from rdslab.measure import lock
from rdslab.measure.lock import machine_lock

# Without torch a process starts in a moment: the module needs only rdslab.errors.
HOLDER = """
import importlib.util, sys, time
from pathlib import Path
spec = importlib.util.spec_from_file_location("lock", sys.argv[1])
lock = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lock)
with lock.machine_lock(sys.argv[2], lambda: print("waits", flush=True), Path(sys.argv[3])):
    print("holds", flush=True)
    time.sleep(60)
"""


@contextmanager
def another(kind: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that takes the lock; the first word it says is left to be read."""
    command = [sys.executable, "-c", HOLDER, str(lock.__file__), kind, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize(("first", "second"), [("measure", "measure"), ("measure", "train"), ("train", "measure")])
def test_who_measures_is_alone_on_the_machine(first: str, second: str, tmp_path: Path) -> None:
    with another(first, tmp_path) as holder:
        assert said(holder) == "holds"
        with another(second, tmp_path) as other:
            assert said(other) == "waits"
            holder.terminate()
            assert said(other) == "holds"


def test_training_runs_beside_training(tmp_path: Path) -> None:
    with another("train", tmp_path) as one, another("train", tmp_path) as two:
        assert (said(one), said(two)) == ("holds", "holds")


def test_a_killed_process_leaves_the_machine_free(tmp_path: Path) -> None:
    with another("measure", tmp_path) as holder:
        assert said(holder) == "holds"
        holder.kill()  # SIGKILL: nothing of the process's own can clean up
        holder.wait()
    waited: list[None] = []
    with machine_lock("measure", lambda: waited.append(None), tmp_path):
        pass
    assert not waited


def test_a_measurement_that_waits_goes_before_training_that_comes_later(tmp_path: Path) -> None:
    with another("train", tmp_path) as running:
        assert said(running) == "holds"
        with another("measure", tmp_path) as measuring:
            assert said(measuring) == "waits"
            with another("train", tmp_path) as late:
                assert said(late) == "waits"
                running.kill()
                assert said(measuring) == "holds"
                measuring.kill()
                assert said(late) == "holds"


def test_waiting_is_told_once_and_the_lock_then_taken(tmp_path: Path) -> None:
    told: list[float] = []
    taken = threading.Event()

    def second() -> None:
        with machine_lock("measure", lambda: told.append(monotonic()), tmp_path):
            taken.set()

    thread = threading.Thread(target=second)
    with machine_lock("train", folder=tmp_path):
        thread.start()
        while not told:
            sleep(0.001)
        assert not taken.is_set()
    thread.join(10)
    assert taken.is_set()
    assert len(told) == 1


def test_everybody_may_open_the_lock_whatever_the_umask(tmp_path: Path) -> None:
    with machine_lock("train", folder=tmp_path):
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"rdslab-gate.lock": 0o666, "rdslab-machine.lock": 0o666}


def test_a_shared_lock_that_cannot_be_opened_is_replaced_by_ones_own(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "rdslab-machine.lock").symlink_to(tmp_path / "elsewhere")  # never followed
    with machine_lock("measure", folder=tmp_path):
        pass
    assert len(list(tmp_path.glob("rdslab-machine-*.lock"))) == 1


def test_a_folder_without_room_for_a_lock_is_said(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    words = "cannot open a lock: No such file or directory"
    with pytest.raises(RunError, match=words) as error, machine_lock("measure", folder=missing):
        pass
    assert "set TMPDIR" in str(error.value)
