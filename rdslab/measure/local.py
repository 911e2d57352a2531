"""Latency measured on this machine, CPU or CUDA."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from rdslab.errors import RunError, SpecError, UnstableTime, did_you_mean
from rdslab.measure.host import host, load
from rdslab.measure.malloc import tune_malloc
from rdslab.measure.stopwatch import PLAN, Call, Plan, Runs, Timer, WallTimer, interleave, steady
from rdslab.network import build, check_size
from rdslab.records import Size
from rdslab.spec import Net
from rdslab.times import Host, Protocol, Times

T = TypeVar("T")

HERE = "here"
PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
LAYOUTS = {"channels_first": torch.contiguous_format, "channels_last": torch.channels_last}


@dataclass(frozen=True)
class EventTimer:
    """Time by CUDA events on the current stream: from when the GPU reaches the call to when it has done it."""

    def __call__(self, call: Call) -> float:
        torch.cuda.synchronize()  # or a call's time would hold what the one before it left in the queue
        start, end = _event(), _event()
        start.record()
        call()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end))


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


def measure(
    nets: Mapping[str, Net],
    size: Size,
    classes: int,
    *,
    threads: int,
    layout: str = "channels_first",
    precision: str = "fp32",
    device_name: str = HERE,
    clock: Callable[[], float] | None = None,
    sync: Callable[[], object] | None = None,
    plan: Plan = PLAN,
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Times | RunError]:
    """The latency of the nets' inference form at one random image of `size`, interleaved; ms by the mapping's names.

    Inside the timer is the network alone, from an image on the device to the logits, eager, in inference mode.
    `device_name` is "here" (CUDA where there is a GPU, else the CPU), "cpu" or "cuda". Without a clock, CUDA is timed
    by events, the CPU by `time.perf_counter`. On CUDA cuDNN chooses its algorithms by trial, and fp32 is not TF32.
    In place of a time stands UnstableTime where the runs do not agree, and RunError where a net cannot run, say for
    want of memory. Raises SpecError for a wrong request. Whoever calls holds `machine_lock("measure")`.
    """
    device = _device(device_name)
    dtype, memory_format = _choice("precision", precision, PRECISIONS), _choice("layout", layout, LAYOUTS)
    for net in nets.values():
        check_size(net, size)
    protocol = _protocol(size, classes, threads, layout, precision)
    here, before = _host_of(device), load()
    image = _image(size).to(device, dtype).contiguous(memory_format=memory_format)
    calls: dict[str, Call] = {}
    refused: dict[str, RunError] = {}
    with _quiet(threads, device):
        for name, net in nets.items():
            try:
                calls[name] = _call(net, classes, image, memory_format)
            except RuntimeError as error:  # torch.OutOfMemoryError is one
                refused[name] = _cannot_run(net, protocol, error)
        found = interleave(calls, _timer(device, clock, sync), plan, progress) if calls else {}
    times = {name: _times(runs, plan, device_name, protocol, here, before) for name, runs in found.items()}
    return {name: refused.get(name) or times[name] for name in nets}


def _image(size: Size) -> Tensor:
    return torch.rand(1, 3, size.height, size.width, generator=torch.Generator().manual_seed(0))


def _protocol(size: Size, classes: int, threads: int, layout: str, precision: str) -> Protocol:
    if threads < 1:
        raise SpecError(f"threads must be >= 1, got {threads}")
    return Protocol(
        size=str(size),
        classes=classes,
        batch=1,
        precision=precision,
        backend="torch",
        threads=threads,
        layout=layout,
        inside="network",
        form="eager",
        allocator=tune_malloc(),
    )


def _call(net: Net, classes: int, image: Tensor, memory_format: torch.memory_format) -> Call:
    """One forward pass; tried once, so that what cannot run fails before anything is timed."""
    module = build(net.inference(), classes).eval()
    module = module.to(image.device, image.dtype)
    module = module.to(memory_format=memory_format)  # type: ignore[call-overload]  # torch's stubs lack it

    def call() -> object:
        with torch.inference_mode():
            return module(image)

    call()
    return call


def _times(
    runs: Runs, plan: Plan, device_name: str, protocol: Protocol, here: Host, before: float | None
) -> Times | RunError:
    try:
        low, median, high = steady(runs.runs_ms, plan)
    except UnstableTime as error:
        return error
    flat = () if runs.flat else (f"after {len(runs.warm_up_ms)} runs the warm-up was not flat",)
    return Times(device_name, False, runs.runs_ms, median, low, high, protocol, here, flat, before)


def _cannot_run(net: Net, protocol: Protocol, error: RuntimeError) -> RunError:
    reason = str(error).strip().partition("\n")[0]
    how = f"{protocol.precision}, {protocol.layout}"
    if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in reason:
        return RunError(f"net {net.name!r} at {protocol.size} needs more memory than there is", "try a smaller size")
    return RunError(f"net {net.name!r} cannot run here ({how}): {reason}")


@contextmanager
def _quiet(threads: int, device: torch.device) -> Iterator[None]:
    """Set what disturbs or decides a time, and put everything back afterwards."""
    before = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    collecting = gc.isenabled()
    gc.collect()
    try:
        with ExitStack() as flags:
            if device.type == "cuda":
                flags.enter_context(torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False))
            torch.use_deterministic_algorithms(False)  # it fills fresh memory with NaN, and that takes time
            torch.set_num_threads(threads)
            gc.disable()
            yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        if collecting:
            gc.enable()


def _timer(device: torch.device, clock: Callable[[], float] | None, sync: Callable[[], object] | None) -> Timer:
    if device.type == "cuda" and clock is None:
        return EventTimer()
    wait = sync or (torch.cuda.synchronize if device.type == "cuda" else int)
    return WallTimer(clock, wait) if clock else WallTimer(sync=wait)


def _device(name: str) -> torch.device:
    if name not in (HERE, "cpu", "cuda"):
        raise SpecError(f"expected 'here', 'cpu' or 'cuda', got {name!r}", did_you_mean(name, (HERE, "cpu", "cuda")))
    if name == "cuda" and not torch.cuda.is_available():
        raise SpecError("this machine has no GPU that torch can use", "measure on 'here' or 'cpu'")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def _host_of(device: torch.device) -> Host:
    return host() if device.type == "cuda" else replace(host(), gpu="")  # a GPU that took no part is not said


def _choice(what: str, name: str, choices: Mapping[str, T]) -> T:
    if name not in choices:
        raise SpecError(f"expected a {what} of {', '.join(choices)}, got {name!r}", did_you_mean(name, choices))
    return choices[name]
