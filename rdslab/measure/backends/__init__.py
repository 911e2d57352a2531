"""Ways to run a network on this machine, all behind one small interface: `open_backend`."""

import gc
import os
import shutil
from collections.abc import Callable, Mapping
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from rdslab.errors import RunError, SpecError
from rdslab.measure.agent.clock import Timer
from rdslab.measure.backends import onnx_runtime, pytorch, tensorrt
from rdslab.measure.backends.answers import compared
from rdslab.measure.backends.request import BACKENDS, INSIDE, LAYOUTS, PRECISIONS, Opened, Ready, Request, check_words
from rdslab.measure.calibration import Calibration

__all__ = ["BACKENDS", "INSIDE", "LAYOUTS", "PRECISIONS", "Calibration", "Opened", "offered", "open_backend", "release"]

OPENERS: Mapping[str, Callable[[Request], Ready]] = {
    "torch": pytorch.eager,
    "compile": pytorch.compiled,
    "cuda_graph": pytorch.cuda_graph,
    "onnxruntime": onnx_runtime.plain,
    "onnxruntime_tensorrt": onnx_runtime.through_tensorrt,
    "tensorrt": tensorrt.engine,
}


def open_backend(
    network: nn.Module,
    image: Tensor,
    *,
    backend: str,
    precision: str,
    layout: str,
    threads: int,
    inside: str,
    timer: Timer,
    device: torch.device | None = None,
    calibration: Calibration | None = None,
) -> Opened:
    """A runner of the network at this image (1 3 h w, fp32, on the CPU), tried once and held against the network.

    The network (fp32, on the CPU, in its inference form, folded or not) is taken over: it may be moved and cast.
    `inside` the timer is the network; with `labels` also the argmax over classes, to a byte a pixel; with `copies`
    also the image's way to the device and that of the labels back. `device` is the CPU if it is not given.

    Raises SpecError for a combination that there is not, with those that there are, and RunError where the net cannot
    run in it, needs more memory than there is, or where its answer is not the network's.
    """
    device = device or torch.device("cpu")
    request = Request(network.eval(), image, device, backend, precision, layout, threads, inside, timer, calibration)
    check_words(request)
    there = offered(device)
    if there[backend]:
        usable = ", ".join(name for name, lack in there.items() if not lack)
        raise SpecError(f"backend {backend!r} {there[backend]}", f"there are: {usable}")
    try:
        with torch.inference_mode():
            scores = network(image)
        ready = OPENERS[backend](request)
        facts = {**ready.facts, **compared(ready.answer, scores, precision)}
    except RunError as error:
        raise RunError(f"net {request.name} cannot run here ({_how(request)}): {error.what}", *error.hints) from error
    except RuntimeError as error:  # torch.OutOfMemoryError is one, and so are those of the compiler
        raise _cannot_run(request, error) from error
    return Opened(ready.runner, facts, ready.notes)


def release() -> None:
    """Forget what was compiled and give GPU memory back: to be called when the nets measured together are done."""
    torch.compiler.reset()
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()


def offered(device: torch.device) -> dict[str, str]:
    """Each backend, and why it is not there: what it needs. Empty where it is there."""
    cuda = device.type == "cuda"
    gpu = "" if cuda else "needs a GPU that torch can use, and the device is a CPU"
    return {
        "torch": "",
        "compile": _lacks_compiler(cuda),
        "cuda_graph": gpu,
        "onnxruntime": onnx_runtime.lacks("CUDAExecutionProvider" if cuda else "CPUExecutionProvider"),
        "onnxruntime_tensorrt": gpu or onnx_runtime.lacks("TensorrtExecutionProvider"),
        "tensorrt": tensorrt.lacks(),
    }


def _lacks_compiler(cuda: bool) -> str:
    if cuda:
        return "" if find_spec("triton") else "needs triton, which comes with torch for CUDA on Linux"
    compilers = [name for name in (os.environ.get("CXX"), "g++", "clang++") if name]
    if any(shutil.which(name) for name in compilers):
        return ""
    return f"needs a C++ compiler on the PATH: {' or '.join(compilers)}"


def _how(request: Request) -> str:
    return f"{request.backend}, {request.precision}, {request.layout}"


def _cannot_run(request: Request, error: RuntimeError) -> RunError:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    words = str(error).lower()
    if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in words or "out of memory" in words:
        h, w = request.image.shape[2:]
        return RunError(f"net {request.name} at {w}x{h} needs more memory than there is", "try a smaller size")
    return RunError(f"net {request.name} cannot run here ({_how(request)}): {reason}")
