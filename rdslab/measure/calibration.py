"""int8 for TensorRT: how far each map of a net reaches over real images, as the calibration cache that trtexec reads.

The cache is text: a line `TRT-8201-EntropyCalibration2` (version, calibrator), then for each tensor `name: 3c008912`,
the bits of its scale as a big-endian 32-bit float, where the scale is the largest magnitude over 127 (NVIDIA's
samples/sampleINT8/README.md, "Calibration file"). trtexec itself calibrates on random numbers only.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from rdslab.data import to_float
from rdslab.data.pairs import IMAGE_ENDINGS
from rdslab.errors import DataError, RunError
from rdslab.records import Size

Floats = NDArray[np.float32]
MOST = 64  # images that are looked at: ranges change little after some dozens
SHARE = 0.9999  # of an image's values in a map lie within its range; the few beyond are clipped


@dataclass(frozen=True)
class Calibration:
    """A folder of images, and how the network wants their values: red green blue in 0..1, less mean, over std."""

    folder: Path
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def files(self) -> list[Path]:
        """The images that are looked at, spread over the folder's. Raises DataError where there are none."""
        if not self.folder.is_dir():
            raise DataError("there is no such folder", where=str(self.folder))
        found = sorted(path for path in self.folder.rglob("*") if path.suffix.lower() in IMAGE_ENDINGS)
        if not found:
            raise DataError("there is no image in it", f"give {', '.join(IMAGE_ENDINGS)}", where=str(self.folder))
        return [found[i * len(found) // MOST] for i in range(MOST)] if len(found) > MOST else found

    def images(self, size: Size) -> Iterator[Floats]:
        """Each as 1 3 h w, float32. Raises DataError with the name of a file that cannot be read."""
        for path in self.files():
            small = np.array(_read(path).resize((size.width, size.height), Image.Resampling.BILINEAR))
            batch = to_float(torch.from_numpy(small).permute(2, 0, 1)[None], mean=self.mean, std=self.std)
            yield batch.contiguous().numpy()

    def document(self) -> dict[str, object]:
        """What a certificate says of it: how many images, and the hash of their content."""
        digest = hashlib.sha256()
        files = self.files()
        for path in files:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return {"images": len(files), "sha256": digest.hexdigest(), "mean": list(self.mean), "std": list(self.std)}


def ranges_of(content: bytes, images: Iterable[Floats], threads: int = 1) -> dict[str, float]:
    """The largest magnitude of each floating-point tensor of an ONNX graph over the images, by the tensor's name.

    Of each image the values beyond SHARE are left out, so that one stray pixel does not coarsen a whole map.
    Raises RunError where a value is no number.
    """
    import onnxruntime

    whole = _all_shown(content)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(whole, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    names = [value.name for value in session.get_outputs() if value.type == "tensor(float)"]
    ranges: dict[str, float] = {}
    for image in images:
        for name, values in zip([given.name, *names], [image, *session.run(names, {given.name: image})], strict=True):
            if not np.isfinite(values).all():
                raise RunError(f"tensor {name!r} is not finite for a calibration image", "the net's weights are broken")
            ranges[name] = max(ranges.get(name, 0.0), _reach(values))
    return ranges


def cache_of(ranges: Mapping[str, float], version: str) -> str:
    """A calibration cache for TensorRT `version`, as "8.2.1": another one would not take it.

    A tensor that is zero throughout has no scale; TensorRT computes what it touches in floating point.
    """
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    number = (10000 if major >= 10 else 1000) * major + 100 * minor + patch  # as NvInferVersion.h counts
    lines = [f"TRT-{number}-EntropyCalibration2"]
    lines += [f"{name}: {struct.pack('>f', reach / 127).hex()}" for name, reach in ranges.items() if reach > 0]
    return "\n".join(lines) + "\n"


def _reach(values: Floats) -> float:
    """The magnitude that SHARE of the values do not exceed."""
    magnitudes = np.abs(values).ravel()
    place = max(0, int(np.ceil(SHARE * magnitudes.size)) - 1)
    return float(np.partition(magnitudes, place)[place])


def _all_shown(content: bytes) -> bytes:
    """The graph with every floating-point tensor between its nodes as an output too."""
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(content))
    shown = {value.name for value in model.graph.output}
    fixed = {value.name for value in model.graph.initializer}
    made = {name for node in model.graph.node if not fixed.issuperset(node.input) for name in node.output}
    for value in model.graph.value_info:
        floats = value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        if floats and value.name in made and value.name not in shown:
            model.graph.output.append(value)
    whole: bytes = model.SerializeToString()
    return whole


def _read(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except Exception:  # Pillow raises whatever broken bytes trip over: SyntaxError, struct.error, ValueError
        raise DataError("is no image that can be read", "mend or remove it", where=str(path)) from None
