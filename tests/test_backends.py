"""What runs a network computes what the network computes, in the precision and with the parts it was asked for."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from rdslab.errors import RunError, SpecError
from rdslab.fold import fold, inference_form
from rdslab.measure import backends
from rdslab.measure.backends import BACKENDS, offered, onnx_graph, onnx_runtime, pytorch
from rdslab.measure.backends.answers import LARGEST, compared
from rdslab.measure.backends.onnx_graph import digest_of, graph_of
from rdslab.network import Network
from tests.backend_cases import CPU, IMAGE, network, opened


def engine(backend: str) -> object:
    marks = [pytest.mark.skipif(bool(offered(CPU)[backend]), reason=offered(CPU)[backend])]
    return pytest.param(backend, marks=marks)


every_engine = pytest.mark.parametrize("backend", [engine("torch"), engine("onnxruntime")])


@every_engine
@pytest.mark.parametrize("inside", ["network", "labels", "copies"])
@pytest.mark.parametrize("form", [inference_form, lambda net: fold(net).network], ids=["eager", "deployed"])
def test_a_runner_times_as_many_runs_as_it_is_told(
    backend: str, inside: str, form: Callable[[Network], Network]
) -> None:
    timed: list[object] = []

    def timer(call: Callable[[], object]) -> float:
        timed.append(call())
        return 2.5

    found = opened(form(network()), backend=backend, inside=inside, timer=timer)
    assert not timed  # what is run to try the network is not timed
    assert list(found.runner(3)) == [2.5, 2.5, 2.5]
    assert len(timed) == 3
    assert found.facts["difference"] < 1e-5
    assert found.facts["agreement"] == 1.0
    assert any("nothing to copy" in note for note in found.notes) == (inside == "copies")


@pytest.mark.parametrize(("precision", "least"), [("fp16", 1e-5), ("bf16", 1e-4)])
def test_half_precisions_are_computed_in_half(precision: str, least: float) -> None:
    found = opened(network(), precision=precision)
    assert least < found.facts["difference"] < LARGEST[precision]


def test_labels_are_bytes_of_the_largest_score() -> None:
    net = network()
    with torch.inference_mode():
        scores = net(IMAGE)
        labels = pytorch.Labelled(net)(IMAGE)
        wide = pytorch.Labelled(nn.Conv2d(3, 300, 1))(IMAGE)
    assert labels.dtype == torch.uint8
    assert torch.equal(labels.long(), scores.argmax(1))
    assert wide.dtype == torch.int32


def test_every_run_of_torch_is_in_the_layout_asked_for() -> None:
    seen: set[tuple[bool, bool]] = set()
    module = nn.Conv2d(3, 5, 3, padding=1)
    module.register_forward_pre_hook(
        lambda _, given: seen.add(
            (given[0].is_contiguous(memory_format=torch.channels_last), torch.is_inference_mode_enabled())
        )
    )
    found = opened(module, layout="channels_last")
    seen.clear()  # the comparison is with the network as it was
    found.runner(2)
    assert seen == {(True, True)}


class Off(nn.Module):
    """A convolution whose answer is another one after the first call."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.change, self.calls = nn.Conv2d(3, 5, 1), change, 0

    def forward(self, image: Tensor) -> Tensor:
        self.calls += 1
        scores: Tensor = self.conv(image)
        return self.change(scores) if self.calls > 1 else scores


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda scores: scores + 0.01 * scores.abs().max(), "1.0e-02 of the scores' scale off the net's"),
        (lambda scores: scores * float("nan"), "nan of the scores' scale"),
        (lambda scores: scores[:, :, ::2], r"answers \(1, 5, 24, 64\) where the net answers \(1, 5, 48, 64\)"),
    ],
)
def test_what_computes_something_else_is_refused(change: Callable[[Tensor], Tensor], words: str) -> None:
    with pytest.raises(RunError, match=words):
        opened(Off(change))


def test_labels_are_judged_by_how_far_their_class_is_behind() -> None:
    scores = torch.tensor([[1.0, 0.0], [0.99999, 1.0]]).view(1, 2, 1, 2)
    near = compared(torch.tensor([[[1, 1]]], dtype=torch.uint8), scores, "fp32")
    assert near["difference"] == pytest.approx(1e-5, rel=0.01)
    assert near["agreement"] == 0.5
    with pytest.raises(RunError, match="off the net's"):
        compared(torch.tensor([[[0, 0]]], dtype=torch.uint8), scores, "fp32")


