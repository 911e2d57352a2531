"""The tensors of a checkpoint, whoever wrote it: read as data, never as code."""

import pickle
import re
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from rdslab.errors import DataError

# What a network's weights are called inside a checkpoint, the likeliest first.
WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "network", "net", "weights", "params")
DEPTH = 2  # how many mappings deep they are looked for
PARALLEL = "module."  # what torch's DataParallel puts before every name
UNREADABLE = (OSError, RuntimeError, EOFError, LookupError, TypeError, ValueError, AttributeError)


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Names and tensors of a .safetensors file or of what torch.save wrote, on the CPU, in the file's order.

    Of a training's checkpoint the mapping that is called like a network's weights is taken. Raises DataError for a
    file that is missing, broken, holds no tensors by name, or could be read only by running code that it brings.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("is a folder" if path.is_dir() else "there is no such file", where=str(path))
    found = _safetensors(path) if is_safetensors(path) else _weights_of(_pickled(path), path)
    if found and all(name.startswith(PARALLEL) for name in found):
        return {name.removeprefix(PARALLEL): tensor for name, tensor in found.items()}
    return found


def is_safetensors(path: Path) -> bool:
    """Whether a file is called so, or begins so: the length of a JSON header, and the header."""
    if path.suffix == ".safetensors":
        return True
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, *UNREADABLE) as error:
        raise DataError(f"cannot be read: {error}", "the file is damaged", where=str(path)) from None


def _pickled(path: Path) -> Any:
    """What torch's reader of plain data makes of the file; it knows tensors, numbers and containers, and no code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of rare pickle protocols and archives; an error tells the rest
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, *UNREADABLE) as error:
        raise _refusal(str(error), path) from None


def _refusal(words: str, path: Path) -> DataError:
    asked = re.search(r"GLOBAL (\S+)", words)
    if asked or "weights_only" in words:
        what = "is not plain data: to read it would run code that the file brings"
        return DataError(
            f"{what} ({asked[1]})" if asked else what,
            "save the weights alone where the file comes from: torch.save(model.state_dict(), 'weights.pth')",
            where=str(path),
        )
    return DataError(
        "is no checkpoint that can be read", "give .safetensors, or what torch.save wrote", where=str(path)
    )


def _weights_of(document: Any, path: Path) -> dict[str, Tensor]:
    """The mapping that holds the weights: the only one with tensors, or the one with the likeliest name."""
    found = OrderedDict(_mappings(document))
    named = [place for wrapper in WRAPPERS for place in found if place[-1:] == (wrapper,)]
    if not found:
        raise DataError(
            "holds no tensors by name", "give a state dict: torch.save(model.state_dict(), FILE)", where=str(path)
        )
    if len(found) > 1 and not named:
        places = ", ".join(".".join(place) or "the file itself" for place in found)
        raise DataError(
            f"has tensors at several places, and none is called like weights: {places}",
            f"names that are known: {', '.join(WRAPPERS)}",
            where=str(path),
        )
    return found[named[0]] if named else next(iter(found.values()))


def _mappings(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Tensor]]]:
    """Every mapping from names to tensors, with its place; what stands beside the tensors is left out."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        return
    tensors = {key: held for key, held in value.items() if isinstance(held, Tensor)}
    if tensors:
        yield place, tensors
    if len(place) < DEPTH:
        for key, held in value.items():
            yield from _mappings(held, (*place, key))
