"""Networks as ONNX files, held against torch in ONNX Runtime before they are written."""

import hashlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rdslab import __version__
from rdslab.errors import RunError, SpecError
from rdslab.files import write_whole
from rdslab.fold import fold, inference_form
from rdslab.identity import ids
from rdslab.measure.onnxfile import CPU, OnnxNetwork, needed
from rdslab.network import Network, check_size
from rdslab.records import Size

OPSETS = range(11, 19)
USUAL_OPSET = 13  # the newest that TensorRT 8.2 reads, which JetPack 4 has (TX1, TX2, Nano)
NEW_EXPORTER = 18  # torch's new exporter begins there
LARGEST = 1e-4  # of the output's scale, that a file may be off
IMAGE, SCORES = "image", "scores"
Judge = Callable[[nn.Module], Mapping[str, Any]]


@dataclass(frozen=True)
class Exported:
    """An ONNX file of a deployment form, for one image of one size."""

    path: str
    net: str
    size: str
    classes: int
    opset: int
    bytes: int
    folded: int  # batch norms that became part of a convolution
    shuffles: dict[str, str]  # channel shuffles that became an order of these convolutions' filters
    left: dict[str, str]  # batch norms and shuffles that could not, and why
    difference: float  # the largest between ONNX Runtime's scores and torch's, over the largest score
    sha256: str  # of the file
    graph_sha256: str  # of the same network without the metadata, which is what a backend of `rdslab time` runs
    miou: float | None = None  # of this file, None where it was not asked for
    weights_miou: float | None = None  # of the weights it was made from
    miou_on: Mapping[str, Any] | None = None  # which images; the same for both where both are known

    def document(self) -> dict[str, Any]:
        return asdict(self)


def export(
    network: Network,
    size: Size,
    path: Path,
    opset: int = USUAL_OPSET,
    about: Mapping[str, Any] | None = None,
    judge: Judge | None = None,
) -> Exported:
    """Write the network's deployment form as ONNX: `image` 1 3 h w in, `scores` 1 classes h w out.

    The file is run in ONNX Runtime beside the net in torch, unfolded, and is not written where they differ. `about`
    becomes its metadata, each entry as JSON, with what `described` adds. `judge` is given the file as a network and
    returns more of them: `miou`, `weights_miou`, `miou_on`. Raises SpecError for an opset out of reach, RunError where
    an exporter fails or a package lacks.
    """
    _check(network, size, path, opset)
    folded = fold(network)
    image = torch.rand(1, 3, size.height, size.width, generator=torch.Generator().manual_seed(0))
    graph = onnx_of(folded.network, image, opset)
    difference = _difference(graph, image, network)
    found = described(network, size, opset, about or {})
    found |= judge(OnnxNetwork(graph, str(path))) if judge else {}
    content = _with_metadata(graph, found)
    write_whole(path, content)
    return Exported(
        path=str(path),
        net=network.net.name,
        size=str(size),
        classes=network.classes,
        opset=opset,
        bytes=len(content),
        folded=len(folded.into),
        shuffles=folded.shuffles,
        left=folded.left,
        difference=difference,
        sha256=hashlib.sha256(content).hexdigest(),
        graph_sha256=hashlib.sha256(graph).hexdigest(),
        **{key: found[key] for key in ("miou", "weights_miou", "miou_on")},
    )


def _check(network: Network, size: Size, path: Path, opset: int) -> None:
    if opset not in OPSETS:
        raise SpecError(f"opset must be from {OPSETS[0]} to {OPSETS[-1]}, got {opset}", where="--opset")
    if not path.parent.is_dir():
        raise SpecError("there is no such folder", "make it first", where=str(path.parent))
    check_size(network.net, size)


def described(network: Network, size: Size, opset: int, about: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a file: those of the weights it is made from, with what is its own in their place."""
    score = about.get("score") or {}  # older weights say it there alone
    return {
        "channels": "RGB",
        "value_range": [0.0, 1.0],
        **about,
        "name": network.net.name,
        "net": network.net.document(),
        "net_id": ids(network.net)[0],
        "size": str(size),
        "folded": True,
        "opset": opset,
        "rdslab": __version__,
        "miou": None,
        "weights_miou": about.get("miou", score.get("miou")),
        "miou_on": about.get("miou_on"),
    }


def onnx_of(form: nn.Module, image: Tensor, opset: int) -> bytes:
    """A module as it stands, as ONNX for an image of this shape. Raises RunError where torch cannot export it."""
    needed("onnx", "onnxscript")
    buffer = io.BytesIO()
    try:
        with _quiet():
            names: dict[str, Any] = {"input_names": [IMAGE], "output_names": [SCORES], "opset_version": opset}
            if opset < NEW_EXPORTER:
                torch.onnx.export(form, (image,), buffer, dynamo=False, **names)  # type: ignore[arg-type]
                return buffer.getvalue()
            program = torch.onnx.export(form, (image,), dynamo=True, verbose=False, **names)
            assert program is not None
            content: bytes = program.model_proto.SerializeToString()
            return content
    except Exception as error:  # exporters raise whatever they trip over
        first = str(error).strip().partition("\n")[0]
        raise RunError(f"torch cannot export this net to opset {opset}: {type(error).__name__}: {first}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """torch deprecates the exporter that alone reaches below opset 18, and the new one misses torchvision aloud."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _with_metadata(content: bytes, about: Mapping[str, Any]) -> bytes:
    import onnx

    model = onnx.load_from_string(content)
    if model.opset_import[0].version not in OPSETS:
        raise RunError(f"torch gave opset {model.opset_import[0].version} instead")
    onnx.helper.set_model_props(model, {key: json.dumps(value) for key, value in about.items()})
    whole: bytes = model.SerializeToString()
    return whole


def _difference(graph: bytes, image: Tensor, network: Network) -> float:
    """How far ONNX Runtime's scores are off torch's, as a share of the largest. Raises RunError where it is too far."""
    with torch.no_grad():
        expected = inference_form(network)(image)
        scores = OnnxNetwork(graph, providers=[CPU])(image)
    if scores.shape != expected.shape:
        raise RunError(f"ONNX Runtime gives {tuple(scores.shape)}, torch {tuple(expected.shape)}")
    difference = float((scores - expected).abs().max() / expected.abs().max().clamp_min(1e-12))
    if not difference < LARGEST:
        what = f"ONNX Runtime's scores of {network.net.name} are {difference:.1e} of their scale off torch's"
        raise RunError(what, f"less than {LARGEST:.0e} was expected; nothing was written")
    return difference
