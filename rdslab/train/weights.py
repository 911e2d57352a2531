"""Trained weights as one safetensors file that says by itself what it needs: net, classes, colours, input, recipe."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch

from rdslab.data import DataSet
from rdslab.errors import DataError, SpecError
from rdslab.files import write_whole
from rdslab.netfile import net_from_document
from rdslab.network import Network, build
from rdslab.records import Score
from rdslab.spec import Net
from rdslab.train.checkpoint import Identity
from rdslab.train.inference import CHANNELS
from rdslab.train.recipe import Recipe

WEIGHTS = "weights.safetensors"
NEEDED = ("net", "classes", "colours", "size", "normalise", "void_logit")


def describe(
    net: Net, data: DataSet, recipe: Recipe, seed: int, identity: Identity, score: Score | None = None
) -> dict[str, Any]:
    """What stands in a weights file beside the weights, as plain data."""
    mean, std = CHANNELS[recipe.normalise]
    return {
        "net": net.document(),
        "classes": list(data.classes.names),
        "colours": [list(colour) for colour in data.classes.colours],
        "size": str(data.size),
        "channels": "RGB",
        "value_range": [0.0, 1.0],
        "normalise": recipe.normalise,
        "mean": list(mean),
        "std": list(std),
        "void_logit": recipe.void_logit,
        "recipe": recipe.model_dump(mode="json"),
        "seed": seed,
        "data": {"name": data.name, "split": data.split, "identity": data.identity},
        "identity": identity,
        "score": score.document() if score else None,
    }


def save_weights(path: Path, network: Network, metadata: Mapping[str, Any]) -> None:
    """Write weights and buffers with a description; each of its entries is stored as JSON text."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    text = {key: json.dumps(value) for key, value in metadata.items()}
    write_whole(Path(path), safetensors.torch.save(tensors, text))


def read_metadata(path: Path) -> dict[str, Any]:
    """What a weights file says of itself. Raises DataError with the file's name."""
    if not Path(path).is_file():
        raise DataError("there is no such file", "train writes it: rdslab train NET --out DIR", where=str(path))
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            text = file.metadata() or {}
        metadata = {key: json.loads(value) for key, value in text.items()}
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise DataError(f"is no weights file, or a broken one: {error}", where=str(path)) from None
    missing = [key for key in NEEDED if key not in metadata]
    if missing:
        what = f"holds weights, but does not say of which net: {', '.join(missing)} missing"
        raise DataError(what, "give a file that `rdslab train` wrote", where=str(path))
    return metadata


def load_weights(path: Path) -> tuple[Network, dict[str, Any]]:
    """The network of a weights file, ready for inference on the CPU, and what the file says of it.

    Raises DataError for a file that is missing, broken, or holds the weights of another net than it says.
    """
    metadata = read_metadata(path)
    try:
        net = net_from_document(metadata["net"], where=f"{path}: net")
        network = build(net, len(metadata["classes"]) + bool(metadata["void_logit"]))
        network.load_state_dict(safetensors.torch.load_file(path))
    except SpecError as error:
        raise DataError(error.what, *error.hints, where=error.where or str(path)) from None
    except (RuntimeError, safetensors.SafetensorError, TypeError) as error:
        first = str(error).splitlines()[:2]
        raise DataError(f"its weights do not fit its net: {' '.join(first)}", where=str(path)) from None
    return network.eval(), metadata
