"""Units that pool and unpool, that sum dilated branches and that crop compute what their papers' code does."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks import ESP, ENetDown, ENetUp, LinkNetUp
from rdslab.network import build, load_net

every_size = pytest.mark.parametrize(("height", "width"), [(12, 16), (13, 16), (12, 17), (13, 17)])


def _random(block: nn.Module) -> nn.Module:
    for tensor in [*block.parameters(), *block.buffers()]:
        if tensor.is_floating_point():
            tensor.data.uniform_(0.5, 1.5) if tensor.dim() == 1 else tensor.data.normal_(0, 0.2)
    return block.eval()


def _without_main_branch(block: nn.Module) -> nn.Module:
    """Batch norm at the end of the computed branch with scale and shift 0: the branch adds nothing."""
    expand = block.get_submodule("expand.norm")
    assert isinstance(expand, nn.BatchNorm2d)
    for tensor in (expand.weight, expand.bias):
        tensor.data.zero_()
    return block


@every_size
@pytest.mark.parametrize("stride", [2, 3])
def test_enet_downsampling_appends_channels_of_zeros_to_the_pooled_map(height: int, width: int, stride: int) -> None:
    x = torch.rand(2, 8, height, width)
    y, indices = _without_main_branch(_random(ENetDown(8, 12, stride=stride)))(x)
    pooled, places = F.max_pool2d(x, stride, return_indices=True)
    assert torch.equal(y[:, :8], pooled)
    assert not y[:, 8:].any()
    assert torch.equal(indices, places)


def test_enet_downsampling_refuses_fewer_channels_than_it_reads() -> None:
    with pytest.raises(ValueError, match=r"at least as many channels out as in, but in is 8, out 4"):
        ENetDown(8, 4)


@every_size
def test_enet_upsampling_puts_values_back_where_their_maxima_were(height: int, width: int) -> None:
    up, before = _without_main_branch(_random(ENetUp((6, 4), 4))), torch.rand(2, 4, height, width)
    pooled, indices = F.max_pool2d(before, 2, return_indices=True)
    x = torch.rand(2, 6, *pooled.shape[2:])
    side = up.get_submodule("side")(x)
    y = up(x, indices, size=(height, width))
    assert y.shape == (2, 4, height, width)
    assert torch.equal(y.flatten(2).gather(2, indices.flatten(2)), F.relu(side).flatten(2))
    assert int((y != 0).sum()) == int((side > 0).sum())


def test_enet_upsampling_refuses_indices_for_other_channels() -> None:
    with pytest.raises(ValueError, match=r"they are for 4 and out is 8"):
        ENetUp((16, 4), 8)


@pytest.mark.parametrize("in_channels", [8, (8, 8, 8)])
def test_enet_upsampling_asks_for_the_map_and_the_indices(in_channels: int | tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"inputs: \[NODE, POOL:indices\]"):
        ENetUp(in_channels, 8)


@pytest.mark.parametrize(("in_channels", "stride", "adds"), [(13, 1, True), (7, 1, False), (13, 2, False)])
def test_an_esp_unit_sums_its_branches_from_the_second_on(in_channels: int, stride: int, adds: bool) -> None:
    unit, x = _random(ESP(in_channels, 13, stride=stride, act="none")), torch.rand(2, in_channels, 11, 14)
    norm = unit.get_submodule("norm_act")
    norm.norm = nn.Identity()
    reduced = unit.get_submodule("reduce")(x)
    d1, d2, d4, d8, d16 = (unit.get_submodule(f"branches.{i}")(reduced) for i in range(5))
    expected = torch.cat([d1, d2, d2 + d4, d2 + d4 + d8, d2 + d4 + d8 + d16], 1)
    assert [d.shape[1] for d in (d1, d2, d4, d8, d16)] == [5, 2, 2, 2, 2]
    torch.testing.assert_close(unit(x), expected + x if adds else expected)


def test_an_esp_unit_refuses_fewer_channels_than_branches() -> None:
    with pytest.raises(ValueError, match=r"a channel for each of 5 dilations, but out is 4"):
        ESP(8, 4)


def _linknet_up(size: tuple[int, int] | None) -> Tensor:
    torch.manual_seed(0)
    y: Tensor = _random(LinkNetUp(8, 6))(torch.rand(2, 8, 5, 7), size=size)
    return y


@pytest.mark.parametrize("size", [(10, 14), (9, 14), (10, 13), (9, 13)])
def test_linknet_upsampling_crops_its_last_row_and_column(size: tuple[int, int]) -> None:
    torch.testing.assert_close(_linknet_up(size), _linknet_up(None)[:, :, : size[0], : size[1]])


def test_linknet_upsampling_repeats_its_last_row_where_the_other_map_is_larger() -> None:
    whole, y = _linknet_up(None), _linknet_up((11, 14))
    torch.testing.assert_close(y[:, :, :10], whole)
    torch.testing.assert_close(y[:, :, 10], whole[:, :, 9])


@pytest.mark.parametrize(("name", "sides"), [("enet", (3, 4)), ("enet", (4, 4)), ("espnet", (4, 4)), ("linknet", (4,))])
def test_a_decoder_answers_at_sizes_that_do_not_divide(name: str, sides: tuple[int, ...]) -> None:
    network = build(load_net(name), 5).eval()
    sizes = [(64 + side, 96 - side) for side in sides]
    with torch.no_grad():
        assert [tuple(network(torch.rand(1, 3, *size)).shape) for size in sizes] == [(1, 5, *size) for size in sizes]
