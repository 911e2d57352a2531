"""The blocks: one file a family, this table of contents by hand. Importing it registers them."""

from rdslab.blocks.convolutions import Conv, PoolConvDown
from rdslab.blocks.joins import Add, Concat
from rdslab.blocks.registry import BLOCKS
from rdslab.blocks.resizing import BilinearUp, MaxPool, MaxUnpool
from rdslab.blocks.units import RDS, Residual, Separable

__all__ = [
    "BLOCKS",
    "RDS",
    "Add",
    "BilinearUp",
    "Concat",
    "Conv",
    "MaxPool",
    "MaxUnpool",
    "PoolConvDown",
    "Residual",
    "Separable",
]
