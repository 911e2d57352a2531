"""Pooled context and parallel convolutions compute what their papers say, whatever the map's size."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks import Fire, ImagePool, ParallelDilated, PyramidAdd, PyramidPool
from rdslab.network import build, load_net

every_size = pytest.mark.parametrize(("height", "width"), [(12, 12), (8, 16), (13, 9), (4, 5), (1, 2)])


def _random(block: nn.Module) -> nn.Module:
    for tensor in [*block.parameters(), *block.buffers()]:
        if tensor.is_floating_point():
            tensor.data.uniform_(0.5, 1.5) if tensor.dim() == 1 else tensor.data.normal_(0, 0.2)
    return block.double().eval()


def _means(x: Tensor, bins: int) -> Tensor:
    """Window i of n covers the places floor(i h / n) to ceil((i + 1) h / n)."""

    def windows(length: int) -> list[slice]:
        return [slice(i * length // bins, -(-(i + 1) * length // bins)) for i in range(bins)]

    rows = [torch.stack([x[..., r, c].mean(dim=(2, 3)) for c in windows(x.shape[3])], -1) for r in windows(x.shape[2])]
    return torch.stack(rows, dim=-2)


def _enlarged(x: Tensor, like: Tensor, *, align_corners: bool) -> Tensor:
    return F.interpolate(x, size=tuple(like.shape[2:]), mode="bilinear", align_corners=align_corners)


@every_size
@pytest.mark.parametrize("bins", [(1, 2, 3, 6), (4, 2), (1,)])
@pytest.mark.parametrize("align_corners", [True, False])
def test_pyramid_pooling_keeps_its_input_in_front_of_the_bins(
    height: int, width: int, bins: tuple[int, ...], align_corners: bool
) -> None:
    block = _random(PyramidPool(8, 16, bins=bins, align_corners=align_corners))
    x = torch.randn(2, 8, height, width, dtype=torch.float64)
    answer = block(x)
    share = 8 // len(bins)
    torch.testing.assert_close(answer[:, :8], x)
    for index, (count, narrow) in enumerate(zip(bins, block.narrow, strict=True)):
        right = _enlarged(narrow(_means(x, count)), x, align_corners=align_corners)
        torch.testing.assert_close(answer[:, 8 + index * share : 8 + (index + 1) * share], right)


@every_size
def test_added_pyramid_is_the_sum_of_the_input_and_its_means(height: int, width: int) -> None:
    x = torch.randn(2, 4, height, width, dtype=torch.float64)
    sums = x + sum(_enlarged(_means(x, bins), x, align_corners=True) for bins in (1, 2, 3, 6))
    torch.testing.assert_close(PyramidAdd(4, 4)(x), sums)


def test_bins_must_divide_the_channels() -> None:
    with pytest.raises(ValueError, match=r"the number of bins \(=4\) must divide the channels \(=6\)"):
        PyramidPool(6, 12)
    with pytest.raises(ValueError, match="doubles its channels, but in is 8 and out is 12"):
        PyramidPool(8, 12)


def test_image_pooling_says_the_same_everywhere() -> None:
    block = _random(ImagePool(8, 3))
    x = torch.randn(2, 8, 5, 7, dtype=torch.float64)
    answer = block(x)
    assert answer.shape == (2, 3, 5, 7)
    assert torch.equal(answer, answer[:, :, :1, :1].expand_as(answer))
    torch.testing.assert_close(answer[:, :, :1, :1], block.narrow(x.mean(dim=(2, 3), keepdim=True)))


def test_fire_puts_its_points_before_its_squares() -> None:
    block = _random(Fire(6, 16, ratio=4, dilation=2, act="elu"))
    x = torch.randn(2, 6, 9, 7, dtype=torch.float64)
    squeezed = F.elu(F.conv2d(x, block.squeeze.conv.weight, block.squeeze.conv.bias))
    points = F.conv2d(squeezed, block.points.weight, block.points.bias)
    squares = F.conv2d(squeezed, block.squares.weight, block.squares.bias, padding=2, dilation=2)
    torch.testing.assert_close(block(x), torch.cat([F.elu(points), F.elu(squares)], dim=1))


def test_parallel_convolutions_are_activated_before_they_are_added() -> None:
    block = _random(ParallelDilated(4, 5, dilations=(1, 3)))
    x = torch.randn(2, 4, 9, 7, dtype=torch.float64)
    branches = [
        F.conv2d(x, branch.conv.weight, branch.conv.bias, padding=dilation, dilation=dilation)
        for dilation, branch in zip((1, 3), block.branches, strict=True)
    ]
    torch.testing.assert_close(block(x), sum(F.relu(branch) for branch in branches))


@pytest.mark.parametrize(("height", "width"), [(64, 65), (66, 67), (68, 69), (70, 71), (73, 97)])
def test_branches_of_icnet_meet_at_one_size(height: int, width: int) -> None:
    """The half resolution is enlarged before the full one is computed: to the size that this will have."""
    network = build(load_net("icnet"), 3).eval()
    sizes = {}
    for name in ("half_up", "full_down3", "up2"):
        network.nodes[name].register_forward_hook(
            lambda *call, name=name: sizes.update({name: tuple(call[2].shape[2:])})
        )
    with torch.no_grad():
        network(torch.randn(1, 3, height, width))
    assert sizes["half_up"] == sizes["full_down3"] == (-(-height // 8), -(-width // 8))
    assert sizes["up2"] == tuple(2 * side - side % 2 for side in sizes["full_down3"])
