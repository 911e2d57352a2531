"""Times taken on a board over SSH: a real sshd on this machine, with ONNX Runtime or a stand-in for trtexec."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rdslab.errors import SpecError, UnstableTime
from rdslab.measure.remote import measure_remote
from rdslab.measure.ssh import Board, ssh_arguments
from rdslab.network import load_net
from rdslab.times import Times
from tests.fake_trtexec import put_trtexec
from tests.ssh_board import QUICK, SIZE, SshBoard, measured, one, skip_without_sshd

pytest.importorskip("onnxruntime", reason="needs the extra `deploy`")
pytest.importorskip("onnxscript", reason="needs the extra `deploy`")


@pytest.fixture
def board(tmp_path: Path) -> Iterator[SshBoard]:
    skip_without_sshd()
    found = SshBoard(tmp_path)
    found.start()
    yield found
    found.stop()


def test_a_net_is_timed_there_and_comes_back_with_protocol_host_and_certificate(board: SshBoard) -> None:
    seen: list[tuple[int, int]] = []
    found = measured(board, ("rdsnet", "enet"), engine="onnxruntime", progress=lambda *done: seen.append(done))
    assert list(found) == ["rdsnet", "enet"]
    times = found["rdsnet"]
    assert isinstance(times, Times)
    assert (times.device, times.predicted) == ("board", False)
    assert len(times.runs_ms) == sum(times.block_runs) >= 12
    assert times.low_ms <= times.latency_ms <= times.high_ms
    protocol = times.protocol
    assert (protocol.backend, protocol.form, protocol.precision) == ("onnxruntime", "deployed", "fp32")
    assert (protocol.size, protocol.classes, protocol.inside) == ("64x64", 11, "network")
    assert times.host is not None
    assert times.host.cores >= 1
    assert times.certificate is not None
    assert times.certificate["engine"]["providers"] == ["CPUExecutionProvider"]
    assert len(times.certificate["engine"]["sha256"]) == 64
    assert {"certified", "reasons", "facts", "before", "during", "after", "outcome", "no_energy"} <= set(
        times.certificate
    )
    assert {"python", "onnxruntime", "rdslab"} <= set(times.host.versions)
    assert seen
    assert seen[-1][0] == seen[-1][1]
    assert board.rest() == []


@pytest.mark.parametrize("inside", ["labels", "copies"])
def test_torch_runs_torchscript_with_the_labels_inside(inside: str, board: SshBoard) -> None:
    times = one(measured(board, engine="torch", inside=inside))
    assert (times.protocol.backend, times.protocol.inside) == ("torch", inside)
    assert times.certificate is not None
    assert times.certificate["engine"]["torch"]


@pytest.mark.parametrize("version", ["8.2.1", "8.6.1", "10.3.0"])
def test_auto_takes_trtexec_where_it_is_and_builds_each_engine_once(version: str, board: SshBoard) -> None:
    put_trtexec(board.bin, version)
    first, again = one(measured(board)), one(measured(board))
    assert first.protocol.backend == "tensorrt"
    assert first.latency_ms == pytest.approx(2.0, rel=0.02)
    built = [times.certificate["engine"]["engine_cached"] for times in (first, again) if times.certificate]
    assert built == [False, True]
    assert board.rest() == []
    assert len(list((board.home / ".cache" / "rdslab" / "engines").glob("*.engine"))) == 2  # the net and the sentinel


def test_without_trtexec_auto_takes_onnxruntime(board: SshBoard) -> None:
    assert one(measured(board)).protocol.backend == "onnxruntime"


def test_a_net_that_cannot_be_built_there_does_not_cost_another_its_time(board: SshBoard) -> None:
    program = put_trtexec(board.bin)
    large = 'if pathlib.Path(given["--onnx"]).stat().st_size > 3_000_000:'  # rdsnet's file is larger, enet's is not
    program.write_text(program.read_text().replace('if BEHAVIOUR == "unsupported":', large))
    found = measured(board, ("rdsnet", "enet"))
    assert "it has no operator 'GridSample'" in str(found["rdsnet"])
    assert isinstance(found["enet"], Times)


@pytest.mark.parametrize(
    "url",
    [
        "ssh://-oProxyCommand=touch",
        "ssh://nvidia@-lroot",
        "ssh://-l@board",
        "ssh://board;reboot",
        "ssh://board$(reboot)",
        "ssh://board`reboot`",
        "ssh://a b",
        "ssh://bo'ard",
        'ssh://bo"ard',
        "ssh://board\n",
        "ssh://board:0",
        "ssh://board:65536",
        "ssh://board:22x",
        "ssh://board/home",
        "ssh://user:secret@board",
        "ssh://",
        "ssh://@board",
        "ssh:board",
        "board",
        "ssh://[::1;]",
        "ssh://[12]",
        "ssh://böard",
    ],
)
def test_an_address_that_could_be_anything_else_is_refused(url: str) -> None:
    with pytest.raises(SpecError, match=r"expected ssh://\[USER@\]HOST\[:PORT\], got"):
        Board.parse(url)


@pytest.mark.parametrize(
    ("url", "board"),
    [
        ("ssh://board", Board("board")),
        ("ssh://nvidia@jetson-tx1.local:2222", Board("jetson-tx1.local", "nvidia", 2222)),
        ("ssh://me@192.168.55.1/", Board("192.168.55.1", "me")),
        ("ssh://[fe80::1]:22", Board("fe80::1", "", 22)),
    ],
)
def test_an_address_has_user_host_and_port(url: str, board: Board) -> None:
    assert Board.parse(url) == board


def test_the_command_line_has_the_host_behind_the_options_and_one_constant_command() -> None:
    words = ssh_arguments(Board("board", "me", 22), 5)
    assert words[-3:-1] == ["--", "board"]
    assert words[-1] == ssh_arguments(Board("other"), 7)[-1]
    assert "BatchMode=yes" in words


def test_a_request_that_cannot_be_is_refused_before_anybody_connects() -> None:
    def asked(**more: Any) -> None:
        measure_remote({"a": load_net("rdsnet")}, SIZE, 11, **{"device": "ssh://nowhere.invalid", **more})

    with pytest.raises(SpecError, match="expected an engine of auto, trtexec, onnxruntime, torch, got 'tensort'"):
        asked(engine="tensort")
    with pytest.raises(SpecError, match="expected a precision of fp32, fp16, got 'bf16'"):
        asked(engine="onnxruntime", precision="bf16")
    with pytest.raises(SpecError, match="inside to be one of network, labels, copies, got 'all'"):
        asked(inside="all")
    with pytest.raises(SpecError, match="threads must be >= 1"):
        asked(threads=0)
    with pytest.raises(SpecError, match="int8 needs a calibration set"):
        asked(precision="int8")


def test_runs_that_do_not_agree_are_no_time(board: SshBoard) -> None:
    found = measured(board, plan=QUICK._replace(spread=1e-9))
    assert isinstance(found["rdsnet"], UnstableTime)


def test_noise_of_a_login_script_does_no_harm(board: SshBoard) -> None:
    board.start("echo Welcome; echo 'rdslab is fun' >&2; echo rdslab")
    assert one(measured(board)).latency_ms > 0
