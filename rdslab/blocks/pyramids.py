"""Context from pooled maps. Shapes: n batch, c channels, h w rows and columns."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rdslab.blocks.exportable import adaptive_avg_pool
from rdslab.blocks.layers import ConvNormAct, fitted, sides_of
from rdslab.blocks.registry import (
    BLOCKS,
    Epsilon,
    Permutation,
    Wholes,
    absorbs,
    carries,
    divides,
    kept_channels,
    same_channels,
    without_bias,
)


@BLOCKS.register("pyramid_pool")
class PyramidPool(nn.Module):
    """Means over bins, 1x1, batch norm, ReLU, enlarged, behind the input: pyramid pooling (PSPNet, Zhao et al. 2017).

    The bins share as many channels as the input has. `align_corners` is that of the bilinear enlargement.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        bins: Wholes = (1, 2, 3, 6),
        align_corners: bool = True,
        eps: Epsilon = 1e-5,
    ) -> None:
        super().__init__()
        divides(len(bins), in_channels, "the number of bins")
        if out_channels != self.derive_channels(in_channels):
            raise ValueError(f"doubles its channels, but in is {in_channels} and out is {out_channels}")
        self.bins, self.align_corners = tuple(bins), align_corners
        self.narrow = nn.ModuleList(ConvNormAct(in_channels, in_channels // len(bins), 1, eps=eps) for _ in bins)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        size = sides_of(x)
        maps = [x]
        for bins, narrow in zip(self.bins, self.narrow, strict=True):
            maps.append(fitted(narrow(adaptive_avg_pool(x, bins)), size, align_corners=self.align_corners))
        return torch.cat(maps, dim=1)

    @staticmethod
    def derive_channels(in_channels: int) -> int:
        return 2 * in_channels

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:  # noqa: ARG004
        """The convolutions absorb it, the input carries it on."""
        return "carries"


@BLOCKS.register("pyramid_add")
class PyramidAdd(nn.Module):
    """Means over bins, enlarged and added to the input: pyramid pooling without weights (ICNet, Zhao et al. 2018).

    `align_corners` is that of the bilinear enlargement.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, bins: Wholes = (1, 2, 3, 6), align_corners: bool = True
    ) -> None:
        super().__init__()
        same_channels(in_channels, out_channels)
        self.bins, self.align_corners = tuple(bins), align_corners

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        size, y = sides_of(x), x
        for bins in self.bins:
            y = y + fitted(adaptive_avg_pool(x, bins), size, align_corners=self.align_corners)
        return y

    derive_channels = staticmethod(kept_channels)

    permutation = staticmethod(carries)


@BLOCKS.register("image_pool")
class ImagePool(nn.Module):
    """Mean over the map, 1x1, batch norm, ReLU, repeated everywhere: image pooling (DeepLabv3, Chen et al. 2017)."""

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = False, eps: Epsilon = 1e-5) -> None:
        super().__init__()
        self.narrow = ConvNormAct(in_channels, out_channels, 1, bias=bias, eps=eps)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        return fitted(self.narrow(adaptive_avg_pool(x, 1)), sides_of(x), align_corners=True)

    canonical = staticmethod(without_bias)

    permutation = staticmethod(absorbs)
