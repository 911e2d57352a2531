"""Depthwise dilated convolutions side by side (ESPNetv2). Shapes: n batch, c channels, h w rows and columns."""

from itertools import accumulate
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.layers import (
    Activation,
    ConvNormAct,
    NormAct,
    activation,
    channel_dropout,
    convolution,
    fitted,
    sides_of,
)
from rdslab.blocks.registry import BLOCKS, Epsilon, Share, Whole, Wholes, carries, divides

LEVELS = 4


class _DilatedBranches(nn.Module):
    """1x1, depthwise 3x3 at each of `dilations`, running sums, concatenate, 1x1, batch norm.

    Both 1x1 have as many groups as there are branches; the branches have the stride.
    """

    def __init__(
        self, in_channels: int, out_channels: int, dilations: Wholes, *, stride: int, eps: float, act: Activation
    ) -> None:
        super().__init__()
        branches = len(dilations)
        divides(branches, out_channels, "the number of dilations")
        share = out_channels // branches
        self.reduce = ConvNormAct(in_channels, share, 1, groups=branches, eps=eps, act=act)
        self.branches = nn.ModuleList(
            convolution(share, share, stride=stride, dilation=dilation, groups=share) for dilation in dilations
        )
        self.norm_act = NormAct(out_channels, act, eps)
        self.mix = ConvNormAct(out_channels, out_channels, 1, groups=branches, eps=eps, act="none")

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        reduced = self.reduce(x)
        sums = accumulate(branch(reduced) for branch in self.branches)
        result: Tensor = self.mix(self.norm_act(torch.cat(list(sums), dim=1)))
        return result


@BLOCKS.register("eesp")
class EESP(nn.Module):
    """1x1, depthwise 3x3 at each of `dilations`, running sums, 1x1, dropout, add: ESPNetv2's unit (Mehta et al. 2019).

    Both 1x1 have as many groups as there are branches. Nothing is added where channels change.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dilations: Wholes = (1, 2, 3, 4),
        dropout: Share = 0.0,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        self.adds = in_channels == out_channels
        self.branches = _DilatedBranches(in_channels, out_channels, dilations, stride=1, eps=eps, act=act)
        self.dropout = channel_dropout(dropout)
        self.act = activation(act, out_channels)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        y = self.dropout(self.branches(x))
        result: Tensor = self.act(y + x if self.adds else y)
        return result


@BLOCKS.register("eesp_down")
class EESPDown(nn.Module):
    """Average pooling beside strided dilated branches, plus the image by 3x3, 1x1: downsampling (ESPNetv2).

    `inputs: [NODE, IMAGE]`, the image at the size of the output; bilinear, if it is other. The branches give the
    channels that pooling lacks.
    """

    resizes_inputs: ClassVar[bool] = True

    def __init__(
        self,
        in_channels: int | tuple[int, ...],
        out_channels: int,
        *,
        stride: Whole = 2,
        dilations: Wholes = (1, 2, 3, 4),
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        if not isinstance(in_channels, tuple) or len(in_channels) != 2:
            raise ValueError("reads two inputs, the map and the image: `inputs: [NODE, IMAGE]`")
        c, colours = in_channels
        if out_channels <= c:
            raise ValueError(f"needs more channels out than in, but in is {c} and out is {out_channels}")
        self.stride = stride
        self.branches = _DilatedBranches(c, out_channels - c, dilations, stride=stride, eps=eps, act=act)
        self.image = nn.Sequential(
            ConvNormAct(colours, colours, eps=eps, act=act),
            ConvNormAct(colours, out_channels, 1, eps=eps, act="none"),
        )
        self.act = activation(act, out_channels)

    def forward(self, x: Float[Tensor, "n c h w"], image: Float[Tensor, "n c2 h2 w2"]) -> Float[Tensor, "n c3 h3 w3"]:
        y = torch.cat([F.avg_pool2d(x, 3, self.stride, 1), self.branches(x)], dim=1)
        result: Tensor = self.act(y + self.image(fitted(image, sides_of(y))))
        return result


@BLOCKS.register("depthwise_pyramid")
class DepthwisePyramid(nn.Module):
    """Average pooling and depthwise 3x3 at each level, enlarged, behind the input: the pyramid of ESPNetv2.

    A level pools the one before. There are as many as the output has times more channels than the input: four where
    no channels are written. `align_corners` is that of the bilinear enlargement.
    """

    def __init__(self, in_channels: int, out_channels: int, *, align_corners: bool = True) -> None:
        super().__init__()
        levels, over = divmod(out_channels - in_channels, in_channels)
        if over or levels < 1:
            raise ValueError(f"gives a multiple of its channels, but in is {in_channels} and out is {out_channels}")
        self.align_corners = align_corners
        self.levels = nn.ModuleList(convolution(in_channels, in_channels, groups=in_channels) for _ in range(levels))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        size, maps, pooled = sides_of(x), [x], x
        for level in self.levels:
            pooled = F.avg_pool2d(pooled, 3, 2, 1)
            maps.append(fitted(level(pooled), size, align_corners=self.align_corners))
        return torch.cat(maps, dim=1)

    @staticmethod
    def derive_channels(in_channels: int) -> int:
        return (1 + LEVELS) * in_channels

    permutation = staticmethod(carries)
