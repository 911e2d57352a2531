"""Drawn road scenes with CamVid's classes: the data set that needs no files."""

from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from rdslab.data.camvid import CAMVID_CLASSES
from rdslab.data.catalogue import DATASETS
from rdslab.data.pairs import Bytes, Content, Progress, room
from rdslab.data.samples import Classes, Samples
from rdslab.data.scene import draw_street
from rdslab.data.texts import SizeText
from rdslab.data.weather import photographed
from rdslab.errors import SpecError
from rdslab.records import Size

SMALLEST = 32
DEFAULT_SIZE = Size(160, 96)
TRAIN_STREAM, VAL_STREAM = 0, 1


@DATASETS.register("synthetic")
class Synthetic:
    """Road scenes in perspective, each drawn from its own seed: image i is the same however many are asked for.

    Streets bend; buildings, fences, trees, poles, signs, cars, people and bicyclists stand at their true sizes; light,
    shadow, texture, blur and noise differ from image to image. What resembles a class without being one is drawn too:
    drainpipes and trunks (poles), shop boards (signs), doors (people). Void: the own bonnet, unknown objects, far haze.
    """

    def __init__(
        self,
        *,
        size: SizeText = DEFAULT_SIZE,
        train: Annotated[int, Field(ge=1, le=100_000)] = 240,
        val: Annotated[int, Field(ge=1, le=100_000)] = 60,
        seed: Annotated[int, Field(ge=0, lt=2**32)] = 0,
    ) -> None:
        if min(size.width, size.height) < SMALLEST:
            raise SpecError(f"scenes are drawn from {SMALLEST}x{SMALLEST} up, got {size}", where="size")
        self.size, self.train, self.val, self.seed = size, train, val, seed

    def classes(self) -> Classes:
        return CAMVID_CLASSES

    def read(self, progress: Progress | None = None) -> Content:
        total = self.train + self.val
        train = self._samples("train", TRAIN_STREAM, self.train, 0, total, progress)
        val = self._samples("val", VAL_STREAM, self.val, self.train, total, progress)
        return Content(train, val, f"drawn from seed {self.seed}", ())

    def _samples(self, part: str, stream: int, n: int, done: int, total: int, progress: Progress | None) -> Samples:
        images, labels = room(n, self.size)
        for i in range(n):
            image, labels[i] = draw(self.size, self.seed, stream, i)
            images[i] = image.transpose(2, 0, 1)
            if progress:
                progress(done + i + 1, total)
        names = tuple(f"{part}_{i:05d}" for i in range(n))
        return Samples(torch.from_numpy(images), torch.from_numpy(labels), names, (part,) * n)


def draw(size: Size, seed: int, stream: int, index: int) -> tuple[Bytes, Bytes]:
    """One scene: image (h w 3) and label (h w). The four arguments decide every byte."""
    street, day = (
        np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence([seed, stream, index]).spawn(2)
    )
    image, label = draw_street(size, street)
    return photographed(image, label, day), label
