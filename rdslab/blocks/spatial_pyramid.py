"""Dilated convolutions side by side on few channels. Shapes: n batch, c channels, h w rows and columns."""

from itertools import accumulate

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rdslab.blocks.layers import Activation, NormAct, channel_dropout, convolution
from rdslab.blocks.registry import BLOCKS, Epsilon, Share, Whole, Wholes


@BLOCKS.register("esp")
class ESP(nn.Module):
    """1x1, 3x3 at each of `dilations`, running sums, concatenate, dropout, add: ESPNet's unit (Mehta et al. 2018).

    With a stride the first convolution is a 3x3. Each branch has an equal share of the channels, the first one what
    is over. The sums run from the second branch on. Nothing is added where stride or channels change.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        dilations: Wholes = (1, 2, 4, 8, 16),
        dropout: Share = 0.0,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        share, over = divmod(out_channels, len(dilations))
        if not share:
            raise ValueError(f"needs a channel for each of {len(dilations)} dilations, but out is {out_channels}")
        self.adds = stride == 1 and in_channels == out_channels
        self.reduce = convolution(in_channels, share, 1 if stride == 1 else 3, stride=stride)
        widths = [share + over, *[share] * (len(dilations) - 1)]
        self.branches = nn.ModuleList(
            convolution(share, width, dilation=dilation) for width, dilation in zip(widths, dilations, strict=True)
        )
        self.dropout = channel_dropout(dropout)
        self.norm_act = NormAct(out_channels, act, eps)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        reduced = self.reduce(x)
        first, *others = [branch(reduced) for branch in self.branches]
        y = self.dropout(torch.cat([first, *accumulate(others)], dim=1))
        result: Tensor = self.norm_act(x + y if self.adds else y)
        return result
