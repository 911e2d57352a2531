"""Over simulated studies, what no seed can tell is told no more often than it may be."""

import math
from pathlib import Path

import numpy as np
import pytest

from rdslab.report.evidence import Evidence
from rdslab.report.seedtests import SeedTest
from rdslab.report.verdicts import verdicts
from rdslab.search.claims import claims_of
from tests.verdict_cases import SCORES, read, rows


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "one.yaml"


@pytest.fixture
def no_planning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine tenths of the time of a verdict, and no part of its answer."""
    monkeypatch.setattr(SeedTest, "seeds_words", lambda *_: "")


@pytest.mark.long
@pytest.mark.usefixtures("no_planning")
def test_of_studies_whose_variants_do_not_differ_at_most_one_in_twenty_has_a_claim_decided(study: Path) -> None:
    says = ["miou: rds > residual", "miou: residual > twin", "miou: twin < rds", "miou of rds >= 30 %"]
    claims = claims_of(read(study, *says, "iou.Road: rds > residual"))
    rng, decided, repeats = np.random.default_rng(0), 0, 1000
    for _ in range(repeats):
        both = rng.normal(0, 0.5, 5)
        seen = Evidence(trials=rows({name: [*(30.0 + both + rng.normal(0, 0.45, 5))] for name in SCORES}, twins=False))
        decided += any(
            one["answer"] != "undecided" for one in verdicts(claims[0].study, claims, lambda _, seen=seen: seen)
        )
    assert decided / repeats < 0.05 + 2 * math.sqrt(0.05 * 0.95 / repeats)


@pytest.mark.long
@pytest.mark.usefixtures("no_planning")
def test_a_loss_of_the_whole_margin_is_called_no_worse_in_at_most_one_study_of_twenty(study: Path) -> None:
    claims = claims_of(read(study, "miou: rds >= residual - 1 points", "miou: rds >= twin - 1 points"))
    rng, told, repeats = np.random.default_rng(0), 0, 1000
    for _ in range(repeats):
        means = {"rds": 29.0, "residual": 30.0, "twin": 30.0}
        values = {name: [*(mean + rng.normal(0, 0.45, 5))] for name, mean in means.items()}
        seen = Evidence(trials=rows(values, twins=False))
        told += any(
            one["answer"] == "supported" for one in verdicts(claims[0].study, claims, lambda _, seen=seen: seen)
        )
    assert told / repeats < 0.05 + 2 * math.sqrt(0.05 * 0.95 / repeats)
