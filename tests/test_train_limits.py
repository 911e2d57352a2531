"""Training at its edges: single images, void everywhere, empty splits, nets that cannot take one image."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rdslab.blocks import BLOCKS
from rdslab.data import IGNORE, DataSet, Samples, open_data
from rdslab.errors import DataError, SpecError
from rdslab.netfile import load_net, net_from_document
from rdslab.records import Size
from rdslab.train import check_batch
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
    with pytest.raises(SpecError) as caught:
        trained(tmp_path, {"batch": 1}, net=net, data=data)
    assert str(caught.value).splitlines() == [
        "recipe.batch: node 'down5' (block 'pool_conv_down') of net 'deep' normalises one value a channel with a batch "
        "of 1 at 32x32",
        "  write `batch: 2` or more",
        "  or larger images: 64x64 would do",
    ]
    assert list(tmp_path.iterdir()) == []
    trained(tmp_path, {"batch": 2, "epochs": 1}, net=net, data=data)
    one = replace(data, train=data.train.take([0]))
    with pytest.raises(SpecError, match="there is only 1 training image\n  or larger images"):
        trained(tmp_path / "one", net=net, data=one)


@pytest.mark.parametrize(
    ("net", "node"),
    [
        ("pspnet50", "context"),
        ("ddrnet23_slim", "context"),
        pytest.param("deeplabv3_r50", "aspp_image", marks=pytest.mark.long),
        pytest.param("bisenetv2", "context", marks=pytest.mark.long),
    ],
)
def test_nets_that_normalise_a_pooled_map_take_no_batch_of_one(net: str, node: str) -> None:
    spec, size = load_net(net), Size(128, 64)
    with pytest.raises(SpecError, match=rf"node '{node}' \(block .* normalises one value a channel") as caught:
        check_batch(spec, 19, 1, size)
    assert caught.value.hints == ("write `batch: 2` or more",)  # no size helps
    check_batch(spec, 19, 2, size)
    check_batch(spec, 19, 4, size, images=9)  # the ninth joins the batch before
    with pytest.raises(SpecError, match="there is only 1 training image"):
        check_batch(spec, 19, 4, size, images=1)


class Squeezed(torch.nn.Module):
    """Normalises each image's mean over rows and columns: a batch of two does not help."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        assert in_channels == out_channels
        self.norm = torch.nn.InstanceNorm2d(out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.norm(x.mean((2, 3), keepdim=True))


def test_a_block_of_ones_own_is_tried_as_well(request: pytest.FixtureRequest) -> None:
    BLOCKS.register("squeezed")(Squeezed)
    request.addfinalizer(lambda: BLOCKS.remove("squeezed"))
    nodes = [
        {"id": "squeeze", "block": "squeezed", "channels": 3},
        {"id": "head", "block": "conv", "channels": "classes"},
    ]
    with pytest.raises(SpecError, match=r"node 'squeeze' .* with a batch of 4 at 32x32") as caught:
        check_batch(net_from_document({"name": "own", "nodes": nodes}), 3, 4, Size(32, 32))
    assert caught.value.hints == ()


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
