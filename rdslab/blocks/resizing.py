"""Changes of size without convolutions. Shapes: n batch, c channels, h w rows and columns."""

from typing import ClassVar, Literal

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.exportable import max_unpool
from rdslab.blocks.layers import Sides, fitted, sides_of
from rdslab.blocks.registry import BLOCKS, Whole, WholeOrNone, carries, kept_channels, same_channels


class _Resize(nn.Module):
    """A block without weights that keeps its channels, each by itself."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        same_channels(in_channels, out_channels)

    derive_channels = staticmethod(kept_channels)

    permutation = staticmethod(carries)


@BLOCKS.register("bilinear_up", acts_with={"odd": {"up": 2}})
class BilinearUp(_Resize):
    """Bilinear interpolation, by `up` or to the size of the node that `like:` names.

    `odd: points` makes 2h - 1 of an odd side h where `up` is 2: the points of the map stay points of the larger one, as
    in Caffe's Interp layers. `odd: cells` makes 2h.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        up: Whole = 1,
        align_corners: bool = False,
        odd: Literal["cells", "points"] = "cells",
    ) -> None:
        super().__init__(in_channels, out_channels)
        self.up, self.align_corners, self.odd = up, align_corners, odd

    def forward(self, x: Float[Tensor, "n c h w"], size: Sides | None = None) -> Float[Tensor, "n c h2 w2"]:
        height, width = sides_of(x)
        return fitted(x, size or (self._enlarged(height), self._enlarged(width)), align_corners=self.align_corners)

    def _enlarged(self, side: int) -> int:
        points = self.odd == "points" and side % 2 == 1
        return self.up * (side - 1) + 1 if points else self.up * side


@BLOCKS.register("nearest_up")
class NearestUp(_Resize):
    """Each value repeated, `up` times or to the size of the node that `like:` names."""

    def __init__(self, in_channels: int, out_channels: int, *, up: Whole = 1) -> None:
        super().__init__(in_channels, out_channels)
        self.up = up

    def forward(self, x: Float[Tensor, "n c h w"], size: Sides | None = None) -> Float[Tensor, "n c h2 w2"]:
        height, width = sides_of(x)
        return fitted(x, size or (height * self.up, width * self.up), "nearest")


@BLOCKS.register("bilinear_down")
class BilinearDown(_Resize):
    """Bilinear interpolation to 1/`stride` of the size, without low-pass: a cascade's image at a lower resolution."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 2,
        align_corners: bool = False,
        rounding: Literal["up", "down"] = "up",
    ) -> None:
        super().__init__(in_channels, out_channels)
        self.stride, self.align_corners, self.rounding = stride, align_corners, rounding

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        height, width = (-(-s // self.stride) if self.rounding == "up" else s // self.stride for s in sides_of(x))
        return fitted(x, (height, width), align_corners=self.align_corners)


@BLOCKS.register("max_pool")
class MaxPool(_Resize):
    """Max-pooling over `stride` x `stride` or `kernel` x `kernel`; second output `indices`, where each maximum was.

    Where windows do not divide the size, the rest is left out, or with `ceil` has a window of its own.
    """

    extra_outputs: ClassVar[tuple[str, ...]] = ("indices",)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 2,
        kernel: Whole | None = None,
        padding: WholeOrNone = 0,
        ceil: bool = False,
    ) -> None:
        super().__init__(in_channels, out_channels)
        self.stride, self.kernel, self.padding, self.ceil = stride, kernel or stride, padding, ceil
        if 2 * padding > self.kernel:
            raise ValueError(f"padding (={padding}) must be at most half the kernel (={self.kernel})")

    def forward(self, x: Float[Tensor, "n c h w"]) -> tuple[Float[Tensor, "n c h2 w2"], Int[Tensor, "n c h2 w2"]]:
        y, indices = F.max_pool2d(x, self.kernel, self.stride, self.padding, ceil_mode=self.ceil, return_indices=True)
        return y, indices


@BLOCKS.register("avg_pool")
class AvgPool(_Resize):
    """Average pooling, padded by half its kernel with zeros that count."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: Whole = 2, kernel: Whole = 3) -> None:
        super().__init__(in_channels, out_channels)
        self.stride, self.kernel = stride, kernel

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        return F.avg_pool2d(x, self.kernel, self.stride, self.kernel // 2)


@BLOCKS.register("crop")
class Crop(_Resize):
    """The part of the map from row and column `offset` on that has the size of the node that `like:` names."""

    shrinks: ClassVar[bool] = True

    def __init__(self, in_channels: int, out_channels: int, *, offset: WholeOrNone = 0) -> None:
        super().__init__(in_channels, out_channels)
        self.offset = offset

    def forward(self, x: Float[Tensor, "n c h w"], size: Sides) -> Float[Tensor, "n c h2 w2"]:
        rows, columns = (self.offset + side for side in size)
        return x[:, :, self.offset : rows, self.offset : columns]


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
        size: Sides | None = None,
    ) -> Float[Tensor, "n c h2 w2"]:
        height, width = sides_of(x)
        return max_unpool(x, indices, self.up, size or (height * self.up, width * self.up))

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
