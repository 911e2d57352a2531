"""A training small enough for tests: a net of four nodes, thirteen drawn images of 48x32."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from rdslab.data import DataSet, open_data
from rdslab.netfile import net_from_document
from rdslab.records import Score
from rdslab.spec import Net
from rdslab.train import WEIGHTS, Recipe, load_recipe, train

NODES: list[dict[str, Any]] = [
    {"id": "down", "block": "pool_conv_down", "channels": 8, "stride": 2},
    {"id": "enc", "block": "rds", "channels": 8, "options": {"shuffle": 4, "dropout": 0.3}},
    {"id": "head", "block": "conv", "channels": "classes"},
    {"id": "up", "block": "bilinear_up", "channels": "classes", "like": "image"},
]
AUXILIARY = {"id": "aux", "block": "conv", "channels": "classes", "inputs": ["down"], "training": True}
SHORT = {"epochs": 2, "batch": 4}


def tiny_net(*, auxiliary: bool = False) -> Net:
    nodes = [*NODES[:2], AUXILIARY, {**NODES[2], "inputs": ["enc"]}, NODES[3]] if auxiliary else NODES
    return net_from_document({"name": "tiny", "nodes": nodes})


@cache
def tiny_data() -> DataSet:
    return open_data({"name": "synthetic", "size": "48x32", "train": 9, "val": 4})


def short(changes: Mapping[str, Any] | None = None) -> Recipe:
    return load_recipe("one_cycle", {**SHORT, **(changes or {})})


def trained(folder: Path, changes: Mapping[str, Any] | None = None, **given: Any) -> Score:
    arguments = {"net": tiny_net(), "data": tiny_data(), "recipe": short(changes), "seed": 0, "threads": 1} | given
    return train(folder=folder, **arguments)


def weights_in(folder: Path) -> dict[str, Tensor]:
    return safetensors.torch.load_file(folder / WEIGHTS)


def same_bits(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def without_seconds(score: Score) -> dict[str, Any]:
    document = score.document()
    document["history"] = [{k: v for k, v in row.items() if k != "seconds"} for row in score.history]
    return document


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU also where there is a GPU: only it repeats itself to the last bit."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
