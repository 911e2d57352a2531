"""What blocks are made of. Shapes: n batch, c channels, h w rows and columns.

Weights are registered, and modules called, in the order in which they run: so weights of another implementation can be
moved over in order of execution.
"""

from collections.abc import Callable, Mapping
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.registry import divides

Activation = Literal["none", "relu", "prelu", "elu", "sigmoid", "silu", "hardswish"]
Resizing = Literal["bilinear", "nearest"]
Sides = tuple[int, int]  # height and width

_ACTIVATIONS: Mapping[str, Callable[[int], nn.Module]] = {
    "none": lambda channels: nn.Identity(),  # noqa: ARG005
    "relu": lambda channels: nn.ReLU(),  # noqa: ARG005
    "prelu": nn.PReLU,  # a slope for each channel, first .25
    "elu": lambda channels: nn.ELU(),  # noqa: ARG005
    "sigmoid": lambda channels: nn.Sigmoid(),  # noqa: ARG005
    "silu": lambda channels: nn.SiLU(),  # noqa: ARG005
    "hardswish": lambda channels: nn.Hardswish(),  # noqa: ARG005
}


def activation(name: Activation, channels: int) -> nn.Module:
    """A new module for an activation of maps with so many channels."""
    return _ACTIVATIONS[name](channels)


def channel_dropout(share: float) -> nn.Module:
    """Dropout of whole maps; nothing at 0."""
    return nn.Dropout2d(share) if share else nn.Identity()


class NormAct(nn.Sequential):
    """Batch norm, activation."""

    def __init__(self, channels: int, act: Activation = "relu", eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps=eps)
        self.act = activation(act, channels)


class ConvNormAct(nn.Sequential):
    """Convolution, batch norm, activation; each may be left out. Padded by half its dilated kernel unless told."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | Sides = 3,
        *,
        stride: int | Sides = 1,
        dilation: int = 1,
        padding: int | None = None,
        groups: int = 1,
        bias: bool = False,
        norm: bool = True,
        eps: float = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        self.conv = convolution(
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            dilation=dilation,
            padding=padding,
            groups=groups,
            bias=bias,
        )
        self.norm = nn.BatchNorm2d(out_channels, eps=eps) if norm else nn.Identity()
        self.act = activation(act, out_channels)


def convolution(
    in_channels: int,
    out_channels: int,
    kernel: int | Sides = 3,
    *,
    stride: int | Sides = 1,
    dilation: int = 1,
    padding: int | None = None,
    groups: int = 1,
    bias: bool = False,
) -> nn.Conv2d:
    """A convolution padded by half its dilated kernel unless told; without stride it keeps the size.

    Raises ValueError for an even kernel without a padding, and for groups that do not divide the channels.
    """
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    divides(groups, in_channels, "groups")
    divides(groups, out_channels, "groups")
    return nn.Conv2d(
        in_channels, out_channels, sides, stride, half(sides, dilation, padding), dilation, groups, bias=bias
    )


def half(sides: Sides, dilation: int = 1, padding: int | None = None) -> Sides:
    """The padding that keeps the size: half the dilated kernel; or `padding`, where it is given."""
    if padding is not None:
        return padding, padding
    if not all(side % 2 for side in sides):
        raise ValueError(
            f"kernel (={sides[0] if sides[0] == sides[1] else sides}) must be odd, so that the size is kept"
        )
    return dilation * (sides[0] // 2), dilation * (sides[1] // 2)


def fitted(
    x: Float[Tensor, "n c h w"], size: Sides | None, mode: Resizing = "bilinear", *, align_corners: bool = False
) -> Float[Tensor, "n c h2 w2"]:
    """The map resized to `size`; as it is where it has that size, or where none is asked for."""
    if size is None or (int(x.shape[2]), int(x.shape[3])) == size:
        return x
    if mode == "nearest":
        return F.interpolate(x, size=size, mode="nearest")
    return F.interpolate(x, size=size, mode="bilinear", align_corners=align_corners)


def sides_of(x: Float[Tensor, "n c h w"]) -> Sides:
    """Height and width as whole numbers."""
    return int(x.shape[2]), int(x.shape[3])


def padded_to(x: Float[Tensor, "n c h w"], size: Sides, *, repeat: bool = True) -> Float[Tensor, "n c h2 w2"]:
    """The map padded below and on the right up to `size`: by its last row and column, or by zeros."""
    rows, columns = size[0] - int(x.shape[2]), size[1] - int(x.shape[3])
    if not (rows or columns):
        return x
    return F.pad(x, (0, columns, 0, rows), mode="replicate" if repeat else "constant")


class Skip(nn.Module):
    """Dropout of what was computed, plus the input, then an activation: the end of a residual unit (He et al. 2015).

    The input is projected by 1x1 and batch norm where channels or stride change.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        dropout: float = 0.0,
        eps: float = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        self.dropout = channel_dropout(dropout)
        changes = stride != 1 or in_channels != out_channels
        self.side: nn.Module = nn.Identity()
        if changes:
            self.side = ConvNormAct(in_channels, out_channels, 1, stride=stride, eps=eps, act="none")
        self.act = activation(act, out_channels)

    def forward(self, x: Float[Tensor, "n c h w"], y: Float[Tensor, "n c2 h2 w2"]) -> Float[Tensor, "n c2 h2 w2"]:
        y = self.dropout(y)
        result: Tensor = self.act(self.side(x) + y)
        return result
