"""What acts on each place by itself: batch norm, activations, dropout."""

from typing import Literal

from torch import nn

from rdslab.blocks.layers import Activation, NormAct, activation
from rdslab.blocks.registry import BLOCKS, Epsilon, Share, carries, kept_channels, same_channels


class _Pointwise(nn.Sequential):
    """Keeps its channels, each by itself."""

    derive_channels = staticmethod(kept_channels)

    permutation = staticmethod(carries)


@BLOCKS.register("norm_act")
class NormActBlock(_Pointwise, NormAct):
    """Batch norm, activation."""

    def __init__(self, in_channels: int, out_channels: int, *, eps: Epsilon = 1e-5, act: Activation = "relu") -> None:
        same_channels(in_channels, out_channels)
        NormAct.__init__(self, out_channels, act, eps)


@BLOCKS.register("act")
class Act(_Pointwise):
    """An activation, each number by itself."""

    def __init__(self, in_channels: int, out_channels: int, *, act: Activation = "relu") -> None:
        same_channels(in_channels, out_channels)
        super().__init__()
        self.act = activation(act, out_channels)


@BLOCKS.register("dropout", acts_with={"drops": {"dropout": 0.5}})
class Dropout(_Pointwise):
    """Dropout of whole maps, or of single numbers; nothing outside of training."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dropout: Share = 0.0,
        drops: Literal["channels", "numbers"] = "channels",
    ) -> None:
        same_channels(in_channels, out_channels)
        super().__init__()
        if dropout:
            self.dropout = nn.Dropout2d(dropout) if drops == "channels" else nn.Dropout(dropout)
