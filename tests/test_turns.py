"""Turns that do not stand: the machine was another one meanwhile, or others were at work on it."""

from collections.abc import Iterator
from itertools import chain, cycle
from pathlib import Path

import pytest

from rdslab.errors import UnstableTime
from rdslab.measure.agent.clock import PLAN, interleave, steady
from rdslab.measure.agent.others import OtherProcesses
from rdslab.measure.agent.turns import mostly
from tests.clock_cases import SHORT, Machine, always

STAT = "cpu  {user} 10 {system} 9000 50 3 4 {steal} 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"


def test_a_turn_beside_which_the_sentinel_strays_is_thrown_away_and_run_again() -> None:
    """The machine is at 1.5 of its time for a while, from the middle of one turn on."""
    machine = Machine()

    def disturbed() -> Iterator[float]:
        for number in range(10_000):
            if number == 40:
                machine.slower = 1.5
            yield 10.0

    def recovering() -> Iterator[float]:
        for _ in range(10_000):
            if machine.slower > 1 and machine.called[-30:].count("a") == 0:
                machine.slower = 1.0
            yield 5.0

    runners = {"a": machine.runner("a", disturbed())}
    found = interleave(runners, SHORT._replace(runs=40, seconds=10.0), sentinel=machine.runner("s", recovering()))
    assert found.runs["a"].runs_ms == pytest.approx([10.0] * 40)
    assert found.repeated >= 1
    assert found.drift == pytest.approx(0.0)
    (words,) = found.words
    assert "turns were run again: the sentinel, always the same net, strayed by up to 50.0 % from its 5.00 ms" in words


def test_while_the_sentinel_says_that_the_machine_is_disturbed_no_net_begins() -> None:
    machine = Machine()
    slow_from, slow_to = 100, 130

    def sentinel() -> Iterator[float]:
        for number in range(10_000):
            yield 8.0 if slow_from <= number < slow_to else 5.0

    plan = SHORT._replace(runs=400, seconds=100.0)
    interleave({"a": machine.runner("a", always(100.0 / 8))}, plan, sentinel=machine.runner("s", sentinel()))
    assert max(runs for name, runs in machine.turns()[2:] if name == "s") >= slow_to - slow_from - 10


def test_a_machine_that_never_settles_is_refused_with_what_disturbed_it() -> None:
    machine = Machine()
    wild = chain([5.0] * 30, cycle([5.0] * 5 + [6.0] * 5 + [7.5] * 5 + [9.0] * 5))
    with pytest.raises(UnstableTime) as refusal:
        interleave(
            {"a": machine.runner("a", always(10.0))},
            SHORT._replace(seconds=1e9, runs=4000, repeats=1.0),
            sentinel=machine.runner("s", wild),
        )
    first, advice = str(refusal.value).splitlines()
    assert first.startswith("the machine was disturbed in ")
    assert "the sentinel, always the same net, strayed by up to " in first
    assert first.endswith("; more than 9 % is not a measurement")
    assert advice == "  lock the clocks (jetson_clocks, nvidia-smi -lgc) or free the machine, and try again"


def test_turns_beside_which_others_worked_are_run_again() -> None:
    """Others use a core for the first two seconds."""
    machine = Machine()
    found = interleave(
        {"a": machine.runner("a", always(10.0))},
        SHORT._replace(runs=50, seconds=10.0),
        busy=lambda: 1.0 if machine.now < 2.2 else 0.05,
    )
    assert len(found.runs["a"].runs_ms) == 50
    assert found.busy == pytest.approx(0.05)
    assert found.repeated > 0
    assert found.words[0].endswith("turns were run again: other processes used up to 1.00 cores")


def test_a_machine_on_which_others_work_on_is_refused_and_not_timed() -> None:
    machine = Machine()
    with pytest.raises(UnstableTime) as refusal:
        interleave({"a": machine.runner("a", always(10.0))}, SHORT._replace(runs=5000), busy=lambda: 0.98)
    assert "turns: other processes used up to 0.98 cores; more than 0.15 cores are not a measurement" in str(
        refusal.value
    )
    assert "  `top` names them: let them end, and try again" in str(refusal.value)
    assert 10.0 < machine.now < 12.0  # the plan's patience, and a window


