"""The report of a study of times: ratios, columns that never mix kinds, and what is missing."""

import math
from pathlib import Path
from typing import Any

import pytest

from rdslab.report import TimesResults
from rdslab.report.latency import ratio_rows
from rdslab.report.latency_page import headline, write_times_report
from rdslab.report.latency_tables import times_table
from tests.fake_results import times


def made(**more: Any) -> TimesResults:
    """Nets `a` and `b`, measured in blocks of two runs and predicted; `b` is half of `a`."""
    lines = []
    for name, factor in (("a", 2.0), ("b", 1.0)):
        runs = [factor * ms for ms in (10.0, 10.0, 11.0, 11.0)]
        measured = times("here", factor * 10.5, predicted=False) | {"runs_ms": runs, "block_runs": [2, 2]}
        for device, document in (("here", measured), ("tx1", times("tx1", factor * 7.0, predicted=True))):
            lines.append({"variant": name, "device": device, "size": "64x64", "form": "eager", "times": document})
    nets = [
        {"variant": n, "net_id": n, "canonical_id": n, "costs": {"64x64": {"macs": m}}} for n, m in (("a", 3), ("b", 1))
    ]
    study = {"name": "made", "deploy": {"sizes": ["64x64"], "classes": 2, "devices": ["tx1", "here"]}}
    return TimesResults(study | more, nets, lines)


def test_ratios_are_of_medians_with_the_range_of_single_blocks_of_measurements_only() -> None:
    ratios = [{"name": "a / b", "over": "a", "under": "b"}, {"name": "less", "over": ["a", "b"], "under": "b"}]
    both, less = ratio_rows(made(ratios=ratios))
    assert (both["macs"], less["macs"]) == (3.0, 2.0)
    assert both["places"]["here", "eager", "measured"] == pytest.approx((2.0, 2.0, 2.0))
    assert less["places"]["here", "eager", "measured"] == pytest.approx((1.0, 1.0, 1.0))
    middle, low, high = both["places"]["tx1", "eager", "predicted"]
    assert middle == 2.0
    assert math.isnan(low)
    assert math.isnan(high)


def test_measured_and_predicted_times_have_columns_of_their_own() -> None:
    results = made()
    results.times[0]["times"]["predicted"] = True  # one device, two kinds
    heads = times_table(results).heads
    assert [head for head in heads if "ms" in head] == [
        "here, eager, predicted, ms", "tx1, eager, predicted, ms", "here, eager, measured, ms",
    ]  # fmt: skip


def test_a_missing_time_says_why_on_the_page(tmp_path: Path) -> None:
    results = made()
    results.times[0]["times"].clear()
    results.times[0]["times"]["missing"] = "spreads over 40 %"
    page = write_times_report(results, tmp_path, "")[0].read_text()
    assert "spreads over 40 %" in page
    assert "1 time of 4 on here cannot be shown" in page


def test_the_sentences_name_each_ratio_with_macs_and_times() -> None:
    ratios = [{"name": "a / b", "over": "a", "under": "b"}]
    said = headline(made(ratios=ratios))
    assert said[0] == "a / b: 3.00 in MACs; here, eager, measured 2.00; predicted for 1 profile 2.00."
    assert said[-1] == "Of the times here, 2 measured and 2 predicted."


def test_the_same_results_are_the_same_bytes(tmp_path: Path) -> None:
    results = made(ratios=[{"name": "a / b", "over": "a", "under": "b"}])
    first, second = (write_times_report(results, tmp_path / name, "rdslab run x") for name in ("one", "two"))
    assert {path.name for path in first} >= {"report.html", "times.csv", "ratios.csv", "ratios.svg", "ratios.png"}
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
