"""Units that see a place, its surroundings and the whole map. Shapes: n batch, c channels, h w rows and columns."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.bottlenecks import narrowed
from rdslab.blocks.exportable import adaptive_avg_pool
from rdslab.blocks.layers import Activation, ConvNormAct, NormAct, Skip, convolution
from rdslab.blocks.registry import BLOCKS, Epsilon, Share, Whole, absorbs, divides, same_channels


class _Surroundings(nn.Module):
    """Depthwise 3x3 beside a dilated one, concatenate, batch norm, activation: twice as many channels."""

    def __init__(self, channels: int, *, dilation: int, eps: float, act: Activation) -> None:
        super().__init__()
        self.local = convolution(channels, channels, groups=channels)
        self.surrounding = convolution(channels, channels, dilation=dilation, groups=channels)
        self.norm_act = NormAct(2 * channels, act, eps)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        result: Tensor = self.norm_act(torch.cat([self.local(x), self.surrounding(x)], dim=1))
        return result


class _GlobalContext(nn.Module):
    """The map times a weight for each channel: its means, linear, ReLU, linear, sigmoid."""

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        inside = narrowed(channels, ratio)
        self.reduce = nn.Linear(channels, inside)
        self.expand = nn.Linear(inside, channels)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        means = adaptive_avg_pool(x, 1).flatten(1)
        weights = torch.sigmoid(self.expand(F.relu(self.reduce(means))))
        return x * weights[:, :, None, None]


@BLOCKS.register("context_guided")
class ContextGuided(nn.Module):
    """1x1, depthwise 3x3 beside a dilated one, weighed by the whole map, dropout, add: CGNet's unit (Wu et al. 2018).

    Half as wide inside. The weights of the channels are worked out on 1/`ratio` as many.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dilation: Whole = 1,
        dropout: Share = 0.0,
        ratio: Whole = 4,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        same_channels(in_channels, out_channels)
        divides(2, out_channels, "the number of branches")
        half = out_channels // 2
        self.reduce = ConvNormAct(in_channels, half, 1, eps=eps, act=act)
        self.surroundings = _Surroundings(half, dilation=dilation, eps=eps, act=act)
        self.context = _GlobalContext(out_channels, ratio)
        self.skip = Skip(out_channels, out_channels, dropout=dropout, act="none")

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        result: Tensor = self.skip(x, self.context(self.surroundings(self.reduce(x))))
        return result


@BLOCKS.register("context_guided_down")
class ContextGuidedDown(nn.Sequential):
    """3x3, depthwise 3x3 beside a dilated one, 1x1, weighed by the whole map: CGNet's downsampling (Wu et al. 2018).

    The first convolution has the stride. The weights of the channels are worked out on 1/`ratio` as many.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 2,
        dilation: Whole = 1,
        ratio: Whole = 4,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        self.down = ConvNormAct(in_channels, out_channels, stride=stride, eps=eps, act=act)
        self.surroundings = _Surroundings(out_channels, dilation=dilation, eps=eps, act=act)
        self.reduce = convolution(2 * out_channels, out_channels, 1)
        self.context = _GlobalContext(out_channels, ratio)

    permutation = staticmethod(absorbs)
