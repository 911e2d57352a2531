"""Convolutions side by side, without batch norm. Shapes: n batch, c channels, h w rows and columns."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rdslab.blocks.bottlenecks import narrowed
from rdslab.blocks.layers import Activation, ConvNormAct, activation, convolution
from rdslab.blocks.registry import BLOCKS, Whole, Wholes, absorbs, divides


@BLOCKS.register("fire")
class Fire(nn.Module):
    """1x1, then 1x1 beside 3x3, concatenate: the fire module (SqueezeNet, Iandola et al. 2016).

    Its first convolution is 1/`ratio` as wide as its output. No batch norm: every convolution has a bias.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        ratio: Whole = 8,
        dilation: Whole = 1,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        divides(2, out_channels, "the number of branches")
        inside, share = narrowed(out_channels, ratio), out_channels // 2
        self.squeeze = ConvNormAct(in_channels, inside, 1, bias=True, norm=False, act=act)
        self.points = convolution(inside, share, 1, bias=True)
        self.squares = convolution(inside, share, dilation=dilation, bias=True)
        self.act = activation(act, out_channels)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        y = self.squeeze(x)
        result: Tensor = self.act(torch.cat([self.points(y), self.squares(y)], dim=1))
        return result

    permutation = staticmethod(absorbs)


@BLOCKS.register("parallel_dilated")
class ParallelDilated(nn.Module):
    """3x3 side by side, each with its own dilation and an activation, added: the context of SQNet (Treml et al. 2016).

    No batch norm: every convolution has a bias.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dilations: Wholes = (1, 2, 3, 4),
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            ConvNormAct(in_channels, out_channels, dilation=dilation, bias=True, norm=False, act=act)
            for dilation in dilations
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        first, *others = self.branches
        y: Tensor = first(x)
        for branch in others:
            y = y + branch(x)
        return y

    permutation = staticmethod(absorbs)
