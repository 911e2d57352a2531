"""What the machine does while nets are timed, on machines that are folders."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rdslab.measure.agent.files import Files
from rdslab.measure.agent.monitor import FEWEST, Monitor
from rdslab.measure.agent.sensors import Sensors
from tests.machines import CPUFREQ, DESKTOP, NANO, NANO_RAILS, ORIN, plant
from tests.monitor_cases import OUTCOME, PERIOD_S, ticks, until, watch


def watched(root: str, while_timed: Callable[[Monitor], object] = watch) -> dict[str, Any]:
    with Monitor(root, PERIOD_S, gpu="", clock=ticks()) as monitor:
        monitor.phase("during")
        while_timed(monitor)
        monitor.phase("after")
    certificate = monitor.certificate(OUTCOME)
    assert json.loads(json.dumps(certificate))["certified"] == certificate["certified"]
    return certificate


def test_a_machine_that_was_watched_and_held_is_certified(tmp_path: Path) -> None:
    found = watched(plant(tmp_path, NANO))
    assert (found["certified"], found["reasons"], found["throttled"]) == (True, [], False)
    assert found["facts"]["jetson_clocks"] is True
    assert found["during"]["clock_mhz"] == {"cpu": [1479.0] * 3, "gpu": [921.6] * 3}
    assert found["during"]["temperature_c"] == {"AO-therm": [41.5] * 3, "GPU-therm": [35.0] * 3}
    assert found["during"]["samples"] >= FEWEST
    assert found["before"]["samples"] >= 1
    assert found["after"]["samples"] >= 1
    assert (found["power_w"], found["power_of"]) == (4.21, "INA3221 POM_5V_IN")
    assert found["outcome"]["busy"] == 0.03
    assert found["outcome"]["sentinel_ms"] == (5.0, 5.1)


def test_a_dead_monitor_never_certifies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = plant(tmp_path, NANO)
    real = Sensors.read

    def dying(self: Sensors) -> dict[str, Any]:
        if (tmp_path / "gone").exists():
            raise RuntimeError("the bus hangs")
        return real(self)

    def die(monitor: Monitor) -> None:
        watch(monitor)
        (tmp_path / "gone").touch()
        until(lambda: bool(monitor.fault))

    monkeypatch.setattr(Sensors, "read", dying)
    found = watched(root, die)
    assert found["certified"] is False
    assert found["reasons"] == ["the monitor ended early: RuntimeError: the bus hangs"]
    found = watched(root, lambda _: None)  # dead from the first look on
    assert found["certified"] is False
    assert found["reasons"][0] == "the monitor ended early: RuntimeError: the bus hangs"


def test_a_monitor_that_hangs_does_not_certify(tmp_path: Path) -> None:
    now = [0.0]
    with Monitor(plant(tmp_path, NANO), PERIOD_S, gpu="", clock=lambda: now[0]) as monitor:
        monitor.phase("during")
        watch(monitor)
        now[0] = 1e6 * PERIOD_S  # the nets were timed for much longer than there are samples
        monitor.phase("after")
    found = monitor.certificate(OUTCOME)
    assert found["certified"] is False
    assert found["reasons"][0].endswith("samples where 1000000 were due")


def test_too_few_samples_do_not_certify(tmp_path: Path) -> None:
    with Monitor(plant(tmp_path, NANO), 60.0, gpu="") as monitor:
        monitor.phase("during")
        monitor.phase("after")
    assert monitor.certificate(OUTCOME)["reasons"] == ["the monitor took 0 samples while nets were timed, 5 are needed"]


def test_a_machine_that_tells_nothing_is_not_certified(tmp_path: Path) -> None:
    found = watched(str(tmp_path))
    assert found["reasons"] == ["this machine does not tell its clocks and temperatures"]
    assert (found["throttled"], found["power_w"], found["power_of"]) == (None, None, "")


def test_not_to_know_what_others_use_is_a_reason(tmp_path: Path) -> None:
    with Monitor(plant(tmp_path, NANO), PERIOD_S, gpu="", clock=ticks()) as monitor:
        monitor.phase("during")
        watch(monitor)
    assert monitor.certificate()["certified"] is True
    found = monitor.certificate(OUTCOME._replace(busy=None))
    assert found["reasons"] == ["this machine does not tell what other processes use of it"]


def test_a_clock_that_moves_is_named(tmp_path: Path) -> None:
    def slow_down(monitor: Monitor) -> None:
        watch(monitor)
        (tmp_path / CPUFREQ / "scaling_cur_freq").write_text("1036000\n")
        watch(monitor, 6 * FEWEST)

    found = watched(plant(tmp_path, NANO), slow_down)
    assert found["certified"] is False
    assert found["reasons"] == ["the clock of cpu moved from 1479 to 1036 MHz"]
    assert found["during"]["clock_mhz"]["cpu"][0] == 1036.0


def test_throttling_is_told_with_what_does_it(tmp_path: Path) -> None:
    found = watched(plant(tmp_path, ORIN))
    assert (found["certified"], found["throttled"]) == (False, True)
    assert found["reasons"] == ["clocks were held down: cpu-throttle-alert"]


def test_events_of_throttling_count_only_while_nets_are_timed(tmp_path: Path) -> None:
    counter = tmp_path / "sys/class/hwmon/hwmon2/oc3_event_cnt"
    root = plant(tmp_path, {**ORIN, "sys/class/thermal/cooling_device0/cur_state": "0\n"})
    assert watched(root)["throttled"] is False  # though 7 have happened before

    def alarm(monitor: Monitor) -> None:
        watch(monitor)
        counter.write_text("9\n")
        watch(monitor)

    assert watched(root, alarm)["reasons"] == ["clocks were held down: 2 events of throttling"]


def test_the_quickest_core_is_the_clock_of_the_processor(tmp_path: Path) -> None:
    found = Sensors(Files(plant(tmp_path, ORIN))).read()
    assert found["clock_mhz"] == {"cpu": 1510.4, "gpu": pytest.approx(306.0)}


def test_a_desktop_tells_the_temperature_of_its_processor_and_not_of_its_disk(tmp_path: Path) -> None:
    found = Sensors(Files(plant(tmp_path, DESKTOP))).read()
    assert found["temperature_c"] == {"k10temp": pytest.approx(45.125)}
    assert found["throttles"] == []


def test_zones_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    zones = {f"sys/class/thermal/thermal_zone{n}/{key}": text for n in (0, 1) for key, text in
             (("type", "acpitz\n"), ("temp", f"{20 + n}000\n"))}  # fmt: skip
    found = Sensors(Files(plant(tmp_path, zones))).read()
    assert found["temperature_c"] == {"acpitz": 20.0, "acpitz 2": 21.0}


def test_energy_is_taken_over_30_samples_that_begin_after_a_second(tmp_path: Path) -> None:
    """4.21 W before and in the first second of the runs, 8 W from then on: a card's power lags behind."""
    now = [0.0]
    asked: list[int] = []
    with Monitor(plant(tmp_path, NANO), PERIOD_S, gpu="", clock=lambda: now[0]) as monitor:

        def runner(runs: int) -> Sequence[float]:
            asked.append(runs)
            now[0] += 0.5
            watch(monitor)
            (tmp_path / NANO_RAILS / "in_power0_input").write_text("8000\n")
            watch(monitor, 2)
            now[0] += runs * 0.02 - 0.4
            watch(monitor, 40)
            return [20.0] * runs

        found = monitor.energy(runner, 20.0)
    assert found == (pytest.approx(8.0 * 20.0), "")
    assert asked == [round((1.0 + 36 * PERIOD_S) / 0.02)]


def test_energy_from_too_few_samples_is_refused(tmp_path: Path) -> None:
    asked: list[int] = []

    def runner(runs: int) -> Sequence[float]:
        asked.append(runs)
        return [1.0] * runs

    with Monitor(plant(tmp_path, NANO), 60.0, gpu="", clock=lambda: 0.0) as monitor:
        found = monitor.energy(runner, 1e3)
    assert found == (None, "1 samples of the power are too few, 30 are needed")
    assert len(asked) == 3  # it tries for longer, but not for ever


def test_where_power_is_not_told_nothing_is_run_for_it(tmp_path: Path) -> None:
    with Monitor(str(tmp_path), PERIOD_S, gpu="") as monitor:
        found = monitor.energy(lambda _: pytest.fail("ran"), 1.0)
    assert found == (None, "this machine does not tell its power")
