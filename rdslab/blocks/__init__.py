"""The blocks: one file a family, this table of contents by hand. Importing it registers them."""

from rdslab.blocks.bottlenecks import Bottleneck, DepthwiseSeparable, InvertedResidual
from rdslab.blocks.convolutions import Conv, ConvNormActBlock, Deconv, DeconvNormAct, DepthwiseNormAct, PoolConvDown
from rdslab.blocks.factorized import NonBottleneck1d
from rdslab.blocks.joins import Add, Concat, Multiply
from rdslab.blocks.pointwise import Act, Dropout, NormActBlock
from rdslab.blocks.registry import BLOCKS
from rdslab.blocks.resizing import AvgPool, BilinearDown, BilinearUp, Crop, MaxPool, MaxUnpool, NearestUp
from rdslab.blocks.units import RDS, Residual, Separable

__all__ = [
    "BLOCKS",
    "RDS",
    "Act",
    "Add",
    "AvgPool",
    "BilinearDown",
    "BilinearUp",
    "Bottleneck",
    "Concat",
    "Conv",
    "ConvNormActBlock",
    "Crop",
    "Deconv",
    "DeconvNormAct",
    "DepthwiseNormAct",
    "DepthwiseSeparable",
    "Dropout",
    "InvertedResidual",
    "MaxPool",
    "MaxUnpool",
    "Multiply",
    "NearestUp",
    "NonBottleneck1d",
    "NormActBlock",
    "PoolConvDown",
    "Residual",
    "Separable",
]
