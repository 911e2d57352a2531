"""The tables of a report: columns, figures by hand, what is missing stays missing."""

import copy
import math

import pandas as pd
import pytest
from scipy import stats

from rdslab.report import Results
from rdslab.report.differences import differences_frame
from rdslab.report.frame import classes_frame, history_frame
from rdslab.report.notes import headline, to_repeat
from rdslab.report.variants import variants_frame
from rdslab.stats import mean_estimate
from rdslab.stats.bootstrap import bootstrap_mean
from tests.fake_results import CLASSES, FIVE, results, sixteen, times


def by_hand() -> Results:
    """Base 0.50, 0.52, 0.54 and one variant 0.03, 0.04, 0.05 above it; the third has failed once and once said NaN."""
    made = results({name: FIVE[name] for name in ("rds", "residual", "separable")})
    for trial, miou in zip(made.trials[:6], (0.50, 0.52, 0.54, 0.53, 0.56, 0.59), strict=True):
        trial["score"]["miou"] = miou
    made.trials[6].update(state="failed", error="loss is NaN in epoch 3", score=None)
    made.trials[7]["score"]["miou"] = math.nan
    made.trials[8].update(state="waiting", score=None, times={})
    return made


def test_the_trials_frame_has_one_row_a_slot_and_documented_columns():
    frame = by_hand().frame
    assert list(frame["slot"]) == list(range(9))
    assert list(frame.columns[:12]) == (
        "slot variant seed state error net_id canonical_id params macs activations elements bytes".split()
    )
    assert {f"iou.{name}" for name in CLASSES} <= set(frame.columns)
    assert frame.loc[0, "latency_ms.jetson-tx1"] == 12.5
    assert list(frame["latency_kind.here"]) == ["measured"] * 8 + ["missing"]
    assert list(frame["latency_kind.jetson-tx1"]) == ["predicted"] * 8 + ["missing"]
    assert frame["miou"].isna().sum() == 3
    assert frame.loc[6, "error"] == "loss is NaN in epoch 3"


def test_slots_are_in_order_however_they_come():
    made = by_hand()
    shuffled = Results(made.study, made.trials[::-1])
    pd.testing.assert_frame_equal(shuffled.frame, made.frame)


def test_the_variants_frame_by_hand():
    frame = variants_frame(by_hand()).set_index("variant")
    base, residual, separable = frame.loc["rds"], frame.loc["residual"], frame.loc["separable"]
    assert (base["n"], base["miou"], base["miou_sd"]) == (3, pytest.approx(0.52), pytest.approx(0.02))
    assert base["miou_high"] == pytest.approx(0.52 + 4.302653 * 0.02 / math.sqrt(3), abs=1e-6)
    assert pd.isna(base["difference"])
    assert (residual["difference"], residual["n_pairs"]) == (pytest.approx(0.04), 3)
    assert residual["difference_low"] == pytest.approx(0.04 - 4.302653 * 0.01 / math.sqrt(3), abs=1e-6)
    assert residual["p"] == pytest.approx(stats.ttest_rel([0.53, 0.56, 0.59], [0.50, 0.52, 0.54]).pvalue)
    assert residual["p_holm"] == residual["p"]
    assert list(separable[["n", "n_failed", "n_unscored", "n_open", "n_pairs"]]) == [0, 1, 1, 1, 0]
    assert pd.isna(separable["miou"])


def test_the_front_is_among_variants_with_both_figures():
    frame = variants_frame(by_hand()).set_index("variant")
    assert list(frame["on_front.jetson-tx1"].isna()) == [False, False, True]
    assert list(frame["on_front.jetson-tx1"][:2]) == [True, True]


def test_measured_and_predicted_times_are_not_held_against_each_other():
    made = results({name: FIVE[name] for name in ("rds", "rds no dilation")}, spread=0.0001)
    for trial in made.trials[3:]:
        trial["times"]["jetson-tx1"] = times("jetson-tx1", 99.0, predicted=False)
    assert list(variants_frame(made)["on_front.jetson-tx1"]) == [True, True]


def test_variants_of_one_canonical_id_name_each_other():
    frame = variants_frame(results(FIVE)).set_index("variant")
    assert frame.loc["rds", "same_function_as"] == "rds+shuffle 0"
    assert frame.loc["rds+shuffle 0", "same_function_as"] == "rds"
    assert frame.loc["residual", "same_function_as"] == ""


