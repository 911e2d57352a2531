"""How much power a machine takes, as far as it tells: INA3221 on a Jetson, a graphics card's own, RAPL on x86.

Idle power is not subtracted: a millijoule of ours is what the machine, or the named part of it, took while it ran.
"""

import re
import statistics
import time
from typing import Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from rdslab.measure.agent.files import Files

LEAST = 30  # power samples, below which there is no energy
INPUTS = ("VDD_IN", "POM_5V_IN", "5V_IN")  # the rail that supplies a whole Jetson module, by its names
Readings = Mapping[str, object]


class Meter(NamedTuple):
    """What tells power: `read` gives watts, None where there is no answer yet."""

    name: str  # which part of the machine is measured, by what
    read: Callable[[], Optional[float]]


def energy_mj(samples_w: Sequence[float], seconds: float, frames: int) -> Tuple[Optional[float], str]:
    """Millijoules of each of `frames` that took `seconds` in sum, and "" - or None, and why there is no energy.

    Idle power is part of it. Fewer than 30 samples of the power are too few.
    """
    if len(samples_w) < LEAST:
        return None, "{} samples of the power are too few, {} are needed".format(len(samples_w), LEAST)
    if frames < 1 or seconds <= 0:
        return None, "nothing ran while the power was sampled"
    return 1e3 * statistics.mean(samples_w) * seconds / frames, ""


def board_meter(files: Files) -> Optional[Meter]:
    """A Jetson's: the rail that supplies the module; where there is none, all rails together."""
    rails = _old_rails(files) or _hwmon_rails(files)
    inputs = [rail for rail in rails if rail.name in INPUTS]
    used = inputs[:1] or rails
    if not used:
        return None

    def read() -> Optional[float]:
        watts = [rail.read() for rail in used]
        known = [value for value in watts if value is not None]
        return sum(known) if len(known) == len(watts) else None

    return Meter("INA3221 " + " + ".join(rail.name for rail in used), read)


def processor_meter(files: Files, clock: Callable[[], float] = time.monotonic) -> Optional[Meter]:
    """x86's RAPL: processor packages and their memory; None where it is not there, or only root may read it."""
    # `intel-rapl-mmio:0` is the same package once more.
    paths = files.find("sys/class/powercap/intel-rapl:*")
    zones = [path for path in paths if re.match(r"package-\d+$|dram$", files.first_line(path + "/name"))]
    counters = [_Counter(files, path, clock) for path in zones]
    counters = [counter for counter in counters if counter.last_uj is not None]
    if not counters:
        return None

    def read() -> Optional[float]:
        watts = [counter.watts() for counter in counters]
        known = [value for value in watts if value is not None]
        return sum(known) if len(known) == len(watts) else None

    return Meter("RAPL " + " + ".join(sorted({counter.name for counter in counters})), read)


class _Counter:
    """A counter of microjoules that begins again at 0 after its largest."""

    def __init__(self, files: Files, path: str, clock: Callable[[], float]) -> None:
        self.files, self.path, self.clock = files, path, clock
        self.name = files.first_line(path + "/name")
        self.largest_uj = files.number(path + "/max_energy_range_uj") or 0.0
        self.last_uj, self.last_s = files.number(path + "/energy_uj"), clock()

    def watts(self) -> Optional[float]:
        """On average since the last look."""
        now_uj, now_s = self.files.number(self.path + "/energy_uj"), self.clock()
        last_uj, last_s, self.last_uj, self.last_s = self.last_uj, self.last_s, now_uj, now_s
        if now_uj is None or last_uj is None or now_s <= last_s:
            return None
        used_uj = now_uj - last_uj if now_uj >= last_uj else now_uj - last_uj + self.largest_uj
        return used_uj / 1e6 / (now_s - last_s)


def _old_rails(files: Files) -> List[Meter]:
    """JetPack 4: /sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0 has rail_name_0 and in_power0_input, milliwatts."""
    rails = []
    for label in files.find("sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_*"):
        name = files.first_line(label)
        folder, _, number = label.rpartition("/rail_name_")
        path = "{}/in_power{}_input".format(folder, number)
        if name not in ("", "NC") and files.number(path) is not None:
            rails.append(Meter(name, _product(files, path)))
    return rails


def _hwmon_rails(files: Files) -> List[Meter]:
    """Since JetPack 5: a hwmon folder named ina3221 has in1_label, in1_input in millivolts, curr1_input in mA."""
    rails = []
    for path in files.find("sys/class/hwmon/hwmon*/name"):
        if files.first_line(path) != "ina3221":
            continue
        folder = path[: -len("/name")]
        for label in files.find(folder + "/in[123]_label"):
            number = re.sub(r".*/in(\d)_label", r"\1", label)
            pair = ["{}/{}{}_input".format(folder, kind, number) for kind in ("in", "curr")]
            name = files.first_line(label)
            if name not in ("", "NC") and None not in map(files.number, pair):
                rails.append(Meter(name, _product(files, *pair)))
    return rails


def _product(files: Files, *paths: str) -> Callable[[], Optional[float]]:
    """Watts from a file of milliwatts, or from one of millivolts and one of milliamperes."""

    def read() -> Optional[float]:
        watts = 1.0
        for path in paths:
            value = files.number(path)
            if value is None:
                return None
            watts *= value / 1e3
        return watts

    return read
