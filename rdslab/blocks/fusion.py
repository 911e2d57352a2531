"""Where branches of unlike content meet, weighed place by place. Shapes: n batch, c channels, h w rows and columns."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.bottlenecks import narrowed
from rdslab.blocks.layers import ConvNormAct, fitted, sides_of
from rdslab.blocks.registry import BLOCKS, Epsilon, Whole


def _alike(in_channels: object, count: int, names: str) -> int:
    """The channels of so many inputs alike; raises ValueError where there are more or fewer, or they differ."""
    if not isinstance(in_channels, tuple) or len(in_channels) != count:
        raise ValueError(f"reads {count} inputs: `inputs: [{names}]`")
    if len(set(in_channels)) > 1:
        raise ValueError(f"reads maps of equal channels, but in is {in_channels}")
    return int(in_channels[0])


@BLOCKS.register("pixel_attention")
class PixelAttention(nn.Module):
    """1x1 of a coarse and of a fine map, sigmoid of their product's sum, a weight of each place: Pag (PIDNet, 2023).

    Where both point the same way the coarse map is let through, elsewhere the fine one. They are compared on 1/`ratio`
    of their channels. `inputs: [FINE, COARSE]`
    """

    resizes_inputs: ClassVar[bool] = True

    def __init__(
        self, in_channels: int | tuple[int, ...], out_channels: int, *, ratio: Whole = 2, eps: Epsilon = 1e-5
    ) -> None:
        super().__init__()
        channels = self.derive_channels(in_channels)
        if out_channels != channels:
            raise ValueError(f"keeps its channels, but in is {in_channels} and out is {out_channels}")
        inside = narrowed(channels, ratio)
        self.query = ConvNormAct(channels, inside, 1, eps=eps, act="none")
        self.key = ConvNormAct(channels, inside, 1, eps=eps, act="none")

    def forward(self, fine: Float[Tensor, "n c h w"], coarse: Float[Tensor, "n c h2 w2"]) -> Float[Tensor, "n c h w"]:
        size = sides_of(fine)
        query = fitted(self.query(coarse), size)
        weight = torch.sigmoid((self.key(fine) * query).sum(dim=1, keepdim=True))
        return weight * fitted(coarse, size) + (1 - weight) * fine

    @staticmethod
    def derive_channels(in_channels: int | tuple[int, ...]) -> int:
        return _alike(in_channels, 2, "FINE, COARSE")

    @staticmethod
    def example_inputs(maps: list[Tensor], options: dict[str, object]) -> list[Tensor]:  # noqa: ARG004
        """The coarse map is half as large."""
        return [maps[0], F.avg_pool2d(maps[1], 2, ceil_mode=True)]


@BLOCKS.register("boundary_fusion")
class BoundaryFusion(nn.Module):
    """Details plus context off the boundaries, 1x1; context plus details on them, 1x1; add: Light-Bag (PIDNet, 2023).

    The sigmoid of the third map says where boundaries are. `inputs: [DETAIL, CONTEXT, BOUNDARY]`
    """

    def __init__(self, in_channels: int | tuple[int, ...], out_channels: int, *, eps: Epsilon = 1e-5) -> None:
        super().__init__()
        channels = self.derive_channels(in_channels)
        self.detail = ConvNormAct(channels, out_channels, 1, eps=eps, act="none")
        self.context = ConvNormAct(channels, out_channels, 1, eps=eps, act="none")

    def forward(
        self,
        detail: Float[Tensor, "n c h w"],
        context: Float[Tensor, "n c h w"],
        boundary: Float[Tensor, "n c h w"],
    ) -> Float[Tensor, "n c2 h w"]:
        edge = torch.sigmoid(boundary)
        result: Tensor = self.detail(detail + (1 - edge) * context) + self.context(context + edge * detail)
        return result

    @staticmethod
    def derive_channels(in_channels: int | tuple[int, ...]) -> int:
        return _alike(in_channels, 3, "DETAIL, CONTEXT, BOUNDARY")
