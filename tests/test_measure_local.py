"""Times of real nets on this machine; what they say of themselves, and what is put back."""

import dataclasses
import gc
import json
import platform
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path

import pytest
import torch

from rdslab.errors import RunError, SpecError, UnstableTime
from rdslab.measure import Plan, host, local, malloc, measure, tune_malloc
from rdslab.network import load_net
from rdslab.records import Size
from rdslab.times import Host, Times

SIZE = Size(64, 32)
QUICK = Plan(warm_up_s=0.0, runs=10, seconds=0.1)


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
        "warm_up": "",
        "runs": "",
    }
    assert times.device == "here"
    assert times.host == host()
    assert times.load is not None
    assert times.notes == ()
    assert json.loads(json.dumps(times.document()))["latency_ms"] == pytest.approx(4.0)


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

    monkeypatch.setattr(local, "build", spy)
    nets = {"a": load_net("rdsnet")}
    measure(nets, SIZE, 5, threads=2, layout="channels_last", precision="bf16", plan=QUICK)
    assert built == [True]
    assert set(seen) == {(False, True, True, torch.bfloat16, 2, (1, 3, 32, 64))}


def test_threads_and_what_else_was_set_are_put_back() -> None:
    torch.use_deterministic_algorithms(True)
    try:
        with local._quiet(2, torch.device("cpu")):
            assert (torch.get_num_threads(), gc.isenabled()) == (2, False)
            assert not torch.are_deterministic_algorithms_enabled()
        assert (torch.get_num_threads(), gc.isenabled()) == (1, True)
        assert torch.are_deterministic_algorithms_enabled()
        with pytest.raises(KeyboardInterrupt), local._quiet(2, torch.device("cpu")):
            raise KeyboardInterrupt
        assert (torch.get_num_threads(), gc.isenabled()) == (1, True)
    finally:
        torch.use_deterministic_algorithms(False)


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
    monkeypatch.setattr(local, "build", lambda net, classes: Moving(costs[net.name]))  # noqa: ARG005
    nets = {name: dataclasses.replace(load_net("rdsnet"), name=name) for name in costs}
    found = measure(nets, SIZE, 5, threads=1, clock=lambda: now[0], plan=QUICK)
    assert isinstance(found["even"], Times)
    assert isinstance(found["uneven"], UnstableTime)
    assert "is not a measurement" in str(found["uneven"])
    assert list(found) == ["even", "uneven"]


def test_a_net_that_cannot_run_is_said_in_words_and_the_others_are_timed(
    monkeypatch: pytest.MonkeyPatch, even_clock: Iterator[float]
) -> None:
    real = local.build

    def build(net, classes):  # type: ignore[no-untyped-def]
        if net.name == "big":
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 TB.\nmore")
        return real(net, classes)

    monkeypatch.setattr(local, "build", build)
    small = load_net("rdsnet")
    nets = {"big": dataclasses.replace(small, name="big"), "small": small}
    found = measure(nets, SIZE, 5, threads=1, clock=even_clock.__next__, plan=QUICK)
    assert isinstance(found["small"], Times)
    assert str(found["big"]).splitlines()[0] == "net 'big' at 64x32 needs more memory than there is"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"layout": "channel_last"}, "expected a layout of channels_first, channels_last, got 'channel_last'"),
        ({"precision": "fp23"}, "expected a precision of fp32, fp16, bf16, got 'fp23'"),
        ({"device_name": "their"}, "expected 'here', 'cpu' or 'cuda', got 'their'"),
        ({"threads": 0}, "threads must be >= 1, got 0"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_built(asked: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError) as error:
        measure({"a": load_net("rdsnet")}, SIZE, 5, **{"threads": 1, **asked})  # type: ignore[arg-type]
    assert error.value.what == words


def test_an_image_too_small_for_a_net_is_refused() -> None:
    with pytest.raises(SpecError, match="16x16 is too small for net 'rdsnet'"):
        measure({"a": load_net("rdsnet")}, Size(16, 16), 5, threads=1)


def test_cuda_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SpecError, match="this machine has no GPU that torch can use"):
        measure({}, SIZE, 5, threads=1, device_name="cuda")
    assert local._device("here") == torch.device("cpu")


def test_cuda_is_timed_by_events_that_wait_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            log.append("record")

        def synchronize(self) -> None:
            log.append("wait")

        def elapsed_time(self, end: "Event") -> float:
            assert end is not self
            return 3.5

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: log.append("idle"))
    timer = local._timer(torch.device("cuda"), None, None)
    assert timer(lambda: log.append("call")) == 3.5
    assert log == ["idle", "record", "call", "record", "wait"]


def test_a_host_says_what_decides_a_time_and_nothing_of_a_person() -> None:
    found = host()
    assert isinstance(found, Host)
    assert found.cpu
    assert found.cores >= 1
    assert found.memory_gb > 0
    assert {"python", "torch", "rdslab"} <= set(found.versions)
    assert found == host()
    assert platform.node() not in json.dumps(dataclasses.asdict(found)).replace(found.cpu, "")
    assert re.fullmatch(r"\S+( \d+(\.\d+)?)?( \S+)?", found.system)


FAULTS = """
import ctypes, json, resource, runpy, sys
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes, libc.memset.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
def faults(size=40 << 20, calls=5):
    for call in range(calls + 1):
        if call == 1:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        held = libc.malloc(size)
        libc.memset(held, 1, size)
        libc.free(held)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / calls
module = runpy.run_path(sys.argv[1])
print(json.dumps([faults(), module["tune_malloc"](), faults()]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="sets glibc's malloc; this system has another libc")
def test_malloc_keeps_the_memory_of_large_maps() -> None:
    command = [sys.executable, "-c", FAULTS, str(malloc.__file__)]
    before, words, after = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert before > 1000  # 10,240 pages of 4 kB
    assert after < 10
    assert words == "glibc: mmap from 1 GiB, no trim, top pad 256 MiB"


def test_a_preloaded_malloc_is_left_alone_and_named_without_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/home/somebody/libjemalloc.so.2")
    module = runpy.run_path(str(Path(malloc.__file__)))
    assert module["tune_malloc"]() == "default, with libjemalloc.so.2 preloaded"
