"""Augmentation of whole batches of bytes: a shift by some pixels and a mirror image, drawn for each image alone."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rdslab.data.samples import IGNORE


def augment(
    images: Tensor, labels: Tensor, generator: torch.Generator, *, translate: int = 2, flip: bool = True
) -> tuple[Tensor, Tensor]:
    """Shift each image (n 3 h w, uint8) and its label (n h w, uint8) by the same 0 to `translate` pixels; mirror half.

    The shift goes right and down, and what it uncovers is black in the image and IGNORE in the label, as the seed
    paper's authors do it. The draws come from the generator, which lives on the CPU, so a GPU sees the same ones.
    """
    n, _, height, width = images.shape
    shift = torch.randint(0, translate + 1, (2, n), generator=generator)
    mirrored = torch.rand(n, generator=generator) < (0.5 if flip else 0.0)
    shift, mirrored = shift.to(images.device), mirrored.to(images.device)
    row = torch.arange(height, device=images.device) - shift[0, :, None]  # where an output row comes from: n h
    column = torch.arange(width, device=images.device).expand(n, width)
    column = torch.where(mirrored[:, None], width - 1 - column, column) - shift[1, :, None]
    uncovered = (row < 0)[:, :, None] | (column < 0)[:, None, :]
    place = (row.clamp(min=0) * width)[:, :, None] + column.clamp(min=0)[:, None, :]  # n h w
    flat = place.reshape(n, -1)
    moved = images.flatten(2).gather(2, flat[:, None].expand(n, images.shape[1], -1)).view_as(images)
    label = labels.flatten(1).gather(1, flat).view_as(labels)
    return moved.masked_fill(uncovered[:, None], 0), label.masked_fill(uncovered, IGNORE)


def to_float(images: Tensor, *, mean: Sequence[float] = (), std: Sequence[float] = ()) -> Tensor:
    """Bytes (n 3 h w) as float32 in 0..1, less `mean` and divided by `std` for each channel where they are given."""
    scaled = images.float().div_(255)
    if mean:
        scaled -= torch.tensor(mean, device=images.device).view(1, -1, 1, 1)
    if std:
        scaled /= torch.tensor(std, device=images.device).view(1, -1, 1, 1)
    return scaled
