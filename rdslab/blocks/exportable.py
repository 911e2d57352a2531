"""Operators that ONNX lacks below opset 18, in a form that it has. Shapes: n batch, c channels, h w rows and columns.

While an exporter looks on, each is written with plain operators that give the same numbers; else it is torch's own.
Costs are counted on torch's own, never on the exported form.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

Sides = tuple[int, int]


def channel_shuffle(x: Float[Tensor, "n c h w"], groups: int) -> Float[Tensor, "n c h w"]:
    """Channels 0, c/groups, 2c/groups, ..., 1, ... (Zhang et al. 2017)."""
    if not torch.onnx.is_in_onnx_export():
        return F.channel_shuffle(x, groups)
    n, c, h, w = (int(side) for side in x.shape)
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


class ChannelShuffle(nn.ChannelShuffle):
    """`channel_shuffle` as a module of its own, so that a deployment form can leave it out."""

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return channel_shuffle(x, self.groups)


def adaptive_avg_pool(x: Float[Tensor, "n c h w"], bins: int) -> Float[Tensor, "n c b b"]:
    """Means over `bins` x `bins` windows that overlap where the size does not divide."""
    if bins == 1 or not torch.onnx.is_in_onnx_export():
        return F.adaptive_avg_pool2d(x, bins)
    rows, columns = (_windows(int(side), bins).to(x) for side in x.shape[2:])
    return rows @ x @ columns.T


def _windows(length: int, bins: int) -> Float[Tensor, "bins length"]:
    """Row i averages the places floor(i length / bins) to ceil((i + 1) length / bins)."""
    matrix = torch.zeros(bins, length)
    for i in range(bins):
        first, last = i * length // bins, -(-(i + 1) * length // bins)
        matrix[i, first:last] = 1 / (last - first)
    return matrix


def max_unpool(
    x: Float[Tensor, "n c h w"], indices: Int[Tensor, "n c h w"], up: int, size: Sides
) -> Float[Tensor, "n c h2 w2"]:
    """Each value to the place in a plane of `size` that its index names, zero elsewhere."""
    if not torch.onnx.is_in_onnx_export():
        return F.max_unpool2d(x, indices, [up, up], [up, up], output_size=[int(side) for side in size])
    n, c, h, w = (int(side) for side in x.shape)
    plane = torch.zeros(n, c, size[0] * size[1], dtype=x.dtype, device=x.device)
    filled = plane.scatter(2, indices.reshape(n, c, h * w), x.reshape(n, c, h * w))
    return filled.reshape(n, c, *size)
