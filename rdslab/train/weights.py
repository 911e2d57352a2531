"""Trained weights as one safetensors file that says by itself what it needs: net, classes, colours, input, recipe."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch

from rdslab import __version__
from rdslab.data import Classes, DataSet
from rdslab.errors import DataError, SpecError
from rdslab.files import write_whole
from rdslab.identity import ids
from rdslab.netfile import net_from_document
from rdslab.network import Network, build
from rdslab.records import Score, Size
from rdslab.spec import Net
from rdslab.train.checkpoint import Identity
from rdslab.train.inference import CHANNELS
from rdslab.train.recipe import Normalise, Recipe
from rdslab.train.seeing import NEEDED, RANGE, seeing
from rdslab.train.transfer import Loaded, content_id, head_names, load_weights

WEIGHTS = "weights.safetensors"


def describe_input(
    net: Net, classes: Classes, size: Size, normalise: Normalise = "none", void_logit: bool = False
) -> dict[str, Any]:
    """All that evaluating and predicting need to know beside the weights, as plain data."""
    mean, std = CHANNELS[normalise]
    return {
        "name": net.name,
        "net": net.document(),
        "net_id": ids(net)[0],
        "classes": list(classes.names),
        "colours": [list(colour) for colour in classes.colours],
        "size": str(size),
        "channels": "RGB",
        "value_range": RANGE,
        "normalise": normalise,
        "mean": list(mean),
        "std": list(std),
        "void_logit": void_logit,
        "folded": False,
        "rdslab": __version__,
    }


def describe(
    net: Net, data: DataSet, recipe: Recipe, seed: int, identity: Identity, score: Score | None = None
) -> dict[str, Any]:
    """What stands in a weights file beside the weights, as plain data."""
    return {
        **describe_input(net, data.classes, data.size, recipe.normalise, recipe.void_logit),
        "recipe": recipe.model_dump(mode="json"),
        "seed": seed,
        "data": {"name": data.name, "split": data.split, "identity": data.identity},
        "identity": identity,
        "score": score.document() if score else None,
        "miou": score.miou if score else None,
        "miou_on": images_of(data) if score else None,
    }


def images_of(data: DataSet) -> dict[str, Any]:
    """What a score was found on, as plain data."""
    plain = {"name": data.name, "split": data.split, "identity": data.identity}
    return {**plain, "size": str(data.size), "images": len(data.val)}


def save_weights(
    path: Path, network: Network, metadata: Mapping[str, Any], without: Collection[str] = frozenset()
) -> None:
    """Write weights and buffers with a description; each of its entries is stored as JSON text.

    `without`: names that are left out, of training-only nodes only; what is loaded has them as they were drawn.
    """
    state = {name: tensor for name, tensor in network.state_dict().items() if name not in without}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    text = {key: json.dumps(value) for key, value in metadata.items()}
    write_whole(Path(path), safetensors.torch.save(tensors, text))


def save_loaded(
    path: Path, network: Network, found: Loaded, metadata: Mapping[str, Any], checkpoint: str | Path
) -> None:
    """Write what was loaded from somebody else's checkpoint as a weights file that says where it comes from.

    Heads that only training has and the checkpoint lacks are left out.
    """
    source = {
        "file": Path(checkpoint).name,
        "content": content_id(checkpoint),
        "by": found.by,
        "missing": found.missing,
    }
    save_weights(path, network, {**metadata, "source": source}, head_names(network) & set(found.missing))


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
    missing = [key for key in ("net", *NEEDED) if key not in metadata]
    if missing:
        what = f"holds weights, but does not say of which net: {', '.join(missing)} missing"
        raise DataError(what, "give a file that `rdslab train` wrote", where=str(path))
    return metadata


def load_trained(path: Path) -> tuple[Network, dict[str, Any]]:
    """The network of a weights file, ready for inference on the CPU, and what the file says of it.

    Raises DataError for a file that is missing, broken, or holds the weights of another net than it says.
    """
    metadata = read_metadata(path)
    scores = seeing(metadata, str(path)).scores
    try:
        net = net_from_document(metadata["net"], where=f"{path}: net")
        network = build(net, scores)
        load_weights(network, path)
    except SpecError as error:
        raise DataError(error.what, *error.hints, where=error.where or str(path)) from None
    except DataError as error:
        raise DataError(f"its weights do not fit its net: {error.what}", *error.hints[:-1], where=str(path)) from None
    except TypeError as error:
        raise DataError(f"its description is broken: {error}", where=str(path)) from None
    return network.eval(), metadata