def test_a_large_machine_may_do_a_little_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    found = interleave({"a": Machine().runner("a", always(10.0))}, SHORT._replace(busy_share=0.02), busy=lambda: 1.2)
    assert (found.repeated, found.busy) == (0, pytest.approx(1.2))


def test_where_the_system_tells_nothing_of_others_nothing_is_refused() -> None:
    found = interleave({"a": Machine().runner("a", always(10.0))}, SHORT, busy=lambda: None)
    assert (found.repeated, found.busy) == (0, None)


def test_a_machine_that_slows_for_good_is_judged_by_where_it_mostly_is() -> None:
    """Its clock falls by a tenth early on: what was before is run again, what is after stands."""
    machine = Machine()

    def falling() -> Iterator[float]:
        for number in range(10_000):
            if number == 30:
                machine.slower = 1.1
            yield 10.0

    plan = SHORT._replace(runs=200, seconds=100.0)
    found = interleave({"a": machine.runner("a", falling())}, plan, sentinel=machine.runner("s", always(5.0)))
    assert found.runs["a"].runs_ms == pytest.approx([11.0] * 200)
    assert found.repeated > 0


def test_the_same_net_twice_is_the_same_on_a_machine_whose_speed_wanders() -> None:
    """Slow noise of 20 % that lasts for tenths of a second meets both alike, and 5 % more work is still seen."""
    machine = Machine()

    def wandering(ms: float) -> Iterator[float]:
        state = 1
        while True:
            state = state * 48271 % 2147483647
            machine.slower = 1.0 + 0.2 * (int(machine.now / 0.3) % 3 == 0) * (state % 1000) / 1000
            yield ms

    nets = {"a": 3.0, "same": 3.0, "more": 3.15}
    runners = {name: machine.runner(name, wandering(ms)) for name, ms in nets.items()}
    found = interleave(runners, PLAN, sentinel=machine.runner("s", wandering(2.0))).runs
    medians = {name: steady(runs.runs_ms)[1] for name, runs in found.items()}
    assert medians["same"] / medians["a"] == pytest.approx(1.0, abs=0.02)
    assert medians["more"] / medians["a"] == pytest.approx(1.05, abs=0.02)


def test_where_values_mostly_are() -> None:
    assert mostly([1.0, 1.01, 1.02, 1.4, 1.6, 1.8], 0.06) == pytest.approx(1.01)
    assert mostly([2.0], 0.06) == 2.0
    assert mostly([1.0, 1.2, 1.21, 1.22], 0.06) == pytest.approx(1.21)


def test_others_use_what_all_use_less_what_we_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sysconf", lambda _: 100)
    now, own = [0.0], [0.0]
    stat = tmp_path / "proc" / "stat"
    stat.parent.mkdir()
    stat.write_text(STAT.format(user=1000, system=200, steal=5))
    others = OtherProcesses(str(tmp_path), lambda: now[0], lambda: (own[0], 0.5, 0.25, 0.25, now[0]))
    now[0], own[0] = 2.0, 1.9
    stat.write_text(STAT.format(user=1000 + 300, system=240, steal=25))
    assert others() == pytest.approx((3.0 + 0.4 + 0.2 - 1.9 - 0.02) / 2)
    now[0], own[0] = 3.0, 2.9
    stat.write_text(STAT.format(user=1000 + 401, system=240, steal=25))
    assert others() == 0.0  # a tick more than we know of is the counter's own
    stat.unlink()
    now[0] = 4.0
    assert others() is None


def test_this_very_machine_tells_what_others_use() -> None:
    others = OtherProcesses()
    while sum(range(10_000)) and others.clock() - (others.last.at_s if others.last else 0.0) < 0.05:
        pass
    used = others()
    assert used is None or used >= 0.0


def test_a_machine_that_wanders_a_little_has_a_time_that_says_so() -> None:
    """The sentinel is mostly 6 % beside where it was; a strict limit would never let a measurement end."""
    machine = Machine()
    wandering = chain([5.0] * 30, cycle([4.8] * 4 + [5.0] * 4 + [5.25] * 4))
    found = interleave(
        {"a": machine.runner("a", always(10.0))},
        SHORT._replace(seconds=1e9, runs=2000, repeats=2.0),
        sentinel=machine.runner("s", wandering),
    )
    assert len(found.runs["a"].runs_ms) >= 2000
    assert 0.03 < found.drift < 0.09
    assert any("the machine did not settle: the sentinel strayed by up to " in words for words in found.words)
