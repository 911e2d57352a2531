"""The clock loop, on a machine whose clock is a number."""

from collections.abc import Sequence
from itertools import chain

import pytest

from rdslab.errors import RunError, UnstableTime
from rdslab.measure.agent.clock import PLAN, Plan, interleave, is_flat, quartiles, steady, warm_up
from tests.clock_cases import SHORT, Machine, always


def test_a_run_is_timed_between_two_syncs() -> None:
    machine = Machine()
    assert machine.timer(machine.call("a", always(7.0))) == pytest.approx(7.0)
    assert machine.synced == 2
    assert machine.runner("a", [1.0, 2.0, 3.0])(3) == pytest.approx([1.0, 2.0, 3.0])


def test_warm_up_ends_when_the_running_median_is_flat() -> None:
    falling = [900.0, 800.0, 600.0, 400.0, 300.0, 250.0, 220.0, 210.0]
    runs, flat = warm_up(Machine().runner("a", chain(falling, always(200.0))), Plan(warm_up_s=0.0))
    assert flat
    assert runs[: len(falling)] == pytest.approx(falling)
    assert is_flat(runs)
    assert not is_flat(runs[:-1])


def test_quick_runs_are_asked_for_by_the_window_since_a_runner_may_be_a_process() -> None:
    asked: list[int] = []

    def runner(runs: int) -> Sequence[float]:
        asked.append(runs)
        return [5.0] * runs

    warm_up(runner, Plan(warm_up_s=0.0))
    assert asked == [1, 5, 5]


def test_a_quick_net_warms_up_for_the_least_time() -> None:
    runs, flat = warm_up(Machine().runner("a", always(2.0)), Plan(warm_up_s=0.25))
    assert flat
    assert 250.0 <= sum(runs) <= 260.0


def test_a_warm_up_that_never_becomes_flat_ends_by_count_or_by_time() -> None:
    growing = (200 * 1.5**n for n in range(1000))
    runs, flat = warm_up(Machine().runner("a", growing), Plan(warm_up_most_runs=15, warm_up_most_s=1e9))
    assert (len(runs), flat) == (15, False)
    runs, flat = warm_up(Machine().runner("a", always(9000.0)), Plan())
    assert (len(runs), flat) == (3, False)  # 27 s of at most 20


def test_the_nets_take_short_turns_and_each_round_begins_one_further() -> None:
    machine = Machine()
    interleave({name: machine.runner(name, always(10.0)) for name in "abc"}, SHORT)
    after_warm_up = machine.turns()[3:]
    # 20 ms a turn are 2 runs, after one that is not counted; where one net follows itself, two turns are one here.
    assert [name for name, _ in after_warm_up[:8]] == list("abcbcaca")
    assert after_warm_up[0] == ("a", 3)
    assert sum(runs for _, runs in after_warm_up) == 3 * 10 * 3  # nets, turns, runs


def test_the_sentinel_runs_first_last_and_between_turns() -> None:
    machine = Machine()
    found = interleave({"a": machine.runner("a", always(10.0))}, SHORT, sentinel=machine.runner("s", always(5.0)))
    assert machine.turns() == [("a", 11), ("s", 11 + 5), *[("a", 3), ("s", 5)] * 10]  # after two warm-ups
    assert found.sentinel_ms == pytest.approx([5.0] * 11)
    assert (found.drift, found.repeated, found.busy, found.words) == (pytest.approx(0.0), 0, None, ())


def test_every_run_is_kept_and_the_first_of_a_turn_only_settles_the_caches() -> None:
    each = chain([10.0] * 11, *([99.0, 1.0 + n] for n in range(20)))
    plan = SHORT._replace(turn_s=0.001)
    found = interleave({"a": Machine().runner("a", each)}, plan).runs["a"]
    assert found.flat
    assert found.runs_ms == pytest.approx([1.0 + n for n in range(20)])
    assert found.warm_up_ms == pytest.approx([10.0] * 11)


def test_all_runs_of_a_slow_net_count() -> None:
    machine = Machine()
    found = interleave({"a": machine.runner("a", always(500.0))}, PLAN._replace(warm_up_s=0.0)).runs["a"]
    assert (len(found.warm_up_ms), len(found.runs_ms), len(machine.called)) == (10, 10, 20)


@pytest.mark.parametrize(("ms", "runs", "blocks"), [(1.0, 210, 5), (10.0, 201, 10), (31.0, 97, 10), (2000.0, 10, 5)])
def test_at_least_five_blocks_and_200_runs_or_3_seconds(ms: float, runs: int, blocks: int) -> None:
    found = interleave({"a": Machine().runner("a", always(ms))}).runs["a"]
    assert (len(found.runs_ms), len(found.blocks)) == (runs, blocks)
    assert max(map(len, found.blocks)) - min(map(len, found.blocks)) <= PLAN.turn_runs([ms])


def test_a_net_that_becomes_quicker_after_the_warm_up_runs_more_turns() -> None:
    each = chain([1000.0] * 10, always(10.0))
    found = interleave({"a": Machine().runner("a", each)}, Plan(seconds=1.0, warm_up_s=0.0)).runs["a"]
    assert 1000.0 <= sum(found.runs_ms) < 1020.0


def test_a_clock_that_stands_still_does_not_hang() -> None:
    machine = Machine()
    found = interleave({"a": machine.runner("a", always(0.0))}, sentinel=machine.runner("s", always(0.0)))
    assert len(found.runs["a"].runs_ms) == 200
    assert found.drift == 0.0
    with pytest.raises(UnstableTime):
        steady(found.runs["a"].runs_ms)


def test_an_error_of_an_engine_passes_through() -> None:
    def broken(_: int) -> Sequence[float]:
        raise RunError("trtexec has gone")

    with pytest.raises(RunError, match="trtexec has gone"):
        interleave({"a": broken}, SHORT)


def test_progress_counts_warm_ups_and_tenths_of_the_runs_and_never_goes_back() -> None:
    machine, told = Machine(), []
    runners = {name: machine.runner(name, always(10.0)) for name in "ab"}
    interleave(runners, SHORT, lambda done, total: told.append((done, total)))
    assert told[:3] == [(1, 22), (2, 22), (4, 22)]
    assert told[-1] == (22, 22)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_plan_says_itself_in_the_words_of_a_protocol() -> None:
    assert PLAN.warm_up_words == "running median of 5 flat to 3 %, 0.25 s at least"
    assert PLAN.runs_words == "200 or 3 s in 5 blocks at least"


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
