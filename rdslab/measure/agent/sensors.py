"""Clocks, temperatures and throttling, as the files under /sys tell them. Which files there are is looked for once."""

import re
from typing import Any, Dict, List, NamedTuple

from rdslab.measure.agent.facts import is_gpu
from rdslab.measure.agent.files import Files

FIXED = ("PMIC-Die",)  # a Tegra X1's zone that says 100 °C always
CHIPS = ("coretemp", "k10temp", "zenpower")  # hwmon's names of processors' own sensors
# Cooling devices that hold clocks down; others are fans, or offsets that are never 0.
HOLDING = re.compile(r"balanced|throttle|cpufreq|devfreq|^Processor$")
Reading = Dict[str, Any]


class _Number(NamedTuple):
    name: str
    path: str
    unit: float  # what a 1 in the file stands for


class Sensors:
    """`read` gives `clock_mhz` and `temperature_c` by name, and, where it is told, `throttles` and `throttle_events`.

    The clock "cpu" is that of the quickest core; `throttles` names what holds clocks down at that moment, and
    `throttle_events` counts how often that has happened since the machine was started.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self.cores = files.find("sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq")
        gpus = [path for path in files.find("sys/class/devfreq/*") if is_gpu(path)]
        self.gpus = [_Number("gpu", path + "/cur_freq", 1e-6) for path in gpus]
        self.temperatures = self._zones() + self._chips()
        devices = files.find("sys/class/thermal/cooling_device*")
        self.holding = [path for path in devices if HOLDING.search(files.first_line(path + "/type"))]
        self.events = files.find("sys/devices/system/cpu/cpu*/thermal_throttle/*_throttle_count")
        self.events += files.find("sys/class/hwmon/hwmon*/oc*_event_cnt")  # a Jetson's over-current alarms

    def read(self) -> Reading:
        """What all of them say now; what does not answer is left out."""
        cores = [mhz for mhz in map(self.files.number, self.cores) if mhz is not None]
        clocks = self._numbers(self.gpus)
        if cores:
            clocks["cpu"] = max(cores) / 1e3
        found: Reading = {"clock_mhz": clocks, "temperature_c": self._numbers(self.temperatures)}
        if self.holding:
            at_work = [path for path in self.holding if (self.files.number(path + "/cur_state") or 0) > 0]
            found["throttles"] = [self.files.first_line(path + "/type") for path in at_work]
        if self.events:
            found["throttle_events"] = sum(self.files.number(path) or 0 for path in self.events)
        return found

    def _numbers(self, sources: List[_Number]) -> Dict[str, float]:
        values = [(source, self.files.number(source.path)) for source in sources]
        return {source.name: value * source.unit for source, value in values if value is not None}

    def _zones(self) -> List[_Number]:
        zones = files_and_names(self.files, "sys/class/thermal/thermal_zone*", "type")
        return [_Number(name, path + "/temp", 1e-3) for path, name in zones if name not in FIXED]

    def _chips(self) -> List[_Number]:
        chips = files_and_names(self.files, "sys/class/hwmon/hwmon*", "name")
        return [_Number(name, path + "/temp1_input", 1e-3) for path, name in chips if name in CHIPS]


def files_and_names(files: Files, pattern: str, name: str) -> List[Any]:
    """Folders that match, each with the name that its file `name` says, numbered where several say the same."""
    seen: Dict[str, int] = {}
    found = []
    for path in files.find(pattern):
        said = files.first_line(path + "/" + name) or "unnamed"
        seen[said] = seen.get(said, 0) + 1
        found.append((path, said if seen[said] == 1 else "{} {}".format(said, seen[said])))
    return found
