"""Data sets: the drawn one that is always there, CamVid, Cityscapes, and folders of one's own.

The order of the imports below is the table of contents.
"""

from rdslab.data.samples import IGNORE, Classes, DataSet, Samples, batches, epoch_order  # isort: skip
from rdslab.data.pairs import Problem  # isort: skip
from rdslab.data.catalogue import DATASETS, check_data, data_classes, data_context, open_data, data_options  # isort: skip
from rdslab.data.synthetic import Synthetic  # isort: skip
from rdslab.data.camvid import CAMVID_CLASSES, CamVid  # isort: skip
from rdslab.data.cityscapes import CITYSCAPES_CLASSES, Cityscapes  # isort: skip
from rdslab.data.folder import Folder  # isort: skip
from rdslab.data.augment import augment, to_float  # isort: skip

__all__ = [
    "CAMVID_CLASSES",
    "CITYSCAPES_CLASSES",
    "DATASETS",
    "IGNORE",
    "CamVid",
    "Cityscapes",
    "Classes",
    "DataSet",
    "Folder",
    "Problem",
    "Samples",
    "Synthetic",
    "augment",
    "batches",
    "check_data",
    "data_classes",
    "data_context",
    "data_options",
    "epoch_order",
    "open_data",
    "to_float",
]
