"""Power of machines that are folders, and energy from it."""

from pathlib import Path

import pytest

from rdslab.measure.agent.files import Files
from rdslab.measure.agent.power import LEAST, board_meter, energy_mj, processor_meter
from tests.machines import DESKTOP, HWMON, NANO, NANO_RAILS, ORIN, RAPL, XAVIER_RAILS, plant


def test_energy_is_the_mean_power_for_the_time_of_a_frame() -> None:
    assert energy_mj([4.0, 6.0] * 15, 3.0, 100) == (pytest.approx(150.0), "")  # 5 W for 30 ms


def test_fewer_than_30_samples_are_no_energy() -> None:
    assert LEAST == 30
    assert energy_mj([5.0] * 29, 3.0, 100) == (None, "29 samples of the power are too few, 30 are needed")
    assert energy_mj([5.0] * 30, 3.0, 100)[0] is not None


@pytest.mark.parametrize(("seconds", "frames"), [(0.0, 100), (3.0, 0)])
def test_no_frames_are_no_energy(seconds: float, frames: int) -> None:
    assert energy_mj([5.0] * 30, seconds, frames) == (None, "nothing ran while the power was sampled")


def test_a_nano_is_measured_where_it_is_supplied(tmp_path: Path) -> None:
    meter = board_meter(Files(plant(tmp_path, NANO)))
    assert meter is not None
    assert (meter.name, meter.read()) == ("INA3221 POM_5V_IN", pytest.approx(4.21))
    (tmp_path / NANO_RAILS / "in_power0_input").write_text("5000\n")
    assert meter.read() == pytest.approx(5.0)
    (tmp_path / NANO_RAILS / "in_power0_input").unlink()
    assert meter.read() is None


def test_an_orin_tells_volts_and_amperes(tmp_path: Path) -> None:
    files = Files(plant(tmp_path, ORIN))
    meter = board_meter(files)
    assert meter is not None
    assert (meter.name, meter.read()) == ("INA3221 VDD_IN", pytest.approx(5.024))
    (tmp_path / HWMON / "in1_label").write_text("VDD_GPU_SOC\n")
    summed = board_meter(files)
    assert summed is not None
    assert summed.name == "INA3221 VDD_GPU_SOC + VDD_CPU_GPU_CV"
    assert summed.read() == pytest.approx(5.024 + 5.016 * 0.2)
    (tmp_path / HWMON / "curr2_input").write_text("\n")
    assert summed.read() is None  # a part is not the whole


def test_a_rail_that_is_not_connected_or_does_not_answer_is_no_rail(tmp_path: Path) -> None:
    files = Files(plant(tmp_path, ORIN))
    (tmp_path / HWMON / "in1_label").write_text("NC\n")
    (tmp_path / HWMON / "curr2_input").unlink()
    assert board_meter(files) is None


def test_where_no_rail_supplies_the_others_all_are_added(tmp_path: Path) -> None:
    meter = board_meter(Files(plant(tmp_path, XAVIER_RAILS)))
    assert meter is not None
    assert meter.name == "INA3221 GPU + CPU + SOC + CV + VDDRQ + SYS5V"
    assert meter.read() == pytest.approx(2 * (0.1 + 0.2 + 0.3))


def test_rapl_counts_packages_and_memory_once(tmp_path: Path) -> None:
    now = [0.0]
    meter = processor_meter(Files(plant(tmp_path, DESKTOP)), lambda: now[0])
    assert meter is not None
    assert meter.name == "RAPL dram + package-0"
    now[0] = 2.0
    (tmp_path / RAPL / "intel-rapl:0" / "energy_uj").write_text("21000000\n")
    (tmp_path / RAPL / "intel-rapl:0:1" / "energy_uj").write_text("2200000\n")
    assert meter.read() == pytest.approx((20.0 + 2.0) / 2)
    assert meter.read() is None  # no time has gone by
    now[0] = 3.0
    assert meter.read() == pytest.approx(0.0)


def test_rapl_begins_again_after_its_largest(tmp_path: Path) -> None:
    now = [0.0]
    counter = tmp_path / RAPL / "intel-rapl:0" / "energy_uj"
    root = plant(tmp_path, {name: text for name, text in DESKTOP.items() if "rapl:0/" in name})
    counter.write_text("65532600000\n")
    meter = processor_meter(Files(root), lambda: now[0])
    assert meter is not None
    now[0] = 1.0
    counter.write_text("4989013\n")  # of 65532610987
    assert meter.read() == pytest.approx(5.0)


def test_what_only_root_may_read_is_no_meter(tmp_path: Path) -> None:
    plant(tmp_path, DESKTOP)
    for zone in (tmp_path / RAPL).iterdir():
        (zone / "energy_uj").unlink()
    assert processor_meter(Files(str(tmp_path))) is None
    assert board_meter(Files(str(tmp_path))) is None
