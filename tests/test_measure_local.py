"""Times of real nets on this machine; what they say of themselves, and what is put back."""

import dataclasses
import json
from collections.abc import Iterator
from itertools import count, cycle

import pytest
import torch

from rdslab.errors import RunError, SpecError, UnstableTime
from rdslab.fold import fold
from rdslab.measure import Plan, given, host, local, measure, tune_malloc
from rdslab.network import load_net
from rdslab.records import Size
from rdslab.times import Times

SIZE = Size(64, 32)
QUICK = Plan(warm_up_s=0.0, runs=10, seconds=0.1)
ROUGH = QUICK._replace(spread=1e9, drift=1e9, busy=1e9)  # for the real clock: no test depends on how even it runs


@pytest.fixture
def even_clock() -> Iterator[float]:
    """A clock that moves by 4 ms whenever it is looked at."""
    return (0.004 * n for n in count())


def one(found: dict[str, Times | RunError]) -> Times:
    (times,) = found.values()
    assert isinstance(times, Times)
    return times


def test_a_time_carries_runs_protocol_host_and_load(even_clock: Iterator[float]) -> None:
    net = load_net("rdsnet")
    times = one(measure({"a": net}, SIZE, 11, threads=1, clock=even_clock.__next__, plan=QUICK))
    assert not times.predicted
    assert times.runs_ms == pytest.approx([4.0] * 10)
    assert (times.latency_ms, times.low_ms, times.high_ms) == pytest.approx((4.0, 4.0, 4.0))
    assert dataclasses.asdict(times.protocol) == {
        "size": "64x32",
        "classes": 11,
        "batch": 1,
        "precision": "fp32",
        "backend": "torch",
        "threads": 1,
        "layout": "channels_first",
        "inside": "network",
        "form": "eager",
        "allocator": tune_malloc(),
        "warm_up": "running median of 5 flat to 3 %, 0 s at least",
        "runs": "10 or 0.1 s in 5 blocks at least",
    }
    assert times.device == "here"
    assert times.host == host()
    assert times.load is not None
    assert times.notes == ()
    assert times.block_runs == (2, 2, 2, 2, 2)
    assert json.loads(json.dumps(times.document()))["latency_ms"] == pytest.approx(4.0)


def test_a_time_carries_what_the_machine_was_and_did(even_clock: Iterator[float]) -> None:
    net = load_net("rdsnet")
    times = one(measure({"a": net}, SIZE, 11, threads=1, clock=even_clock.__next__, plan=QUICK, busy=lambda: 0.02))
    found = json.loads(json.dumps(times.certificate))
    assert isinstance(found["certified"], bool)
    assert found["certified"] == (not found["reasons"])
    assert found["facts"]["cpu"] == host().cpu
    assert found["facts"]["versions"] == host().versions
    assert {"before", "during", "after", "throttled", "power_w"} <= set(found)
    outcome = found["outcome"]
    assert outcome["sentinel_ms"] == pytest.approx([4.0] * len(outcome["sentinel_ms"]))
    assert len(outcome["sentinel_ms"]) > len(times.block_runs)
    assert (outcome["repeated"], outcome["busy"], outcome["words"]) == (0, 0.02, [])
    assert outcome["drift"] == pytest.approx(0.0)
    assert found["engine"]["difference"] <= 1e-3
    assert (times.energy_mj is None) == bool(found["no_energy"])


def test_the_deployment_form_is_the_folded_network(
    monkeypatch: pytest.MonkeyPatch, even_clock: Iterator[float]
) -> None:
    folded: list[int] = []

    def spy(network):  # type: ignore[no-untyped-def]
        found = fold(network)
        folded.append(len(found.into))
        return found

    monkeypatch.setattr(given, "fold", spy)
    net = load_net("rdsnet")
    eager = one(measure({"a": net}, SIZE, 5, threads=1, clock=even_clock.__next__, plan=QUICK))
    assert folded == []
    times = one(
        measure({"a": net}, SIZE, 5, threads=1, clock=even_clock.__next__, plan=QUICK, form="deployed", inside="labels")
    )
    assert folded[0] > 0
    assert (eager.protocol.form, times.protocol.form, times.protocol.inside) == ("eager", "deployed", "labels")


def test_onnx_runtime_is_timed_in_its_own_words(even_clock: Iterator[float]) -> None:
    pytest.importorskip("onnxruntime")
    net = load_net("rdsnet")
    times = one(measure({"a": net}, SIZE, 5, threads=1, clock=even_clock.__next__, plan=QUICK, backend="onnxruntime"))
    assert times.protocol.backend == "onnxruntime"
    assert times.certificate is not None
    version = times.certificate["engine"]["onnxruntime"]
    assert times.certificate["facts"]["versions"]["onnxruntime"] == version


def test_a_machine_on_which_others_work_is_refused_for_every_net(even_clock: Iterator[float]) -> None:
    nets = dict.fromkeys("ab", load_net("rdsnet"))
    plan = QUICK._replace(patience_s=1.0, busy_share=0.0)
    found = measure(nets, SIZE, 5, threads=1, clock=even_clock.__next__, plan=plan, busy=lambda: 1.97)
    assert [type(error) for error in found.values()] == [UnstableTime, UnstableTime]
    assert "other processes used up to 1.97 cores" in str(found["b"])


