"""Units of one-dimensional convolutions. Shapes: n batch, c channels, h w rows and columns."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks.layers import Skip, convolution
from rdslab.blocks.registry import BLOCKS, Epsilon, Share, Whole, same_channels


@BLOCKS.register("non_bottleneck_1d")
class NonBottleneck1d(nn.Module):
    """3x1, 1x3, dilated 3x1, dilated 1x3, dropout, add: the unit of ERFNet (Romera et al. 2017)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dilation: Whole = 1,
        dropout: Share = 0.0,
        eps: Epsilon = 1e-5,
    ) -> None:
        super().__init__()
        same_channels(in_channels, out_channels)
        c = out_channels
        self.rows1 = convolution(c, c, (3, 1), bias=True)
        self.columns1 = convolution(c, c, (1, 3), bias=True)
        self.norm1 = nn.BatchNorm2d(c, eps=eps)
        self.rows2 = convolution(c, c, (3, 1), dilation=dilation, bias=True)
        self.columns2 = convolution(c, c, (1, 3), dilation=dilation, bias=True)
        self.norm2 = nn.BatchNorm2d(c, eps=eps)
        self.skip = Skip(c, c, dropout=dropout)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        y = F.relu(self.norm1(self.columns1(F.relu(self.rows1(x)))))
        y = self.norm2(self.columns2(F.relu(self.rows2(y))))
        result: Tensor = self.skip(x, y)
        return result
