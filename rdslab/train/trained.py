"""Trained nets at work, from weights files and from ONNX files: their score, and coloured overlays of images."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor, nn

from rdslab.data import DataSet
from rdslab.errors import DataError
from rdslab.files import write_whole
from rdslab.measure.onnxfile import OnnxNetwork
from rdslab.network import Network, check_size
from rdslab.records import ImageCounts, Score
from rdslab.train.inference import predicted, the_device
from rdslab.train.metrics import confusion, image_counts, score_of
from rdslab.train.overlay import draw_overlay
from rdslab.train.seeing import NEEDED, Seeing, seeing
from rdslab.train.weights import images_of, load_trained

ONNX = ".onnx"


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained net as a function from images to scores, and what its file says of both."""

    network: nn.Module
    seeing: Seeing
    metadata: Mapping[str, Any]
    where: str

    @property
    def name(self) -> str:
        """The net's name."""
        return str(self.metadata.get("name") or (self.metadata.get("net") or {}).get("name", ""))

    def score(self, data: DataSet) -> Score:
        """The score on `data.val`. Raises DataError where the data have other classes, SpecError for too small ones."""
        return self.judged(data)[0]

    def judged(self, data: DataSet) -> tuple[Score, ImageCounts]:
        """The score on `data.val`, and the counts of each image that it is made of. Raises as `score` does."""
        check_classes(self.seeing, data, self.where)
        if isinstance(self.network, Network):
            check_size(self.network.net, data.size)
        names = self.seeing.classes.names
        matrices = confusion(self.network, data.val, len(names), normalise=self.seeing.normalise)
        return score_of(matrices, names, data.split), image_counts(matrices, data.val)

    def labels(self, images: Tensor) -> NDArray[np.uint8]:
        """The class of each pixel (n h w) of images (uint8, n 3 h w)."""
        seen = self.seeing
        found = [
            predicted(self.network, image[None].to(the_device()), len(seen.classes), seen.normalise)[0].cpu()
            for image in images
        ]
        return torch.stack(found).to(torch.uint8).numpy()


def open_trained(path: Path) -> Trained:
    """A weights file (.safetensors) or an ONNX file, ready to run: on the GPU where there is one.

    Raises DataError for a file that is missing, broken, or does not say what it needs beside the network.
    """
    if path.suffix.lower() == ONNX:
        onnx = OnnxNetwork(path)
        return Trained(onnx, _seeing_of(onnx, str(path)), onnx.metadata, str(path))
    network, metadata = load_trained(path)
    return Trained(network.to(the_device()), seeing(metadata, str(path)), metadata, str(path))


def _seeing_of(onnx: OnnxNetwork, where: str) -> Seeing:
    missing = [key for key in NEEDED if key not in onnx.metadata]
    if missing:
        what = f"does not say how its net sees an image and what its scores mean: {', '.join(missing)} missing"
        raise DataError(what, "give a file that `rdslab export WEIGHTS` wrote from trained weights", where=where)
    found = seeing(onnx.metadata, where)
    if onnx.scores not in (None, found.scores):
        void = " and void" if found.void_logit else ""
        raise DataError(f"has {onnx.scores} scores a pixel, but names {len(found.classes)} classes{void}", where=where)
    if onnx.size not in (None, found.size):
        raise DataError(f"takes an image of {onnx.size}, but says that it takes {found.size}", where=where)
    return found


def check_classes(own: Seeing, data: DataSet, where: str) -> None:
    """Raises DataError where the data have other classes than the net was trained on."""
    trained, given = list(own.classes.names), list(data.classes.names)
    if trained != given:
        what = f"was trained on {len(trained)} classes ({_some(trained)}), the data has {len(given)} ({_some(given)})"
        raise DataError(what, "evaluate it on data with the classes it knows", where=where)


def evaluate(path: Path, data: DataSet) -> Score:
    """The score of a weights file or an ONNX file on `data.val`; an ONNX file's net sees images at its own size.

    Raises DataError when file and data have other classes.
    """
    return open_trained(Path(path)).score(data)


def judge_of(weights: Path, data: DataSet) -> Callable[[nn.Module], dict[str, Any]]:
    """What finds the mIoU of an exported form of these weights, and puts that of the weights beside it.

    Raises DataError at once where weights and data do not fit.
    """
    trained = open_trained(weights)
    own = trained.score(data)

    def judge(form: nn.Module) -> dict[str, Any]:
        found = Trained(form, trained.seeing, {}, trained.where).score(data)
        return {"miou": found.miou, "weights_miou": own.miou, "miou_on": images_of(data)}

    return judge


def predict(path: Path, images: Sequence[Path], out: Path) -> list[Path]:
    """Write NAME_overlay.png into `out` for each image file: the classes' colours over it, and a legend beside it.

    The network of the weights file or ONNX file sees an image at the size that the file says. Every image is read
    before the first overlay is written. Raises DataError with the name of a file that is no image.
    """
    trained = open_trained(Path(path))
    size, classes = trained.seeing.size, trained.seeing.classes
    for file in images:
        read_image(file)
    written: list[Path] = []
    for file in images:
        image = read_image(file)
        small = np.array(image.resize((size.width, size.height), Image.Resampling.BILINEAR))
        labels = trained.labels(torch.from_numpy(small).permute(2, 0, 1)[None])[0]
        target = _free(Path(out), file.stem, written)
        buffer = io.BytesIO()
        draw_overlay(image, labels, classes).save(buffer, "png")
        write_whole(target, buffer.getvalue())
        written.append(target)
    return written


def read_image(path: Path) -> Image.Image:
    """An image file in RGB, turned as its camera says. Raises DataError with the file's name."""
    if not Path(path).is_file():
        raise DataError("is a folder" if Path(path).is_dir() else "there is no such file", where=str(path))
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except UnidentifiedImageError:
        raise DataError("is no image that can be read", "give PNG, JPEG or the like", where=str(path)) from None
    except Exception as error:  # Pillow raises whatever broken bytes trip over: SyntaxError, struct.error, ValueError
        raise DataError(f"cannot be read: {error}", "the file is damaged", where=str(path)) from None


def _free(out: Path, stem: str, taken: Sequence[Path]) -> Path:
    """Images of one name from several folders get numbers."""
    names = [f"{stem}_overlay.png", *(f"{stem}_{i}_overlay.png" for i in range(2, len(taken) + 3))]
    return next(out / name for name in names if out / name not in taken)


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])])
