"""Changes of size without convolutions. Shapes: n batch, c channels, h w rows and columns."""

from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.registry import BLOCKS, Permutation, Whole, same_channels


@BLOCKS.register("bilinear_up")
class BilinearUp(nn.Module):
    """Bilinear interpolation, by `up` or to the size of the node that `like:` names."""

    def __init__(self, in_channels: int, out_channels: int, *, up: Whole = 1, align_corners: bool = False) -> None:
        super().__init__()
        same_channels(in_channels, out_channels)
        self.up, self.align_corners = up, align_corners

    def forward(self, x: Float[Tensor, "n c h w"], size: tuple[int, int] | None = None) -> Float[Tensor, "n c h2 w2"]:
        size = size or (x.shape[2] * self.up, x.shape[3] * self.up)
        return F.interpolate(x, size=size, mode="bilinear", align_corners=self.align_corners)

    @staticmethod
    def derive_channels(in_channels: int) -> int:
        return in_channels

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:  # noqa: ARG004
        return "carries"


@BLOCKS.register("max_pool")
class MaxPool(nn.Module):
    """Max-pooling, floor where the size does not divide; second output `indices`, where each maximum was."""

    extra_outputs: ClassVar[tuple[str, ...]] = ("indices",)

    def __init__(self, in_channels: int, out_channels: int, *, stride: Whole = 2) -> None:
        super().__init__()
        same_channels(in_channels, out_channels)
        self.stride = stride

    def forward(self, x: Float[Tensor, "n c h w"]) -> tuple[Float[Tensor, "n c h2 w2"], Int[Tensor, "n c h2 w2"]]:
        y, indices = F.max_pool2d(x, self.stride, self.stride, return_indices=True)
        return y, indices

    @staticmethod
    def derive_channels(in_channels: int) -> int:
        return in_channels

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:  # noqa: ARG004
        return "carries"


@BLOCKS.register("max_unpool")
class MaxUnpool(nn.Module):
    """Each value to where its maximum was, zero elsewhere (Zeiler & Fergus 2014).

    `inputs: [NODE, POOL:indices]`, and `like:` the node that the pool read.
    """

    def __init__(self, in_channels: int | tuple[int, ...], out_channels: int, *, up: Whole = 2) -> None:
        super().__init__()
        self.derive_channels(in_channels)
        if in_channels != (out_channels, out_channels):
            raise ValueError(f"keeps its channels, but in is {in_channels} and out is {out_channels}")
        self.up = up

    def forward(
        self,
        x: Float[Tensor, "n c h w"],
        indices: Int[Tensor, "n c h w"],
        size: tuple[int, int] | None = None,
    ) -> Float[Tensor, "n c h2 w2"]:
        size = size or (x.shape[2] * self.up, x.shape[3] * self.up)
        return F.max_unpool2d(
            x, indices, [self.up, self.up], [self.up, self.up], output_size=[int(side) for side in size]
        )

    @staticmethod
    def derive_channels(in_channels: int | tuple[int, ...]) -> int:
        if not isinstance(in_channels, tuple) or len(in_channels) != 2:
            raise ValueError("reads two inputs, the map and the indices: `inputs: [NODE, POOL:indices]`")
        return in_channels[0]

    @staticmethod
    def example_inputs(maps: list[Tensor], options: dict[str, int]) -> list[Tensor]:
        """The map, and the indices that pooling a map `up` times as large gave."""
        up = options["up"]
        large = F.interpolate(maps[1], scale_factor=float(up), mode="bicubic")
        return [maps[0], F.max_pool2d(large, up, up, return_indices=True)[1]]
