"""rdslab: ablation and architecture search for real-time semantic segmentation networks.

The names below are the public interface. Each is loaded when it is first used, so `import rdslab` is quick and loads
no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rdslab.api import costs, report_study, run_study, study_results
    from rdslab.blocks import BLOCKS
    from rdslab.cost import count
    from rdslab.data import DATASETS, open_data
    from rdslab.errors import RdslabError
    from rdslab.measure import load_profile, predict_times
    from rdslab.measure import measure as time_nets
    from rdslab.network import build, features, load_net
    from rdslab.records import Size
    from rdslab.train import Start, evaluate, load_recipe, load_trained, load_weights, weights_in_order
    from rdslab.train import predict as predict_images
    from rdslab.train import train as train_net
    from rdslab.verify import verify_report

# Public name -> where it lives. A function may not be called like a package of ours: importing that would hide it.
_HOMES = {
    "BLOCKS": "rdslab.blocks.BLOCKS",
    "DATASETS": "rdslab.data.DATASETS",
    "RdslabError": "rdslab.errors.RdslabError",
    "Size": "rdslab.records.Size",
    "Start": "rdslab.train.Start",
    "build": "rdslab.network.build",
    "costs": "rdslab.api.costs",
    "count": "rdslab.cost.count",
    "evaluate": "rdslab.train.evaluate",
    "features": "rdslab.network.features",
    "load_net": "rdslab.network.load_net",
    "load_profile": "rdslab.measure.load_profile",
    "load_recipe": "rdslab.train.load_recipe",
    "load_trained": "rdslab.train.load_trained",
    "load_weights": "rdslab.train.load_weights",
    "open_data": "rdslab.data.open_data",
    "predict_images": "rdslab.train.predict",
    "predict_times": "rdslab.measure.predict_times",
    "report_study": "rdslab.api.report_study",
    "run_study": "rdslab.api.run_study",
    "study_results": "rdslab.api.study_results",
    "time_nets": "rdslab.measure.measure",
    "train_net": "rdslab.train.train",
    "verify_report": "rdslab.verify.verify_report",
    "weights_in_order": "rdslab.train.weights_in_order",
}

__all__ = [
    "BLOCKS",
    "DATASETS",
    "RdslabError",
    "Size",
    "Start",
    "build",
    "costs",
    "count",
    "evaluate",
    "features",
    "load_net",
    "load_profile",
    "load_recipe",
    "load_trained",
    "load_weights",
    "open_data",
    "predict_images",
    "predict_times",
    "report_study",
    "run_study",
    "study_results",
    "time_nets",
    "train_net",
    "verify_report",
    "weights_in_order",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rdslab' has no attribute {name!r}; it has: {', '.join(__all__)}")
    module, _, attribute = _HOMES[name].rpartition(".")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
