"""Training at its edges: single images, void everywhere, empty splits, nets that cannot take one image."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rdslab.data import IGNORE, DataSet, Samples, open_data
from rdslab.errors import DataError, SpecError
from rdslab.netfile import load_net, net_from_document
from rdslab.train.state import epoch_batches, mixed
from tests.train_cases import cpu, tiny_data, tiny_net, trained, without_seconds

__all__ = ["cpu"]
pytestmark = pytest.mark.usefixtures("cpu")


def void(samples: Samples, *index: int) -> Samples:
    """The samples with all pixels of some images unlabelled."""
    labels = samples.labels.clone()
    labels[list(index)] = IGNORE
    return replace(samples, labels=labels)


@pytest.mark.parametrize(
    ("n", "batch", "sizes"), [(9, 4, [4, 5]), (8, 4, [4, 4]), (10, 4, [4, 4, 2]), (3, 1, [1, 1, 1]), (1, 4, [1])]
)
def test_a_last_batch_of_one_image_joins_the_one_before(n: int, batch: int, sizes: list[int]) -> None:
    parts = epoch_batches(n, batch, seed=0, epoch=0)
    assert [len(part) for part in parts] == sizes
    assert sorted(torch.cat(parts).tolist()) == list(range(n))


def test_a_batch_without_a_label_does_no_harm(tmp_path: Path) -> None:
    data = replace(tiny_data(), train=void(tiny_data().train, 0, 1, 2, 3))
    score = trained(tmp_path, {"batch": 1, "epochs": 1}, data=data)
    assert 0 < score.history[0]["loss"] < 10


def test_training_images_without_any_label_are_refused(tmp_path: Path) -> None:
    data = replace(tiny_data(), train=void(tiny_data().train, *range(9)))
    with pytest.raises(DataError, match="no pixel of the training images has a class"):
        trained(tmp_path, data=data)


@pytest.mark.parametrize("part", ["train", "val"])
def test_an_empty_split_is_refused(tmp_path: Path, part: str) -> None:
    data: DataSet = replace(tiny_data(), **{part: tiny_data().val.take([])})  # type: ignore[arg-type]
    with pytest.raises(DataError, match=f"data set 'synthetic': has no {part} images"):
        trained(tmp_path, data=data)


def down_to_one_pixel() -> dict[str, Any]:
    downs = [{"id": f"down{i}", "block": "pool_conv_down", "channels": 8 * i, "stride": 2} for i in range(1, 6)]
    head = {"id": "head", "block": "conv", "channels": "classes"}
    return {"name": "deep", "nodes": [*downs, head, {"id": "up", "block": "bilinear_up", "like": "image"}]}


def test_batch_norm_over_one_pixel_refuses_a_batch_of_one_before_it_starts(tmp_path: Path) -> None:
    net = net_from_document(down_to_one_pixel())
    data = open_data({"name": "synthetic", "size": "32x32", "train": 3, "val": 1})
    with pytest.raises(SpecError, match="'deep' normalises a 1x1 map, which takes batches of 2") as caught:
        trained(tmp_path, {"batch": 1}, net=net, data=data)
    assert "write `batch: 2` or more" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    trained(tmp_path, {"batch": 2, "epochs": 1}, net=net, data=data)
    one = replace(data, train=data.train.take([0]))
    with pytest.raises(SpecError, match="there is only 1 training image"):
        trained(tmp_path / "one", net=net, data=one)


def test_an_image_smaller_than_the_net_takes_is_refused(tmp_path: Path) -> None:
    net = replace(tiny_net(), smallest=type(tiny_net().smallest)(64, 64))
    with pytest.raises(SpecError, match="48x32 is too small for net 'tiny'\n  the least it takes is 64x64"):
        trained(tmp_path, net=net)


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_cycle_of_a_few_steps_trains(tmp_path: Path, epochs: int) -> None:
    score = trained(tmp_path, {"batch": 9, "epochs": epochs})
    assert len(score.history) == epochs


def test_a_net_with_unpooling_repeats_itself_without_a_warning(tmp_path: Path) -> None:
    net = load_net(Path(__file__).parent / "nets" / "unpool.yaml")
    first = trained(tmp_path / "a", {"epochs": 1}, net=net)
    assert without_seconds(trained(tmp_path / "b", {"epochs": 1}, net=net)) == without_seconds(first)


def test_mixed_precision_computes_in_half() -> None:
    layer, x = torch.nn.Conv2d(3, 4, 3), torch.ones(1, 3, 8, 8)
    with mixed("bf16", torch.device("cpu")):
        assert layer(x).dtype == torch.bfloat16
    with mixed("fp32", torch.device("cpu")):
        assert layer(x).dtype == torch.float32
