"""What a graphics card says of itself, by a script in nvidia-smi's place and a module in pynvml's."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rdslab.measure.agent.monitor import Monitor
from rdslab.measure.agent.nvidia import open_gpu, throttles
from tests.machines import DESKTOP, plant
from tests.monitor_cases import OUTCOME, PERIOD_S, ticks, until, watch

SMI = """#!{python}
import sys, time
args = sys.argv[1:]
if args == ["--help-query-gpu"]:
    print('"clocks_{word}_reasons.active"')
elif args[0] == "--query-gpu=name,driver_version":
    assert args[1:] == ["--format=csv,noheader,nounits", "--id=GPU-7"], args
    print("NVIDIA GeForce RTX 2080, 535.129.03")
else:
    assert args[0].endswith("utilization.gpu,clocks_{word}_reasons.active"), args
    assert args[3] == "--loop-ms=1", args
    print("[N/A], [N/A], [N/A], [N/A], 0, [N/A]", flush=True)
    for _ in range({lines}):
        print("1800, 7000, 61, 180.50, 87, 0x0000000000000044", flush=True)
        time.sleep(0.001)
"""


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def plant_smi(word: str = "event", lines: int = 100_000) -> None:
        path = tmp_path / "bin" / "nvidia-smi"
        path.parent.mkdir(exist_ok=True)
        path.write_text(SMI.format(python=sys.executable, word=word, lines=lines))
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(path.parent))

    monkeypatch.setitem(sys.modules, "pynvml", None)  # as if it were not installed
    return plant_smi


@pytest.mark.parametrize("word", ["event", "throttle"])
def test_a_card_is_read_through_one_nvidia_smi(smi: Callable[..., None], word: str) -> None:
    smi(word)
    card = open_gpu("GPU-7", PERIOD_S)
    assert card is not None
    try:
        assert card.facts() == {"name": "NVIDIA GeForce RTX 2080", "driver": "535.129.03"}
        until(lambda: "power_w" in card.read())
        assert card.read() == {
            "clock_mhz": {"gpu": 1800.0, "gpu memory": 7000.0},
            "temperature_c": {"gpu": 61.0},
            "power_w": 180.5,
            "used": 0.87,
            "throttles": ["power limit", "temperature (hardware)"],
        }
    finally:
        card.close()


def test_an_nvidia_smi_that_ends_is_a_dead_monitor(tmp_path: Path, smi: Callable[..., None]) -> None:
    smi(lines=20)
    with Monitor(plant(tmp_path, DESKTOP), PERIOD_S, gpu="GPU-7") as monitor:
        monitor.phase("during")
        until(lambda: bool(monitor.fault))
    found = monitor.certificate(OUTCOME)
    assert found["certified"] is False
    assert found["reasons"][0] == "the monitor ended early: OSError: nvidia-smi has ended"


def test_a_card_that_takes_part_is_watched_with_the_rest_and_its_power_is_what_counts(
    tmp_path: Path, smi: Callable[..., None]
) -> None:
    smi()
    with Monitor(plant(tmp_path, DESKTOP), PERIOD_S, gpu="GPU-7", clock=ticks()) as monitor:
        until(lambda: monitor.power_of != "")
        monitor.phase("during")
        watch(monitor)
    found = monitor.certificate(OUTCOME)
    assert (found["power_of"], found["power_w"]) == ("NVML NVIDIA GeForce RTX 2080", 180.5)
    assert sorted(found["during"]["clock_mhz"]) == ["cpu", "gpu", "gpu memory"]
    assert found["reasons"] == ["clocks were held down: power limit, temperature (hardware)"]


def test_without_a_card_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert open_gpu() is None


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A `pynvml` of an older kind: text is bytes, and a virtual card does not tell its power."""

    class Failure(Exception):
        pass

    def refuse(*_: object) -> None:
        raise Failure

    module = ModuleType("pynvml")
    fields: dict[str, Any] = {
        "NVMLError": Failure,
        "NVML_CLOCK_SM": 1,
        "NVML_CLOCK_MEM": 2,
        "NVML_TEMPERATURE_GPU": 0,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetHandleByIndex": lambda index: ("index", index),
        "nvmlDeviceGetHandleByUUID": lambda uuid: ("uuid", uuid),
        "nvmlDeviceGetName": lambda card: b"GRID T4" if card == ("uuid", "GPU-7") else b"other",
        "nvmlSystemGetDriverVersion": lambda: b"470.82",
        "nvmlDeviceGetClockInfo": lambda _, kind: {1: 1590, 2: 5000}[kind],
        "nvmlDeviceGetTemperature": lambda *_: 40,
        "nvmlDeviceGetPowerUsage": refuse,
        "nvmlDeviceGetUtilizationRates": refuse,
        "nvmlDeviceGetCurrentClocksThrottleReasons": lambda _: 1,
    }
    for name, value in fields.items():
        setattr(module, name, value)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    return module


def test_a_card_is_read_by_nvml_where_it_is_installed(nvml: ModuleType) -> None:
    card = open_gpu("GPU-7")
    assert card is not None
    assert card.facts() == {"name": "GRID T4", "driver": "470.82"}
    assert card.read() == {
        "clock_mhz": {"gpu": 1590, "gpu memory": 5000},
        "temperature_c": {"gpu": 40},
        "throttles": [],  # an idle card is not held down
    }
    nvml.nvmlDeviceGetPowerUsage = lambda _: 70_500  # type: ignore[attr-defined]
    assert card.read()["power_w"] == 70.5


def test_an_nvml_without_a_card_gives_none(nvml: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_driver() -> None:
        raise nvml.NVMLError

    nvml.nvmlInit = no_driver  # type: ignore[attr-defined]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert open_gpu("0") is None


def test_the_reasons_of_throttling_are_those_of_nvml() -> None:
    assert throttles(0x1 | 0x2 | 0x10 | 0x100) == []  # idle, set clocks, sync boost, display: not held down
    assert throttles(0x08 | 0x20 | 0x80) == ["hardware slowdown", "temperature (software)", "power brake"]
