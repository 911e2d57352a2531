"""Residual units that compute between two 1x1 convolutions. Shapes: n batch, c channels, h w rows and columns."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from rdslab.blocks.layers import Activation, ConvNormAct, NormAct, Skip, convolution
from rdslab.blocks.registry import (
    BLOCKS,
    Epsilon,
    Share,
    Whole,
    WholeOrNone,
    absorbs,
    carries,
    without_bias,
)


def narrowed(channels: int, ratio: int) -> int:
    """The channels inside; raises ValueError where `ratio` does not divide those outside."""
    if channels % ratio:
        raise ValueError(f"ratio (={ratio}) must divide the channels (={channels})")
    return channels // ratio


def middle_of(channels: int, asymmetric: int, *, stride: int = 1, dilation: int = 1, bias: bool = False) -> nn.Module:
    """3x3, or 1xk and kx1 with nothing between them (Paszke et al. 2016). Raises ValueError where it cannot be both."""
    if not asymmetric:
        return convolution(channels, channels, stride=stride, dilation=dilation, bias=bias)
    if stride != 1 or dilation != 1:
        raise ValueError(f"asymmetric (={asymmetric}) goes with neither stride (={stride}) nor dilation (={dilation})")
    columns = convolution(channels, channels, (1, asymmetric))
    return nn.Sequential(columns, convolution(channels, channels, (asymmetric, 1), bias=bias))


@BLOCKS.register("bottleneck", acts_with={"stride_at": {"stride": 2}})
class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1, dropout, add: the bottleneck unit (He et al. 2015), 1/`ratio` as wide inside.

    `asymmetric: 5` puts 1x5 and 5x1 in place of the 3x3, `bias` is that of this middle (ENet, Paszke et al. 2016).
    `stride_at` says which convolution has the stride. `linear` leaves out the activation after the addition.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        dilation: Whole = 1,
        dropout: Share = 0.0,
        ratio: Whole = 4,
        stride_at: Literal["first", "middle"] = "middle",
        asymmetric: WholeOrNone = 0,
        bias: bool = False,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
        linear: bool = False,
    ) -> None:
        super().__init__()
        inside = narrowed(out_channels, ratio)
        first, second = (stride, 1) if stride_at == "first" else (1, stride)
        self.reduce = ConvNormAct(in_channels, inside, 1, stride=first, eps=eps, act=act)
        self.middle = middle_of(inside, asymmetric, stride=second, dilation=dilation, bias=bias)
        self.middle_norm = NormAct(inside, act, eps)
        self.expand = ConvNormAct(inside, out_channels, 1, eps=eps, act="none")
        last: Activation = "none" if linear else act
        self.skip = Skip(in_channels, out_channels, stride=stride, dropout=dropout, eps=eps, act=last)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        y = self.expand(self.middle_norm(self.middle(self.reduce(x))))
        result: Tensor = self.skip(x, y)
        return result

    canonical = staticmethod(without_bias)

    permutation = staticmethod(carries)


@BLOCKS.register("inverted_residual")
class InvertedResidual(nn.Module):
    """1x1, 3x3 depthwise, 1x1, add: wider inside by `expansion` (MobileNetV2, Sandler et al. 2018).

    Nothing is added where stride or channels change.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        dilation: Whole = 1,
        expansion: Whole = 6,
        eps: Epsilon = 1e-5,
    ) -> None:
        super().__init__()
        inside = in_channels * expansion
        self.adds = stride == 1 and in_channels == out_channels
        self.expand = ConvNormAct(in_channels, inside, 1, eps=eps)
        self.depthwise = ConvNormAct(inside, inside, stride=stride, dilation=dilation, groups=inside, eps=eps)
        self.reduce = ConvNormAct(inside, out_channels, 1, eps=eps, act="none")

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        y: Tensor = self.reduce(self.depthwise(self.expand(x)))
        return x + y if self.adds else y


@BLOCKS.register("depthwise_separable")
class DepthwiseSeparable(nn.Sequential):
    """3x3 depthwise, 1x1, each with batch norm and ReLU: a layer of MobileNet (Howard et al. 2017)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        dilation: Whole = 1,
        eps: Epsilon = 1e-5,
    ) -> None:
        super().__init__()
        self.depthwise = ConvNormAct(
            in_channels, in_channels, stride=stride, dilation=dilation, groups=in_channels, eps=eps
        )
        self.pointwise = ConvNormAct(in_channels, out_channels, 1, eps=eps)

    permutation = staticmethod(absorbs)
