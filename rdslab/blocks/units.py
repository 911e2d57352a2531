"""Residual units of the seed paper's comparison. Shapes: n batch, c channels, h w rows and columns.

Where stride or channels change, the input is projected before it is added (layers.Skip).
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.exportable import ChannelShuffle
from rdslab.blocks.layers import Skip, convolution
from rdslab.blocks.registry import BLOCKS, Permutation, Share, Whole, WholeOrNone, carries, divides, kept_channels


@BLOCKS.register("residual")
class Residual(nn.Module):
    """3x3, 3x3, dropout, add: the residual block (He et al. 2015; eq. 8 of the seed paper), both 3x3 dilated.

    `linear` leaves out the activation after the addition.
    """

    derive_channels = staticmethod(kept_channels)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        dilation: Whole = 1,
        dropout: Share = 0.0,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = convolution(in_channels, out_channels, stride=stride, dilation=dilation)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = convolution(out_channels, out_channels, dilation=dilation)
        self.norm2 = nn.BatchNorm2d(out_channels)
        act: Literal["none", "relu"] = "none" if linear else "relu"
        self.skip = Skip(in_channels, out_channels, stride=stride, dropout=dropout, act=act)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        y = F.relu(self.norm1(self.conv1(x)))
        result: Tensor = self.skip(x, self.norm2(self.conv2(y)))
        return result

    permutation = staticmethod(carries)


@BLOCKS.register("separable")
class Separable(nn.Module):
    """3x3 depthwise, 1x1, dropout, add: a depthwise separable unit (Howard et al. 2017; eq. 5) with a skip."""

    derive_channels = staticmethod(kept_channels)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        dilation: Whole = 1,
        dropout: Share = 0.0,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.depthwise = convolution(in_channels, in_channels, stride=stride, dilation=dilation, groups=in_channels)
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.pointwise = convolution(in_channels, out_channels, 1)
        self.norm2 = nn.BatchNorm2d(out_channels)
        act: Literal["none", "relu"] = "none" if linear else "relu"
        self.skip = Skip(in_channels, out_channels, stride=stride, dropout=dropout, act=act)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        y = F.relu(self.norm1(self.depthwise(x)))
        result: Tensor = self.skip(x, self.norm2(self.pointwise(y)))
        return result

    permutation = staticmethod(carries)


@BLOCKS.register(
    "rds",
    acts_with={
        "shuffle_at": {"shuffle": 2},
        "dilate": {"dilation": 2},
    },
)
class RDS(nn.Module):
    """3x3 depthwise, 3x3, shuffle, dropout, add: the RDS block (Doan et al. 2018, fig. 2c; eq. 7).

    `groups` are those of the dense 3x3. `shuffle` is the number of groups of the channel shuffle (Zhang et al. 2017),
    0 for none; `shuffle_at: input` shuffles the block's input, skip included, as the authors' code does. `dilate` says
    which of the two convolutions is dilated; the depthwise one has the stride.
    """

    derive_channels = staticmethod(kept_channels)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        dilation: Whole = 1,
        groups: Whole = 1,
        shuffle: WholeOrNone = 0,
        dropout: Share = 0.0,
        shuffle_at: Literal["after", "input"] = "after",
        dilate: Literal["dense", "depthwise", "both"] = "dense",
        linear: bool = False,
    ) -> None:
        super().__init__()
        divides(shuffle, in_channels if shuffle_at == "input" else out_channels, "shuffle")
        self.shuffle_at = shuffle_at
        self.shuffle: nn.Module = ChannelShuffle(shuffle) if shuffle else nn.Identity()
        first, second = 1 if dilate == "dense" else dilation, 1 if dilate == "depthwise" else dilation
        self.depthwise = convolution(in_channels, in_channels, stride=stride, dilation=first, groups=in_channels)
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.dense = convolution(in_channels, out_channels, dilation=second, groups=groups)
        self.norm2 = nn.BatchNorm2d(out_channels)
        act: Literal["none", "relu"] = "none" if linear else "relu"
        self.skip = Skip(in_channels, out_channels, stride=stride, dropout=dropout, act=act)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        if self.shuffle_at == "input":
            x = self.shuffle(x)
        y = F.relu(self.norm1(self.depthwise(x)))
        y = self.norm2(self.dense(y))
        if self.shuffle_at == "after":
            y = self.shuffle(y)
        result: Tensor = self.skip(x, y)
        return result

    @staticmethod
    def canonical(options: dict[str, object]) -> dict[str, object]:
        """Beside a dense convolution the shuffle after it is only an order of its filters."""
        dense = options["groups"] == 1 and options["shuffle_at"] == "after"
        shuffle = 0 if dense or options["shuffle"] == 1 else options["shuffle"]
        plain = {**options, "shuffle": shuffle}
        plain |= {"shuffle_at": "after"} if not shuffle else {}
        return plain | ({"dilate": "dense"} if options["dilation"] == 1 else {})

    @staticmethod
    def unpermuted(options: dict[str, object]) -> dict[str, object]:
        """A shuffle of the input, skip included, travels through dense and depthwise filters to the output."""
        travels = options["groups"] == 1 and options["shuffle_at"] == "input"
        return {**options, "shuffle": 0, "shuffle_at": "after"} if travels else options

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:
        return "carries" if options["groups"] == 1 else "sees"
