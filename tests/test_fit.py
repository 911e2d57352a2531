"""Fitting profiles: numbers that made the times are found again, and errors and intervals say what is not known."""

import math
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rdslab.cost import count
from rdslab.errors import SpecError
from rdslab.measure import load_profile, predict_times, profile_names
from rdslab.measure.fit import fit_profile, points_of
from rdslab.measure.profile import Profile
from rdslab.measure.solve import BROAD, Model, predicted, prior_of, solve
from rdslab.measure.trust import trust
from rdslab.measure.unseen import models_for
from rdslab.network import load_net
from rdslab.records import Cost, Kernel, Size

NETS = ("rdsnet", "espnet", "enet", "erfnet", "linknet", "segnet", "fast_scnn", "cgnet")
ABOUT = {"name": "mine", "board": "my board", "source": "a test", "framework": "PyTorch"}


def costs(nets: tuple[str, ...] = NETS, sizes: tuple[str, ...] = ("256x128",)) -> list[Cost]:
    return [count(load_net(net), Size.parse(size), 19) for net in nets for size in sizes]


def device(**changes: object) -> Profile:
    """A device of which every number is known."""
    numbers = {"launch_us": 40.0, "flops_per_s": 4e11, "bytes_per_s": 2e10, "combine": "sum", "flops_per_s_apart": {}}
    kinds = ("conv", "dilated", "dwconv", "gconv", "deconv", "mm", "bn", "act", "pool", "up", "cat", "elt", "copy")
    return load_profile("jetson-tx1").model_copy(update={**numbers, "kinds": kinds, "name": "truth", **changes})


def times(found: list[Cost], truth: Profile, noise: float = 0.0) -> list[tuple[Cost, float]]:
    chance = np.random.default_rng(0)
    factors = np.exp(noise * chance.standard_normal(len(found)))
    return [(cost, predict_times(cost, truth).latency_ms * f) for cost, f in zip(found, factors, strict=True)]


@pytest.mark.parametrize("form", ["eager", "deployed"])
@pytest.mark.parametrize("combine", ["sum", "launch_bound"])
def test_numbers_that_made_the_times_are_found_again(form: str, combine: str) -> None:
    truth = device(form=form, combine=combine)
    found = fit_profile(times(costs(sizes=("256x128", "640x360")), truth), **ABOUT, form=form)
    assert found.combine == combine
    assert found.errors.leave_one_network_out < 0.02
    for name in ("launch_us", "flops_per_s", "bytes_per_s"):
        assert getattr(found, name) == pytest.approx(getattr(truth, name), rel=0.1)


def test_a_slow_kind_gets_a_rate_of_its_own_where_the_times_show_it() -> None:
    truth = device(form="deployed", flops_per_s_apart={"dwconv": 4e9})
    nets = (*NETS, "contextnet", "lednet", "bisenetv2")
    slow = fit_profile(times(costs(nets), truth), **ABOUT, form="deployed")
    assert slow.flops_per_s_apart["dwconv"] == pytest.approx(4e9, rel=0.3)
    assert slow.errors.leave_one_network_out < 0.03
    even = fit_profile(times(costs(nets), device()), **ABOUT)
    assert even.flops_per_s_apart == {}


def test_four_times_give_a_sane_profile_with_an_honest_interval() -> None:
    truth = device(combine="launch_bound")
    few = costs(("rdsnet", "espnet", "enet", "erfnet"))
    found = fit_profile(times(few, truth, noise=0.05), **ABOUT)
    rest = costs(("linknet", "segnet", "cgnet", "lednet"))
    for cost, ms in times(rest, truth):
        said = predict_times(cost, found)
        assert said.latency_ms == pytest.approx(ms, rel=0.35)
        assert said.low_ms < ms < said.high_ms
    assert found.interval.high / found.interval.low > 1.3
    assert found.errors.leave_one_resolution_out is None
    assert found.interval_outside.low < found.interval.low
    assert found.fitted_on.points == 4


def test_times_that_agree_by_chance_do_not_make_a_narrow_interval() -> None:
    found = fit_profile(times(costs(("rdsnet", "espnet", "enet", "erfnet")), device()), **ABOUT)
    assert found.errors.leave_one_network_out < 0.05
    assert math.log(found.interval.high) > 0.15


def test_one_network_alone_says_nothing_of_another() -> None:
    sizes = ("256x128", "320x180", "640x360", "1280x720")
    found = fit_profile(times(costs(("rdsnet",), sizes), device()), **ABOUT)
    assert found.errors.leave_one_network_out is None
    assert found.errors.leave_one_resolution_out is not None
    assert found.interval.high > 2.5
    assert "mean error unknown for a new network" in found.headline
    assert "unknown, all times are of one network" in trust(found)[0]
    assert "error on a new network unknown" in predict_times(costs(("enet",))[0], found).notes[0]


def test_a_network_measured_at_one_size_says_nothing_of_others() -> None:
    mixed = [*costs(("rdsnet", "espnet", "enet")), *costs(("erfnet", "linknet"), ("640x360",))]
    assert fit_profile(times(mixed, device()), **ABOUT).errors.leave_one_resolution_out is None
    crossed = [*mixed, *costs(("rdsnet",), ("640x360",))]
    assert fit_profile(times(crossed, device()), **ABOUT).errors.leave_one_resolution_out is not None


