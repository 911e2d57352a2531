"""Backends on a GPU: what can be tried of them without one, and on a GPU all of them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rdslab.errors import RunError, SpecError
from rdslab.measure.agent import engines
from rdslab.measure.agent.clock import WallTimer
from rdslab.measure.backends import offered, onnx_runtime, pytorch
from rdslab.measure.backends.answers import LARGEST, compared
from rdslab.measure.backends.onnx_graph import graph_of
from rdslab.measure.backends.request import Request
from tests.backend_cases import CPU, CUDA, IMAGE, USUAL, network, opened


def request(net: nn.Module, device: torch.device = CPU, **asked: Any) -> Request:
    return Request(net, IMAGE, device, threads=1, timer=WallTimer(), **{**USUAL, **asked})


class Stream:
    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def wait_stream(self, other: "Stream") -> None:
        self.log.append(f"{self.name} waits for {other.name}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a CUDA graph is asked to do, in order; recording and side streams run on the CPU."""
    said: list[str] = []

    class Graph:
        def replay(self) -> None:
            said.append("replay")

    @contextmanager
    def inside(what: str) -> Iterator[None]:
        said.append(f"{what} begins")
        yield
        said.append(f"{what} ends")

    main = Stream("main", said)
    monkeypatch.setattr(torch.cuda, "Stream", lambda: Stream("side", said))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: main)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: inside(stream.name))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda _: inside("recording"))
    return said


def test_a_graph_is_recorded_once_after_a_warm_up_and_then_only_replayed(log: list[str]) -> None:
    module = nn.Conv2d(3, 5, 1)
    module.register_forward_pre_hook(lambda *_: log.append("run"))
    ready = pytorch.cuda_graph(request(module))
    start = ["side waits for main", "side begins", *["run"] * 3, "side ends", "main waits for side"]
    assert log[:10] == [*start, "recording begins", "run", "recording ends"]
    log.clear()
    assert len(ready.runner(3)) == 3
    assert log == ["replay"] * 3
    with torch.inference_mode():
        torch.testing.assert_close(ready.answer, module(IMAGE))


def test_copies_go_through_the_same_image_and_back() -> None:
    module = pytorch.Labelled(nn.Conv2d(3, 5, 1))
    on_device, back = torch.zeros_like(IMAGE), torch.empty(1, 48, 64, dtype=torch.uint8)
    pytorch._with_copies(module, pytorch.Placed(module, on_device, IMAGE), back)()
    with torch.inference_mode():
        assert torch.equal(back, module(IMAGE))
    assert torch.equal(on_device, IMAGE)


def test_a_provider_that_silently_falls_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Session:
        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    asked: list[Any] = []

    def session(*given: Any) -> Session:
        asked.extend(given[2])
        return Session()

    monkeypatch.setattr(onnx_runtime, "graph_of", lambda *_: b"")
    monkeypatch.setattr(onnx_runtime, "onnx_session", session)
    with pytest.raises(RunError, match="ONNX Runtime could not use CUDAExecutionProvider"):
        onnx_runtime.plain(request(network(), CUDA, backend="onnxruntime"))
    assert asked == [("CUDAExecutionProvider", {"use_tf32": "0"}), ("CPUExecutionProvider", {})]


def test_engines_of_onnx_runtimes_tensorrt_are_kept_in_the_users_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    asked: list[Any] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(onnx_runtime, "_ready", lambda *given: asked.extend(given[1:]))
    onnx_runtime.through_tensorrt(request(network(), CUDA, precision="fp16"))
    assert [name for name, _ in asked[0]] == [f"{who}ExecutionProvider" for who in ("Tensorrt", "CUDA", "CPU")]
    assert asked[0][0][1] == {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(tmp_path / "rdslab" / "onnxruntime"),
        "trt_fp16_enable": "1",
    }
    assert (tmp_path / "rdslab" / "onnxruntime").is_dir()


@pytest.mark.parametrize("labels", [False, True])
def test_the_half_graph_computes_what_the_network_does(labels: bool) -> None:
    """Its own provider is CUDA's; the CPU's computes it too, by casting around each operator."""
    pytest.importorskip("onnxruntime", reason="needs the extra `deploy`")
    net, half = network(), IMAGE.half()
    with torch.inference_mode():
        scores = net(IMAGE)
    content = graph_of(net.half(), half, labels)
    session = engines.onnx_session(content, 1, [(engines.CPU, {})])
    assert session.get_inputs()[0].type == "tensor(float16)"
    for copies in (False, True):
        call, answer = engines.onnx_call(session, half.numpy(), on_gpu=False, copies=copies)
        call()
        assert answer().dtype == (np.uint8 if labels else np.float16)
        assert compared(torch.from_numpy(answer()), scores, "fp16")["difference"] < LARGEST["fp16"]


def test_what_a_gpu_machine_lacks_is_said() -> None:
    found = offered(CUDA)
    assert found["cuda_graph"] == ""
    if found["onnxruntime"]:
        assert re.search(r"CUDAExecutionProvider|needs onnx", found["onnxruntime"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")
@pytest.mark.parametrize("inside", ["network", "labels", "copies"])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("backend", ["torch", "cuda_graph", "onnxruntime", "onnxruntime_tensorrt"])
def test_backends_answer_on_a_gpu(backend: str, precision: str, inside: str) -> None:
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False)
    with flags if torch.backends.cudnn.is_available() else nullcontext():
        try:
            found = opened(network(), backend=backend, precision=precision, inside=inside, device=CUDA)
        except SpecError as error:
            pytest.skip(str(error))
        assert len(found.runner(3)) == 3
        assert found.facts["difference"] < 2 * LARGEST[precision]
