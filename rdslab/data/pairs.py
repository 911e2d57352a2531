"""Image and label files, read and checked in one go: what loads a data set is what checks it."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from rdslab.data.samples import IGNORE, Samples
from rdslab.errors import DataError
from rdslab.records import Size

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
Bytes = NDArray[np.uint8]
Progress = Callable[[int, int], object]  # called with (images read, images in all)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a data set. `file` is relative to the data root, which is never printed."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass(frozen=True)
class Pair:
    """An image file and its label file, which need not exist yet."""

    name: str
    clip: str
    image: Path
    label: Path


@dataclass(frozen=True)
class Content:
    """What a data set turned out to hold. With problems, the samples are those that had none."""

    train: Samples
    val: Samples
    split: str
    problems: tuple[Problem, ...]


class LabelTable:
    """Which label values a file may have, and the class index or IGNORE that each becomes."""

    def __init__(self, meaning: Mapping[int, int]) -> None:
        self.allowed = sorted(meaning)
        self._known = np.zeros(256, bool)
        self._known[self.allowed] = True
        self._index = np.full(256, IGNORE, np.uint8)
        self._index[self.allowed] = [meaning[value] for value in self.allowed]

    def unknown(self, values: NDArray[np.integer]) -> list[int]:
        """Values of a label image that are not allowed, in order."""
        found = np.flatnonzero(np.bincount(values.ravel())) if values.dtype == np.uint8 else np.unique(values)
        return [int(v) for v in found if not 0 <= v <= 255 or not self._known[v]]

    def __call__(self, values: NDArray[np.integer]) -> Bytes:
        index: Bytes = self._index[values]
        return index


def read_content(
    splits: tuple[Sequence[Pair], Sequence[Pair]],
    *,
    root: Path,
    size: Size,
    table: LabelTable,
    split: str,
    problems: Iterable[Problem] = (),
    progress: Progress | None = None,
) -> Content:
    """Read train and validation pairs; `problems` are those known before a file was opened, and come first."""
    pairs = [*splits[0], *splits[1]]
    found = list(problems)
    images, labels = room(len(pairs), size)

    def read(i: int) -> list[Problem]:
        arrays, wrong = read_pair(pairs[i], root=root, size=size, table=table)
        if arrays is not None:
            images[i], labels[i] = arrays[0].transpose(2, 0, 1), arrays[1]
        return wrong

    good = []
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for i, wrong in enumerate(pool.map(read, range(len(pairs)))):
            found += wrong
            good += [] if wrong else [i]
            if progress:
                progress(i + 1, len(pairs))
    found += [
        Problem(f"{name} set", "is empty") for name, part in zip(("train", "val"), splits, strict=True) if not part
    ]
    names, clips = tuple(pair.name for pair in pairs), tuple(pair.clip for pair in pairs)
    whole = Samples(torch.from_numpy(images), torch.from_numpy(labels), names, clips)
    border = len(splits[0])
    train, val = whole.take([i for i in good if i < border]), whole.take([i for i in good if i >= border])
    return Content(train, val, split, tuple(found))


def room(n: int, size: Size) -> tuple[Bytes, Bytes]:
    """Empty bytes for n images (n 3 h w) and labels (n h w). Raises DataError where they would not fit into memory."""
    needed, free = 4 * n * size.width * size.height, psutil.virtual_memory().available
    if needed > free:
        what = f"{n} images at {size} take {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free"
        raise DataError(what, "choose a smaller size")
    return np.empty((n, 3, size.height, size.width), np.uint8), np.empty((n, size.height, size.width), np.uint8)


def read_pair(
    pair: Pair, *, root: Path, size: Size, table: LabelTable
) -> tuple[tuple[Bytes, Bytes] | None, list[Problem]]:
    """(image h w 3, label h w) at `size`, and what is wrong with the pair. With a problem there are no arrays.

    Images are scaled by area-weighted bilinear interpolation, labels to the nearest pixel.
    """
    files = [path.relative_to(root).as_posix() for path in (pair.image, pair.label)]
    image, label = _decoded(pair.image), _decoded(pair.label)
    if isinstance(image, str) or isinstance(label, str):
        wrong = zip(files, (image, label), strict=True)
        return None, [Problem(file, what) for file, what in wrong if isinstance(what, str)]
    problems = []
    if image.size != label.size:
        what = f"the label is {Size(*label.size)}, but its image {files[0]} is {Size(*image.size)}"
        problems.append(Problem(files[1], what))
    values = label_values(label)
    if values is None:
        what = f"a label holds class indices (grey or palette), this one holds colours (mode {label.mode})"
        return None, [*problems, Problem(files[1], what)]
    if unknown := table.unknown(values):
        what = f"label values {_ranges(unknown)} are not in the class list; allowed are {_ranges(table.allowed)}"
        problems.append(Problem(files[1], what))
    if problems:
        return None, problems
    wanted = (size.width, size.height)
    pixels = np.asarray(image.convert("RGB").resize(wanted, Image.Resampling.BILINEAR))
    nearest = Image.fromarray(table(values)).resize(wanted, Image.Resampling.NEAREST)
    return (pixels, np.asarray(nearest)), []


def label_values(label: Image.Image) -> NDArray[np.integer] | None:
    """The indices of a label image (h w), or None where it holds colours."""
    if label.mode in ("P", "L"):
        return np.asarray(label)
    if label.mode == "1" or label.mode.startswith("I"):
        return np.asarray(label).astype(np.int64)
    return None


def _decoded(path: Path) -> Image.Image | str:
    """The decoded image, or why there is none. The words never hold the folder."""
    if not path.is_file():
        return "there is no such file"
    try:
        with Image.open(path) as image:
            image.load()
            return image.copy()
    except UnidentifiedImageError:
        return "cannot be read: it is no image"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    except Exception as error:  # Pillow raises whatever broken bytes trip over: SyntaxError, struct.error, ValueError
        return f"cannot be read: {error}"


def _ranges(values: Sequence[int]) -> str:
    """[0, 1, 2, 7] -> '0-2, 7'."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
