"""Networks as ONNX files, held against torch in ONNX Runtime before they are written."""

import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rdslab.errors import RunError, SpecError
from rdslab.files import write_whole
from rdslab.fold import fold, inference_form
from rdslab.network import Network, check_size
from rdslab.records import Size

OPSETS = range(11, 19)
USUAL_OPSET = 13  # the newest that TensorRT 8.2 reads, which JetPack 4 has (TX1, TX2, Nano)
NEW_EXPORTER = 18  # torch's new exporter begins there
LARGEST = 1e-4  # of the output's scale, that a file may be off
IMAGE, SCORES = "image", "scores"


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
    left: dict[str, str]  # those that could not, and why
    difference: float  # the largest between ONNX Runtime's scores and torch's, over the largest score

    def document(self) -> dict[str, Any]:
        return asdict(self)


def export(
    network: Network, size: Size, path: Path, opset: int = USUAL_OPSET, about: Mapping[str, Any] | None = None
) -> Exported:
    """Write the network's deployment form as ONNX: `image` 1 3 h w in, `scores` 1 classes h w out.

    The file is run in ONNX Runtime beside the net in torch, unfolded, and is not written where they differ. `about`
    becomes its metadata, each entry as JSON. Raises SpecError for an opset out of reach, RunError where an exporter
    fails or a package lacks.
    """
    if opset not in OPSETS:
        raise SpecError(f"opset must be from {OPSETS[0]} to {OPSETS[-1]}, got {opset}", where="--opset")
    if not path.parent.is_dir():
        raise SpecError("there is no such folder", "make it first", where=str(path.parent))
    check_size(network.net, size)
    folded = fold(network)
    form = folded.network
    image = torch.rand(1, 3, size.height, size.width, generator=torch.Generator().manual_seed(0))
    content = _with_metadata(_exported(form, image, opset), about or {})
    with torch.no_grad():
        expected = inference_form(network)(image)
    difference = _difference(content, image, expected)
    if not difference < LARGEST:
        what = f"ONNX Runtime's scores of {network.net.name} are {difference:.1e} of their scale off torch's"
        raise RunError(what, f"less than {LARGEST:.0e} was expected; nothing was written")
    write_whole(path, content)
    shape = str(size), network.classes, opset, len(content)
    return Exported(str(path), network.net.name, *shape, len(folded.into), folded.left, difference)


def _exported(form: nn.Module, image: Tensor, opset: int) -> bytes:
    _needed("onnx", "onnxscript")
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


def _difference(content: bytes, image: Tensor, expected: Tensor) -> float:
    _needed("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (found,) = session.run([SCORES], {IMAGE: image.numpy()})
    scores = torch.from_numpy(found)
    if scores.shape != expected.shape:
        raise RunError(f"ONNX Runtime gives {tuple(scores.shape)}, torch {tuple(expected.shape)}")
    return float((scores - expected).abs().max() / expected.abs().max().clamp_min(1e-12))


def _needed(*packages: str) -> None:
    """Raises RunError where a package of the extra `deploy` is missing."""
    from importlib.util import find_spec

    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise RunError(f"export needs {' and '.join(missing)}", "pip install 'rdslab[deploy]'")
