"""Units that keep their channels and add their input. Shapes: n batch, c channels, h w rows and columns."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.registry import BLOCKS, Permutation, Share, Whole, WholeOrNone, divides, same_channels


def conv3x3(channels: int, *, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    """3x3 convolution without bias, padded so that the size is kept."""
    return nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, groups=groups, bias=False)


@BLOCKS.register("residual")
class Residual(nn.Module):
    """3x3, 3x3, dropout, add: the residual block (He et al. 2015; eq. 8 of the seed paper), both 3x3 dilated."""

    def __init__(self, in_channels: int, out_channels: int, *, dilation: Whole = 1, dropout: Share = 0.0) -> None:
        super().__init__()
        same_channels(in_channels, out_channels)
        self.conv1 = conv3x3(out_channels, dilation=dilation)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = conv3x3(out_channels, dilation=dilation)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(x + self.dropout(y))

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:  # noqa: ARG004
        return "carries"


@BLOCKS.register("separable")
class Separable(nn.Module):
    """3x3 depthwise, 1x1, dropout, add: a depthwise separable unit (Howard et al. 2017; eq. 5) with a skip."""

    def __init__(self, in_channels: int, out_channels: int, *, dilation: Whole = 1, dropout: Share = 0.0) -> None:
        super().__init__()
        same_channels(in_channels, out_channels)
        self.depthwise = conv3x3(out_channels, groups=out_channels, dilation=dilation)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.pointwise = nn.Conv2d(out_channels, out_channels, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        y = F.relu(self.norm1(self.depthwise(x)))
        y = self.norm2(self.pointwise(y))
        return F.relu(x + self.dropout(y))

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:  # noqa: ARG004
        return "carries"


@BLOCKS.register(
    "rds",
    acts_with={
        "shuffle_at": {"shuffle": 2},
        "dilate": {"dilation": 2},
    },
)
class RDS(nn.Module):
    """3x3 depthwise, 3x3, shuffle, dropout, add: the RDS block (Doan et al. 2018, fig. 2c; eq. 7).

    `groups` are those of the dense 3x3. `shuffle` is the number of groups of the channel shuffle (Zhang et al. 2017),
    0 for none; `shuffle_at: input` shuffles the block's input, skip included, as the authors' code does. `dilate` says
    which of the two convolutions is dilated.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dilation: Whole = 1,
        groups: Whole = 1,
        shuffle: WholeOrNone = 0,
        dropout: Share = 0.0,
        shuffle_at: Literal["after", "input"] = "after",
        dilate: Literal["dense", "depthwise", "both"] = "dense",
    ) -> None:
        super().__init__()
        same_channels(in_channels, out_channels)
        divides(groups, out_channels, "groups")
        divides(shuffle, out_channels, "shuffle")
        self.shuffle, self.shuffle_at = shuffle, shuffle_at
        self.depthwise = conv3x3(out_channels, groups=out_channels, dilation=1 if dilate == "dense" else dilation)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.dense = conv3x3(out_channels, groups=groups, dilation=1 if dilate == "depthwise" else dilation)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        if self.shuffle and self.shuffle_at == "input":
            x = F.channel_shuffle(x, self.shuffle)
        y = F.relu(self.norm1(self.depthwise(x)))
        y = self.norm2(self.dense(y))
        if self.shuffle and self.shuffle_at == "after":
            y = F.channel_shuffle(y, self.shuffle)
        return F.relu(x + self.dropout(y))

    @staticmethod
    def canonical(options: dict[str, object]) -> dict[str, object]:
        """Beside a dense convolution the shuffle after it is only an order of its filters."""
        dense = options["groups"] == 1 and options["shuffle_at"] == "after"
        shuffle = 0 if dense or options["shuffle"] == 1 else options["shuffle"]
        plain = {**options, "shuffle": shuffle}
        plain |= {"shuffle_at": "after"} if not shuffle else {}
        return plain | ({"dilate": "dense"} if options["dilation"] == 1 else {})

    @staticmethod
    def unpermuted(options: dict[str, object]) -> dict[str, object]:
        """A shuffle of the input, skip included, travels through dense and depthwise filters to the output."""
        travels = options["groups"] == 1 and options["shuffle_at"] == "input"
        return {**options, "shuffle": 0, "shuffle_at": "after"} if travels else options

    @staticmethod
    def permutation(options: dict[str, object]) -> Permutation:
        return "carries" if options["groups"] == 1 else "sees"
