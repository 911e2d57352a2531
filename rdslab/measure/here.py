"""The machine at hand as a place to time on: its device, its timer, and what is set while nets are timed."""

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import torch

from rdslab.errors import SpecError, did_you_mean
from rdslab.measure.agent.clock import Call, Timer, WallTimer
from rdslab.measure.host import host
from rdslab.times import Host

HERE = "here"
NAMES = (HERE, "cpu", "cuda")


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


def device_of(name: str) -> torch.device:
    """The device for "here", "cpu" or "cuda". Raises SpecError for others, and for CUDA where there is none."""
    if name not in NAMES:
        raise SpecError(f"expected 'here', 'cpu' or 'cuda', got {name!r}", did_you_mean(name, NAMES))
    if name == "cuda" and not torch.cuda.is_available():
        raise SpecError("this machine has no GPU that torch can use", "measure on 'here' or 'cpu'")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def timer_of(device: torch.device, clock: Callable[[], float] | None, sync: Callable[[], object] | None) -> Timer:
    """CUDA events or the wall's clock; with a clock of one's own, that."""
    if device.type == "cuda" and clock is None:
        return EventTimer()
    wait = sync or (torch.cuda.synchronize if device.type == "cuda" else int)
    return WallTimer(clock, wait) if clock else WallTimer(sync=wait)


def host_of(device: torch.device) -> Host:
    """The host; a GPU that took no part is not said."""
    return host() if device.type == "cuda" else replace(host(), gpu="")


def card_of(device: torch.device) -> str:
    """The UUID of the device's graphics card, as NVIDIA's tools know it; "" where it is none."""
    if device.type != "cuda":
        return ""
    known = getattr(torch.cuda.get_device_properties(torch.cuda.current_device()), "uuid", None)
    return f"GPU-{known}" if known else "0"


@contextmanager
def quiet(threads: int, device: torch.device) -> Iterator[None]:
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
