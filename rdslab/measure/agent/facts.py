"""What machine this is, as far as it decides a time: no host name, no user, no path."""

import os
import platform
import re
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from rdslab.errors import RunError
from rdslab.measure.agent import nvidia
from rdslab.measure.agent.files import Files
from rdslab.measure.agent.process import run

Ask = Callable[[List[str]], str]  # a program's output; "" where there is no such program, or it fails
ASK_S = 10.0
ENGINES = ("torch", "onnxruntime")
SBIN = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
CHIPS = {"tegra210": "Tegra X1", "tegra186": "Tegra X2", "tegra194": "Xavier", "tegra234": "Orin", "tegra264": "Thor"}


def ask(argv: List[str]) -> str:
    """A program's output, waited for some seconds; "" where there is none, or where it fails."""
    places = [str(Path(place) / argv[0]) for place in SBIN]  # an ssh session's PATH often lacks /usr/sbin
    program = next((place for place in places if os.access(place, os.X_OK)), argv[0])
    try:
        ended = run([program, *argv[1:]], ASK_S)
    except RunError:
        return ""
    return ended.output if ended.status == 0 else ""


def facts(root: str = "/", asking: Ask = ask, gpu: Optional[nvidia.Gpu] = None) -> Dict[str, Any]:
    """Everything that can be told of this machine; "" or None where it is not known, {} for no versions.

    Files are looked for under `root`. `gpu` is the graphics card that takes part; without one, a board's own chip is.
    """
    files = Files(root)
    card = gpu.facts() if gpu is not None else {}
    versions = {"python": platform.python_version()}
    loaded = [(name, getattr(sys.modules.get(name), "__version__", None)) for name in ENGINES]
    versions.update({name: str(version) for name, version in loaded if version})
    return {
        "cpu": cpu(files),
        "cores": cores(),
        "memory_gb": _memory_gb(files),
        "gpu": card.get("name") or _chip(files),
        "board": files.first_line("proc/device-tree/model"),
        "system": system(),
        "driver": card.get("driver", ""),
        "cuda": _cuda(files),
        "tensorrt": _package(files, r"libnvinfer\d*"),
        "jetpack": _jetpack(files),
        "power_mode": _power_mode(files, asking),
        "jetson_clocks": _jetson_clocks(files, asking),
        "clocks_locked": clocks_locked(files),
        "versions": versions,
    }


def cpu(files: Files) -> str:
    """The processor's name: x86 tells it in /proc/cpuinfo, a board in its device tree, others to `platform`."""
    found = re.search(r"^model name\s*:\s*(.+)$", files.text("proc/cpuinfo"), re.MULTILINE)
    if found:
        return " ".join(found.group(1).split())
    return files.first_line("proc/device-tree/model") or platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def system() -> str:
    """'Linux 6.1 x86_64': a whole release may carry the name of who built it."""
    version = re.match(r"\d+(\.\d+)?", platform.release())
    parts = (platform.system(), version.group(0) if version else "", platform.machine())
    return " ".join(part for part in parts if part)


def load() -> Optional[float]:
    """The machine's 1-minute load average; None where the system keeps none."""
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def clocks_locked(files: Files) -> Optional[bool]:
    """Whether the least clock of the processor, and of a board's GPU, is the most; None where that is not known."""
    names = [("scaling_min_freq", "scaling_max_freq", path) for path in files.find("sys/devices/system/cpu/cpufreq/*")]
    names += [("min_freq", "max_freq", path) for path in files.find("sys/class/devfreq/*") if is_gpu(path)]
    pairs = [(files.number(path + "/" + least), files.number(path + "/" + most)) for least, most, path in names]
    known = [(least, most) for least, most in pairs if least is not None and most is not None]
    return all(least == most for least, most in known) if known else None


def is_gpu(path: str) -> bool:
    """Whether a folder of devfreq is a Jetson's GPU: 57000000.gpu, 17000000.gp10b, .gv11b, .ga10b."""
    return re.search(r"\.(gpu|g[a-z]\d\db)$", path) is not None


def _memory_gb(files: Files) -> float:
    found = re.search(r"^MemTotal:\s*(\d+) kB", files.text("proc/meminfo"), re.MULTILINE)
    return round(int(found.group(1)) * 1024 / 1e9, 1) if found else 0.0


def _chip(files: Files) -> str:
    """The GPU of a board whose chip has one: 'NVIDIA Tegra X1'."""
    compatible = re.findall(r"nvidia,(tegra\d+)", files.text("proc/device-tree/compatible"))
    return next(("NVIDIA " + CHIPS[name] for name in compatible if name in CHIPS), "")


def _cuda(files: Files) -> str:
    """The toolkit's version: a JSON since 11, before a text."""
    both = files.text("usr/local/cuda/version.json") + files.text("usr/local/cuda/version.txt")
    found = re.search(r'"cuda"\s*:\s*\{[^}]*"version"\s*:\s*"([\d.]+)"|CUDA Version ([\d.]+)', both)
    return (found.group(1) or found.group(2)) if found else ""


def _package(files: Files, name: str) -> str:
    """The version of an installed Debian package, without what packagers added."""
    pattern = r"^Package: {}\nStatus: install ok installed\n(?:.+\n)*?Version: ([\d.]+)".format(name)
    found = re.search(pattern, files.text("var/lib/dpkg/status"), re.MULTILINE)
    return found.group(1) if found else ""


def _jetpack(files: Files) -> str:
    """'JetPack 4.6.1, L4T 32.7.1': the release of NVIDIA's Linux, and of the packages if all are installed."""
    found = re.search(r"# R(\d+) \(release\), REVISION: ([\d.]+)", files.text("etc/nv_tegra_release"))
    if not found:
        return ""
    jetpack = _package(files, "nvidia-jetpack")
    return ("JetPack {}, ".format(jetpack) if jetpack else "") + "L4T {}.{}".format(*found.groups())


def _power_mode(files: Files, asking: Ask) -> str:
    """A Jetson's power mode by its name; where nvpmodel does not say, from the files that it keeps."""
    if not files.text("etc/nv_tegra_release"):
        return ""
    found = re.search(r"NV Power Mode:\s*(\S+)", asking(["nvpmodel", "-q"]))
    if found:
        return found.group(1)
    number = re.search(r"pmode:(\d+)", files.text("var/lib/nvpmodel/status"))
    if not number:
        return ""
    mode = int(number.group(1))
    names = re.findall(r"<\s*POWER_MODEL ID=(\d+) NAME=(\S+)\s*>", files.text("etc/nvpmodel.conf"))
    return next((str(name) for key, name in names if int(key) == mode), "mode {}".format(mode))


def _jetson_clocks(files: Files, asking: Ask) -> Optional[bool]:
    """Whether jetson_clocks holds a Jetson's clocks at their most; it says so to root only, the files to anyone."""
    if not files.text("etc/nv_tegra_release"):
        return None
    shown = re.findall(r"^(?:cpu\d+|GPU)\b.*?MinFreq=(\d+) MaxFreq=(\d+)", asking(["jetson_clocks", "--show"]), re.M)
    if shown:
        return all(least == most for least, most in shown)
    return clocks_locked(files)
