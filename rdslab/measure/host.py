"""What machine this is, as far as it decides a time: no host name, no user, no path."""

import os
import platform
import re
from pathlib import Path

import psutil
import torch

from rdslab import __version__
from rdslab.times import Host


def host() -> Host:
    """CPU, cores this process may use, memory in GB, GPU ("" without one), system, and versions."""
    versions = {"python": platform.python_version(), "torch": str(torch.__version__), "rdslab": __version__}
    if torch.version.cuda:
        versions["cuda"] = str(torch.version.cuda)
    return Host(
        cpu=_cpu(),
        cores=_cores(),
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        system=_system(),
        versions=versions,
    )


def load() -> float | None:
    """The machine's 1-minute load average; None where the system keeps none."""
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def _cpu() -> str:
    """The processor's name: x86 tells it in /proc/cpuinfo, a board in its device tree, others to `platform`."""
    for path, pattern in (("/proc/cpuinfo", r"^model name\s*:\s*(.+)$"), ("/proc/device-tree/model", r"^([^\0]+)")):
        try:
            found = re.search(pattern, Path(path).read_text(errors="replace"), re.MULTILINE)
        except OSError:
            continue
        if found:
            return " ".join(found[1].split())
    return platform.processor() or platform.machine()


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _system() -> str:
    """'Linux 6.1 x86_64': a whole release may carry the name of who built it."""
    version = re.match(r"\d+(\.\d+)?", platform.release())
    return " ".join(part for part in (platform.system(), version[0] if version else "", platform.machine()) if part)
