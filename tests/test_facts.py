"""What a machine says it is, on machines that are folders."""

import json
import platform
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from rdslab.measure.agent import nvidia
from rdslab.measure.agent.facts import ask, clocks_locked, cores, facts
from rdslab.measure.agent.files import Files
from tests.machines import CPUFREQ, DESKTOP, NANO, ORIN, plant

# As jetson_clocks prints it on a Jetson Nano.
SHOWN = """SOC family:tegra210  Machine:NVIDIA Jetson Nano Developer Kit
Online CPUs: 0-3
cpu0: Online=1 Governor=schedutil MinFreq=1479000 MaxFreq=1479000 CurrentFreq=1479000 IdleStates: WFI=0 c7=0
cpu1: Online=1 Governor=schedutil MinFreq=1479000 MaxFreq=1479000 CurrentFreq=1479000 IdleStates: WFI=0 c7=0
GPU MinFreq=76800000 MaxFreq=921600000 CurrentFreq=76800000
EMC MinFreq=204000000 MaxFreq=1600000000 CurrentFreq=1600000000 FreqOverride=0
"""


def nobody(_: list[str]) -> str:
    return ""


def told(**answers: str) -> Callable[[list[str]], str]:
    return lambda argv: answers.get(argv[0], "")


def test_a_jetson_nano_with_jetpack_4(tmp_path: Path) -> None:
    asking = told(nvpmodel="NVPM WARN: fan mode is not set!\nNV Power Mode: MAXN\n0\n")
    found = facts(plant(tmp_path, NANO), asking)
    assert found == {
        "cpu": "NVIDIA Jetson Nano Developer Kit",
        "cores": cores(),
        "memory_gb": 4.2,
        "gpu": "NVIDIA Tegra X1",
        "board": "NVIDIA Jetson Nano Developer Kit",
        "system": found["system"],
        "driver": "",
        "cuda": "10.2.460",
        "tensorrt": "8.2.1",
        "jetpack": "JetPack 4.6.1, L4T 32.7.1",
        "power_mode": "MAXN",
        "jetson_clocks": True,
        "clocks_locked": True,
        "versions": found["versions"],
    }
    assert found["versions"]["python"] == platform.python_version()


def test_an_orin_with_jetpack_6_of_which_not_all_is_installed(tmp_path: Path) -> None:
    found = facts(plant(tmp_path, ORIN), nobody)
    assert (found["gpu"], found["cuda"], found["tensorrt"]) == ("NVIDIA Orin", "12.2.20231130", "10.3.0.30")
    assert found["jetpack"] == "L4T 36.3.0"
    assert (found["power_mode"], found["jetson_clocks"], found["clocks_locked"]) == ("", False, False)


def test_the_power_mode_is_in_a_file_where_nvpmodel_says_nothing(tmp_path: Path) -> None:
    root = plant(tmp_path, NANO)
    assert facts(root, nobody)["power_mode"] == "5W"
    (tmp_path / "etc/nvpmodel.conf").unlink()
    assert facts(root, nobody)["power_mode"] == "mode 1"


def test_what_jetson_clocks_shows_counts_for_more_than_the_files(tmp_path: Path) -> None:
    root = plant(tmp_path, NANO)
    assert facts(root, told(jetson_clocks=SHOWN))["jetson_clocks"] is False  # the GPU's clock is free
    held = SHOWN.replace("76800000", "921600000")
    assert facts(root, told(jetson_clocks=held))["jetson_clocks"] is True


def test_a_desktop(tmp_path: Path) -> None:
    found = facts(plant(tmp_path, DESKTOP), told(nvpmodel="NV Power Mode: MAXN"))
    assert found["cpu"] == "AMD Ryzen 7 5800X 8-Core Processor"
    assert found["memory_gb"] == 33.6
    assert (found["gpu"], found["board"], found["jetpack"], found["power_mode"]) == ("", "", "", "")
    assert (found["jetson_clocks"], found["clocks_locked"]) == (None, False)


def test_a_graphics_card_that_takes_part_is_named(tmp_path: Path) -> None:
    card = nvidia.Gpu({"name": "NVIDIA GeForce RTX 2080", "driver": "535.129.03"}, dict, int)
    found = facts(plant(tmp_path, DESKTOP), nobody, card)
    assert (found["gpu"], found["driver"]) == ("NVIDIA GeForce RTX 2080", "535.129.03")


def test_an_older_toolkit_says_its_version_in_a_text(tmp_path: Path) -> None:
    root = plant(tmp_path, {"usr/local/cuda/version.txt": "CUDA Version 10.2.300\n"})
    assert facts(root, nobody)["cuda"] == "10.2.300"


def test_a_machine_that_tells_nothing_is_no_error(tmp_path: Path) -> None:
    found = facts(str(tmp_path), nobody)
    known = {"cpu", "cores", "system", "versions"}
    assert {name: value for name, value in found.items() if name not in known} == {
        "memory_gb": 0.0,
        "gpu": "",
        "board": "",
        "driver": "",
        "cuda": "",
        "tensorrt": "",
        "jetpack": "",
        "power_mode": "",
        "jetson_clocks": None,
        "clocks_locked": None,
    }


def test_clocks_are_locked_only_if_all_are(tmp_path: Path) -> None:
    files = Files(plant(tmp_path, NANO))
    assert clocks_locked(files) is True
    (tmp_path / f"{CPUFREQ}/scaling_min_freq").write_text("102000\n")
    assert clocks_locked(files) is False
    (tmp_path / f"{CPUFREQ}/scaling_min_freq").write_text("<unsupported>\n")
    assert clocks_locked(files) is True  # by what is known, the GPU's


def test_nothing_names_a_person_or_a_machine() -> None:
    found = facts()
    assert json.loads(json.dumps(found)) == found
    assert socket.gethostname() not in [str(value) for value in found.values()]
    assert str(Path.home()) not in json.dumps(found)


def test_a_program_is_asked_without_waiting_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(["rdslab-has-no-such-program"]) == ""
    assert ask(["false"]) == ""
    assert ask(["echo", "NV Power Mode: MAXN"]) == "NV Power Mode: MAXN\n"
    hanging = tmp_path / "nvpmodel"
    hanging.write_text("#!/bin/sh\nsleep 30\n")
    hanging.chmod(0o755)
    monkeypatch.setattr("rdslab.measure.agent.facts.ASK_S", 0.2)
    assert ask([str(hanging)]) == ""
