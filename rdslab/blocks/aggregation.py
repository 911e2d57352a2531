"""Context from windows of several sizes, for two-branch networks. Shapes: n batch, c channels, h w rows and columns."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.exportable import adaptive_avg_pool
from rdslab.blocks.layers import Activation, NormAct, convolution, fitted, sides_of
from rdslab.blocks.registry import BLOCKS, Epsilon, Whole, Wholes, absorbs

WHOLE_MAP = 0  # among the scales: one window over all of the map


class _NormActConv(nn.Sequential):
    """Batch norm, activation, convolution."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, act: Activation, eps: float, *, groups: int = 1
    ) -> None:
        super().__init__()
        self.norm_act = NormAct(in_channels, act, eps)
        self.conv = convolution(in_channels, out_channels, kernel, groups=groups)


class _Scale(nn.Module):
    """Means over windows that lie `scale` apart, batch norm, activation, 1x1, enlarged, plus a map; then `process`."""

    def __init__(self, scale: int, narrow: nn.Module, process: nn.Module) -> None:
        super().__init__()
        self.scale, self.narrow, self.process = scale, narrow, process

    def forward(self, x: Float[Tensor, "n c h w"], base: Float[Tensor, "n c2 h w"]) -> Float[Tensor, "n c2 h w"]:
        result: Tensor = self.process(base + fitted(self.narrow(self._pooled(x)), sides_of(x)))
        return result

    def _pooled(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        if self.scale == WHOLE_MAP:
            return adaptive_avg_pool(x, 1)
        return F.avg_pool2d(x, 2 * self.scale + 1, self.scale, self.scale)


@BLOCKS.register("dappm")
class DAPPM(nn.Module):
    """Means at each of `scales`, 1x1, plus the one before, 3x3; concatenate, 1x1, add 1x1: DDRNet (Hong et al. 2021).

    A window of scale s covers 2s + 1 places; the last one covers the map. Batch norm and activation stand before each
    convolution. The branches are `inside` channels wide; left out, as wide as the output.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        inside: Whole | None = None,
        scales: Wholes = (2, 4, 8),
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        inside = inside or out_channels
        self.point = _NormActConv(in_channels, inside, 1, act, eps)
        self.scales = nn.ModuleList(
            _Scale(
                scale,
                _NormActConv(in_channels, inside, 1, act, eps),
                _NormActConv(inside, inside, 3, act, eps),
            )
            for scale in (*scales, WHOLE_MAP)
        )
        self.fuse = _NormActConv((len(scales) + 2) * inside, out_channels, 1, act, eps)
        self.side = _NormActConv(in_channels, out_channels, 1, act, eps)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        maps = [self.point(x)]
        for scale in self.scales:
            maps.append(scale(x, maps[-1]))
        result: Tensor = self.fuse(torch.cat(maps, dim=1)) + self.side(x)
        return result

    permutation = staticmethod(absorbs)


@BLOCKS.register("pappm")
class PAPPM(nn.Module):
    """Means at each of `scales`, 1x1, concatenate, grouped 3x3, concatenate, 1x1, add 1x1: PIDNet (Xu et al. 2023).

    A window of scale s covers 2s + 1 places; the last one covers the map. Batch norm and activation stand before each
    convolution. The branches are `inside` channels wide; left out, as wide as the output.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        inside: Whole | None = None,
        scales: Wholes = (2, 4, 8),
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        inside, count = inside or out_channels, len(scales) + 1
        self.point = _NormActConv(in_channels, inside, 1, act, eps)
        self.scales = nn.ModuleList(
            _Scale(scale, _NormActConv(in_channels, inside, 1, act, eps), nn.Identity())
            for scale in (*scales, WHOLE_MAP)
        )
        self.process = _NormActConv(count * inside, count * inside, 3, act, eps, groups=count)
        self.fuse = _NormActConv((count + 1) * inside, out_channels, 1, act, eps)
        self.side = _NormActConv(in_channels, out_channels, 1, act, eps)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        point = self.point(x)
        pooled = self.process(torch.cat([scale(x, point) for scale in self.scales], dim=1))
        result: Tensor = self.fuse(torch.cat([point, pooled], dim=1)) + self.side(x)
        return result

    permutation = staticmethod(absorbs)