def test_a_wider_difference_is_allowed_to_half_precisions() -> None:
    scores = torch.randn(1, 3, 4, 4)
    off = scores + 0.01 * scores.abs().max()
    assert compared(off, scores, "fp16")["difference"] == pytest.approx(0.01, rel=1e-3)
    with pytest.raises(RunError, match="rounding explains"):
        compared(off, scores, "fp32")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"backend": "onnx"}, "expected a backend of torch, compile"),
        ({"precision": "fp23"}, "expected a precision of fp32, fp16, bf16, int8, got 'fp23'"),
        ({"layout": "nhwc"}, "expected a layout of channels_first, channels_last, got 'nhwc'"),
        ({"inside": "all"}, "expected inside to be one of network, labels, copies, got 'all'"),
        ({"threads": 0}, "threads must be >= 1, got 0"),
        ({"precision": "int8"}, "backend 'torch' has no int8 on a CPU; it has fp32, fp16, bf16"),
        ({"backend": "onnxruntime", "precision": "fp16"}, "backend 'onnxruntime' has no fp16 on a CPU; it has fp32"),
        ({"backend": "onnxruntime", "layout": "channels_last"}, "lays maps out as it likes"),
        ({"backend": "cuda_graph"}, "backend 'cuda_graph' needs a GPU that torch can use"),
        ({"backend": "tensorrt", "precision": "int8"}, "int8 needs a calibration set of real images"),
    ],
)
def test_what_there_is_not_is_refused_before_the_network_runs(asked: dict[str, object], words: str) -> None:
    class Never(nn.Module):
        def forward(self, _: Tensor) -> Tensor:
            raise AssertionError

    with pytest.raises(SpecError, match=words):
        opened(Never(), **asked)


def test_a_refusal_names_what_there_is() -> None:
    with pytest.raises(SpecError) as caught:
        opened(network(), precision="int8")
    assert caught.value.hints == ("int8 is there with tensorrt",)
    with pytest.raises(SpecError) as caught:
        opened(network(), backend="cuda_graph")
    assert "torch" in caught.value.hints[0]
    assert "cuda_graph" not in caught.value.hints[0]


def test_a_net_that_needs_too_much_memory_is_said_in_words() -> None:
    class Huge(nn.Module):
        def forward(self, _: Tensor) -> Tensor:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 TB.\nmore")

    with pytest.raises(RunError, match="net Huge at 64x48 needs more memory than there is"):
        opened(Huge())


def test_a_net_that_cannot_be_exported_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise RunError("torch cannot export this net", "a hint")

    monkeypatch.setattr(onnx_runtime, "graph_of", refuse)
    monkeypatch.setattr(onnx_runtime, "lacks", lambda _: "")
    with pytest.raises(RunError) as caught:
        opened(network(), backend="onnxruntime")
    said = caught.value.what
    assert said == "net 'rdsnet' cannot run here (onnxruntime, fp32, channels_first): torch cannot export this net"
    assert caught.value.hints == ("a hint",)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr(onnx_runtime, "find_spec", lambda _: None)
    monkeypatch.setattr(backends, "find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    monkeypatch.delenv("CXX", raising=False)
    found = offered(CPU)
    assert list(found) == list(BACKENDS)
    assert found["torch"] == ""
    assert found["compile"] == "needs a C++ compiler on the PATH: g++ or clang++"
    assert found["onnxruntime"].startswith("needs onnx and onnxscript and onnxruntime: pip install")
    assert offered(torch.device("cuda"))["compile"].startswith("needs triton")


def test_the_file_that_is_timed_is_told_by_its_hash() -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra `deploy`")
    net = network()
    found = opened(net, backend="onnxruntime", inside="labels")
    assert found.facts["providers"] == ["CPUExecutionProvider"]
    assert found.facts["sha256"] == digest_of(graph_of(net, IMAGE, labels=True))
    assert len(found.facts["sha256"]) == 64


def test_an_engines_own_folding_is_said_of_a_net_with_batch_norms() -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra `deploy`")
    assert opened(network(), backend="onnxruntime").notes == (onnx_graph.FOLDS,)
    assert opened(nn.Conv2d(3, 5, 3, padding=1), backend="onnxruntime").notes == ()
