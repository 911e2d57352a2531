"""Where branches meet. Shapes: n batch, c channels, h w rows and columns."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rdslab.blocks.registry import BLOCKS, carries


def several(in_channels: object) -> tuple[int, ...]:
    """The channels of two or more inputs; raises ValueError for one."""
    if not isinstance(in_channels, tuple) or len(in_channels) < 2:
        raise ValueError("reads two or more inputs: `inputs: [NODE, NODE]`")
    return in_channels


@BLOCKS.register("add")
class Add(nn.Module):
    """Sum of two or more maps of one shape."""

    def __init__(self, in_channels: int | tuple[int, ...], out_channels: int) -> None:
        super().__init__()
        if set(several(in_channels)) != {out_channels}:
            raise ValueError(f"adds maps of equal channels, but in is {in_channels} and out is {out_channels}")

    def forward(self, x: Float[Tensor, "n c h w"], *others: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        for other in others:
            x = x + other
        return x

    @staticmethod
    def derive_channels(in_channels: int | tuple[int, ...]) -> int:
        return several(in_channels)[0]


@BLOCKS.register("multiply")
class Multiply(nn.Module):
    """Product of two or more maps of one size; a map of one channel weighs all channels of the others: attention."""

    def __init__(self, in_channels: int | tuple[int, ...], out_channels: int) -> None:
        super().__init__()
        if self.derive_channels(in_channels) != out_channels or set(several(in_channels)) - {1, out_channels}:
            raise ValueError(
                f"multiplies maps of equal channels or of one, but in is {in_channels} and out is {out_channels}"
            )

    def forward(self, x: Float[Tensor, "n _ h w"], *others: Float[Tensor, "n _ h w"]) -> Float[Tensor, "n c h w"]:
        for other in others:
            x = x * other
        return x

    @staticmethod
    def derive_channels(in_channels: int | tuple[int, ...]) -> int:
        return max(several(in_channels))


@BLOCKS.register("concat")
class Concat(nn.Module):
    """Two or more maps of one size, one behind the other along the channels."""

    def __init__(self, in_channels: int | tuple[int, ...], out_channels: int) -> None:
        super().__init__()
        if sum(several(in_channels)) != out_channels:
            raise ValueError(
                f"gives the sum of its inputs' channels, but in is {in_channels} and out is {out_channels}"
            )

    def forward(self, *maps: Float[Tensor, "n _ h w"]) -> Float[Tensor, "n c h w"]:
        return torch.cat(maps, dim=1)

    @staticmethod
    def derive_channels(in_channels: int | tuple[int, ...]) -> int:
        return sum(several(in_channels))

    permutation = staticmethod(carries)
