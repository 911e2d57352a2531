"""rdslab verify: a report agrees with itself, and one changed digit in what follows from something is named."""

from pathlib import Path

import pytest

from rdslab.report.images import COLUMNS
from rdslab.verify import verify_report
from tests.verify_cases import cells, columns, copied, found, named, tamper, times, trained, write

__all__ = ["times", "trained"]

COSTS = ("params", "macs", "activations", "elements", "bytes")
TRIALS = ("slot", "seed", "state", "net_id", "canonical_id", *COSTS, "miou", "iou.Sky", "iou.Road", "iou.Car")
LATENCY = tuple(f"latency_{part}.{d}" for d in ("jetson-tx1", "here") for part in ("ms", "low_ms", "high_ms", "kind"))
PROBABILITY = ("front_probability.jetson-tx1", "front_probability.here")
VARIANTS = (
    *("n", "n_failed", "n_unscored", "n_open", "miou", "miou_sd", "miou_low", "miou_high"),
    *("miou_bootstrap_low", "miou_bootstrap_high", "base", "difference"),
    *("difference_low", "difference_high", "n_pairs", "p", "p_holm", "p_permutation", "p_least", "effect_size", *COSTS),
    *(*LATENCY, "on_front.jetson-tx1", "on_front.here", *PROBABILITY, "net_id", "canonical_id", "same_function_as"),
)
EFFECTS = ("estimate", "low", "high", "p", "p_holm", "df")
OF_TIMES = [
    *[("times.csv", column) for column in ("latency_ms", "low_ms", "high_ms", "p90_ms", "kind")],
    *[("nets.csv", column) for column in ("net_id", "canonical_id", *COSTS)],
    *[("ratios.csv", column) for column in ("ratio", "low", "high")],
    *[
        (f"beside_{name}.csv", f"{by}{column}")
        for name in ("jetson-tx1", "mine")
        for by in ("", "network_", "size_")
        for column in ("error", "low_ms", "high_ms", *(["published_ms", "predicted_ms", "known"] if not by else ["ms"]))
    ],
    *[("claims.csv", column) for column in ("says", "answer", "why", "study")],
]


@pytest.mark.parametrize("kind", ["trained", "times"])
def test_a_report_as_it_was_written_agrees_and_nothing_is_left_out(kind: str, request: pytest.FixtureRequest) -> None:
    verified = verify_report(request.getfixturevalue(kind))
    assert verified.findings == []
    assert [check.what for check in verified.checks if check.left_out] == []
    assert all(check.values for check in verified.checks)


@pytest.mark.parametrize("column", [*TRIALS, *LATENCY])
def test_a_changed_cell_of_a_trial_is_named(column: str, trained: Path, tmp_path: Path) -> None:
    report = copied(trained, tmp_path)
    tamper(report, "trials.csv", column)
    assert named(found(report), "trials.csv", "miou" if column.startswith("iou.") else column)


@pytest.mark.parametrize("column", VARIANTS)
def test_a_changed_cell_of_a_variant_is_named(column: str, trained: Path, tmp_path: Path) -> None:
    report = copied(trained, tmp_path)
    if not any(row[column] for row in cells(report, "variants.csv")):
        rows = cells(report, "variants.csv")
        rows[-1][column] = "1"
        write(report, "variants.csv", rows)
    else:
        tamper(report, "variants.csv", column)
    (finding,) = found(report)
    assert (finding.table, finding.column) == ("variants.csv", column)


def test_every_column_of_the_tables_is_tampered_with(trained: Path, times: Path) -> None:
    assert {*columns(trained, "variants.csv")} - {*COLUMNS} == {"variant", *VARIANTS}
    assert {*columns(trained, "effects.csv")} == {"effect", "level", *EFFECTS, "aliased_with", "why"}
    given = {
        "variant",
        "error",
        "accuracy",
        "mean_accuracy",
        "fw_iou",
        "hours",
    }  # found in training, follow from nothing
    assert {*columns(trained, "trials.csv")} == {*TRIALS, *LATENCY, *given}
    said = {"variant", "size", "device", "form", "reason", "energy_mj", "certified"}
    assert {*columns(times, "times.csv")} == {*said, *(column for table, column in OF_TIMES if table == "times.csv")}
    beside = {column for table, column in OF_TIMES if table == "beside_mine.csv"}
    assert {*columns(times, "beside_mine.csv")} == {"variant", "size", *beside}


@pytest.mark.parametrize("column", EFFECTS)
def test_a_changed_cell_of_an_effect_is_named(column: str, trained: Path, tmp_path: Path) -> None:
    report = copied(trained, tmp_path)
    tamper(report, "effects.csv", column)
    (finding,) = found(report)
    assert (finding.table, finding.column) == ("effects.csv", column)


@pytest.mark.parametrize(("table", "column"), OF_TIMES)
def test_a_changed_cell_of_a_report_of_times_is_named(table: str, column: str, times: Path, tmp_path: Path) -> None:
    report = copied(times, tmp_path)
    tamper(report, table, column)
    assert named(found(report), table, column)


def test_a_prediction_of_a_report_of_times_is_computed_again(times: Path, tmp_path: Path) -> None:
    report = copied(times, tmp_path)
    rows = cells(report, "times.csv")
    next(row for row in rows if row["kind"] == "predicted")["high_ms"] = "999.0"
    write(report, "times.csv", rows)
    (finding,) = [one for one in found(report) if one.table == "times.csv"]
    assert (finding.column, finding.reported, "jetson-tx1" in finding.row) == ("high_ms", 999.0, True)
