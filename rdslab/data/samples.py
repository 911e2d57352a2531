"""A data set in memory: images and labels as bytes, and the class names. Shapes: n images, h w rows and columns."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rdslab.records import Size

IGNORE = 255  # the label of pixels that count neither in a loss nor in a score


@dataclass(frozen=True)
class Classes:
    """What the labels 0, 1, ... stand for, and the colours (red, green, blue) they are drawn in."""

    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]

    def __post_init__(self) -> None:
        assert len(self.names) == len(self.colours), (self.names, self.colours)

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled images, decoded. A clip is the drive, town or film an image was taken from."""

    images: Tensor  # uint8, n 3 h w, red green blue
    labels: Tensor  # uint8, n h w, class index or IGNORE
    names: tuple[str, ...]
    clips: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def to(self, device: torch.device | str) -> "Samples":
        """The same samples with their bytes on that device."""
        return Samples(self.images.to(device), self.labels.to(device), self.names, self.clips)

    def take(self, index: list[int]) -> "Samples":
        """Those of the samples, in that order."""
        whole = index == list(range(index[0], index[-1] + 1)) if index else False
        rows = slice(index[0], index[-1] + 1) if whole else index  # a run of rows is a view, not a copy
        names, clips = tuple(self.names[i] for i in index), tuple(self.clips[i] for i in index)
        return Samples(self.images[rows], self.labels[rows], names, clips)

    @property
    def bytes(self) -> int:
        """Memory that images and labels take."""
        return self.images.numel() + self.labels.numel()


@dataclass(frozen=True, eq=False)
class DataSet:
    """What a net is trained and scored on. `identity`: 16 hex digits of decoded content, split, size and classes."""

    name: str
    size: Size
    classes: Classes
    train: Samples
    val: Samples
    split: str
    identity: str


def identity_of(train: Samples, val: Samples, size: Size, classes: Classes, split: str) -> str:
    """16 hex digits that change when a pixel, a label, the order, the split, the size or the class list does.

    File names and folders do not enter, so that the same data at two places have one identity.
    """
    code = hashlib.sha256(repr((str(size), classes.names, split, len(train), len(val))).encode())
    for samples in (train, val):
        code.update(samples.images.cpu().contiguous().numpy().data)
        code.update(samples.labels.cpu().contiguous().numpy().data)
    return code.hexdigest()[:16]


def epoch_order(n: int, seed: int, epoch: int) -> Tensor:
    """The order (int64, n) in which epoch `epoch` (from 0) of a training with `seed` sees n images, on every device."""
    mixed = hashlib.sha256(f"order {seed} {epoch}".encode()).digest()[:7]
    return torch.randperm(n, generator=torch.Generator().manual_seed(int.from_bytes(mixed, "big")))


def batches(order: Tensor, batch: int, *, drop_last_if_one: bool = True) -> Iterator[Tensor]:
    """The order cut into batches; the last may be smaller.

    A last batch of one image is dropped where there are others: batch norm over a 1x1 map of it raises.
    """
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        if len(part) == 1 and drop_last_if_one and batch > 1 and len(order) > 1:
            continue
        yield part
