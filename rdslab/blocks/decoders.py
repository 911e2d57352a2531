"""Decoder units that meet a map of the encoder. Shapes: n batch, c channels, h w rows and columns."""

from jaxtyping import Float
from torch import Tensor, nn

from rdslab.blocks.bottlenecks import narrowed
from rdslab.blocks.convolutions import DeconvNormAct
from rdslab.blocks.layers import Activation, ConvNormAct, Sides, padded_to
from rdslab.blocks.registry import BLOCKS, Epsilon, Whole, absorbs


@BLOCKS.register("linknet_up")
class LinkNetUp(nn.Module):
    """1x1, 3x3 transposed, 1x1: the decoder unit of LinkNet (Chaurasia & Culurciello 2017).

    1/`ratio` as wide inside as its input. The transposed convolution's map is cropped to the size of the node that
    `like:` names: its last rows and columns go, or are repeated where it is the smaller one.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        up: Whole = 2,
        ratio: Whole = 4,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        inside = narrowed(in_channels, ratio)
        self.reduce = ConvNormAct(in_channels, inside, 1, eps=eps, act=act)
        self.enlarge = DeconvNormAct(inside, inside, up=up, eps=eps, act=act)
        self.expand = ConvNormAct(inside, out_channels, 1, eps=eps, act=act)

    def forward(self, x: Float[Tensor, "n c h w"], size: Sides | None = None) -> Float[Tensor, "n c2 h2 w2"]:
        y: Tensor = self.enlarge(self.reduce(x))
        if size is not None:
            y = padded_to(y[:, :, : size[0], : size[1]], size)
        result: Tensor = self.expand(y)
        return result

    permutation = staticmethod(absorbs)
