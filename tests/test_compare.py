"""rdslab compare: nets, files of times and reports side by side, and what must not stand there."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rdslab.cli import main
from rdslab.cost import count
from rdslab.cost.pair import compare_nets
from rdslab.errors import SpecError
from rdslab.network import load_net
from rdslab.records import Size
from rdslab.report.timefiles import compare_times
from rdslab.stats import ratio_of
from tests.test_comparable import PROTOCOL_HERE, measured

SMALL = ["--size", "64x64"]


def answer(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        main(words)
    out, err = capsys.readouterr()
    return int(leaving.value.code or 0), out, err


def blocks(middle: float, *, seed: int = 0, n: int = 5, spread: float = 0.01) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    medians = middle * np.exp(rng.normal(0, spread, n))
    runs = [float(m * (1 + e)) for m in medians for e in (-0.001, 0.0, 0.001)]
    return {"runs_ms": tuple(runs), "block_runs": (3,) * n, "latency_ms": float(np.median(runs))}


def saved(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text(json.dumps(rows))
    return str(path)


def times(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, **measured(**changes)}


# Nets


def test_nets_show_both_costs_and_their_ratio_at_each_size() -> None:
    a, b = load_net("rdsnet"), load_net("enet")
    pair = compare_nets(a, b, [Size(64, 64), Size(128, 96)], 11)
    found = {(row["size"], row["figure"]): row for row in pair.costs}
    for size in (Size(64, 64), Size(128, 96)):
        for name in ("params", "macs", "bytes"):
            ours, theirs = getattr(count(a, size, 11), name), getattr(count(b, size, 11), name)
            row = found[str(size), name]
            assert (row["a"], row["b"], row["ratio"]) == (ours, theirs, theirs / ours)
    assert pair.same == ""


def test_nets_show_the_places_in_which_they_differ_and_no_others() -> None:
    a = load_net("rdsnet")
    b = a.with_value("enc2.options.dropout", 0.1).with_value("enc3.cycle.dilation", [1, 2])
    changed = {(line.node, line.what): (line.a, line.b) for line in compare_nets(a, b, [Size(64, 64)], 11).changed}
    assert changed == {("enc2", "dropout"): (0.5, 0.1), ("enc3", "dilation"): ([1, 2, 4, 8, 16], [1, 2])}


@pytest.mark.parametrize(
    ("path", "value", "same"), [("enc2.options.dropout", 0.5, "function"), ("enc2.block", "residual", "")]
)
def test_equal_ids_are_said(path: str, value: Any, same: str) -> None:
    a = load_net("rdsnet")
    assert compare_nets(a, a.with_value(path, value), [Size(64, 64)], 11).same == same


def test_nets_of_one_class_of_functions_are_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    net = load_net("rdsnet")
    for name, shuffle in (("one", 1), ("four", 4)):
        document = net.with_value("enc2.options.shuffle", shuffle).document()
        (tmp_path / f"{name}.yaml").write_text(json.dumps({**document, "name": name}))
    status, out, _ = answer(["compare", str(tmp_path / "one.yaml"), str(tmp_path / "four.yaml"), *SMALL], capsys)
    assert status == 0
    assert "both compute the same class of functions" in out
    assert "shuffle" in out


def test_a_node_that_one_net_lacks_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = answer(["compare", "icnet", "enet", *SMALL, "--json"], capsys)
    found = json.loads(out)
    assert (status, found["kind"], found["same"]) == (0, "net", "")
    lacking = [line for line in found["changed"] if line["what"] == "node"]
    assert any(line["a"] is None for line in lacking)
    assert any(line["b"] is None for line in lacking)


# Times


def test_the_ratio_of_two_times_has_an_interval_that_holds_the_truth() -> None:
    inside = 0
    for seed in range(200):
        one, other = blocks(10.0, seed=seed, spread=0.02), blocks(13.0, seed=seed + 1000, spread=0.02)
        (pair,) = compare_times({"n": times("n", **one)}, {"n": times("n", **other)}).pairs
        assert pair.ratio.low is not None
        assert pair.ratio.high is not None
        inside += pair.ratio.low < 1.3 < pair.ratio.high
    assert 180 <= inside <= 200


def test_an_interval_needs_blocks_and_spread() -> None:
    assert ratio_of(2.0, 3.0, [2.0], [3.0, 3.1]).why == "fewer than two blocks of runs"
    assert ratio_of(2.0, 3.0, [2.0, 2.0], [3.0, 3.0]).why == "no spread over the blocks"
    found = ratio_of(2.0, 3.0, [2.0, 2.1, 1.9], [3.0, 3.0, 3.0])
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1.5 < found.high
    assert math.isclose(found.low * found.high, 1.5**2)
    assert not found.why


def test_times_are_paired_by_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    a = saved(
        tmp_path / "a.json",
        times("x", **blocks(10.0)),
        times("y", **blocks(20.0)),
        {"name": "z", "latency_ms": None, "refused": "too wild"},
    )
    b = saved(
        tmp_path / "b.json", times("y", **blocks(30.0, seed=1)), times("x", **blocks(10.0)), times("w", **blocks(5.0))
    )
    status, out, _ = answer(["compare", a, b, "--json"], capsys)
    found = json.loads(out)
    assert (status, found["kind"]) == (0, "times")
    by_name = {pair["a"]: pair for pair in found["pairs"]}
    assert set(by_name) == {"x", "y"}
    assert by_name["x"]["ratio"]["ratio"] == 1.0
    assert by_name["y"]["ratio"]["low"] < 1.5 < by_name["y"]["ratio"]["high"]
    assert found["unpaired"] == {"z (A)": "too wild", "w (B)": "only there"}
    status, out, _ = answer(["compare", a, b], capsys)
    assert status == 0
    assert "z (A): too wild" in out


def test_two_single_times_are_a_pair_whatever_their_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = (saved(tmp_path / f"{n}.json", times(n, **blocks(10.0))) for n in ("before", "after"))
    status, out, _ = answer(["compare", a, b], capsys)
    assert status == 0
    assert "after over before" in out


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol": {**vars(PROTOCOL_HERE), "threads": 2}}, "threads is 1 in one and 2 in the other"),
        ({"protocol": {**vars(PROTOCOL_HERE), "size": "96x64"}}, "size is 64x64 in one and 96x64 in the other"),
        ({"predicted": True}, "kind is measured in one and predicted in the other"),
        ({"certificate": None}, "certified is True in one and not known in the other"),
    ],
)
def test_times_that_were_not_taken_alike_are_refused_with_field_and_values(
    changes: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = saved(tmp_path / "a.json", times("x"), times("y"))
    b = saved(tmp_path / "b.json", times("x"), {**times("y"), **changes})
    status, out, err = answer(["compare", a, b], capsys)
    assert (status, out) == (2, "")
    assert "these times may not stand side by side" in err
    assert f"{said} (y)" in err


def test_what_is_not_certified_is_said() -> None:
    bad = {"certified": False, "reasons": ["throttled"], "facts": {}}
    found = compare_times({"x": times("x", certificate=bad)}, {"x": times("x", certificate=bad)})
    assert "not certified: throttled" in found.notes
    assert not any("certified" in line for line in compare_times({"x": times("x")}, {"x": times("x")}).notes)


def test_predictions_have_a_ratio_without_an_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for name in ("rdsnet", "enet"):
        _, out, _ = answer(["time", name, "--device", "jetson-tx1", "--json"], capsys)
        (tmp_path / f"{name}.json").write_text(out)
        files.append(str(tmp_path / f"{name}.json"))
    status, out, _ = answer(["compare", *files, "--json"], capsys)
    (pair,) = json.loads(out)["pairs"]
    assert status == 0
    assert (pair["predicted"], pair["ratio"]["low"]) == (True, None)
    assert "whose errors they share" in pair["ratio"]["why"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "holds no times"),
        ('{"a": 1}', "holds no times"),
        ("{", "is no JSON"),
        ('[{"name": "x", "latency_ms": -1, "protocol": {}}]', "x: times are numbers of milliseconds above 0"),
        ('[{"name": "x", "latency_ms": 1, "protocol": 3}]', "x: protocol or block_runs is broken"),
        ('[{"name": "x", "latency_ms": 1, "protocol": {}, "block_runs": [9]}]', "x: protocol or block_runs is broken"),
        ('[{"name": "q", "latency_ms": 1, "protocol": {}}]', "no net has a time in both files"),
    ],
)
def test_a_broken_file_of_times_is_named(
    content: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = saved(tmp_path / "a.json", times("x"), times("y"))
    (tmp_path / "b.json").write_text(content)
    status, out, err = answer(["compare", a, str(tmp_path / "b.json")], capsys)
    assert (status, out) == (2, "")
    assert said in err


def test_one_empty_side_is_said() -> None:
    with pytest.raises(SpecError, match="no net has a time in both files"):
        compare_times({"x": {"name": "x", "latency_ms": None, "refused": "wild"}}, {"x": times("x")})
