"""Bottleneck units around max-pooling and its unpooling. Shapes: n batch, c channels, h w rows and columns."""

from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.bottlenecks import narrowed
from rdslab.blocks.convolutions import Deconv
from rdslab.blocks.exportable import max_unpool
from rdslab.blocks.joins import several
from rdslab.blocks.layers import (
    Activation,
    ConvNormAct,
    NormAct,
    Sides,
    activation,
    channel_dropout,
    convolution,
    sides_of,
)
from rdslab.blocks.registry import BLOCKS, Epsilon, Permutation, Share, Whole, without_bias
from rdslab.blocks.resizing import MaxUnpool


@BLOCKS.register("enet_down")
class ENetDown(nn.Module):
    """2x2 stride 2, 3x3, 1x1, dropout, add max-pooling: the downsampling unit of ENet (Paszke et al. 2016).

    Kernel and pooling window have the side `stride`; what they do not cover is left out. 1/`ratio` as wide inside;
    `bias` is that of the 3x3. Channels of zeros are appended to the pooled map. Second output `indices`, where each
    maximum of the input's channels was.
    """

    extra_outputs: ClassVar[tuple[str, ...]] = ("indices",)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 2,
        dropout: Share = 0.0,
        ratio: Whole = 4,
        bias: bool = False,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        self.stride, self.appended = stride, out_channels - in_channels
        if self.appended < 0:
            raise ValueError(f"needs at least as many channels out as in, but in is {in_channels}, out {out_channels}")
        inside = narrowed(out_channels, ratio)
        self.reduce = ConvNormAct(in_channels, inside, stride, stride=stride, padding=0, eps=eps, act=act)
        self.middle = convolution(inside, inside, bias=bias)
        self.middle_norm = NormAct(inside, act, eps)
        self.expand = ConvNormAct(inside, out_channels, 1, eps=eps, act="none")
        self.dropout = channel_dropout(dropout)
        self.act = activation(act, out_channels)

    def forward(self, x: Float[Tensor, "n c h w"]) -> tuple[Float[Tensor, "n c2 h2 w2"], Int[Tensor, "n c h2 w2"]]:
        y = self.dropout(self.expand(self.middle_norm(self.middle(self.reduce(x)))))
        pooled, indices = F.max_pool2d(x, self.stride, return_indices=True)
        side = F.pad(pooled, (0, 0, 0, 0, 0, self.appended))
        return self.act(y + side), indices

    @staticmethod
    def extra_channels(in_channels: int, out_channels: int) -> tuple[int]:  # noqa: ARG004
        return (in_channels,)

    canonical = staticmethod(without_bias)

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:  # noqa: ARG004
        """The convolutions absorb it, the pooled map carries it on."""
        return "carries"


@BLOCKS.register("enet_up")
class ENetUp(nn.Module):
    """1x1, 3x3 transposed, 1x1, add 1x1 and max-unpooling: the upsampling unit of ENet (Paszke et al. 2016).

    `inputs: [NODE, POOL:indices]`, and `like:` the node that the pool read; there the transposed convolution's map is
    resized to its size. The output has as many channels as the indices.
    1/`ratio` as wide inside; `bias` is that of the transposed convolution.
    """

    example_inputs = staticmethod(MaxUnpool.example_inputs)

    def __init__(
        self,
        in_channels: int | tuple[int, ...],
        out_channels: int,
        *,
        up: Whole = 2,
        ratio: Whole = 4,
        bias: bool = False,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        channels, places = MaxUnpool.derive_channels(in_channels), several(in_channels)[1]
        if places != out_channels:
            raise ValueError(f"needs indices for each channel, but they are for {places} and out is {out_channels}")
        inside = narrowed(out_channels, ratio)
        self.up = up
        self.reduce = ConvNormAct(channels, inside, 1, eps=eps, act=act)
        self.enlarge = Deconv(inside, inside, up=up, bias=bias)
        self.enlarge_norm = NormAct(inside, act, eps)
        self.expand = ConvNormAct(inside, out_channels, 1, eps=eps, act="none")
        self.side = ConvNormAct(channels, out_channels, 1, eps=eps, act="none")
        self.act = activation(act, out_channels)

    def forward(
        self,
        x: Float[Tensor, "n c h w"],
        indices: Int[Tensor, "n c2 h w"],
        size: Sides | None = None,
    ) -> Float[Tensor, "n c2 h2 w2"]:
        y = self.expand(self.enlarge_norm(self.enlarge(self.reduce(x), size)))
        result: Tensor = self.act(y + max_unpool(self.side(x), indices, self.up, sides_of(y)))
        return result

    canonical = staticmethod(without_bias)
