"""What is asked of a backend and what it gives. Shapes: k classes, h w rows and columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from rdslab.errors import SpecError, did_you_mean
from rdslab.measure.agent.clock import Runner, Timer
from rdslab.measure.calibration import Calibration

BACKENDS = ("torch", "compile", "cuda_graph", "onnxruntime", "onnxruntime_tensorrt", "tensorrt")
INSIDE = ("network", "labels", "copies")
LAYOUTS = {"channels_first": torch.contiguous_format, "channels_last": torch.channels_last}
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}

FLOATS = tuple(DTYPES)
# What each backend computes in, on a CPU and on a GPU.
PRECISIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "torch": {"cpu": FLOATS, "cuda": FLOATS},
    "compile": {"cpu": FLOATS, "cuda": FLOATS},
    "cuda_graph": {"cuda": FLOATS},
    "onnxruntime": {"cpu": ("fp32",), "cuda": ("fp32", "fp16")},
    "onnxruntime_tensorrt": {"cuda": ("fp32", "fp16")},
    "tensorrt": {"cpu": (*FLOATS, "int8"), "cuda": (*FLOATS, "int8")},  # torch need not see its GPU
}


@dataclass(frozen=True)
class Request:
    """One network to be timed in one way. The network is moved where the backend wants it."""

    network: nn.Module  # in evaluation, on the CPU, fp32
    image: Tensor  # 1 3 h w, on the CPU, fp32
    device: torch.device
    backend: str
    precision: str
    layout: str
    threads: int
    inside: str
    timer: Timer
    calibration: Calibration | None = None

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.precision]

    @property
    def memory_format(self) -> torch.memory_format:
        return LAYOUTS[self.layout]

    @property
    def copies(self) -> bool:
        """Whether the image's way to the device and that of the labels back are timed."""
        return self.inside == "copies" and self.device.type != "cpu"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be said of the request itself."""
        idle = self.inside == "copies" and not self.copies
        return ("a CPU has image and labels where they are: there was nothing to copy",) if idle else ()

    @property
    def name(self) -> str:
        """What to call the network in a message."""
        net = getattr(self.network, "net", None)
        where = getattr(self.network, "where", "")  # of a file
        return repr(net.name if net is not None else where) if net or where else type(self.network).__name__


@dataclass(frozen=True)
class Opened:
    """A network that is ready to be timed."""

    runner: Runner
    facts: dict[str, Any]  # versions, providers, hash of a file, how far its answer is off: what a certificate holds
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ready:
    """What a backend hands over: how it runs, and what it answered at the image, for comparison."""

    runner: Runner
    answer: Tensor  # on the CPU: scores 1 k h w, or class indices 1 h w
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def check_words(request: Request) -> None:
    """Raises SpecError for a backend, precision, layout or inside that there is not, or that do not go together."""
    for what, word, words in (
        ("a backend of", request.backend, BACKENDS),
        ("a precision of", request.precision, (*DTYPES, "int8")),
        ("a layout of", request.layout, tuple(LAYOUTS)),
        ("inside to be one of", request.inside, INSIDE),
    ):
        if word not in words:
            raise SpecError(f"expected {what} {', '.join(words)}, got {word!r}", did_you_mean(word, words))
    if request.threads < 1:
        raise SpecError(f"threads must be >= 1, got {request.threads}")
    if request.image.shape[:2] != (1, 3):
        raise SpecError(f"expected one image, 1 3 h w, got {tuple(request.image.shape)}")
    _check_pair(request)


def _check_pair(request: Request) -> None:
    backend, precision, device = request.backend, request.precision, request.device.type
    there = PRECISIONS[backend].get(device, ())
    if there and precision not in there:
        others = [name for name in BACKENDS if precision in PRECISIONS[name].get(device, ())]
        where = "" if backend == "tensorrt" else f" on a {'GPU' if device == 'cuda' else 'CPU'}"
        raise SpecError(
            f"backend {backend!r} has no {precision}{where}; it has {', '.join(there)}",
            f"{precision} is there with {', '.join(others)}" if others else "",
        )
    if request.layout != "channels_first" and backend in ("onnxruntime", "onnxruntime_tensorrt", "tensorrt"):
        raise SpecError(f"backend {backend!r} lays maps out as it likes", "leave the layout at channels_first")
    if precision == "int8" and request.calibration is None:
        raise SpecError("int8 needs a calibration set of real images", "name a folder of images the net was made for")
    if precision != "int8" and request.calibration is not None:
        raise SpecError(f"a calibration set is for int8, the precision is {precision}")
