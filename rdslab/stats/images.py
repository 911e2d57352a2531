"""A score's own error: how far the mIoU of the same trained nets would lie on other images of the kind.

Seeds tell how far training goes by luck; images tell how far a validation split does. Images of one drive are alike,
so what is drawn anew is whole clips where there are enough of them, else stretches of neighbouring images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rdslab.records import ImageCounts
from rdslab.stats.intervals import LEVEL
from rdslab.stats.pareto import Array

DRAWS = 1000
FEWEST_CLIPS, FEWEST = 5, 5  # clips to draw among; units of either kind, below which nothing is told


@dataclass(frozen=True)
class OverImages:
    """A mean mIoU, or a difference of two, with the interval over images; None and `why` where that cannot be told."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    units: str = ""  # what was drawn anew: "12 clips", "16 stretches of 4 images"
    why: str = ""


def over_images(nets: Sequence[ImageCounts], base: Sequence[ImageCounts] = (), level: float = LEVEL) -> OverImages:
    """The mean mIoU of trained nets (the seeds of a variant), less that of others where given, with its interval.

    Bootstrap over the images, the same draws for all nets, with Student's t of as many units as were drawn (Field and
    Welsh 2007: clustered data, whole clusters). It holds for the nets as they are trained, and with fewer clips than
    five for those clips alone.
    """
    if not nets:
        return OverImages(why="no counts of single images are stored")
    every = [*nets, *base]
    if any(one.images != nets[0].images or one.labelled != nets[0].labelled for one in every):
        return OverImages(why="the nets were scored on different images")
    unit, words = _units(nets[0].clips)
    number = int(unit.max()) + 1 if len(unit) else 0
    if not number:
        return OverImages(why="no image was scored")
    drawn = np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), DRAWS)
    values = np.vstack([np.ones((1, number)), drawn])
    mean = _mean_miou(nets, unit, values) - (_mean_miou(base, unit, values) if base else 0.0)
    if not math.isfinite(mean[0]):
        return OverImages(why="no pixel is labelled")
    if number < FEWEST:
        return OverImages(float(mean[0]), units=words, why=f"{words} are too few to draw anew")
    error = float(np.nanstd(mean[1:], ddof=1)) * math.sqrt(number / (number - 1))
    half = float(stats.t.ppf(0.5 + level / 2, number - 1)) * error
    return OverImages(float(mean[0]), float(mean[0]) - half, float(mean[0]) + half, words)


def _units(clips: Sequence[str]) -> tuple[NDArray[np.int64], str]:
    """For each image the number of its unit, and in words what the units are."""
    names = list(dict.fromkeys(clips))
    if len(names) >= FEWEST_CLIPS:
        return np.array([names.index(clip) for clip in clips]), f"{len(names)} clips"
    length = max(1, round(math.sqrt(len(clips))))  # neighbours are alike over unknown distances: rather long than short
    seen: dict[str, int] = {}
    keys = []
    for clip in clips:
        keys.append((clip, seen.get(clip, 0) // length))
        seen[clip] = seen.get(clip, 0) + 1
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    words = f"{len(number)} stretches of {length} images" if length > 1 else f"{len(number)} images"
    return np.array([number[key] for key in keys], np.int64), words


def _mean_miou(nets: Sequence[ImageCounts], unit: NDArray[np.int64], draws: Array) -> Array:
    """The nets' mean mIoU under each of the draws (draws, units)."""
    return np.asarray(np.mean([_miou(net, unit, draws) for net in nets], axis=0))


def _miou(net: ImageCounts, unit: NDArray[np.int64], draws: Array) -> Array:
    right, labelled, said = (draws @ _by_unit(part, unit) for part in (net.right, net.labelled, net.said))
    with np.errstate(invalid="ignore"):  # a class in neither labels nor predictions has no IoU and counts in no mean
        iou = right / (labelled + said - right)
    there = np.isfinite(iou)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, iou, 0.0).sum(axis=1) / there.sum(axis=1))


def _by_unit(counts: Sequence[Sequence[int]], unit: NDArray[np.int64]) -> Array:
    summed = np.zeros((int(unit.max()) + 1, len(counts[0])))
    np.add.at(summed, unit, np.asarray(counts, float))
    return summed
