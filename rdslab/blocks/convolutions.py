"""Single convolutions and early downsampling. Shapes: n batch, c channels, h w rows and columns."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.registry import BLOCKS, Permutation, Whole, divides


@BLOCKS.register("conv")
class Conv(nn.Conv2d):
    """Convolution, padded by half its (dilated) kernel: the head of the seed paper's Table I with its defaults."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        kernel: Whole = 3,
        dilation: Whole = 1,
        groups: Whole = 1,
        bias: bool = True,
    ) -> None:
        if kernel % 2 == 0:
            raise ValueError(f"kernel (={kernel}) must be odd, so that the size is kept")
        divides(groups, in_channels, "groups")
        divides(groups, out_channels, "groups")
        padding = dilation * (kernel // 2)
        super().__init__(in_channels, out_channels, kernel, stride, padding, dilation, groups, bias)

    @staticmethod
    def canonical(options: dict[str, object]) -> dict[str, object]:
        """A 1x1 kernel has no gaps to dilate."""
        return {**options, "dilation": 1} if options["kernel"] == 1 else options

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:
        return "absorbs" if options["groups"] == 1 else "sees"


@BLOCKS.register("pool_conv_down")
class PoolConvDown(nn.Module):
    """3x3 stride 2 beside 2x2 max-pooling, concatenate, batch norm, ReLU: downsampling (ENet; seed paper, Table I).

    The convolution gives the channels that pooling lacks. At an odd size the pooled map's last row or column is
    repeated up to the convolution's size, (h + 1) // 2.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: Literal[2] = 2, bias: bool = False) -> None:
        super().__init__()
        if out_channels <= in_channels:
            raise ValueError(f"needs more channels out than in, but in is {in_channels} and out is {out_channels}")
        self.conv = nn.Conv2d(in_channels, out_channels - in_channels, 3, stride, 1, bias=bias)
        self.pool = nn.MaxPool2d(2, stride)
        self.norm = nn.BatchNorm2d(out_channels, eps=1e-3)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        conv = self.conv(x)
        pool = self.pool(x)
        rows, columns = conv.shape[2] - pool.shape[2], conv.shape[3] - pool.shape[3]
        if rows or columns:
            pool = F.pad(pool, (0, columns, 0, rows), mode="replicate")
        return F.relu(self.norm(torch.cat([conv, pool], dim=1)))

    @staticmethod
    def canonical(options: dict[str, object]) -> dict[str, object]:
        """A bias before batch norm is subtracted again."""
        return {**options, "bias": False}

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:  # noqa: ARG004
        """The convolution absorbs it, the pooled half carries it on."""
        return "carries"
