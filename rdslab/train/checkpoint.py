"""Where a training stands, on disk: written whole after each epoch, and taken up again by the same training only."""

import io
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from rdslab.data import DataSet
from rdslab.errors import RunError, SpecError
from rdslab.files import write_whole
from rdslab.network import ids
from rdslab.spec import Net
from rdslab.train.recipe import Recipe
from rdslab.train.transfer import Start

CHECKPOINT = "checkpoint.pt"
FORMAT = 3
AGAIN = "remove it to train from the start"
Identity = dict[str, Any]


def identity_of(
    net: Net, data: DataSet, recipe: Recipe, seed: int, device: torch.device, start: Start | None = None
) -> Identity:
    """All that decides a training's result, as plain data. On a CPU the number of threads decides the last bits."""
    return {
        "net": ids(net)[0],
        "nodes": [node.id for node in net.nodes],  # weights are called by them, and they are not in a net's id
        "data": data.identity,
        "recipe": recipe.model_dump(mode="json"),
        "seed": seed,
        "device": device.type,
        "start": start.identity() if start else None,
        "threads": torch.get_num_threads() if device.type == "cpu" else None,
    }


def save_checkpoint(folder: Path, identity: Identity, state: Mapping[str, Any]) -> None:
    """Write the state of a training; a kill at any moment leaves the old one or the new one."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "identity": identity, "state": dict(state)}, buffer)
    write_whole(folder / CHECKPOINT, buffer.getvalue())


def load_checkpoint(folder: Path, identity: Identity) -> dict[str, Any] | None:
    """The state in a folder, or None where there is none.

    Raises SpecError when it is of another training, with what differs, and RunError when it cannot be read.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        # Tensors and plain values only: a checkpoint runs no code. What takes the state moves it to its own device.
        held = torch.load(path, map_location="cpu", weights_only=True)
        found, state, written_as = held["identity"], held["state"], held.get("format", 1)
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError):
        raise RunError("is no checkpoint of ours", AGAIN, where=str(path)) from None
    if written_as != FORMAT:
        raise RunError(f"was written as format {written_as}, this rdslab reads {FORMAT}", AGAIN, where=str(path))
    check_same(found, identity, path)
    return dict(state)


def remove_checkpoint(folder: Path) -> None:
    """Remove what a finished training needs no longer, parts of files that a kill left behind included."""
    for path in (folder / CHECKPOINT, *folder.glob(".*.part.*")):
        path.unlink(missing_ok=True)


def check_same(found: Identity, wanted: Identity, path: Path) -> None:
    """Raises SpecError with the first thing in which a file's training differs from the one that is asked for."""
    there, here = dict(_flat(found)), dict(_flat(wanted))
    differing = [key for key in {**there, **here} if there.get(key) != here.get(key)]
    if differing:
        key, *others = differing
        what = f"is of another training: {key} is {there.get(key)} there and {here.get(key)} here"
        more = f"these differ too: {', '.join(others)}" if others else ""
        raise SpecError(what, more, "train into another folder, or remove this file", where=str(path))


def _flat(document: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
