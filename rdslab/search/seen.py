"""What the nets that a study trained see in some of its validation images, from the weights in its run folder."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rdslab.data import DataSet, open_data
from rdslab.data.pairs import Progress
from rdslab.errors import DataError, RdslabError
from rdslab.search.plan import Study
from rdslab.train import WEIGHTS, open_trained


def see(
    study: Study,
    trials: Mapping[str, Mapping[str, Any]],
    images: Sequence[int],
    *,
    most: int,
    identity: str,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Classes, photos, truth and labels as a report's `Seen` has them, as plain documents.

    `trials`: by variant the one whose net looks. `images`: places in the validation split; without any, `most`
    from all over it. `identity`: that of the data which the study was scored on. A net whose weights are not here, or
    are another training's, has a reason instead. Raises DataError where the data are not here or are others, SpecError
    for a wrong `data:`.
    """
    data = open_data(study.document.data, where=study.source.where(("data",)), progress=progress)
    if identity and data.identity != identity:
        what = f"the data here are others ({data.identity}) than the study was scored on ({identity})"
        raise DataError(what, "give the folder that it was run with: --root DIR", where=study.source.where(("data",)))
    index = [*images] or [*range(0, len(data.val), math.ceil(len(data.val) / most))]
    found: dict[str, Any] = {"data": data.name, "labels": {}, "seeds": {}, "without": {}}
    found["classes"] = list(zip(data.classes.names, data.classes.colours, strict=True))
    names = [data.val.names[i] for i in index]
    found["photos"] = {name: data.val.images[i].permute(1, 2, 0).numpy() for name, i in zip(names, index, strict=True)}
    found["truth"] = {name: data.val.labels[i].numpy() for name, i in zip(names, index, strict=True)}
    for variant, trial in trials.items():
        try:
            labels = _labels(study.slot_folder(trial["slot"]), trial, data, index)
        except RdslabError as error:
            found["without"][variant] = error.what
        else:
            found["labels"][variant] = dict(zip(names, labels, strict=True))
            found["seeds"][variant] = int(trial["seed"])
    return found


def _labels(folder: Path, trial: Mapping[str, Any], data: DataSet, index: list[int]) -> NDArray[np.uint8]:
    """What the trial's net says of each pixel (n h w). Raises DataError where its weights are not here."""
    if not (folder / WEIGHTS).is_file():
        raise DataError("the weights are not in this run folder")
    trained = open_trained(folder / WEIGHTS)
    said = trained.metadata
    if (said.get("seed"), said.get("miou")) != (trial["seed"], trial["score"]["miou"]):
        raise DataError("the weights in the run folder are of another training")
    return trained.labels(data.val.images[index])
