"""The units of BiSeNetV2's semantic branch. Shapes: n batch, c channels, h w rows and columns."""

from jaxtyping import Float
from torch import Tensor, nn

from rdslab.blocks.exportable import adaptive_avg_pool
from rdslab.blocks.layers import Activation, ConvNormAct, activation, channel_dropout
from rdslab.blocks.registry import BLOCKS, Epsilon, Share, Whole, carries, kept_channels, same_channels


@BLOCKS.register("gather_expand")
class GatherExpand(nn.Module):
    """3x3, wide 3x3 depthwise, 1x1, dropout, add: gather and expand (BiSeNetV2, Yu et al. 2021).

    Inside, each channel has `expansion` filters, dilated. Where stride or channels change, one more 3x3 depthwise goes
    before them and has the stride, and the input is projected by 3x3 depthwise and 1x1.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: Whole = 1,
        dilation: Whole = 1,
        dropout: Share = 0.0,
        expansion: Whole = 6,
        eps: Epsilon = 1e-5,
        act: Activation = "relu",
    ) -> None:
        super().__init__()
        changes = stride != 1 or in_channels != out_channels
        inside = in_channels * expansion
        self.gather = ConvNormAct(in_channels, in_channels, eps=eps, act=act)
        self.down: nn.Module = nn.Identity()
        if changes:
            self.down = ConvNormAct(in_channels, inside, stride=stride, groups=in_channels, eps=eps, act="none")
        wide = inside if changes else in_channels
        self.expand = ConvNormAct(wide, inside, dilation=dilation, groups=wide, eps=eps, act=act)
        self.reduce = ConvNormAct(inside, out_channels, 1, eps=eps, act="none")
        self.dropout = channel_dropout(dropout)
        self.side: nn.Module = nn.Identity()
        if changes:
            self.side = nn.Sequential(
                ConvNormAct(in_channels, in_channels, stride=stride, groups=in_channels, eps=eps, act="none"),
                ConvNormAct(in_channels, out_channels, 1, eps=eps, act="none"),
            )
        self.act = activation(act, out_channels)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        y = self.dropout(self.reduce(self.expand(self.down(self.gather(x)))))
        result: Tensor = self.act(y + self.side(x))
        return result

    permutation = staticmethod(carries)


@BLOCKS.register("context_embedding")
class ContextEmbedding(nn.Module):
    """Mean over the map, batch norm, 1x1, batch norm, activation, add: context embedding (BiSeNetV2)."""

    def __init__(self, in_channels: int, out_channels: int, *, eps: Epsilon = 1e-5, act: Activation = "relu") -> None:
        super().__init__()
        same_channels(in_channels, out_channels)
        self.norm = nn.BatchNorm2d(in_channels, eps=eps)
        self.point = ConvNormAct(in_channels, out_channels, 1, eps=eps, act=act)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        result: Tensor = x + self.point(self.norm(adaptive_avg_pool(x, 1)))
        return result

    derive_channels = staticmethod(kept_channels)

    permutation = staticmethod(carries)
