"""What goes wrong with a board over SSH, each tried: one message, and nothing left behind there."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rdslab.errors import ConnectionLost, RunError
from rdslab.measure.session import Limits
from tests.fake_trtexec import put_trtexec
from tests.ssh_board import SshBoard, measured, one, skip_without_sshd

pytest.importorskip("onnxruntime", reason="needs the extra `deploy`")
pytest.importorskip("onnxscript", reason="needs the extra `deploy`")

HELLO = '{"version": 1, "lacks": {"trtexec": "no", "onnxruntime": "", "torch": "no"}}'


@pytest.fixture
def board(tmp_path: Path) -> Iterator[SshBoard]:
    skip_without_sshd()
    found = SshBoard(tmp_path)
    found.start()
    yield found
    found.stop()


def test_a_host_that_there_is_not(board: SshBoard) -> None:
    with pytest.raises(RunError, match=r"nowhere\.invalid: (there is no such host|cannot be reached: .*resol)"):
        measured(board, device="ssh://nowhere.invalid")


def test_a_host_that_lets_nobody_connect_may_come_back(board: SshBoard) -> None:
    board.stop()
    with pytest.raises(ConnectionLost, match=r"board: cannot be reached: .*Connection refused"):
        measured(board)
    board.start()
    assert one(measured(board)).latency_ms > 0


def test_a_wrong_key_is_told_without_asking_for_a_password(board: SshBoard) -> None:
    board.write_config("other")
    with pytest.raises(RunError, match="board: none of your keys lets you in; no password is asked") as caught:
        measured(board)
    assert not isinstance(caught.value, ConnectionLost)
    assert "ssh-copy-id board" in caught.value.hints[0]


@pytest.mark.parametrize(
    ("known", "says"), [("other", "the host's key has changed"), ("", "the host's key is not known")]
)
def test_a_host_key_that_is_not_the_known_one_is_told(known: str, says: str, board: SshBoard) -> None:
    if known:
        board.trust(known)
    else:
        (board.folder / "known").write_text("")
    with pytest.raises(RunError, match=says) as caught:
        measured(board)
    assert not isinstance(caught.value, ConnectionLost)


def test_a_configuration_that_ssh_cannot_read_is_told(board: SshBoard) -> None:
    board.write_config("key", "  Nonsense yes")
    with pytest.raises(RunError, match="ssh cannot use its configuration"):
        measured(board)


def test_a_host_that_never_answers_is_given_up(board: SshBoard) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(ConnectionLost, match=r"cannot be reached|gave no answer"):
            measured(board, device=f"ssh://127.0.0.1:{silent.getsockname()[1]}", limits=Limits(connect_s=2))
        assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("python3", None, "the board has no python3"),
        ("python3", "#!/bin/sh\nexit 1\n", "the board's python3 is too old"),
        ("mktemp", "#!/bin/sh\nexit 1\n", "the board gives no folder to work in"),
    ],
)
def test_what_the_board_lacks_is_told(name: str, text: str | None, says: str, board: SshBoard) -> None:
    if text is None:
        (board.bin / name).unlink()
        for needed in ("sh", "mktemp", "rm"):
            (board.bin / needed).symlink_to(f"/bin/{needed}")
        board.start(f"export PATH={board.bin}")
    else:
        board.put(name, text)
    with pytest.raises(RunError, match=says):
        measured(board)
    assert board.rest() == []


def test_a_board_without_any_engine_says_what_is_lacking(board: SshBoard) -> None:
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    board.put("python3", f'#!/bin/sh\nexec {base} -S "$@"\n')
    with pytest.raises(RunError, match="board: there is no engine that can time a net") as caught:
        measured(board)
    assert [hint.partition(" ")[0] for hint in caught.value.hints] == ["there", "its", "its"]
    with pytest.raises(RunError, match="board: there is no trtexec"):
        measured(board, engine="trtexec")
    assert board.rest() == []


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("memory", "there is not enough memory"),
        ("unsupported", "it has no operator 'GridSample'"),
        ("garbage", "Segmentation fault is my middle name"),
        ("no loader", r"libnvinfer\.so\.8"),
    ],
)
def test_faults_of_trtexec_come_back_in_its_words(behaviour: str, says: str, board: SshBoard) -> None:
    put_trtexec(board.bin, behaviour=behaviour)
    try:
        found = measured(board, engine="trtexec")["rdsnet"]
    except RunError as error:
        found = error
    assert isinstance(found, RunError)
    assert says.replace("\\", "") in str(found)
    assert board.rest() == []


def test_a_full_disk_is_told(board: SshBoard) -> None:
    board.start("ulimit -f 400")  # blocks of 512 bytes: the agent's file fits, a net's does not
    with pytest.raises(RunError, match="board: cannot keep what it is sent: the disk is full"):
        measured(board)
    assert board.rest() == []
    board.start("ulimit -f 8")
    with pytest.raises(RunError, match="its disk is full"):
        measured(board)
    assert board.rest() == []


def test_a_measurement_that_takes_too_long_is_stopped_there(board: SshBoard) -> None:
    put_trtexec(board.bin, behaviour="hang")
    with pytest.raises(RunError, match="board: the measurement has not ended within 3 s and was stopped") as caught:
        measured(board, limits=Limits(connect_s=10, job_s=3))
    assert not isinstance(caught.value, ConnectionLost)
    assert board.rest() == []


def _when(board: SshBoard, word: str, act: Callable[[], object]) -> threading.Thread:
    """Do something once a process whose command line has this word runs on the board."""

    def wait() -> None:
        for _ in range(600):
            if any(word in line for line in board.processes()):
                act()
                return
            time.sleep(0.05)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_connection_lost_while_measuring_leaves_nothing_there(board: SshBoard) -> None:
    put_trtexec(board.bin, behaviour="hang")
    cutting = _when(board, "--onnx", board.cut)
    with pytest.raises(ConnectionLost, match="board: the connection is lost"):
        measured(board)
    cutting.join()
    assert board.rest() == []


@pytest.mark.parametrize(
    ("word", "says"),
    [("--work", 'the measuring process was killed while it opened "rdsnet"'), ("-", "agent .*was killed")],
)
def test_an_agent_that_is_killed_half_way_is_told_and_leaves_nothing(word: str, says: str, board: SshBoard) -> None:
    put_trtexec(board.bin, behaviour="hang")
    killing = _when(board, "--onnx", lambda: board.kill(word))
    with pytest.raises(RunError, match=says) as caught:
        measured(board)
    killing.join()
    assert not isinstance(caught.value, ConnectionLost)
    assert board.rest() == []


def test_two_measurements_on_one_board_wait_for_each_other(board: SshBoard) -> None:
    put_trtexec(board.bin, behaviour="hang")
    first = threading.Thread(target=lambda: _quietly(board))
    first.start()
    _when(board, "--onnx", int).join()
    told: list[str] = []
    with pytest.raises(RunError, match="another process measures on this board"):
        measured(board, notice=told.append, limits=Limits(connect_s=10, wait_s=1))
    assert any("waiting" in line for line in told)
    board.cut()
    first.join()
    assert board.rest() == []


def _quietly(board: SshBoard) -> None:
    with contextlib.suppress(RunError):
        measured(board)


@pytest.mark.parametrize(
    ("hello", "result", "says"),
    [
        ("", "", "what it answers cannot be read"),
        ('{"version": 2}', "", "what it answers cannot be read"),
        ('{"version": 1, "error": 7}', "", "it failed and does not say why"),
        (HELLO, "[1]", "what it answers cannot be read"),
        (HELLO, '{"version": 1}', "its times of 'rdsnet' cannot be read"),
        (HELLO, '{"version": 1, "nets": [3]}', "its times of 'rdsnet' cannot be read"),
        (HELLO, '{"version": 1, "nets": {"rdsnet": {"blocks": [[1, -1]]}}}', "-1.0 is no time"),
        (HELLO, '{"version": 1, "nets": {"rdsnet": {"blocks": [[1, NaN]]}}}', "nan is no time"),
        (HELLO, '{"version": 1, "nets": {"rdsnet": {"blocks": "no"}}}', "its times of 'rdsnet' cannot be read"),
    ],
)
def test_an_answer_that_makes_no_sense_is_told(hello: str, result: str, says: str, board: SshBoard) -> None:
    said = f"echo 'rdslab hello {hello}'; echo 'rdslab result {result}'"
    board.put("python3", f'#!/bin/sh\ncase "$1" in -c) exit 0;; esac\n{said}; cat >/dev/null\n')
    with pytest.raises(RunError, match=says):
        measured(board)
