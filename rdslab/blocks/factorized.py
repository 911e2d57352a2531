"""Units of one-dimensional convolutions. Shapes: n batch, c channels, h w rows and columns."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.bottlenecks import narrowed
from rdslab.blocks.exportable import ChannelShuffle
from rdslab.blocks.layers import Activation, ConvNormAct, NormAct, Sides, Skip, channel_dropout, convolution
from rdslab.blocks.registry import BLOCKS, Epsilon, Permutation, Share, Whole, absorbs, carries, divides, same_channels

ROWS, COLUMNS = (3, 1), (1, 3)
BRANCHES = 2
GROWTH = 40


class _Pair(nn.Sequential):
    """3x1, ReLU, 1x3, batch norm; or 1x3 first. Both with a bias."""

    def __init__(self, channels: int, first: Sides = ROWS, *, dilation: int = 1, eps: float = 1e-5) -> None:
        super().__init__()
        self.first = convolution(channels, channels, first, dilation=dilation, bias=True)
        self.act = nn.ReLU()
        self.second = convolution(channels, channels, first[::-1], dilation=dilation, bias=True)
        self.norm = nn.BatchNorm2d(channels, eps=eps)


class _DepthwisePair(nn.Sequential):
    """Depthwise 3x1 and 1x3, each with batch norm and activation."""

    def __init__(self, channels: int, *, dilation: int = 1, eps: float, act: Activation) -> None:
        super().__init__()
        for name, sides in (("rows", ROWS), ("columns", COLUMNS)):
            step = ConvNormAct(channels, channels, sides, dilation=dilation, groups=channels, eps=eps, act=act)
            self.add_module(name, step)


@BLOCKS.register("non_bottleneck_1d")
class NonBottleneck1d(nn.Module):
    """3x1, 1x3, dilated 3x1, dilated 1x3, dropout, add: the unit of ERFNet (Romera et al. 2017)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dilation: Whole = 1,
        dropout: Share = 0.0,
        eps: Epsilon = 1e-5,
    ) -> None:
        super().__init__()
        same_channels(in_channels, out_channels)
        self.near = _Pair(out_channels, eps=eps)
        self.far = _Pair(out_channels, dilation=dilation, eps=eps)
        self.skip = Skip(out_channels, out_channels, dropout=dropout)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        result: Tensor = self.skip(x, self.far(F.relu(self.near(x))))
        return result


@BLOCKS.register("split_shuffle")
class SplitShuffle(nn.Module):
    """Halves: 3x1, 1x3 beside 1x3, 3x1, twice; concatenate, dropout, add, shuffle: SS-nbt (LEDNet, Wang et al. 2019).

    The second convolutions of a half are dilated.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dilation: Whole = 1,
        dropout: Share = 0.0,
        eps: Epsilon = 1e-5,
    ) -> None:
        super().__init__()
        same_channels(in_channels, out_channels)
        divides(BRANCHES, out_channels, "the number of branches")
        half = out_channels // BRANCHES
        self.near = nn.ModuleList(_Pair(half, first, eps=eps) for first in (ROWS, COLUMNS))
        self.far = nn.ModuleList(_Pair(half, first, dilation=dilation, eps=eps) for first in (ROWS, COLUMNS))
        self.skip = Skip(out_channels, out_channels, dropout=dropout)
        self.shuffle = ChannelShuffle(BRANCHES)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        near = [F.relu(pair(half)) for pair, half in zip(self.near, x.chunk(BRANCHES, dim=1), strict=True)]
        far = [pair(half) for pair, half in zip(self.far, near, strict=True)]
        result: Tensor = self.shuffle(self.skip(x, torch.cat(far, dim=1)))
        return result


@BLOCKS.register("depthwise_asymmetric")
class DepthwiseAsymmetric(nn.Module):
    """3x3, depthwise 3x1, 1x3 beside dilated ones, 1x1, dropout, add: the unit of DABNet (Li et al. 2019).

    1/`ratio` as wide inside. Batch norm and activation stand before the first and the last convolution, too.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dilation: Whole = 1,
        dropout: Share = 0.0,
        ratio: Whole = 2,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        same_channels(in_channels, out_channels)
        c, inside = out_channels, narrowed(out_channels, ratio)
        self.norm_act = NormAct(c, act, eps)
        self.reduce = ConvNormAct(c, inside, eps=eps, act=act)
        self.near = _DepthwisePair(inside, eps=eps, act=act)
        self.far = _DepthwisePair(inside, dilation=dilation, eps=eps, act=act)
        self.branches_norm_act = NormAct(inside, act, eps)
        self.expand = convolution(inside, c, 1)
        self.skip = Skip(c, c, dropout=dropout, act="none")

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        y = self.reduce(self.norm_act(x))
        y = self.expand(self.branches_norm_act(self.near(y) + self.far(y)))
        result: Tensor = self.skip(x, y)
        return result

    permutation = staticmethod(carries)


@BLOCKS.register("factorized_conv")
class FactorizedConv(nn.Sequential):
    """kx1, 1xk, batch norm, activation: a convolution of k x k in two steps (LEDNet, Wang et al. 2019)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        kernel: Whole = 3,
        dilation: Whole = 1,
        bias: bool = False,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        self.rows = convolution(
            in_channels, out_channels, (kernel, 1), stride=(stride, 1), dilation=dilation, bias=bias
        )
        self.columns = ConvNormAct(
            out_channels, out_channels, (1, kernel), stride=(1, stride), dilation=dilation, bias=bias, eps=eps, act=act
        )

    @staticmethod
    def canonical(options: dict[str, object]) -> dict[str, object]:
        """A 1x1 kernel has no gaps to dilate."""
        return {**options, "dilation": 1} if options["kernel"] == 1 else options

    permutation = staticmethod(absorbs)


@BLOCKS.register("dense_asymmetric")
class DenseAsymmetric(nn.Module):
    """1x1, 3x1, 1x3, dilated 3x1, dilated 1x3, dropout, in front of the input: EDANet's module (Lo et al. 2019).

    It is as wide inside as its output is wider than its input: by 40 where no channels are written.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dilation: Whole = 1,
        dropout: Share = 0.0,
        bias: bool = False,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        growth = out_channels - in_channels
        if growth < 1:
            raise ValueError(f"needs more channels out than in, but in is {in_channels} and out is {out_channels}")
        self.reduce = ConvNormAct(in_channels, growth, 1, bias=bias, eps=eps, act=act)
        self.near = FactorizedConv(growth, growth, bias=bias, eps=eps, act=act)
        self.far = FactorizedConv(growth, growth, dilation=dilation, bias=bias, eps=eps, act=act)
        self.dropout = channel_dropout(dropout)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        return torch.cat([self.dropout(self.far(self.near(self.reduce(x)))), x], dim=1)

    @staticmethod
    def derive_channels(in_channels: int) -> int:
        return in_channels + GROWTH

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:  # noqa: ARG004
        """The convolution absorbs it, the input carries it on."""
        return "carries"
