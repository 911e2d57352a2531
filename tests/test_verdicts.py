"""What is supported is told by the numbers, what is not is undecided, and what is missing is named."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rdslab.report.evidence import Evidence
from rdslab.report.verdicts import claims_csv, evidence_words, verdicts
from rdslab.search.claims import claims_of
from rdslab.search.plan import load_study
from tests.verdict_cases import SCORES, STUDY, read, rows


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "one.yaml"


def answered(path: Path, says: str, evidence: Evidence | str | None = None) -> dict[str, Any]:
    study = read(path, says)
    (found,) = verdicts(study, claims_of(study), lambda _: evidence or Evidence(trials=rows()))
    return found


@pytest.mark.parametrize(
    ("says", "answer", "why"),
    [
        (
            "miou: rds > residual",
            "supported",
            "mIoU of rds − residual: +1.98 points; p < 0.001 one-sided, told below 2.5 %",
        ),
        ("miou: residual > rds", "refuted", "−1.98 points"),
        ("miou: rds > residual by 1.9 points", "undecided", "23 seeds would tell it with a power of 80 %"),
        ("miou: rds > residual by 3 points", "refuted", "+1.98 points"),
        ("miou: residual < rds by 1 points", "supported", "−1.98 points"),
        ("miou: residual >= rds - 3 points", "supported", "p < 0.001 one-sided, told below 5 %"),
        ("miou: residual >= rds - 1 points", "refuted", "−1.98 points"),
        ("miou: residual <= rds + 1 points", "supported", "−1.98 points"),
        ("miou: rds <= residual + 1 points", "refuted", "+1.98 points"),
        ("miou: twin > rds", "refuted", "both compute the same class of functions, so that any difference is seeds"),
        ("miou: twin >= rds - 1 points", "supported", "both compute the same class of functions"),
        ("macs of rds / residual = 0.5 within 2 %", "refuted", "macs of rds / residual at 640x360: 0.527 (counted)"),
        ("macs of rds / residual = 0.5 within 6 %", "supported", "0.527"),
        ("macs of rds / twin = 1 within 0 %", "supported", "1 (counted)"),
        ("macs: rds < twin", "refuted", "macs of rds / twin at 640x360: 1 (counted)"),
        ("macs: rds < residual by 40 %", "supported", "0.527"),
        ("macs: rds < residual by 500", "refuted", "macs of rds − residual at 640x360: −473 (counted)"),
        ("macs: rds <= twin + 1 %", "supported", "1 (counted)"),
        ("macs of residual >= 1e3", "supported", "1,000 (counted)"),
        ("latency_ms.jetson-tx1 of rds <= 60", "supported", "50 (predicted)"),
        ("latency_ms.jetson-tx1 of rds <= 50", "undecided", "50 (predicted)"),
        ("latency_ms.jetson-tx1 of rds <= 40", "refuted", "50 (predicted)"),
        ("fps.jetson-tx1 of rds >= 17", "supported", "20 (predicted)"),
        ("latency_ms.jetson-tx1: rds < residual", "supported", "0.625 (predicted)"),
        ("latency_ms.jetson-tx1: rds <= twin + 5 %", "undecided", "1.02 (predicted)"),
        ("latency_ms.jetson-tx1: rds <= twin + 30 ms", "supported", "of rds − twin at 640x360: 1 (predicted)"),
        ("latency_ms.jetson-tx1: rds <= twin + 11 ms", "undecided", "1 (predicted)"),
        ("miou of rds >= 29 %", "supported", "mIoU of rds: 31.00 %; p = 0.0014"),
        ("miou of rds >= 31 %", "undecided", "more than 10,000 seeds would tell"),
        ("miou of rds <= 29 %", "refuted", "mIoU of rds: 31.00 %"),
        ("iou.Road: rds > residual", "supported", "iou.Road of rds − residual: +1.98 points"),
        ("iou.Raod: rds > residual", "undecided", "has no class 'Raod'; did you mean 'Road'?"),
        ("hours: rds < residual by 0.5 h", "supported", "hours of rds − residual: −0.99 h"),
        ("hours: twin < rds", "refuted", "hours of twin − rds: +0.24 h"),
        ("hours of rds <= 10 h", "undecided", "hours of rds: 10.3 h"),
        (
            "rds is on the front with residual",
            "supported",
            "latency_ms.jetson-tx1 at 640x360 (predicted) with residual",
        ),
        ("residual is on the front with rds", "refuted", "dominated"),
        ("residual is on the front of macs with rds", "refuted", "macs at 640x360 (counted)"),
        ("twin is on the front with rds, residual", "undecided", "possible"),
    ],
)
def test_each_kind_is_answered_with_its_numbers(says: str, answer: str, why: str, study: Path) -> None:
    found = answered(study, says)
    assert (found["answer"], why in found["why"]) == (answer, True), found["why"]


@pytest.mark.parametrize(
    ("says", "missing"),
    [
        ("miou: rds > residual", "miou of residual is missing in study one: rdslab run"),
        ("rds is on the front with residual", "miou of residual is missing in study one"),
        ("latency_ms.jetson-tx1 of residual <= 50", "latency_ms.jetson-tx1 of residual is missing"),
        ("macs of residual / rds = 2 within 1 %", "macs of residual is missing"),
    ],
)
def test_a_missing_fact_leaves_it_undecided_and_is_named(says: str, missing: str, study: Path) -> None:
    found = answered(study, says, Evidence(trials=rows({"rds": SCORES["rds"]})))
    assert found["answer"] == "undecided"
    assert missing in found["why"]


def test_a_study_that_was_not_run_leaves_it_undecided(study: Path) -> None:
    assert answered(study, "miou: rds > residual", "it has not been run")["why"] == (
        "miou of rds and residual is not known: it has not been run."
    )


def test_one_seed_decides_nothing(study: Path) -> None:
    found = answered(study, "miou: rds > residual", Evidence(trials=rows({k: v[:1] for k, v in SCORES.items()})))
    assert (found["answer"], found["n"]) == ("undecided", 1)
    assert "one pair of seeds" in found["why"]


def test_many_claims_are_corrected_together(study: Path) -> None:
    close = {**SCORES, "residual": [30.6, 29.9, 31.7, 30.1, 31.3]}
    alone = answered(study, "miou: rds > residual", Evidence(trials=rows(close)))
    assert alone["answer"] == "supported"
    many = read(study, *["miou: rds > residual"] * 12)
    found = verdicts(many, claims_of(many), lambda _: Evidence(trials=rows(close)))
    assert {one["answer"] for one in found} == {"undecided"}


def timed(kinds: Mapping[str, str]) -> Evidence:
    found = [row | {"latency_kind.jetson-tx1": kinds[row["variant"]]} for row in rows()]
    return Evidence(trials=found)


def test_measured_and_predicted_times_are_never_held_together(study: Path) -> None:
    mixed = timed({"rds": "measured", "residual": "predicted", "twin": "measured"})
    found = answered(study, "latency_ms.jetson-tx1: rds < residual", mixed)
    assert (found["answer"], found["interval"]) == ("undecided", "")
    assert "of rds is measured and of residual is predicted, and the two are not compared" in found["why"]
    front = answered(study, "rds is on the front with residual", mixed)
    assert (front["answer"], front["why"]) == ("undecided", "measured and predicted times make no front together.")


def test_what_the_ends_of_a_time_are_is_said(study: Path) -> None:
    says = "latency_ms.jetson-tx1 of rds <= 60"
    assert answered(study, says)["interval"] == "90 % interval 45 to 56"
    measured = timed(dict.fromkeys(SCORES, "measured"))
    assert answered(study, says, measured)["interval"] == "quartiles of the runs 45 to 56"
    endless = Evidence(trials=[row | {"latency_low_ms.jetson-tx1": math.nan} for row in rows()])
    found = answered(study, says, endless)
    assert (found["answer"], found["why"].endswith("how far that may be off is not known.")) == ("undecided", True)


@pytest.mark.parametrize(
    ("says", "plot"),
    [
        ("miou: rds > residual", "differences"),
        ("miou: residual > rds", "differences"),
        ("miou: residual > twin", "front_jetson-tx1"),
        ("iou.Road: rds > residual", "classes"),
        ("macs: rds < residual", "macs"),
        ("latency_ms.jetson-tx1 of rds <= 60", "front_jetson-tx1"),
        ("rds is on the front with residual", "front_jetson-tx1"),
        ("rds is on the front of macs with residual", "macs"),
        ("params of rds / residual = 0.5 within 2 %", ""),
    ],
)
def test_the_plot_that_shows_it_is_named(says: str, plot: str, study: Path) -> None:
    found = answered(study, says, Evidence(trials=[row | {"params": 7} for row in rows()]))
    assert found["plot"] == plot


def test_a_claim_about_another_study_says_which(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(STUDY.replace("name: one", "name: other"))
    path = tmp_path / "one.yaml"
    path.write_text(f"{STUDY}claims:\n  - {{name: claim, says: 'miou: rds > residual', study: other.yaml}}\n")
    study = load_study(path)
    (found,) = verdicts(study, claims_of(study), lambda _: Evidence(trials=rows()))
    assert (found["study"], found["plot"]) == ("other", "other/differences")
    assert found["why"].endswith("(study other).")


def test_the_table_has_one_line_a_claim(study: Path) -> None:
    text = claims_csv([answered(study, "miou: rds > residual")])
    head, line = text.splitlines()
    assert head == "name,says,answer,why,n,interval,study,source,plot"
    assert line.startswith("claim,miou: rds > residual,supported,")
    assert line.endswith(",5,95 % interval +1.82 to +2.14,one,,differences")


def test_a_verdict_in_one_line_has_its_numbers(study: Path) -> None:
    line = evidence_words(answered(study, "miou: rds > residual"))
    assert line.endswith("told below 2.5 %. n = 5. 95 % interval +1.82 to +2.14.")
    assert (
        evidence_words(answered(study, "macs: rds < residual")) == "macs of rds / residual at 640x360: 0.527 (counted)."
    )


def test_a_disputed_profile_is_called_so(study: Path) -> None:
    found = answered(study, "latency_ms.jetson-tx1 of rds <= 60", Evidence(trials=rows(), disputed=["jetson-tx1"]))
    assert "50 (predicted, disputed)" in found["why"]
