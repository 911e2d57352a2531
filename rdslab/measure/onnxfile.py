"""ONNX files of segmentation networks, read and run in ONNX Runtime. Shapes: n images, k scores, h w rows, columns."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rdslab.errors import DataError, RunError
from rdslab.records import Size

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def needed(*packages: str, by: str = "export") -> None:
    """Raises RunError where a package of the extra `deploy` is missing."""
    from importlib.util import find_spec

    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise RunError(f"{by} needs {' and '.join(missing)}", "pip install 'rdslab[deploy]'")


class OnnxNetwork(nn.Module):
    """An ONNX file as a network: images (n 3 h w, float32) in, scores (n k h w, float32) out, one image at a time.

    A file has one input size. Images of another are resized to it, and their scores back, both bilinearly, so that
    labels are given at the size of the image. `metadata` is what the file says of itself.

    Raises DataError for what is no ONNX file, or one whose input or output is not that of a segmentation network, and
    RunError where ONNX Runtime is missing or fails.
    """

    def __init__(self, source: Path | bytes, where: str = "", providers: Sequence[Any] | None = None) -> None:
        super().__init__()
        self.where = where or (str(source) if isinstance(source, Path) else "")
        self._source = source
        self._session = _session(source, self.where, providers)
        self._input, self.size = _image_of(self._session, self.where)
        self._output, self.scores = _scores_of(self._session, self.where)
        self.metadata = _metadata(self._session)

    def forward(self, images: Tensor) -> Tensor:
        own = tuple(images.shape[-2:])
        wanted = (self.size.height, self.size.width) if self.size else own
        fitting = images if own == wanted else _resized(images, wanted, antialias=True)
        found = torch.cat([self._run(image) for image in torch.split(fitting.float().cpu(), 1)])
        found = found if tuple(found.shape[-2:]) == own else _resized(found, own, antialias=False)
        return found.to(images.device)

    def content(self) -> bytes:
        """The file itself."""
        return self._source.read_bytes() if isinstance(self._source, Path) else self._source

    def _run(self, image: Tensor) -> Tensor:
        try:
            (scores,) = self._session.run([self._output], {self._input: image.contiguous().numpy()})
        except Exception as error:  # onnxruntime's errors have nothing but Exception in common
            raise RunError(f"ONNX Runtime cannot run it: {_first_line(error)}", where=self.where) from error
        return torch.from_numpy(scores)


def _resized(maps: Tensor, size: tuple[int, ...], *, antialias: bool) -> Tensor:
    return nn.functional.interpolate(maps, size, mode="bilinear", align_corners=False, antialias=antialias)


def _session(source: Path | bytes, where: str, providers: Sequence[Any] | None) -> Any:
    if isinstance(source, Path) and not source.is_file():
        raise DataError("there is no such file", "rdslab export WEIGHTS --out writes it", where=where)
    needed("onnxruntime", by="reading an ONNX file")
    import onnxruntime

    # TF32 is left out: fp32 means fp32.
    usual = [(CUDA, {"use_tf32": "0"}), CPU] if CUDA in onnxruntime.get_available_providers() else [CPU]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is said once, below
    options.intra_op_num_threads = torch.get_num_threads()
    content = str(source) if isinstance(source, Path) else source
    try:
        return onnxruntime.InferenceSession(content, options, providers=list(providers or usual))
    except Exception as error:  # onnxruntime's errors have nothing but Exception in common
        raise DataError(f"is no ONNX file, or a broken one: {_first_line(error)}", where=where) from None


def _image_of(session: Any, where: str) -> tuple[str, Size | None]:
    """Name and size of the one input; None where the file takes any size."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise DataError(f"has {len(inputs)} inputs ({names})", "one image was expected, 1x3xHEIGHTxWIDTH", where=where)
    (image,) = inputs
    shape = image.shape
    if len(shape) != 4 or shape[1] != 3 or (isinstance(shape[0], int) and shape[0] != 1):
        what = f"its input {image.name!r} is {_shape(shape)}"
        raise DataError(what, "one image of 3 channels was expected, 1x3xHEIGHTxWIDTH", where=where)
    if image.type != "tensor(float)":
        raise DataError(f"its input {image.name!r} is {image.type}", "tensor(float) was expected", where=where)
    height, width = shape[2:]
    known = isinstance(height, int) and isinstance(width, int)
    return image.name, Size(width, height) if known else None


def _scores_of(session: Any, where: str) -> tuple[str, int | None]:
    """Name of the one output, and how many scores a pixel it has; None where the file does not say."""
    outputs = session.get_outputs()
    if len(outputs) != 1 or len(outputs[0].shape) != 4:
        said = ", ".join(f"{value.name} {_shape(value.shape)}" for value in outputs)
        hint = "one was expected, 1xCLASSESxHEIGHTxWIDTH: the scores of the classes at each pixel"
        raise DataError(f"has {len(outputs)} outputs ({said})", hint, where=where)
    scores = outputs[0].shape[1]
    return outputs[0].name, scores if isinstance(scores, int) else None


def _metadata(session: Any) -> dict[str, Any]:
    """The file's own entries; those that are JSON as what they mean, others as their text."""
    found: dict[str, Any] = {}
    for key, text in session.get_modelmeta().custom_metadata_map.items():
        try:
            found[key] = json.loads(text)
        except ValueError:
            found[key] = text
    return found


def _shape(shape: Sequence[Any]) -> str:
    return "x".join("?" if n is None else str(n) for n in shape) or "a single number"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
