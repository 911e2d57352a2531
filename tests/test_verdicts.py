"""What is supported is told by the numbers, what is not is undecided, and what is missing is named."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rdslab.report.evidence import Evidence, evidence_in
from rdslab.report.verdicts import claims_csv, verdicts
from rdslab.search.claims import claims_of
from rdslab.search.plan import Study, load_study

STUDY = """
name: one
base: rdsnet
variants:
  - {name: rds}
  - {name: residual, set: {"enc*.block": residual}}
  - {name: twin, set: {"enc*.options.shuffle": 0}}
data: {name: synthetic}
recipe: one_cycle
seeds: [0, 1, 2, 3, 4]
deploy: {size: 640x360, classes: 19, devices: [jetson-tx1]}
"""
SCORES = {  # per cent, seeds 0 to 4; each seed moves both
    "rds": [31.0, 30.2, 31.9, 30.5, 31.4],
    "residual": [29.0, 28.4, 29.8, 28.4, 29.5],
    "twin": [31.5, 30.6, 32.4, 31.1, 31.8],
}
MS = {"rds": (50.0, 45.0, 56.0), "residual": (80.0, 71.0, 91.0), "twin": (49.0, 44.0, 55.0)}
MACS = {"rds": 527, "residual": 1000, "twin": 527}


def rows(scores: Mapping[str, list[float]] = SCORES) -> list[dict[str, Any]]:
    return [
        {
            "variant": variant,
            "seed": seed,
            "state": "done",
            "canonical_id": "same" if variant != "residual" else "other",
            "miou": values[seed] / 100,
            "macs": MACS[variant],
            "latency_kind.jetson-tx1": "predicted",
            **dict(
                zip(
                    ("latency_ms.jetson-tx1", "latency_low_ms.jetson-tx1", "latency_high_ms.jetson-tx1"),
                    MS[variant],
                    strict=True,
                )
            ),
        }
        for variant, values in scores.items()
        for seed in range(len(values))
    ]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "one.yaml"


def read(path: Path, *claims: str) -> Study:
    names = ("claim", *(f"claim {number}" for number in range(2, len(claims) + 1)))
    lines = "".join(f"  - {{name: {name}, says: '{says}'}}\n" for name, says in zip(names, claims, strict=True))
    path.write_text(f"{STUDY}claims:\n{lines}")
    return load_study(path)


def answered(path: Path, says: str, evidence: Evidence | str | None = None) -> dict[str, Any]:
    study = read(path, says)
    (found,) = verdicts(study, claims_of(study), lambda _: evidence or Evidence(trials=rows()))
    return found


@pytest.mark.parametrize(
    ("says", "answer", "why"),
    [
        ("miou: rds > residual", "supported", "rds - residual: +1.98 points of mIoU (95 % interval +1.82 to +2.14)"),
        ("miou: residual > rds", "refuted", "−1.98 points"),
        ("miou: rds > residual by 1.9 points", "undecided", "seeds would tell"),
        ("miou: residual < rds by 1 points", "supported", "−1.98 points"),
        ("miou: residual >= rds - 3 points", "supported", "p < 0.001"),
        ("miou: residual >= rds - 1 points", "refuted", "5 % would tell"),
        ("miou: twin > rds", "refuted", "both compute the same class of functions, any difference is seeds"),
        ("miou: twin >= rds - 1 points", "supported", "both compute the same class of functions"),
        ("macs of rds / residual = 0.5 within 2 %", "refuted", "macs of rds / residual at 640x360: 0.527 (counted)"),
        ("macs of rds / residual = 0.5 within 6 %", "supported", "0.527"),
        ("macs of rds / twin = 1 within 0 %", "supported", "1 (counted)"),
        ("latency_ms.jetson-tx1 of rds <= 60", "supported", "50 (predicted)"),
        ("latency_ms.jetson-tx1 of rds <= 50", "undecided", "50 (predicted)"),
        ("latency_ms.jetson-tx1 of rds <= 40", "refuted", "50 (predicted)"),
        ("fps.jetson-tx1 of rds >= 17", "supported", "20 (predicted)"),
        ("latency_ms.jetson-tx1: rds < residual", "supported", "0.625 (predicted)"),
        ("latency_ms.jetson-tx1: rds <= twin + 5 %", "undecided", "1.02 (predicted)"),
        ("latency_ms.jetson-tx1: rds <= twin + 30 ms", "supported", "1.02 (predicted)"),
        ("miou of rds >= 29 %", "supported", "mean of 5 seeds"),
        ("rds is on the front with residual", "supported", "certain"),
        ("residual is on the front with rds", "refuted", "dominated"),
    ],
)
def test_each_kind_is_answered_with_its_numbers(says: str, answer: str, why: str, study: Path) -> None:
    found = answered(study, says)
    assert (found["answer"], why in found["why"]) == (answer, True), found["why"]


@pytest.mark.parametrize(
    ("says", "missing"),
    [
        ("miou: rds > residual", "miou of residual is missing in one: rdslab run"),
        ("rds is on the front with residual", "is missing in one"),
        ("latency_ms.jetson-tx1 of residual <= 50", "latency_ms.jetson-tx1 of residual is missing"),
        ("macs of residual / rds = 2 within 1 %", "macs of residual is missing"),
    ],
)
def test_a_missing_fact_leaves_it_undecided_and_is_named(says: str, missing: str, study: Path) -> None:
    found = answered(study, says, Evidence(trials=rows({"rds": SCORES["rds"]})))
    assert found["answer"] == "undecided"
    assert missing in found["why"]


def test_a_study_that_was_not_run_leaves_it_undecided(study: Path) -> None:
    assert answered(study, "miou: rds > residual", "it has not been run")["why"] == "it has not been run."


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


def test_times_of_a_report_answer_too(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    assert evidence_in(folder) is None
    (folder / "report.html").write_text("")
    (folder / "times.csv").write_text(
        "variant,size,device,form,kind,latency_ms,low_ms,high_ms\n"
        "rds,640x360,here,eager,measured,10,9,11\nrds,640x360,here,deployed,measured,5,4,6\n"
    )
    (folder / "ratios.csv").write_text(
        "name,size,what,device,form,kind,ratio,low,high\n"
        "alone,640x360,macs,,,,1.98,,\nalone,640x360,latency,here,eager,measured,1.8,1.7,1.9\n"
        "alone,640x360,latency,board,eager,predicted,1.4,,\n"
    )
    found = evidence_in(folder)
    assert found is not None
    value = found.value("latency_ms.here", "rds", "640x360", "deployed")
    assert value is not None
    assert (value.middle, value.low, value.high, value.kind) == (5.0, 4.0, 6.0, "measured")
    ratio = found.ratio("latency_ms.here", "alone", "640x360", "eager")
    assert ratio is not None
    assert (ratio.low, ratio.high) == (1.7, 1.9)
    unsure = found.ratio("latency_ms.board", "alone", "640x360", "eager")
    assert unsure is not None
    assert math.isnan(unsure.low)
    assert found.ratio("latency_ms.here", "alone", "64x64", "eager") is None


def test_the_table_has_one_line_a_claim(study: Path) -> None:
    text = claims_csv([answered(study, "miou: rds > residual")])
    head, line = text.splitlines()
    assert head == "name,says,answer,why,n,interval,source,plot"
    assert line.startswith("claim,miou: rds > residual,supported,")
    assert ",5," in line
