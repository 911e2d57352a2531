"""Blocks of two-branch networks compute what their papers' code does: scales, attention, boundaries, gathering."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks import DAPPM, PAPPM, BoundaryFusion, ContextEmbedding, GatherExpand, PixelAttention
from rdslab.network import build, load_net

every_size = pytest.mark.parametrize(("height", "width"), [(16, 32), (9, 13), (2, 3), (1, 1)])


def _random(block: nn.Module) -> nn.Module:
    for tensor in [*block.parameters(), *block.buffers()]:
        if tensor.is_floating_point():
            tensor.data.uniform_(0.5, 1.5) if tensor.dim() == 1 else tensor.data.normal_(0, 0.2)
    return block.double().eval()


def _map(channels: int, height: int, width: int) -> Tensor:
    return torch.randn(2, channels, height, width, dtype=torch.float64)


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=tuple(like.shape[2:]), mode="bilinear", align_corners=False)


def _narrowed(block: nn.Module, x: Tensor) -> list[Tensor]:
    """Windows of 5, 9 and 17 places and one over the map, each normed, rectified, convolved and enlarged."""
    pools = [F.avg_pool2d(x, k, s, p) for k, s, p in [(5, 2, 2), (9, 4, 4), (17, 8, 8)]]
    pools.append(x.mean(dim=(2, 3), keepdim=True))
    scales = block.get_submodule("scales")
    assert isinstance(scales, nn.ModuleList)
    return [_enlarged(s.get_submodule("narrow")(y), x) for s, y in zip(scales, pools, strict=True)]


@every_size
def test_each_scale_of_ddrnet_builds_on_the_one_before(height: int, width: int) -> None:
    block, x = _random(DAPPM(12, 8, inside=4)), _map(12, height, width)
    maps = [block.point(x)]
    for scale, narrowed in zip(block.scales, _narrowed(block, x), strict=True):
        maps.append(scale.process(narrowed + maps[-1]))
    torch.testing.assert_close(block(x), block.fuse(torch.cat(maps, dim=1)) + block.side(x))


@every_size
def test_all_scales_of_pidnet_build_on_the_map_and_meet_in_groups(height: int, width: int) -> None:
    block, x = _random(PAPPM(12, 8, inside=4)), _map(12, height, width)
    point = block.point(x)
    pooled = block.process(torch.cat([narrowed + point for narrowed in _narrowed(block, x)], dim=1))
    assert block.process.conv.groups == 4
    torch.testing.assert_close(block(x), block.fuse(torch.cat([point, pooled], dim=1)) + block.side(x))


@pytest.mark.parametrize("block", [DAPPM, PAPPM])
def test_branches_are_as_wide_as_the_output_unless_told(block: type[nn.Module]) -> None:
    assert block(12, 8).point.conv.out_channels == 8
    assert block(12, 8, inside=3).point.conv.out_channels == 3


@pytest.mark.parametrize(("shift", "coarse_counts"), [(9.0, True), (-9.0, False)])
def test_attention_takes_the_coarse_map_where_both_agree_and_the_fine_one_elsewhere(
    shift: float, coarse_counts: bool
) -> None:
    block, fine, coarse = _random(PixelAttention((8, 8), 8)), _map(8, 9, 13), _map(8, 5, 7)
    for norm, level in ((block.query.norm, 9.0), (block.key.norm, shift)):
        norm.weight.data.zero_()
        norm.bias.data.fill_(level)
    torch.testing.assert_close(block(fine, coarse), _enlarged(coarse, fine) if coarse_counts else fine)


def test_attention_mixes_by_the_sigmoid_of_the_product_at_the_fine_map_s_size() -> None:
    block, fine, coarse = _random(PixelAttention((8, 8), 8, ratio=4)), _map(8, 9, 13), _map(8, 5, 7)
    product = block.key(fine) * _enlarged(block.query(coarse), fine)
    assert product.shape[1] == 2
    torch.testing.assert_close(
        block(fine, coarse), torch.lerp(fine, _enlarged(coarse, fine), torch.sigmoid(product.sum(1, keepdim=True)))
    )


def test_boundaries_get_details_and_the_rest_gets_context() -> None:
    block, detail, context = _random(BoundaryFusion((8, 8, 8), 6)), _map(8, 5, 7), _map(8, 5, 7)
    on, off = torch.full_like(detail, 99.0), torch.full_like(detail, -99.0)
    torch.testing.assert_close(block(detail, context, on), block.detail(detail) + block.context(context + detail))
    torch.testing.assert_close(block(detail, context, off), block.detail(detail + context) + block.context(context))


@pytest.mark.parametrize(
    ("block", "in_channels", "words"),
    [
        (PixelAttention, 8, r"reads 2 inputs: `inputs: \[FINE, COARSE\]`"),
        (PixelAttention, (8, 4), r"equal channels, but in is \(8, 4\)"),
        (PixelAttention, (6, 6), r"keeps its channels, but in is \(6, 6\) and out is 8"),
        (BoundaryFusion, (8, 8), r"reads 3 inputs: `inputs: \[DETAIL, CONTEXT, BOUNDARY\]`"),
        (BoundaryFusion, (8, 8, 4), r"equal channels, but in is \(8, 8, 4\)"),
    ],
)
def test_joins_say_what_they_read(block: type[nn.Module], in_channels: int | tuple[int, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        block(in_channels, 8)


def test_gathering_rectifies_only_behind_the_dense_and_the_last_depthwise_convolution() -> None:
    block, x = _random(GatherExpand(4, 6, stride=2, expansion=3)), _map(4, 9, 12)
    y = F.relu(block.gather.norm(F.conv2d(x, block.gather.conv.weight, padding=1)))
    y = block.down.norm(F.conv2d(y, block.down.conv.weight, stride=2, padding=1, groups=4))
    y = F.relu(block.expand.norm(F.conv2d(y, block.expand.conv.weight, padding=1, groups=12)))
    y = block.reduce.norm(F.conv2d(y, block.reduce.conv.weight))
    depth, point = block.side
    side = depth.norm(F.conv2d(x, depth.conv.weight, stride=2, padding=1, groups=4))
    side = point.norm(F.conv2d(side, point.conv.weight))
    torch.testing.assert_close(block(x), F.relu(y + side))


def test_gathering_adds_its_input_where_the_shape_stays() -> None:
    block, x = _random(GatherExpand(4, 4, dilation=2)), _map(4, 9, 12)
    y = F.relu(block.gather.norm(F.conv2d(x, block.gather.conv.weight, padding=1)))
    y = F.relu(block.expand.norm(F.conv2d(y, block.expand.conv.weight, padding=2, dilation=2, groups=4)))
    assert y.shape[1] == 24
    torch.testing.assert_close(block(x), F.relu(x + block.reduce(y)))


def test_context_embedding_adds_the_same_everywhere() -> None:
    block, x = _random(ContextEmbedding(6, 6)), _map(6, 5, 7)
    added = block(x) - x
    torch.testing.assert_close(added, block.point(block.norm(x.mean(dim=(2, 3), keepdim=True))).expand_as(x))
    assert added.min() >= 0


def test_only_training_has_pidnet_s_boundaries_in_one_channel() -> None:
    network = build(load_net("pidnet_s"), 5).eval()
    with torch.no_grad():
        outputs = network.train_outputs(torch.rand(1, 3, 64, 96))
    assert [tuple(y.shape) for y in outputs] == [(1, 5, 64, 96), (1, 5, 64, 96), (1, 1, 64, 96)]
    assert not any(node.id.startswith("aux") for node in load_net("pidnet_s").inference().nodes)
