"""Units of small real-time networks compute what their papers say: factorized, context guided, depthwise dilated."""

import re

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks import (
    EESP,
    ContextGuided,
    DenseAsymmetric,
    DepthwiseAsymmetric,
    DepthwisePyramid,
    EESPDown,
    FactorizedConv,
    SplitShuffle,
)
from rdslab.errors import SpecError
from rdslab.network import build, features, load_net

EPS = 1e-5


def _random(block: nn.Module) -> nn.Module:
    for tensor in [*block.parameters(), *block.buffers()]:
        if tensor.is_floating_point():
            tensor.data.uniform_(0.5, 1.5) if tensor.dim() == 1 else tensor.data.normal_(0, 0.4)
    return block.double().eval()


def _map(channels: int, height: int = 9, width: int = 7) -> Tensor:
    return torch.randn(2, channels, height, width, dtype=torch.float64)


def _convolved(x: Tensor, conv: nn.Module, dilation: int = 1) -> Tensor:
    """Written out: one shifted map for each tap of the kernel, zeros around the map."""
    assert isinstance(conv, nn.Conv2d)
    rows, columns = (side // 2 * dilation for side in conv.weight.shape[2:])
    padded = F.pad(x, (columns, columns, rows, rows))
    n, _, h, w = x.shape
    y = torch.zeros(n, conv.out_channels, h, w, dtype=x.dtype)
    for i, j in torch.cartesian_prod(*[torch.arange(side) for side in conv.weight.shape[2:]]).tolist():
        shifted = padded[:, :, i * dilation : i * dilation + h, j * dilation : j * dilation + w]
        y += F.conv2d(shifted, conv.weight[:, :, i : i + 1, j : j + 1], groups=conv.groups)
    return y if conv.bias is None else y + conv.bias[:, None, None]


def _normed(x: Tensor, norm: nn.Module) -> Tensor:
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / (norm.running_var + EPS).sqrt()
    return (x - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]


def test_halves_start_with_rows_and_with_columns_and_are_interleaved_at_the_end() -> None:
    block, x = _random(SplitShuffle(6, 6, dilation=2)), _map(6)
    halves = []
    for near, far, half in zip(block.near, block.far, (x[:, :3], x[:, 3:]), strict=True):
        y = _convolved(F.relu(_convolved(half, near.first)), near.second)
        y = F.relu(_normed(y, near.norm))
        y = _convolved(F.relu(_convolved(y, far.first, 2)), far.second, 2)
        halves.append(_normed(y, far.norm))
    assert [pair.first.kernel_size for pair in block.near] == [(3, 1), (1, 3)]
    summed = F.relu(x + torch.cat(halves, dim=1))
    torch.testing.assert_close(block(x), summed[:, [0, 3, 1, 4, 2, 5]])


def test_one_depthwise_branch_is_dilated_and_both_are_added_before_the_last_convolution() -> None:
    block, x = _random(DepthwiseAsymmetric(8, 8, dilation=3, act="relu")), _map(8)
    y = F.relu(_normed(x, block.norm_act.norm))
    y = F.relu(_normed(_convolved(y, block.reduce.conv), block.reduce.norm))
    branches = []
    for pair, dilation in ((block.near, 1), (block.far, 3)):
        z = y
        for step in (pair.rows, pair.columns):
            z = F.relu(_normed(_convolved(z, step.conv, dilation), step.norm))
        branches.append(z)
    y = F.relu(_normed(sum(branches), block.branches_norm_act.norm))
    torch.testing.assert_close(block(x), x + _convolved(y, block.expand))


def test_new_features_stand_in_front_and_their_number_is_that_of_the_channels_gained() -> None:
    block, x = _random(DenseAsymmetric(5, 8, dilation=2, bias=True)), _map(5)
    y = F.relu(_normed(_convolved(x, block.reduce.conv), block.reduce.norm))
    for pair, dilation in ((block.near, 1), (block.far, 2)):
        y = _convolved(_convolved(y, pair.rows, dilation), pair.columns.conv, dilation)
        y = F.relu(_normed(y, pair.columns.norm))
    assert y.shape[1] == 3
    torch.testing.assert_close(block(x), torch.cat([y, x], dim=1))


def test_each_repeat_of_a_dense_module_grows_the_map_by_40() -> None:
    grown = [unit.out.channels for unit in build(load_net("edanet"), 5).units if unit.node.id == "enc2"]
    assert grown == [100, 140, 180, 220, 260]
    assert features(load_net("edanet"), 5)["enc3"].channels == 450


def test_a_dense_module_cannot_keep_its_channels() -> None:
    with pytest.raises(SpecError, match=re.escape("needs more channels out than in, but in is 60 and out is 60")):
        build(load_net("edanet").with_value("enc2.channels", 60), 5)


def test_a_factorized_convolution_strides_first_down_and_then_across() -> None:
    block, x = _random(FactorizedConv(3, 4, stride=2, kernel=5, bias=True)), _map(3)
    rows = _convolved(x, block.rows)[:, :, ::2]
    columns = _convolved(rows, block.columns.conv)[:, :, :, ::2]
    assert columns.shape == (2, 4, 5, 4)
    torch.testing.assert_close(block(x), F.relu(_normed(columns, block.columns.norm)))


def test_the_whole_map_weighs_what_a_place_and_its_surroundings_gave() -> None:
    block, x = _random(ContextGuided(8, 8, dilation=2, ratio=4)), _map(8)
    y = F.relu(_normed(_convolved(x, block.reduce.conv), block.reduce.norm))
    sides = block.surroundings
    joined = torch.cat([_convolved(y, sides.local), _convolved(y, sides.surrounding, 2)], dim=1)
    joined = F.relu(_normed(joined, sides.norm_act.norm))
    hidden = F.relu(joined.mean(dim=(2, 3)) @ block.context.reduce.weight.T + block.context.reduce.bias)
    weights = torch.sigmoid(hidden @ block.context.expand.weight.T + block.context.expand.bias)
    torch.testing.assert_close(block(x), x + torch.einsum("nchw,nc->nchw", joined, weights))


def _branches(block: nn.Module, x: Tensor, dilations: tuple[int, ...], stride: int) -> Tensor:
    y = F.relu(_normed(_convolved(x, block.reduce.conv), block.reduce.norm))
    ran = [_convolved(y, b, d)[:, :, ::stride, ::stride] for b, d in zip(block.branches, dilations, strict=True)]
    sums = torch.cat([sum(ran[: i + 1]) for i in range(len(ran))], dim=1)
    return _normed(_convolved(F.relu(_normed(sums, block.norm_act.norm)), block.mix.conv), block.mix.norm)


@pytest.mark.parametrize(("in_channels", "out_channels"), [(16, 16), (8, 16)])
def test_branches_are_summed_from_the_first_on_and_the_input_is_added_where_it_fits(
    in_channels: int, out_channels: int
) -> None:
    dilations = (1, 1, 2, 3)
    block, x = _random(EESP(in_channels, out_channels, dilations=dilations)), _map(in_channels)
    y = _branches(block.branches, x, dilations, 1)
    torch.testing.assert_close(block(x), F.relu(y + x if in_channels == out_channels else y))


@pytest.mark.parametrize("image_size", [(5, 4), (17, 13)])
def test_downsampling_sees_the_image_again_at_whatever_size_it_comes(image_size: tuple[int, int]) -> None:
    block, x, image = _random(EESPDown((8, 3), 24, dilations=(1, 2))), _map(8), _map(3, *image_size)
    small = image if image_size == (5, 4) else F.interpolate(image, size=(5, 4), mode="bilinear")
    first, second = block.image
    seen = F.relu(_normed(_convolved(small, first.conv), first.norm))
    seen = _normed(_convolved(seen, second.conv), second.norm)
    pooled = F.pad(x, (1, 1, 1, 1)).unfold(2, 3, 2).unfold(3, 3, 2).mean(dim=(4, 5))
    joined = torch.cat([pooled, _branches(block.branches, x, (1, 2), 2)], dim=1)
    torch.testing.assert_close(block(x, image), F.relu(joined + seen))


@pytest.mark.parametrize("in_channels", [8, (8, 3, 3)])
def test_downsampling_needs_the_map_and_the_image(in_channels: int | tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape("reads two inputs, the map and the image: `inputs: [NODE, IMAGE]`")):
        EESPDown(in_channels, 24)


@pytest.mark.parametrize("align_corners", [True, False])
def test_each_level_of_the_pyramid_pools_the_one_before(align_corners: bool) -> None:
    block, x = _random(DepthwisePyramid(2, 10, align_corners=align_corners)), _map(2, 6, 11)
    maps, pooled = [x], x
    for level, size in zip(block.levels, [(3, 6), (2, 3), (1, 2), (1, 1)], strict=True):
        pooled = F.pad(pooled, (1, 1, 1, 1)).unfold(2, 3, 2).unfold(3, 3, 2).mean(dim=(4, 5))
        assert tuple(pooled.shape[2:]) == size
        convolved = _convolved(pooled, level)
        maps.append(F.interpolate(convolved, size=(6, 11), mode="bilinear", align_corners=align_corners))
    torch.testing.assert_close(block(x), torch.cat(maps, dim=1))


@pytest.mark.parametrize("out_channels", [2, 5])
def test_the_pyramid_needs_a_whole_number_of_levels(out_channels: int) -> None:
    with pytest.raises(ValueError, match=f"gives a multiple of its channels, but in is 2 and out is {out_channels}"):
        DepthwisePyramid(2, out_channels)
