"""Single convolutions and early downsampling. Shapes: n batch, c channels, h w rows and columns."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rdslab.blocks.layers import (
    Activation,
    ConvNormAct,
    Sides,
    activation,
    convolution,
    fitted,
    half,
    padded_to,
    sides_of,
)
from rdslab.blocks.registry import (
    BLOCKS,
    Epsilon,
    Kernel,
    Permutation,
    Whole,
    WholeOrNone,
    absorbs,
    divides,
    kept_channels,
    without_bias,
)


@BLOCKS.register("conv")
class Conv(nn.Conv2d):
    """Convolution, padded by half its (dilated) kernel: the head of the seed paper's Table I with its defaults."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        kernel: Kernel = 3,
        dilation: Whole = 1,
        padding: WholeOrNone | None = None,
        groups: Whole = 1,
        bias: bool = True,
    ) -> None:
        divides(groups, in_channels, "groups")
        divides(groups, out_channels, "groups")
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padded = half(sides, dilation, padding)
        super().__init__(in_channels, out_channels, sides, stride, padded, dilation, groups, bias)

    @staticmethod
    def canonical(options: dict[str, object]) -> dict[str, object]:
        """A 1x1 kernel has no gaps to dilate."""
        return {**options, "dilation": 1} if options["kernel"] == 1 else options

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:
        return "absorbs" if options["groups"] == 1 else "sees"


@BLOCKS.register("conv_norm_act")
class ConvNormActBlock(ConvNormAct):
    """Convolution, batch norm, activation; padded by half its (dilated) kernel unless told."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        kernel: Kernel = 3,
        dilation: Whole = 1,
        padding: WholeOrNone | None = None,
        groups: Whole = 1,
        bias: bool = False,
        norm: bool = True,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            dilation=dilation,
            padding=padding,
            groups=groups,
            bias=bias,
            norm=norm,
            eps=eps,
            act=act,
        )

    @staticmethod
    def canonical(options: dict[str, object]) -> dict[str, object]:
        """A 1x1 kernel has no gaps to dilate, and a bias before batch norm is subtracted again."""
        plain = {**options, "dilation": 1} if options["kernel"] == 1 else options
        return {**plain, "bias": False} if options["norm"] else plain

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:
        return "absorbs" if options["groups"] == 1 else "sees"


@BLOCKS.register("depthwise_norm_act")
class DepthwiseNormAct(ConvNormAct):
    """Depthwise convolution, batch norm, activation: one filter a channel, or several where channels grow."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        kernel: Kernel = 3,
        dilation: Whole = 1,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel, stride=stride, dilation=dilation, groups=in_channels, eps=eps, act=act
        )

    derive_channels = staticmethod(kept_channels)

    @staticmethod
    def canonical(options: dict[str, object]) -> dict[str, object]:
        """A 1x1 kernel has no gaps to dilate."""
        return {**options, "dilation": 1} if options["kernel"] == 1 else options


@BLOCKS.register("deconv")
class Deconv(nn.ConvTranspose2d):
    """Transposed convolution that enlarges by `up`, then bilinear to the size of the node that `like:` names, if other.

    `padding` takes that many rows and columns off each border of what the kernel reaches; left out, the map grows
    exactly `up` times.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        up: Whole = 2,
        kernel: Whole = 3,
        padding: WholeOrNone | None = None,
        bias: bool = True,
    ) -> None:
        usual = max(0, -((up - kernel) // 2))
        extra = max(0, up - kernel + 2 * usual) if padding is None else 0
        super().__init__(in_channels, out_channels, kernel, up, usual if padding is None else padding, extra, bias=bias)

    def forward(  # type: ignore[override]
        self, x: Float[Tensor, "n c h w"], size: Sides | None = None
    ) -> Float[Tensor, "n c2 h2 w2"]:
        return fitted(super().forward(x), size)

    permutation = staticmethod(absorbs)


@BLOCKS.register("deconv_norm_act")
class DeconvNormAct(nn.Module):
    """Transposed convolution, batch norm, activation, then bilinear to the size of `like:`, if it is other."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        up: Whole = 2,
        kernel: Whole = 3,
        bias: bool = False,
        norm: bool = True,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        self.conv = Deconv(in_channels, out_channels, up=up, kernel=kernel, bias=bias)
        self.norm = nn.BatchNorm2d(out_channels, eps=eps) if norm else nn.Identity()
        self.act = activation(act, out_channels)

    def forward(self, x: Float[Tensor, "n c h w"], size: Sides | None = None) -> Float[Tensor, "n c2 h2 w2"]:
        return fitted(self.act(self.norm(self.conv(x))), size)

    @staticmethod
    def canonical(options: dict[str, object]) -> dict[str, object]:
        """A bias before batch norm is subtracted again."""
        return {**options, "bias": False} if options["norm"] else options

    permutation = staticmethod(absorbs)


@BLOCKS.register("pool_conv_down")
class PoolConvDown(nn.Module):
    """3x3 stride 2 beside 2x2 max-pooling, concatenate, batch norm, activation: downsampling (ENet; Table I).

    The convolution gives the channels that pooling lacks. At an odd size the pooled map is padded up to the
    convolution's size, (h + 1) // 2: its last row or column is repeated, or zeros are put there.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Literal[2] = 2,
        bias: bool = False,
        eps: Epsilon = 1e-3,
        act: Activation = "relu",
        pad: Literal["repeat", "zero"] = "repeat",
    ) -> None:
        super().__init__()
        if out_channels <= in_channels:
            raise ValueError(f"needs more channels out than in, but in is {in_channels} and out is {out_channels}")
        self.pad = pad
        self.conv = convolution(in_channels, out_channels - in_channels, stride=stride, bias=bias)
        self.pool = nn.MaxPool2d(2, stride)
        self.norm = nn.BatchNorm2d(out_channels, eps=eps)
        self.act = activation(act, out_channels)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        conv = self.conv(x)
        pool = padded_to(self.pool(x), sides_of(conv), repeat=self.pad == "repeat")
        result: Tensor = self.act(self.norm(torch.cat([conv, pool], dim=1)))
        return result

    canonical = staticmethod(without_bias)

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:  # noqa: ARG004
        """The convolution absorbs it, the pooled half carries it on."""
        return "carries"