def test_energy_is_told_where_the_machine_tells_its_power(
    monkeypatch: pytest.MonkeyPatch, even_clock: Iterator[float]
) -> None:
    monkeypatch.setattr(local.Monitor, "energy", lambda _, runner, each_ms: (each_ms * len(runner(2)), ""))
    times = one(measure({"a": load_net("rdsnet")}, SIZE, 5, threads=1, clock=even_clock.__next__, plan=QUICK))
    assert times.energy_mj == pytest.approx(8.0)
    assert times.certificate is not None
    assert times.certificate["no_energy"] == ""


def test_what_is_timed_is_the_inference_form_in_the_layout_and_precision_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[bool, bool, bool, torch.dtype, int, tuple[int, ...]]] = []
    built: list[bool] = []

    def spy(net, classes):  # type: ignore[no-untyped-def]
        built.append(all(not node.options.get("dropout") for node in net.nodes))
        module = torch.nn.Conv2d(3, classes, 3, padding=1)

        def look(m, args):  # type: ignore[no-untyped-def]
            last = args[0].is_contiguous(memory_format=torch.channels_last)
            mode = torch.is_inference_mode_enabled()
            seen.append((m.training, mode, last, args[0].dtype, torch.get_num_threads(), tuple(args[0].shape)))

        module.register_forward_pre_hook(look)
        return module

    monkeypatch.setattr(given, "build", spy)
    nets = {"a": load_net("rdsnet")}
    found = measure(nets, SIZE, 5, threads=2, layout="channels_last", precision="bf16", plan=ROUGH)
    assert isinstance(found["a"], Times)
    assert built == [True]
    reference, *timed = dict.fromkeys(seen)
    assert reference == (False, True, False, torch.float32, 2, (1, 3, 32, 64))  # what its answer is held against
    assert timed == [(False, True, True, torch.bfloat16, 2, (1, 3, 32, 64))]


def test_an_unstable_net_is_refused_and_does_not_take_the_others_along(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    class Moving(torch.nn.Module):
        """Moves the clock by the milliseconds it is given in turn."""

        def __init__(self, each_ms: tuple[float, ...]) -> None:
            super().__init__()
            self.each_ms = cycle(each_ms)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            now[0] += next(self.each_ms) / 1e3
            return image

    costs = {"even": (4.0,), "uneven": (4.0, 8.0, 6.0)}
    monkeypatch.setattr(given, "build", lambda net, classes: Moving(costs[net.name]))  # noqa: ARG005
    nets = {name: dataclasses.replace(load_net("rdsnet"), name=name) for name in costs}
    found = measure(nets, SIZE, 5, threads=1, clock=lambda: now[0], plan=QUICK)
    assert isinstance(found["even"], Times)
    assert isinstance(found["uneven"], UnstableTime)
    assert "is not a measurement" in str(found["uneven"])
    assert list(found) == ["even", "uneven"]


def test_a_net_that_cannot_run_is_said_in_words_and_the_others_are_timed(
    monkeypatch: pytest.MonkeyPatch, even_clock: Iterator[float]
) -> None:
    real = given.build

    def build(net, classes):  # type: ignore[no-untyped-def]
        if net.name == "big":
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 TB.\nmore")
        return real(net, classes)

    monkeypatch.setattr(given, "build", build)
    small = load_net("rdsnet")
    nets = {"big": dataclasses.replace(small, name="big"), "small": small}
    found = measure(nets, SIZE, 5, threads=1, clock=even_clock.__next__, plan=QUICK)
    assert isinstance(found["small"], Times)
    assert str(found["big"]).splitlines()[0] == "net 'big' at 64x32 needs more memory than there is"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"layout": "channel_last"}, "expected a layout of channels_first, channels_last, got 'channel_last'"),
        ({"precision": "fp23"}, "expected a precision of fp32, fp16, bf16, int8, got 'fp23'"),
        ({"device_name": "their"}, "expected 'here', 'cpu' or 'cuda', got 'their'"),
        ({"threads": 0}, "threads must be >= 1, got 0"),
        (
            {"backend": "onnx"},
            "expected a backend of torch, compile, cuda_graph, onnxruntime, onnxruntime_tensorrt, tensorrt, got 'onnx'",
        ),
        ({"form": "deploy"}, "expected a form of eager, deployed, got 'deploy'"),
        ({"inside": "copy"}, "expected inside to be one of network, labels, copies, got 'copy'"),
        ({"backend": "onnxruntime", "precision": "bf16"}, "backend 'onnxruntime' has no bf16 on a CPU; it has fp32"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_built(
    asked: dict[str, object], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given, "build", lambda *_: pytest.fail("built"))
    with pytest.raises(SpecError) as error:
        measure({"a": load_net("rdsnet")}, SIZE, 5, **{"threads": 1, **asked})  # type: ignore[arg-type]
    assert error.value.what == words


def test_an_image_too_small_for_a_net_is_refused() -> None:
    with pytest.raises(SpecError, match="16x16 is too small for net 'rdsnet'"):
        measure({"a": load_net("rdsnet")}, Size(16, 16), 5, threads=1)
