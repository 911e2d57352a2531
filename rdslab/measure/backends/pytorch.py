"""torch as it is, compiled, and as a CUDA graph. Shapes: k classes, h w rows and columns."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rdslab.errors import RunError
from rdslab.measure.agent.clock import Call, timed
from rdslab.measure.backends.request import Ready, Request

Forward = Callable[[Tensor], Tensor]
WARM_UP = 3  # runs before a graph is captured, in which cuDNN chooses its algorithms and takes its memory


class Labelled(nn.Module):
    """A network and the class with the largest score at each pixel: 1 3 h w in, 1 h w out, a byte for up to 256."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        scores: Tensor = self.network(image)
        return scores.argmax(1).to(torch.uint8 if scores.shape[1] <= 256 else torch.int32)


@dataclass(frozen=True)
class Placed:
    """A network where it is to run, with its image there and in the CPU's memory."""

    module: nn.Module
    image: Tensor
    host: Tensor


def eager(request: Request) -> Ready:
    """The network as torch runs it, operator by operator."""
    placed = _placed(request)
    return _ready(request, placed, placed.module)


def compiled(request: Request) -> Ready:
    """The network through torch.compile for this one shape; compiled before anything is timed."""
    from torch._dynamo.utils import counters

    placed = _placed(request)
    before = counters["stats"]["unique_graphs"]
    start = time.perf_counter()
    with _compiling():
        forward = torch.compile(placed.module, dynamic=False)
        ready = _ready(request, placed, forward)
    seconds, graphs = round(time.perf_counter() - start, 2), counters["stats"]["unique_graphs"] - before
    if not graphs:
        raise RunError("torch.compile gave the net back as it was", "time it with the backend 'torch'")
    broken = (f"torch.compile broke it into {graphs} graphs",) if graphs > 1 else ()
    return Ready(ready.runner, ready.answer, {"compile_s": seconds, "graphs": graphs}, (*ready.notes, *broken))


def cuda_graph(request: Request) -> Ready:
    """The network's kernels recorded once and replayed, so that no time goes into launching them one by one."""
    placed = _placed(request)
    side, current = torch.cuda.Stream(), torch.cuda.current_stream()  # type: ignore[no-untyped-call]
    side.wait_stream(current)
    graph = torch.cuda.CUDAGraph()
    with torch.inference_mode():
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                placed.module(placed.image)
        current.wait_stream(side)
        with torch.cuda.graph(graph):
            out: Tensor = placed.module(placed.image)

    def replay(image: Tensor) -> Tensor:
        assert image is placed.image, "a graph reads what it was recorded with"
        graph.replay()
        return out

    return _ready(request, placed, replay)


def _placed(request: Request) -> Placed:
    device, dtype = request.device, request.dtype
    module = request.network if request.inside == "network" else Labelled(request.network)
    module = module.eval().to(device, dtype)
    module = module.to(memory_format=request.memory_format)  # type: ignore[call-overload]  # torch's stubs lack it
    host = request.image.to(dtype).contiguous(memory_format=request.memory_format)
    image = host.to(device)
    return Placed(module, image, host.pin_memory() if device.type == "cuda" else host)


def _ready(request: Request, placed: Placed, forward: Forward) -> Ready:
    """Run it once, so that what cannot run fails before anything is timed."""
    with torch.inference_mode():
        answer = forward(placed.image).cpu()
    if request.copies:
        call = _with_copies(forward, placed, torch.empty_like(answer).pin_memory())
    else:
        call = _alone(forward, placed.image)
    call()
    return Ready(timed(call, request.timer), answer, notes=request.remarks)


def _alone(forward: Forward, image: Tensor) -> Call:
    def call() -> object:
        with torch.inference_mode():
            return forward(image)

    return call


def _with_copies(forward: Forward, placed: Placed, back: Tensor) -> Call:
    """Image from pinned memory to the device, the network, labels back into pinned memory, all on one stream."""

    def call() -> object:
        with torch.inference_mode():
            placed.image.copy_(placed.host, non_blocking=True)
            return back.copy_(forward(placed.image), non_blocking=True)

    return call


@contextmanager
def _compiling() -> Iterator[None]:
    """Room for any number of nets: they share the code of one `forward`, and torch gives up on it after eight.

    Nothing is reset, since that would throw away what was compiled for the nets that are timed in turn with this one.
    """
    import torch._dynamo

    config: Any = torch._dynamo.config
    with warnings.catch_warnings(), config.patch(recompile_limit=1 << 20, accumulated_recompile_limit=1 << 20):
        warnings.simplefilter("ignore")  # on what torch's own modules still import
        yield
