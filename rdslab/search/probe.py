"""A short probe: what one training of a study's base takes on this machine, from a few real steps of it."""

import math
import statistics
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch

from rdslab.data import CAMVID_CLASSES, DataSet, Samples, open_data
from rdslab.errors import DataError
from rdslab.measure import machine_lock
from rdslab.records import Size
from rdslab.search.forecast import Pace
from rdslab.search.prepare import Prepared
from rdslab.train.inference import the_device
from rdslab.train.loop import check_beforehand, memory_told, repeatable
from rdslab.train.metrics import confusion
from rdslab.train.state import Training, epoch_batches

WARM, STEPS = 2, 6
LONGEST_S = 20.0  # after which the steps that were timed have to do
SCORED = 8  # images


class _Enough(Exception):
    """There are enough steps."""


def probe(prepared: Prepared) -> Pace:
    """Train the base for a few steps and score a few images: on the study's data, or on noise where they are absent.

    Raises SpecError for what cannot be trained, RunError where a step fails.
    """
    study, recipe = prepared.study, prepared.recipe
    document, net, device = study.document.data, prepared.nets[study.base], the_device()
    absent: DataError | None = None
    try:
        data = open_data(document, where=study.source.where(("data",)))
    except DataError as error:
        absent, data = error, _noise(Size.parse(document.get("size", study.size)), recipe.batch)
    with machine_lock("train"), repeatable(study.document.threads, device), memory_told(recipe, data, device):
        check_beforehand(net, data, recipe, device)
        run = Training(net, _few(data, recipe.batch), recipe, study.document.seeds[0], device)
        step_s, timed = _step_s(run)
        image_s = _score_s(run)
    where = "this GPU" if device.type == "cuda" else "this machine"
    how = f"{timed} training steps of {study.base!r} at {data.size} took {step_s:.3g} s each on {where} (median)"
    rest = "other variants by their MACs"
    if absent is not None:
        how = f"on noise, since the data are not here ({absent.what}): {how}; scoring not counted; {rest}"
        return Pace({study.base: recipe.epochs * step_s / recipe.batch}, how, per_image=True)
    steps = len(epoch_batches(len(data.train), recipe.batch, 0, 0))
    scored = math.ceil(recipe.epochs / recipe.evaluate_every) * len(data.val)
    how = f"{how}, {recipe.epochs} epochs of {steps} steps; {rest}"
    return Pace({study.base: recipe.epochs * steps * step_s + scored * image_s}, how)


def _noise(size: Size, images: int) -> DataSet:
    """What takes as long to train on as images do."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (images, 3, size.height, size.width), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, len(CAMVID_CLASSES), (images, size.height, size.width), generator=generator)
    names = tuple(map(str, range(images)))
    samples = Samples(pictures, labels.to(torch.uint8), names, names)
    return DataSet("noise", size, CAMVID_CLASSES, samples, samples, "noise", "")


def _few(data: DataSet, batch: int) -> DataSet:
    """As many images as the steps take, some of them again where there are fewer."""
    train = data.train.take([i % len(data.train) for i in range(batch * (WARM + STEPS))])
    return replace(data, train=train, val=data.val.take(list(range(min(SCORED, len(data.val))))))


def _step_s(run: Training) -> tuple[float, int]:
    """The median time of a step after those that warm up, and how many were timed."""
    began = time.perf_counter()
    ends: list[float] = []

    def watch(_: Mapping[str, Any]) -> None:
        ends.append(time.perf_counter())
        if len(ends) == WARM + STEPS or (len(ends) > WARM + 1 and ends[-1] - began > LONGEST_S):
            raise _Enough

    with suppress(_Enough):
        run.run_epoch(watch)
    times = [after - before for before, after in zip(ends[WARM - 1 :], ends[WARM:], strict=False)]
    return statistics.median(times), len(times)


def _score_s(run: Training) -> float:
    """The time to score one image."""
    for _ in range(2):  # the first warms up
        began = time.perf_counter()
        confusion(run.network, run.val, len(run.data.classes), normalise=run.recipe.normalise)
    return (time.perf_counter() - began) / len(run.val)
