"""What machine this is, as far as it decides a time: no host name, no user, no path."""

import platform

import psutil
import torch

from rdslab import __version__
from rdslab.measure.agent.facts import cores, cpu, load, system
from rdslab.measure.agent.files import Files
from rdslab.times import Host

__all__ = ["host", "load"]


def host() -> Host:
    """CPU, cores this process may use, memory in GB, GPU ("" without one), system, and versions."""
    versions = {"python": platform.python_version(), "torch": str(torch.__version__), "rdslab": __version__}
    if torch.version.cuda:
        versions["cuda"] = str(torch.version.cuda)
    return Host(
        cpu=cpu(Files()),
        cores=cores(),
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        system=system(),
        versions=versions,
    )
