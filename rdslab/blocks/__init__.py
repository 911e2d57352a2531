"""The blocks: one file a family, this table of contents by hand. Importing it registers them."""

from rdslab.blocks.aggregation import DAPPM, PAPPM
from rdslab.blocks.bottlenecks import Bottleneck, DepthwiseSeparable, InvertedResidual
from rdslab.blocks.context import ContextGuided, ContextGuidedDown
from rdslab.blocks.convolutions import Conv, ConvNormActBlock, Deconv, DeconvNormAct, DepthwiseNormAct, PoolConvDown
from rdslab.blocks.decoders import LinkNetUp
from rdslab.blocks.eesp import EESP, DepthwisePyramid, EESPDown
from rdslab.blocks.factorized import (
    DenseAsymmetric,
    DepthwiseAsymmetric,
    FactorizedConv,
    NonBottleneck1d,
    SplitShuffle,
)
from rdslab.blocks.fire import Fire, ParallelDilated
from rdslab.blocks.fusion import BoundaryFusion, PixelAttention
from rdslab.blocks.gather import ContextEmbedding, GatherExpand
from rdslab.blocks.joins import Add, Concat, Multiply
from rdslab.blocks.pointwise import Act, Dropout, NormActBlock
from rdslab.blocks.pyramids import ImagePool, PyramidAdd, PyramidPool
from rdslab.blocks.registry import BLOCKS
from rdslab.blocks.resizing import AvgPool, BilinearDown, BilinearUp, Crop, MaxPool, MaxUnpool, NearestUp
from rdslab.blocks.spatial_pyramid import ESP
from rdslab.blocks.units import RDS, Residual, Separable
from rdslab.blocks.unpooling import ENetDown, ENetUp

__all__ = [
    "BLOCKS",
    "DAPPM",
    "EESP",
    "ESP",
    "PAPPM",
    "RDS",
    "Act",
    "Add",
    "AvgPool",
    "BilinearDown",
    "BilinearUp",
    "Bottleneck",
    "BoundaryFusion",
    "Concat",
    "ContextEmbedding",
    "ContextGuided",
    "ContextGuidedDown",
    "Conv",
    "ConvNormActBlock",
    "Crop",
    "Deconv",
    "DeconvNormAct",
    "DenseAsymmetric",
    "DepthwiseAsymmetric",
    "DepthwiseNormAct",
    "DepthwisePyramid",
    "DepthwiseSeparable",
    "Dropout",
    "EESPDown",
    "ENetDown",
    "ENetUp",
    "FactorizedConv",
    "Fire",
    "GatherExpand",
    "ImagePool",
    "InvertedResidual",
    "LinkNetUp",
    "MaxPool",
    "MaxUnpool",
    "Multiply",
    "NearestUp",
    "NonBottleneck1d",
    "NormActBlock",
    "ParallelDilated",
    "PixelAttention",
    "PoolConvDown",
    "PyramidAdd",
    "PyramidPool",
    "Residual",
    "Separable",
    "SplitShuffle",
]
