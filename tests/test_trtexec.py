"""trtexec: what it is told, what is read from it, its faults in words. In its place stands tests/fake_trtexec.py."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from rdslab.errors import RunError
from rdslab.measure.agent import enginecache, trtexec
from rdslab.measure.agent.process import run
from rdslab.measure.agent.trtexec_output import parse_summary, parse_times
from tests.fake_trtexec import VERSIONS, put_trtexec

every_version = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an ONNX file; the cache is there too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "net.onnx").write_bytes(b"onnx")
    return tmp_path


def program(board: Path, version: str = "8.6.1", behaviour: str = "") -> trtexec.Program:
    return trtexec.program(str(put_trtexec(board, version, behaviour)))


def built(board: Path, found: trtexec.Program, precision: str = "fp32", **more: Any) -> dict[str, Any]:
    return trtexec.engine(found, str(board / "net.onnx"), precision, **more)


def starts(board: Path) -> list[list[str]]:
    return [json.loads(line) for line in (board / "log").read_text().splitlines()]


@every_version
def test_each_version_is_told_what_it_knows(version: str, board: Path) -> None:
    found = program(board, version)
    assert found.version == version
    runs = trtexec.runner(found, built(board, found)["path"], "network")(20)
    build, infer = starts(board)
    old = version == "8.2.1"
    assert ("--buildOnly" if old else "--skipInference") in build
    assert ("--workspace=1024" if old else "--memPoolSize=workspace:1024") in build
    assert "--noTF32" in build
    assert {"--iterations=22", "--duration=0", "--warmUp=200", "--useSpinWait", "--noDataTransfers"} <= set(infer)
    assert len(runs) == 20
    assert all(2.0 <= ms < 2.02 for ms in runs), "8.2 exports the warm-up too, which takes longer"


@every_version
def test_copies_are_the_latency_with_both_transfers(version: str, board: Path) -> None:
    found = program(board, version)
    path = built(board, found)["path"]
    assert trtexec.runner(found, path, "copies")(7)[0] == pytest.approx(2.375, rel=0.01)
    assert trtexec.runner(found, path, "labels")(7)[0] == pytest.approx(2.0, rel=0.01)
    assert ["--exposeDMA" in words for words in starts(board)[1:]] == [True, False]


@pytest.mark.parametrize(("precision", "flags"), [("fp32", ["--noTF32"]), ("fp16", ["--fp16"]), ("bf16", ["--bf16"])])
def test_precisions_are_options(precision: str, flags: list[str], board: Path) -> None:
    built(board, program(board, "10.3.0"), precision)
    assert [word for word in starts(board)[0] if word in {"--noTF32", "--fp16", "--bf16", "--int8"}] == flags


def test_int8_takes_the_calibration_cache(board: Path) -> None:
    (board / "a.cache").write_text("TRT-8601-EntropyCalibration2\n")
    built(board, program(board), "int8", calib=str(board / "a.cache"))
    assert {"--int8", "--fp16", f"--calib={board / 'a.cache'}"} <= set(starts(board)[0])


def test_a_precision_that_this_version_has_not_is_refused(board: Path) -> None:
    with pytest.raises(RunError, match=r"trtexec of TensorRT 8\.2\.1 has no --bf16"):
        built(board, program(board, "8.2.1"), "bf16")


def test_an_engine_is_built_once_for_what_decides_it(board: Path) -> None:
    found = program(board)
    first = built(board, found)
    assert not first["cached"]
    assert built(board, found) == {**first, "cached": True}
    assert built(board, found, "fp16")["path"] != first["path"]
    assert built(board, program(board, "10.3.0"))["path"] != first["path"]
    (board / "net.onnx").write_bytes(b"another")
    assert built(board, program(board))["path"] != first["path"]
    assert len([words for words in starts(board) if any("--onnx" in word for word in words)]) == 4


def test_the_cache_keeps_what_was_used_last(tmp_path: Path) -> None:
    for age, name in enumerate(["new", "old", "older", "oldest"]):
        (tmp_path / f"{name}.engine").write_bytes(b"x" * 100)
        os.utime(tmp_path / f"{name}.engine", (1e9 - age, 1e9 - age))
    (tmp_path / "a.engine.7.part").write_bytes(b"x")
    os.utime(tmp_path / "a.engine.7.part", (1e9, 1e9))
    enginecache.prune(tmp_path, keep=tmp_path / "oldest.engine", most=3)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["new", "old", "oldest"]
    enginecache.prune(tmp_path, most_bytes=150)
    assert [path.stem for path in tmp_path.iterdir()] == ["new"]
    enginecache.prune(tmp_path, keep=tmp_path / "new.engine", most_bytes=50)
    assert [path.stem for path in tmp_path.iterdir()] == ["new"], "what was just built stays, however large"


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("unsupported", "could not build an engine: it has no operator 'GridSample'"),
        ("assertion", r"could not build an engine: .*Assertion failed: tensor_ptr->getDimensions"),
        ("memory", "could not build an engine: there is not enough memory"),
        ("killed", "could not build an engine: there is not enough memory"),
        ("no file", "said that all was well, but left no file"),
    ],
)
@every_version
def test_a_build_that_fails_says_why_in_a_line(behaviour: str, says: str, version: str, board: Path) -> None:
    with pytest.raises(RunError, match=says) as caught:
        built(board, program(board, version, behaviour))
    assert f"TensorRT {version}" in str(caught.value)
    assert "\n" not in caught.value.what
    assert not list((board / "cache").rglob("*.*")), "nothing half built is kept"


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [("half times", "exported times that cannot be read"), ("lie", "exports runs of 2.* ms at the median and says 4")],
)
def test_times_that_do_not_make_sense_are_refused(behaviour: str, says: str, board: Path) -> None:
    path = built(board, program(board))["path"]
    with pytest.raises(RunError, match=says):
        trtexec.runner(program(board, behaviour=behaviour), path, "network")(5)


def test_an_engine_that_is_broken_is_told(board: Path) -> None:
    found = program(board)
    path = Path(built(board, found)["path"])
    path.write_bytes(b"rubbish")
    with pytest.raises(RunError, match=r"could not run the engine: Error\[1\]: Unexpected exception"):
        trtexec.runner(found, str(path), "network")(5)


def test_a_build_that_takes_too_long_is_stopped(board: Path) -> None:
    start = time.monotonic()
    with pytest.raises(RunError, match=r"trtexec has not ended within 0\.5 s and was stopped"):
        built(board, program(board, behaviour="hang"), limit_s=0.5)
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("behaviour", "says"), [("garbage", "Segmentation fault is my middle name"), ("no loader", r"libnvinfer\.so\.8")]
)
def test_a_program_that_is_no_trtexec_is_quoted(behaviour: str, says: str, board: Path) -> None:
    with pytest.raises(RunError, match=f"does not tell its version, it says .*{says}"):
        program(board, behaviour=behaviour)


def test_without_trtexec_the_error_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(trtexec, "PLACES", (str(tmp_path / "elsewhere" / "trtexec"),))
    assert trtexec.find() == ""
    with pytest.raises(RunError, match="there is no trtexec") as caught:
        trtexec.program()
    assert "/usr/src/tensorrt/bin" in caught.value.hints[0]
    (tmp_path / "elsewhere").mkdir()
    put = put_trtexec(tmp_path / "elsewhere")
    assert trtexec.find() == str(put), "where JetPack puts it, off PATH"


def test_a_program_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot start nothing: No such file"):
        run([str(tmp_path / "nothing")], 1)


@pytest.mark.parametrize(
    ("line", "median"),
    [
        (
            "[07/14/2023-11:55:18] [I] GPU Compute Time: min = 89.0273 ms, max = 91.2045 ms, mean = 90.1061 ms, "
            "median = 90.0183 ms, percentile(99%) = 91.2045 ms",  # 8.2.1 on a Tegra X1
            90.0183,
        ),
        (
            "[02/06/2024-17:24:19] [I] GPU Compute Time: min = 4.59161 ms, max = 4.68684 ms, mean = 4.62722 ms, "
            "median = 4.62241 ms, percentile(90%) = 4.65601 ms, percentile(95%) = 4.6633 ms, percentile(99%) = 4.6 ms",
            4.62241,  # 8.6.1
        ),
        (
            "[10/03/2024-10:47:59] [I] GPU Compute Time: min = 5.34595 ms, max = 13.3388 ms, mean = 7.58404 ms, "
            "median = 7.14139 ms, percentile(90%) = 10.2881 ms, percentile(95%) = 10.8175 ms, percentile(99%) = 12 ms",
            7.14139,  # issue 4177 of NVIDIA/TensorRT, 10
        ),
    ],
)
def test_a_summary_of_each_version_is_read(line: str, median: float) -> None:
    output = f"{line.replace('GPU Compute Time', 'Latency')}\n{line}\n[I] Total {line[28:]}\n"
    assert parse_summary(output, "GPU Compute Time", "")["median"] == median


@pytest.mark.parametrize("text", ["", "[]", "{}", "[1]", '[{"computeMs": 1}]', '[{"startComputeMs": 300}]', "nan"])
def test_exported_times_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(RunError, match=r"trtexec of TensorRT 8\.2\.1 exported"):
        parse_times(text, "computeMs", 200, "8.2.1")


def test_a_summary_that_is_none_shows_what_was_said() -> None:
    with pytest.raises(RunError, match="gave no summary with a 'GPU Compute Time'") as caught:
        parse_summary("[I] Starting inference\nbye\n", "GPU Compute Time", "8.2.1")
    assert caught.value.hints == ("its last line: 'bye'",)
