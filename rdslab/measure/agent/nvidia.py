"""What an NVIDIA graphics card says of itself while it works: by NVML where `pynvml` is, else by nvidia-smi."""

import shutil
import subprocess
import threading
from typing import Any, Callable, Dict, List, Optional

FIELDS = "clocks.sm,clocks.mem,temperature.gpu,power.draw,utilization.gpu"
REASONS = (
    "clocks_event_reasons.active",
    "clocks_throttle_reasons.active",
)  # since driver 535, and before
FIRST_S = 10.0  # nvidia-smi may take seconds to begin
# Bits of the reasons why clocks are lower than they could be, from nvml.h.
THROTTLES = {
    0x04: "power limit",
    0x08: "hardware slowdown",
    0x20: "temperature (software)",
    0x40: "temperature (hardware)",
    0x80: "power brake",
}
Reading = Dict[str, Any]


class Gpu:
    """A card: `facts` once, `read` again and again, `close` at the end."""

    def __init__(self, facts: Dict[str, str], read: Callable[[], Reading], close: Callable[[], object]) -> None:
        self._facts, self.read, self.close = facts, read, close

    def facts(self) -> Dict[str, str]:
        """`name` and `driver`."""
        return self._facts


def open_gpu(which: str = "0", period_s: float = 0.1) -> Optional[Gpu]:
    """The card with this index or UUID ("GPU-..."); None where there is none that can be asked.

    A reading has `clock_mhz` and `temperature_c` by name, `power_w`, `used` (share of the time that it computed) and
    `throttles` (why its clocks are held down); what is not known is left out.
    """
    return _by_nvml(which) or _by_smi(which, period_s)


def throttles(bits: int) -> List[str]:
    """Why clocks are held down, in words."""
    return [words for bit, words in THROTTLES.items() if bits & bit]


def _by_nvml(which: str) -> Optional[Gpu]:
    try:
        import pynvml  # type: ignore[import-not-found]
    except ImportError:
        return None
    nvml: Any = pynvml
    try:
        nvml.nvmlInit()
        by_index = which.isdigit()
        card = nvml.nvmlDeviceGetHandleByIndex(int(which)) if by_index else nvml.nvmlDeviceGetHandleByUUID(which)
        facts = {"name": _text(nvml.nvmlDeviceGetName(card)), "driver": _text(nvml.nvmlSystemGetDriverVersion())}
    except nvml.NVMLError:
        return None

    def read() -> Reading:
        def known(name: str, *given: Any) -> Any:
            try:
                return getattr(nvml, name)(card, *given)
            except (nvml.NVMLError, AttributeError):
                return None

        power, rates = known("nvmlDeviceGetPowerUsage"), known("nvmlDeviceGetUtilizationRates")
        return _reading(
            known("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
            known("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_MEM),
            known("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
            None if power is None else power / 1e3,
            None if rates is None else rates.gpu,
            bits=known("nvmlDeviceGetCurrentClocksThrottleReasons"),
        )

    return Gpu(facts, read, nvml.nvmlShutdown)


def _by_smi(which: str, period_s: float) -> Optional[Gpu]:
    """By one nvidia-smi that prints a line each period: to start one for each reading would load the processor."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    form = ["--format=csv,noheader,nounits", "--id=" + which]
    try:
        name, driver = [part.strip() for part in _said(program, "--query-gpu=name,driver_version", *form).split(",")]
        reasons = REASONS[0] if REASONS[0] in _said(program, "--help-query-gpu") else REASONS[1]
        fields = "--query-gpu={},{}".format(FIELDS, reasons)
        loop = [program, fields, *form, "--loop-ms={}".format(max(1, round(1e3 * period_s)))]
        child = subprocess.Popen(loop, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    listener = _Listener(child)
    return Gpu({"name": name, "driver": driver}, listener.read, listener.close)


def _said(*argv: str) -> str:
    told = subprocess.check_output(list(argv), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=FIRST_S)
    return told.decode("utf-8", "replace").strip()


class _Listener:
    """Keeps the last line that nvidia-smi has printed."""

    def __init__(self, child: Any) -> None:
        self.child, self.line = child, ""
        self.first = threading.Event()
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        for line in self.child.stdout:
            self.line = line.decode("utf-8", "replace")
            self.first.set()
        self.line = ""  # one that has ended knows nothing any more
        self.first.set()

    def read(self) -> Reading:
        self.first.wait(FIRST_S)
        cells = [cell.strip() for cell in self.line.split(",")]
        if len(cells) != len(FIELDS.split(",")) + 1:
            raise OSError("nvidia-smi has ended")
        sm, memory, temperature, power_w, used, bits = cells
        return _reading(*map(_number, (sm, memory, temperature, power_w, used)), bits=_bits(bits))

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        self.thread.join()
        self.child.stdout.close()


def _reading(
    sm: Optional[float],
    memory: Optional[float],
    temperature: Optional[float],
    power_w: Optional[float],
    used_percent: Optional[float],
    *,
    bits: Optional[int],
) -> Reading:
    clocks = {"gpu": sm, "gpu memory": memory}
    found: Reading = {"clock_mhz": {name: mhz for name, mhz in clocks.items() if mhz is not None}}
    found["temperature_c"] = {} if temperature is None else {"gpu": temperature}
    if power_w is not None:
        found["power_w"] = power_w
    if used_percent is not None:
        found["used"] = used_percent / 100
    if bits is not None:
        found["throttles"] = throttles(bits)
    return found


def _number(cell: str) -> Optional[float]:
    """The number, or None for '[N/A]' and the like."""
    try:
        return float(cell)
    except ValueError:
        return None


def _bits(cell: str) -> Optional[int]:
    try:
        return int(cell, 16)
    except ValueError:
        return None


def _text(found: Any) -> str:
    """Older pynvml gives bytes."""
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
