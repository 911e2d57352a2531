"""What runs a net on a board: which engine is chosen, what each says of itself, and their faults in words."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rdslab.errors import RunError
from rdslab.measure.agent import engines, trtexec
from rdslab.measure.backends.onnx_graph import graph_of
from tests.fake_trtexec import put_trtexec

pytest.importorskip("onnxruntime", reason="needs the extra `deploy`")
pytest.importorskip("onnxscript", reason="needs the extra `deploy`")
NOTHING = dict.fromkeys(engines.ENGINES, "")
IMAGE = torch.rand(1, 3, 8, 12, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """A convolution, with an argmax behind it where labels are wanted."""

    def __init__(self, labels: bool = False) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, 5, 3, padding=1)
        self.labels = labels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.conv(x)
        return scores.argmax(1) if self.labels else scores


def job(engine: str, **more: Any) -> dict[str, Any]:
    return {"engine": engine, "precision": "fp32", "threads": 1, "inside": "network", "input": [1, 3, 8, 12], **more}


@pytest.fixture
def onnx(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    path.write_bytes(graph_of(Net(), IMAGE, False))
    return path


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "net.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls TorchScript deprecated
        torch.jit.save(torch.jit.trace(Net(), IMAGE), path)
    return path


@pytest.mark.parametrize(
    ("wanted", "lacks", "precision", "found"),
    [
        ("auto", {}, "fp32", "trtexec"),
        ("auto", {"trtexec": "gone"}, "fp32", "onnxruntime"),
        ("auto", {"trtexec": "gone"}, "bf16", "torch"),
        ("auto", {"trtexec": "gone", "onnxruntime": "gone"}, "fp32", "torch"),
        ("torch", {"trtexec": "gone"}, "fp16", "torch"),
    ],
)
def test_auto_is_the_first_that_is_there_and_has_the_precision(
    wanted: str, lacks: dict[str, str], precision: str, found: str
) -> None:
    assert engines.choose(wanted, {**NOTHING, **lacks}, precision) == found


@pytest.mark.parametrize(
    ("wanted", "precision", "says"),
    [
        ("auto", "fp32", "there is no engine that can time a net\n  no t\n  no o\n  no p"),
        ("auto", "int8", "there is no engine that can time a net\n  no t"),
        ("torch", "fp32", "there is no torch\n  no p"),
        ("torch", "int8", "no engine has the precision 'int8'\n  torch has fp32, fp16, bf16"),
        ("tensort", "fp32", "there is no engine 'tensort'"),
    ],
)
def test_what_is_lacking_is_said(wanted: str, precision: str, says: str) -> None:
    lacks = {"trtexec": "no t", "onnxruntime": "no o", "torch": "no p"}
    with pytest.raises(RunError) as caught:
        engines.choose(wanted, lacks, precision)
    assert str(caught.value) == says


def test_what_is_here_lacks_nothing_and_a_broken_trtexec_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trtexec, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engines.lacking() == {**NOTHING, "trtexec": engines.LACKS["trtexec"]}
    put_trtexec(tmp_path)
    assert engines.lacking() == NOTHING
    put_trtexec(tmp_path, behaviour="no loader")
    assert "libnvinfer.so.8" in engines.lacking()["trtexec"]


@pytest.mark.parametrize("inside", ["network", "copies"])
def test_onnx_runtime_runs_the_file_and_says_by_what(inside: str, onnx: Path) -> None:
    runner, facts = engines.open_runner({"path": str(onnx)}, job("onnxruntime", inside=inside))
    assert len(runner(3)) == 3
    assert all(ms > 0 for ms in runner(3))
    assert facts["providers"] == ["CPUExecutionProvider"]
    assert not facts["on_gpu"]


@pytest.mark.parametrize("copies", [False, True])
def test_the_session_that_is_timed_answers_as_the_net_does(copies: bool, onnx: Path) -> None:
    session = engines.onnx_session(str(onnx), 1)
    call, answer = engines.onnx_call(session, IMAGE.numpy(), on_gpu=False, copies=copies)
    call()
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(answer()), Net()(IMAGE), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int32])
def test_labels_of_either_type_are_bound(kind: torch.dtype) -> None:
    session = engines.onnx_session(graph_of(Net(), IMAGE, True, kind), 1)
    call, answer = engines.onnx_call(session, IMAGE.numpy(), on_gpu=False)
    call()
    with torch.no_grad():
        assert torch.equal(torch.from_numpy(answer()), Net(labels=True)(IMAGE).to(kind))


def test_onnx_runtime_gives_half_precision_by_tensorrt_only(onnx: Path) -> None:
    with pytest.raises(RunError, match="onnxruntime has fp16 with its TensorRT provider only"):
        engines.open_runner({"path": str(onnx)}, job("onnxruntime", precision="fp16"))


@pytest.mark.parametrize("inside", ["network", "labels", "copies"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_torch_runs_torchscript(inside: str, precision: str, script: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runner, facts = engines.open_runner({"path": str(script)}, job("torch", precision=precision, inside=inside))
    assert len(runner(4)) == 4
    assert facts["torch"] == torch.__version__


def test_trtexec_runs_what_it_built(onnx: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(onnx.parent / "cache"))
    monkeypatch.setenv("PATH", str(onnx.parent), prepend=":")
    put_trtexec(onnx.parent, "10.3.0")
    runner, facts = engines.open_runner({"path": str(onnx)}, job("trtexec"))
    assert runner(4)[0] == pytest.approx(2, rel=0.01)
    assert (facts["trtexec"], facts["engine_cached"]) == ("10.3.0", False)


@pytest.mark.parametrize("engine", ["onnxruntime", "torch"])
def test_a_file_that_is_rubbish_is_told_in_a_line(engine: str, tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(b"rubbish")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RunError, match=f"{engine} cannot run it: ") as caught:
            engines.open_runner({"path": str(tmp_path / "net")}, job(engine))
    assert "\n" not in caught.value.what


def test_memory_that_is_not_there_is_told_as_such() -> None:
    torch_says = RuntimeError("[enforce fail at alloc_cpu.cpp:75] DefaultCPUAllocator: can't allocate memory: 12 bytes")
    onnx_says = RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 99")
    for error in (torch_says, onnx_says, MemoryError()):
        assert "not enough memory" in engines.cannot_run("torch", error).what
    assert "memory" not in engines.cannot_run("torch", RuntimeError("no kernel")).what


def test_a_kept_engine_that_is_broken_is_built_anew(onnx: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(onnx.parent / "cache"))
    monkeypatch.setenv("PATH", str(onnx.parent), prepend=":")
    put_trtexec(onnx.parent)
    engines.open_runner({"path": str(onnx)}, job("trtexec"))
    (kept,) = (onnx.parent / "cache").rglob("*.engine")
    kept.write_bytes(b"rubbish")
    runner, facts = engines.open_runner({"path": str(onnx)}, job("trtexec"))
    assert not facts["engine_cached"]
    assert len(runner(2)) == 2