def test_a_variant_that_computes_the_same_functions_is_never_called_different():
    made = results({name: FIVE[name] for name in ("rds", "rds+shuffle 0")})
    for trial, miou in zip(made.trials, (0.50, 0.51, 0.52, 0.600, 0.611, 0.620), strict=True):
        trial["score"]["miou"] = miou
    row = differences_frame(made).iloc[0]
    assert row["p_holm"] < 0.001
    assert row["verdict"] == "seeds only"


def test_a_verdict_needs_the_corrected_p():
    frame = differences_frame(results(sixteen())).set_index("variant")
    for row in frame.to_dict("records"):
        assert (row["verdict"] in ("higher", "lower")) <= (row["p_holm"] < 0.05)
    loose = frame[(frame["p"] < 0.05) & (frame["p_holm"] >= 0.05)]
    assert len(loose) >= 1
    assert set(loose["verdict"]) <= {"not told apart", "seeds only"}
    assert loose["excludes_zero"].all()


def test_without_a_base_among_the_variants_there_are_no_differences():
    assert differences_frame(results(FIVE, base="somewhere else")).empty


def test_the_history_has_one_row_an_epoch():
    frame = history_frame(by_hand())
    assert len(frame) == 12 * 7
    assert list(frame.columns) == ["slot", "variant", "seed", "epoch", "miou", "loss", "lr", "seconds"]


def test_a_class_that_is_absent_has_no_iou_and_counts_its_trials():
    made = by_hand()
    for trial in made.trials[:7]:
        if trial["score"]:
            trial["score"]["iou"]["Fence"] = None
    made.trials[0]["score"]["iou"]["Pole"] = None
    frame = classes_frame(made).set_index(["variant", "class"])
    assert math.isnan(frame.loc[("rds", "Fence"), "iou"])
    assert tuple(frame.loc[("rds", "Pole"), ["n", "trials"]]) == (2, 3)
    poles = [made.trials[i]["score"]["iou"]["Pole"] for i in (1, 2)]
    assert frame.loc[("rds", "Pole"), "iou"] == pytest.approx(sum(poles) / 2)


def test_making_frames_leaves_the_results_alone():
    made = by_hand()
    before = copy.deepcopy(made.trials)
    variants_frame(made), history_frame(made), classes_frame(made)
    assert str(made.trials) == str(before)


def test_each_variant_is_held_against_its_own_base_where_the_study_says_so():
    two = {"a": (0.5, 10.0, 10), "a rds": (0.6, 9.0, 9), "b": (0.3, 5.0, 5), "b rds": (0.35, 4.0, 4)}
    made = results(two, compared={"a": "", "a rds": "a", "b": "", "b rds": "b"})
    frame = variants_frame(made).set_index("variant")
    assert list(frame["base"]) == ["", "a", "", "b"]
    assert abs(frame.loc["b rds", "difference"] - 0.05) < 0.02
    assert frame.loc[["a", "b"], "difference"].isna().all()
    assert list(differences_frame(made)["variant"]) == ["a rds", "b rds"]
    assert made.bases == ["a", "b"]
    assert headline(made)[1].startswith("Of 2 differences in mIoU to each variant's own base (a, b),")


@pytest.mark.parametrize(("seeds", "there"), [(9, False), (10, True)])
def test_from_ten_seeds_on_a_bootstrap_interval_stands_beside_students(seeds, there):
    made = results(FIVE, seeds=seeds)
    row = variants_frame(made).iloc[0]
    values = [trial["score"]["miou"] for trial in made.trials[:seeds]]
    student, drawn = mean_estimate(values), bootstrap_mean(values)
    assert [row["miou_low"], row["miou_high"]] == [student.low, student.high]
    assert [row["miou_bootstrap_low"], row["miou_bootstrap_high"]] == pytest.approx(
        [drawn.low, drawn.high] if there else [math.nan, math.nan], nan_ok=True
    )
    assert there == (drawn.low is not None)


def test_how_to_repeat_it_is_one_line_where_the_report_says_both_steps() -> None:
    made, both = "rdslab run STUDY", "rdslab run STUDY && rdslab report STUDY"
    assert to_repeat({"command": made}, both) == [both]
    assert to_repeat({"command": f"{made} --root /data"}, both) == [f"{made} --root DIR", both]
    assert to_repeat({}, "") == []
