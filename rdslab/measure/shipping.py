"""Networks as files for a board: ONNX for trtexec and ONNX Runtime, TorchScript for torch; always the folded form."""

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from rdslab.errors import RdslabError, RunError
from rdslab.measure.backends.onnx_graph import digest_of, graph_of
from rdslab.measure.calibration import Calibration, cache_of, ranges_of
from rdslab.measure.given import Given, OnnxFile, network_of
from rdslab.measure.sentinel import SIZE, sentinel
from rdslab.records import Size

SENTINEL = "sentinel"
BYTES_SINCE = (8, 6)  # TensorRT gives labels as bytes from here on, before as 32-bit integers


@dataclass(frozen=True)
class Form:
    """What the board wants: its engine, and what decides what its files are like."""

    engine: str  # trtexec onnxruntime torch
    precision: str
    labels: bool
    tensorrt: str = ""  # the version of trtexec's
    calibration: Calibration | None = None


class Parcel:
    """The files of a job, and what the job says of them."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def add(self, content: bytes, ending: str) -> dict[str, str]:
        """Put a file in, under a name of ours; its name and hash."""
        name = f"file{len(self.files)}.{ending}"
        self.files[name] = content
        return {"file": name, "sha256": digest_of(content)}

    def add_network(self, name: str, network: nn.Module, size: Size, form: Form) -> dict[str, Any]:
        """Put a network in, as it stands; its entry of the job. Raises RunError where it cannot be exported."""
        shape = [1, 3, size.height, size.width]
        image = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        if form.engine == "torch":
            return {"name": name, "input": shape, **self.add(_script(network, image, form.labels), "pt")}
        old = form.engine == "trtexec" and tuple(map(int, form.tensorrt.split(".")[:2])) < BYTES_SINCE
        content = graph_of(network, image, form.labels, torch.int32 if old else torch.uint8)
        entry: dict[str, Any] = {"name": name, "input": shape, **self.add(content, "onnx")}
        if form.calibration is not None:
            cache = cache_of(ranges_of(content, form.calibration.images(size)), form.tensorrt)
            entry["calib"] = self.add(cache.encode(), "cache")
        return entry


def pack(
    nets: Mapping[str, Given], size: Size, classes: int, form: Form
) -> tuple[Parcel, dict[str, Any], dict[str, RunError]]:
    """The files, the job's `nets` and `sentinel`, and why a net is not among them.

    The same net is the same file, and a board builds its engine once. An ONNX file goes as it is.
    """
    parcel, refused = Parcel(), {}
    entries: list[dict[str, Any]] = []
    for name, net in nets.items():
        try:
            if isinstance(net, OnnxFile) and form.engine == "torch":
                raise RunError("the board has torch alone, which runs no ONNX file", where=str(net.path))
            entries.append(parcel.add_network(name, network_of(net, classes, "deployed"), size, form))
        except RdslabError as error:
            refused[name] = RunError(error.what, *error.hints, where=error.where)
    alone = replace(form, precision="fp32", labels=False, calibration=None)  # the same in all measurements
    return parcel, {"nets": entries, "sentinel": parcel.add_network(SENTINEL, sentinel(), SIZE, alone)}, refused


class _Labels(nn.Module):
    """A network with an argmax over the classes behind it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        scores: Tensor = self.network(image)
        return scores.argmax(1).to(torch.uint8 if scores.shape[1] <= 256 else torch.int32)


def _script(network: nn.Module, image: Tensor, labels: bool) -> bytes:
    """TorchScript of the network at this size. torch calls it deprecated, and boards have nothing newer."""
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            trace: Any = torch.jit.trace
            torch.jit.save(trace(_Labels(network) if labels else network, image, check_trace=False), buffer)
    except Exception as error:  # the tracer raises whatever it trips over
        first = str(error).strip().partition("\n")[0]
        raise RunError(f"torch cannot trace this net: {type(error).__name__}: {first}") from error
    return buffer.getvalue()