def test_few_networks_choose_no_model() -> None:
    points = points_of(times(costs(NETS[:5]), device()), "eager", "fp32")
    assert models_for(points) == [Model("launch_bound")]
    assert len(models_for(points_of(times(costs(), device()), "eager", "fp32"))) > 2


def test_one_wild_time_does_not_move_the_others() -> None:
    found = times(costs(), device())
    wild = [*found[:-1], (found[-1][0], 20 * found[-1][1])]
    points = points_of(wild, "eager", "fp32")
    calm = predicted(points, Model(), solve(points, Model(), BROAD))
    assert calm[:-1] == pytest.approx([ms for _, ms in found[:-1]], rel=0.12)


def test_a_number_that_the_times_do_not_show_stays_near_what_is_usual() -> None:
    only_copies = [replace(k, kind="copy", macs=0) for k in costs(("rdsnet",))[0].kernels]
    cost = costs(("rdsnet",))[0]
    node = replace(cost.nodes[0], kernels=tuple(only_copies))
    points = points_of([(replace(cost, name=n, nodes=(node,)), 5.0) for n in "abc"], "eager", "fp32")
    assert solve(points, Model(), BROAD)[1] == pytest.approx(BROAD.mean[1], abs=0.01)


def test_other_devices_say_what_is_usual() -> None:
    assert prior_of([device(), device()]) is BROAD
    boards = [device(launch_us=launch) for launch in (90.0, 100.0, 110.0)]
    assert prior_of(boards).mean[0] == pytest.approx(math.log(0.0997), abs=0.01)


@pytest.mark.parametrize(
    ("ms", "number", "words"),
    [
        (5.0, 2, r"2 measured times are too few for a profile\n  it takes at least 3"),
        (0.0, 4, r"a latency must be above 0 ms, got 0 for 'rdsnet' at 256x128"),
        (math.nan, 4, r"must be above 0 ms, got nan"),
    ],
)
def test_what_cannot_be_fitted_is_refused(ms: float, number: int, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        fit_profile([(cost, ms) for cost in costs()[:number]], **ABOUT)


def test_a_net_with_an_unknown_kernel_is_refused_by_name() -> None:
    good = times(costs(), device())
    cost = good[0][0]
    odd = replace(cost, nodes=(replace(cost.nodes[0], kernels=(Kernel("aten.fft", "fft", 0, 1, 1),)),))
    with pytest.raises(SpecError, match="net 'rdsnet' has a kernel that no latency model knows of"):
        fit_profile([(odd, 5.0), *good[1:]], **ABOUT)


def test_a_written_profile_is_the_same_when_read(tmp_path: Path) -> None:
    found = fit_profile(times(costs(), device(form="deployed")), **ABOUT, form="deployed", notes=("é: a note",))
    found.save(tmp_path / "mine.yaml")
    assert load_profile(tmp_path / "mine.yaml") == found


@pytest.mark.parametrize("name", profile_names())
def test_every_shipped_profile_says_what_it_may_be_trusted_for(name: str) -> None:
    profile, said = load_profile(name), " ".join(trust(load_profile(name)))
    assert profile.framework in said
    assert ("resolution error unknown" in said) == (profile.errors.leave_one_resolution_out is None)
    assert ("kernels never timed" in said) == (len(profile.kinds) < (10 if profile.form == "deployed" else 13))
    if all("classification" in note for note in profile.notes[:1]):
        assert profile.errors.leave_one_resolution_out is None or "trt" in name


def test_the_shipped_numbers_are_those_of_the_benchmark(shared: Path) -> None:
    pytest.importorskip("pyarrow", reason="the table of kernels is a Parquet file: pip install pyarrow")
    benchmark = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "device_profiles.py"))
    board = load_profile("jetson-tx1")
    key, rows, measured = next(
        b for b in benchmark["boards"](shared / "data" / "edge_latency") if b[0][0] == "Jetson TX1"
    )
    others = [load_profile(name) for name in profile_names() if name != "jetson-tx1"]
    found = benchmark["profile"](key, rows, measured, prior_of([p for p in others if p.form == "eager"]))
    for name in ("launch_us", "flops_per_s", "bytes_per_s"):
        assert getattr(found, name) == pytest.approx(getattr(board, name), rel=0.02)
    assert found.errors.leave_one_network_out == pytest.approx(board.errors.leave_one_network_out, abs=0.002)
    assert found.errors.leave_one_network_out < 0.06
    assert found.errors.leave_one_resolution_out < 0.111
    ours = count(load_net("rdsnet"), Size(640, 360), 19)
    theirs = next(c for c, _ in measured if c.name == "RDS-Net" and str(c.size) == "640x360")
    assert sum(k.macs for k in ours.kernels) == pytest.approx(sum(k.macs for k in theirs.kernels), rel=2e-3)
    assert sum(k.bytes for k in ours.kernels) == pytest.approx(sum(k.bytes for k in theirs.kernels), rel=0.01)
