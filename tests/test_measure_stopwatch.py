"""The clock loop, on a machine whose clock is a number."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat

import pytest

from rdslab.errors import UnstableTime
from rdslab.measure.stopwatch import Plan, WallTimer, interleave, is_flat, quartiles, steady, warm_up


class Machine:
    """A clock that only calls move, and what was called."""

    def __init__(self) -> None:
        self.now, self.called, self.synced = 0.0, [], 0

    def clock(self) -> float:
        return self.now

    def sync(self) -> None:
        self.synced += 1

    def call(self, name: str, each_ms: Iterable[float]) -> Callable[[], None]:
        steps: Iterator[float] = iter(each_ms)

        def run() -> None:
            self.called.append(name)
            self.now += next(steps) / 1e3

        return run

    @property
    def timer(self) -> WallTimer:
        return WallTimer(self.clock, self.sync)


def always(ms: float) -> Iterator[float]:
    return repeat(ms)


SHORT = Plan(warm_up_s=0.0, runs=20, seconds=1.0)


def test_a_run_is_timed_between_two_syncs() -> None:
    machine = Machine()
    assert machine.timer(machine.call("a", always(7.0))) == pytest.approx(7.0)
    assert machine.synced == 2


def test_warm_up_ends_when_the_running_median_is_flat() -> None:
    machine = Machine()
    falling = [100.0, 80.0, 60.0, 40.0, 30.0, 25.0, 22.0, 21.0]
    runs, flat = warm_up(machine.call("a", chain(falling, always(20.0))), machine.timer, Plan(warm_up_s=0.0))
    assert flat
    assert runs[: len(falling)] == pytest.approx(falling)
    assert is_flat(runs)
    assert not is_flat(runs[:-1])


def test_a_quick_net_warms_up_for_the_least_time() -> None:
    machine = Machine()
    runs, flat = warm_up(machine.call("a", always(2.0)), machine.timer, Plan(warm_up_s=0.25))
    assert flat
    assert sum(runs) == pytest.approx(250.0, abs=2.0)


def test_a_warm_up_that_never_becomes_flat_ends_by_count_or_by_time() -> None:
    growing = (1.5**n for n in range(1000))
    machine = Machine()
    runs, flat = warm_up(machine.call("a", growing), machine.timer, Plan(warm_up_most_runs=15))
    assert (len(runs), flat) == (15, False)
    runs, flat = warm_up(machine.call("a", always(9000.0)), machine.timer, Plan())
    assert (len(runs), flat) == (3, False)  # 27 s of at most 20


def test_blocks_go_round_and_each_round_begins_one_further() -> None:
    machine = Machine()
    calls = {name: machine.call(name, always(10.0)) for name in "abc"}
    interleave(calls, machine.timer, SHORT)
    after_warm_up = "".join(machine.called[3 * 10 :])  # 10 runs a net, two windows of 5
    block = 1 + SHORT.runs // SHORT.blocks
    order = [after_warm_up[i : i + block] for i in range(0, len(after_warm_up), block)]
    assert order == [name * block for name in "abcbcacababcbca"]


def test_every_run_is_kept_and_the_first_of_a_block_only_settles_the_caches() -> None:
    machine = Machine()
    each = chain([10.0] * 10, *([99.0, 1.0, 2.0, 3.0, 4.0] for _ in range(5)))
    found = interleave({"a": machine.call("a", each)}, machine.timer, SHORT)["a"]
    assert found.flat
    assert len(found.blocks) == 5
    assert found.runs_ms == pytest.approx([1.0, 2.0, 3.0, 4.0] * 5)
    assert found.warm_up_ms == pytest.approx([10.0] * 10)


@pytest.mark.parametrize(("ms", "runs"), [(1.0, 200), (10.0, 200), (31.0, 105), (2000.0, 10)])
def test_at_least_five_blocks_and_200_runs_or_3_seconds(ms: float, runs: int) -> None:
    machine = Machine()
    found = interleave({"a": machine.call("a", always(ms))}, machine.timer)["a"]
    assert (len(found.blocks), len(found.runs_ms)) == (5, runs)


def test_a_net_that_becomes_quicker_after_the_warm_up_runs_more_blocks() -> None:
    machine = Machine()
    each = chain([1000.0] * 10, always(10.0))
    found = interleave({"a": machine.call("a", each)}, machine.timer, Plan(seconds=1.0, warm_up_s=0.0))["a"]
    assert len(found.blocks) > 5
    assert 1000.0 <= sum(found.runs_ms) < 1050.0


def test_a_clock_that_stands_still_does_not_hang() -> None:
    machine = Machine()
    found = interleave({"a": machine.call("a", always(0.0))}, machine.timer)["a"]
    assert len(found.runs_ms) == 200
    with pytest.raises(UnstableTime):
        steady(found.runs_ms)


def test_progress_counts_warm_ups_and_blocks() -> None:
    machine, told = Machine(), []
    calls = {name: machine.call(name, always(10.0)) for name in "ab"}
    interleave(calls, machine.timer, SHORT, lambda done, total: told.append((done, total)))
    assert told == [(n, 12) for n in range(1, 13)]


def test_runs_that_disagree_are_refused_with_advice() -> None:
    with pytest.raises(UnstableTime) as refusal:
        steady([1.0] * 14 + [2.0] * 24 + [3.0] * 14)
    assert str(refusal.value) == (
        "the middle half of 52 runs spreads over 100 % of the median, 2.00 ms; more than 10 % is not a measurement\n"
        "  lock the clocks (jetson_clocks, nvidia-smi -lgc) or free the machine, and try again"
    )
    assert refusal.value.exit_status == 1


def test_a_spread_just_over_the_limit_shows_that_it_is_over() -> None:
    with pytest.raises(UnstableTime, match=r"over 10\.3 % of the median, 1\.00 ms"):
        steady([0.9485, 0.9485, 1.0, 1.0515, 1.0515])


def test_runs_that_agree_give_their_quartiles() -> None:
    assert steady([1.0, 1.01, 1.02, 1.03, 1.04]) == pytest.approx((1.01, 1.02, 1.03))
    assert quartiles([1.0, 2.0]) == pytest.approx((1.25, 1.5, 1.75))
