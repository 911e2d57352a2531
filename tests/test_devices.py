"""Device profiles: what they predict, against sums done by hand, and where they say that they know less."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from rdslab.cost import count
from rdslab.errors import SpecError
from rdslab.measure import Profile, load_profile, predict_times, profile_names
from rdslab.network import load_net
from rdslab.records import Cost, Kernel, NodeCost, Size
from rdslab.source import parse_yaml
from rdslab.yamlio import validate

# 1 TFLOP/s, 100 GB/s, 10 us a kernel: a kernel's milliseconds are macs / 5e8 + bytes / 1e8 + 0.01.
TEXT = """
name: round
board: A board of round numbers
framework: PyTorch
precision: fp32
form: eager
launch_us: 10
flops_per_s: 1.0e+12
bytes_per_s: 1.0e+11
fitted_on: {networks: [a, b], sizes: [320x320, 640x640], points: 4, command: none}
source: none
kinds: [conv, elt]
errors: {leave_one_network_out: 0.05}
interval: {low: 0.8, high: 1.25}
interval_outside: {low: 0.5, high: 2.0}
"""


def profile(text: str = TEXT) -> Profile:
    return validate(Profile, parse_yaml(text, "round.yaml"))


def kernel(kind: str, macs: int = 0, moved: int = 0) -> Kernel:
    return Kernel(op="aten.some_op", kind=kind, macs=macs, elems_in=moved // 4, elems_out=0)


CONV = kernel("conv", macs=500_000_000, moved=100_000_000)  # 1 + 1 + .01 ms
ADD = kernel("elt", moved=300_000_000)  # 3 + .01 ms


def cost(*nodes: tuple[str, tuple[Kernel, ...]], size: str = "320x640") -> Cost:
    parts = tuple(NodeCost(name, "conv", 0, 0, 0, 0, 0, 1, 1, 1, kernels) for name, kernels in nodes)
    return Cost("net", Size.parse(size), 19, 0, 0, 0, 0, 0, parts)


def test_a_prediction_is_the_sum_over_kernels_of_launch_arithmetic_and_memory() -> None:
    times = predict_times(cost(("one", (CONV, ADD)), ("two", (CONV,))), profile())
    assert times.latency_ms == pytest.approx(2.01 + 3.01 + 2.01)
    assert times.low_ms == pytest.approx(0.8 * 7.03)
    assert times.high_ms == pytest.approx(1.25 * 7.03)


def test_a_prediction_never_claims_to_be_measured() -> None:
    times = predict_times(cost(("one", (CONV,))), profile())
    assert times.predicted is True
    assert times.runs_ms == ()
    assert times.host is None
    assert times.p90_ms is None
    assert times.device == "round"
    assert times.notes == ("predicted, not measured; mean error 5.0 % on networks that the fit had not seen",)
    assert times.document()["protocol"]["form"] == "eager"
    assert (times.protocol.size, times.protocol.classes, times.protocol.batch) == ("320x640", 19, 1)


def test_a_kind_never_seen_borrows_the_nearest_rate_widens_the_interval_and_names_its_nodes() -> None:
    grouped = replace(CONV, kind="gconv", groups=4)
    times = predict_times(cost(("a", (ADD,)), ("b", (grouped, grouped)), ("c", (grouped,))), profile())
    assert times.latency_ms == pytest.approx(3.01 + 3 * 2.01)
    assert times.low_ms == pytest.approx(0.8 * (3.01 + 2.01))
    assert times.high_ms == pytest.approx(1.25 * (3.01 + 9 * 2.01))
    assert times.notes[1:] == (
        "nodes 'b', 'c': round has timed no gconv kernel and borrows the rate of conv; "
        "wider interval, from 1/3 to 3 times their time",
    )


def test_a_kind_that_moves_memory_borrows_from_another_that_does() -> None:
    times = predict_times(cost(("a", (replace(ADD, kind="pool"),))), profile())
    assert times.latency_ms == pytest.approx(3.01)
    assert times.notes[1].startswith("node 'a': round has timed no pool kernel and borrows the rate of elt")


@pytest.mark.parametrize("kind", ["other", "fft"])
def test_an_unknown_kind_is_refused_in_the_name_of_its_node(kind: str) -> None:
    with pytest.raises(SpecError) as error:
        predict_times(cost(("a", (CONV,)), ("odd", (kernel(kind),))), profile())
    assert str(error.value) == (
        f"round predicts nothing for aten::some_op (kind {kind!r}) in node 'odd' (block 'conv')\n  it knows: conv, elt"
    )


def test_a_kind_without_a_near_one_is_refused() -> None:
    only_moving = profile(TEXT.replace("[conv, elt]", "[elt]"))
    with pytest.raises(SpecError, match="predicts nothing for aten::some_op"):
        predict_times(cost(("a", (CONV,))), only_moving)


@pytest.mark.parametrize(
    ("size", "low", "high"),
    [
        ("320x320", 0.8, 1.25),
        ("640x640", 0.8, 1.25),
        ("1280x640", 0.5, 2.0),  # twice the pixels: as a resolution left out
        ("1280x1280", 0.5, 2.0),  # four times
        ("2560x2560", 0.25, 4.0),  # sixteen times: the square
        ("160x40", 0.25, 4.0),
    ],
)
def test_a_size_outside_the_fitted_ones_widens_the_interval_with_its_distance(
    size: str, low: float, high: float
) -> None:
    times = predict_times(cost(("a", (ADD,)), size=size), profile())
    assert times.latency_ms == pytest.approx(3.01)
    assert (times.low_ms, times.high_ms) == pytest.approx((low * 3.01, high * 3.01))
    said = [note for note in times.notes if "outside" in note]
    inside = (low, high) == (0.8, 1.25)
    assert said == (
        []
        if inside
        else [
            f"{size} is outside 320x320 to 640x640, which round was fitted on: wider interval, resolution error unknown"
        ]
    )


def test_the_board_of_table_v_predicts_rds_net_near_its_published_time_and_says_disputed() -> None:
    board = load_profile("jetson-tx1")
    for size, published in (("480x320", 41), ("640x360", 49), ("1280x720", 188)):
        times = predict_times(count(load_net("rdsnet"), Size.parse(size), 19), board)
        assert times.latency_ms == pytest.approx(published, rel=0.18)
        assert times.low_ms < published < times.high_ms
        assert any(note.startswith("disputed: ") for note in times.notes)
        assert not any("borrows" in note or "outside" in note for note in times.notes)
    assert (board.combine, board.form, board.precision) == ("launch_bound", "eager", "fp32")
    assert board.headline.endswith("mean error 5.4 % for a new network, 9.3 % for a new size; disputed")


def test_grouped_rds_blocks_are_marked_on_the_board_of_table_v() -> None:
    net = load_net("rdsnet").with_value("enc3.options.groups", 4)
    plain = predict_times(count(load_net("rdsnet"), Size(640, 360), 19), load_profile("jetson-tx1"))
    times = predict_times(count(net, Size(640, 360), 19), load_profile("jetson-tx1"))
    assert any(note.startswith("node 'enc3': jetson-tx1 has timed no gconv kernel") for note in times.notes)
    assert times.high_ms / times.low_ms > plain.high_ms / plain.low_ms


@pytest.mark.parametrize("name", profile_names())
def test_every_shipped_profile_is_named_as_its_file_and_states_an_honest_interval(name: str) -> None:
    found = load_profile(name)
    assert found.name == name
    assert found.fitted_on.points >= len(found.fitted_on.networks)
    inside = math.log(found.interval.high / found.interval.low)
    assert inside > 2 * found.errors.leave_one_network_out
    assert math.log(found.interval_outside.high / found.interval_outside.low) > inside
    assert found.headline.startswith(found.board)


def test_a_profile_is_read_from_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "round.yaml"
    path.write_text(TEXT)
    assert load_profile(path) == load_profile(str(path)) == profile()
    assert load_profile(path).headline.endswith("5.0 % for a new network, resolution error unknown")


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(SpecError) as error:
        load_profile("jetson-tx2")
    assert str(error.value) == (
        "no device profile is called 'jetson-tx2'\n"
        f"  there are: {', '.join(profile_names())}; or the path of a YAML file\n"
        "  did you mean 'jetson-tx1'?"
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("launch_us: 10", "launch_us: -1", "round.yaml:7: launch_us: must be >= 0"),
        ("launch_us: 10", "launch_ms: 10", "round.yaml:7: launch_ms: unknown key 'launch_ms'"),
        ("1.0e+12", "1e12", "YAML reads 1e12 as text; write 1.0e+12"),
        ("[conv, elt]", "[conv, elf]", "did you mean 'elt'?"),
        ("320x320", "small", "expected a size as width x height, got 'small'"),
        ("low: 0.8", "low: 1.8", "round.yaml:14: interval.low: must be <= 1"),
    ],
)
def test_a_wrong_profile_is_refused_with_file_and_line(old: str, new: str, words: str) -> None:
    with pytest.raises(SpecError) as error:
        profile(TEXT.replace(old, new))
    assert words in str(error.value)
