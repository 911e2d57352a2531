"""Batches that memory does not hold are taken in parts: as good as whole, said in the record, and no smaller than the
net bears."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rdslab.data import IGNORE
from rdslab.errors import RunError
from rdslab.netfile import net_from_document
from rdslab.train import CHECKPOINT, state, weighted_cross_entropy
from rdslab.train.state import part_shares
from tests.test_train import Killed, kill_at
from tests.train_cases import cpu, trained, weights_in

__all__ = ["cpu"]
pytestmark = pytest.mark.usefixtures("cpu")
WITHOUT_NORM = [
    {"id": "down", "block": "conv", "channels": 8, "stride": 2, "options": {"kernel": 3}},
    {"id": "head", "block": "conv", "channels": "classes"},
    {"id": "up", "block": "bilinear_up", "channels": "classes", "like": "image"},
]


def holds(most: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A memory that holds the maps of `most` images; how many were asked of it."""
    asked: list[int] = []
    whole = state.total_loss

    def within(outputs: Any, *more: Any) -> Tensor:
        asked.append(len(outputs[0]))
        if len(outputs[0]) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return whole(outputs, *more)

    monkeypatch.setattr(state, "total_loss", within)
    return asked


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_losses_of_parts_add_up_to_that_of_the_batch(reduction: Any, count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    logits = torch.randn(5, 4, 6, 7, generator=generator)
    labels = torch.randint(0, 4, (5, 6, 7), generator=generator).to(torch.uint8)
    labels[0], labels[3, 2:] = IGNORE, IGNORE
    weight = torch.tensor([1.0, 5.0, 0.2, 2.0])
    pieces = list(zip(logits.tensor_split(count), labels.tensor_split(count), strict=True))
    shares = part_shares([part for _, part in pieces], weight, reduction)
    parts = [
        share * weighted_cross_entropy(logit, label, weight, reduction)
        for (logit, label), share in zip(pieces, shares, strict=True)
    ]
    torch.testing.assert_close(sum(parts), weighted_cross_entropy(logits, labels, weight, reduction))


def test_parts_without_a_label_count_alike() -> None:
    nothing = torch.full((2, 3, 3), IGNORE, dtype=torch.uint8)
    assert part_shares([nothing, nothing], torch.ones(4), "mean") == [0.5, 0.5]


def test_a_training_in_parts_learns_what_one_of_whole_batches_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = net_from_document({"name": "plain", "nodes": WITHOUT_NORM})
    trained(tmp_path / "whole", net=net)
    asked = holds(1, monkeypatch)
    score = trained(tmp_path / "parts", net=net)
    assert asked[:3] == [4, 2, 1], "halved until it fits"
    assert {row["at_once"] for row in score.history} == {1}
    whole, parts = weights_in(tmp_path / "whole"), weights_in(tmp_path / "parts")
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, atol=1e-5, rtol=1e-4)


def test_a_training_goes_on_with_as_many_images_at_once_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = holds(2, monkeypatch)
    with pytest.raises(Killed):
        trained(tmp_path, progress=kill_at(1, None))
    assert (tmp_path / CHECKPOINT).exists()
    assert max(asked) == 4
    asked.clear()
    score = trained(tmp_path)
    assert max(asked) == 2
    assert [row["at_once"] for row in score.history] == [2, 2]


def test_memory_that_suffices_leaves_no_word_of_it(tmp_path: Path) -> None:
    assert all("at_once" not in row for row in trained(tmp_path).history)


def test_no_part_is_too_small_for_batch_norm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [
        {"id": "down", "block": "pool_conv_down", "channels": 8, "stride": 2},
        {"id": "pooled", "block": "image_pool", "channels": 8},
        {"id": "head", "block": "conv", "channels": "classes"},
        {"id": "up", "block": "bilinear_up", "channels": "classes", "like": "image"},
    ]
    asked = holds(1, monkeypatch)
    with pytest.raises(RunError, match="in as small parts as the net bears"):
        trained(tmp_path, {"batch": 3}, net=net_from_document({"name": "pooled", "nodes": nodes}))
    assert min(asked) == 3
