"""Trained weights at work: their score on a data set, and coloured overlays of single images."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from rdslab.data import Classes, DataSet
from rdslab.errors import DataError
from rdslab.files import write_whole
from rdslab.network import check_size
from rdslab.records import Score, Size
from rdslab.train.inference import predicted, the_device
from rdslab.train.metrics import confusion, score_of
from rdslab.train.overlay import draw_overlay
from rdslab.train.weights import load_trained


def evaluate(weights: Path, data: DataSet) -> Score:
    """The score of a weights file on `data.val`. Raises DataError when weights and data have other classes."""
    network, metadata = load_trained(weights)
    trained, given = metadata["classes"], list(data.classes.names)
    if trained != given:
        what = f"was trained on {len(trained)} classes ({_some(trained)}), the data has {len(given)} ({_some(given)})"
        raise DataError(what, "evaluate it on data with the classes it knows", where=str(weights))
    check_size(network.net, data.size)
    network = network.to(the_device())
    matrix = confusion(network, data.val, len(trained), normalise=metadata["normalise"])
    return score_of(matrix, trained, len(data.val), data.split)


def predict(weights: Path, images: Sequence[Path], out: Path) -> list[Path]:
    """Write NAME_overlay.png into `out` for each image file: the classes' colours over it, and a legend beside it.

    The network sees an image at the size it was trained at. Every image is read before the first overlay is written.
    Raises DataError with the name of a file that is no image.
    """
    network, metadata = load_trained(weights)
    network = network.to(the_device())
    size = Size.parse(metadata["size"])
    classes = Classes(tuple(metadata["classes"]), tuple(tuple(colour) for colour in metadata["colours"]))
    for path in images:
        read_image(path)
    written: list[Path] = []
    for path in images:
        image = read_image(path)
        small = np.array(image.resize((size.width, size.height), Image.Resampling.BILINEAR))
        batch = torch.from_numpy(small).permute(2, 0, 1)[None].to(the_device())
        labels = predicted(network, batch, len(classes), metadata["normalise"])[0].cpu().numpy()
        target = _free(Path(out), path.stem, written)
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
