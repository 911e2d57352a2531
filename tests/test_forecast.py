"""What `rdslab plan` says: trials, hours, the smallest effect, vacuous comparisons; and that it is true."""

import subprocess
import sys
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from rdslab.errors import SpecError
from rdslab.records import Context
from rdslab.search.earlier import pace_of, seed_correlation, spread_of
from rdslab.search.forecast import Pace, Spread, forecast, hours_of, twins_of
from rdslab.search.ledger import Ledger, storage_of
from rdslab.search.plan import Study, load_study
from tests.test_designs import designed, kind
from tests.test_plan import STUDY, written

NO_NETS: dict[str, tuple[str, str]] = {}


def done(variant: str, seed: int) -> dict[str, Any]:
    return {"variant": variant, "seed": seed, "state": "done"}


def with_trials(folder: Path, scores: dict[str, dict[int, float]], hours: float = 0.5) -> tuple[Study, Ledger]:
    """A study in `folder` of which these trials are done."""
    study = load_study(written(folder))
    (folder / study.run_folder).mkdir(parents=True)
    ledger = Ledger(storage_of(study, None), study.name)
    ledger.begin({})
    ledger.enter_slots(study.slots, {variant.name: f"id of {variant.name}" for variant in study.variants})
    context = Context({"kind": "score"})
    for row in ledger.rows():
        if row["seed"] in scores.get(row["variant"], {}):
            key = (row["net_id"], context, row["seed"])
            facts = [("score", *key, {"miou": scores[row["variant"]][row["seed"]]}), ("effort", *key, {"hours": hours})]
            ledger.close(row["number"], "done", facts)
    return study, ledger


def test_trials_are_counted_by_state_and_those_never_entered_wait(tmp_path: Path) -> None:
    study = load_study(written(tmp_path))
    rows = [done("plain", 0), {"variant": "plain", "seed": 1, "state": "failed"}, done("gone", 0)]
    found = forecast(study, rows, NO_NETS)
    assert (found.variants, found.seeds, found.trials, found.comparisons) == (2, 2, 4, 1)
    assert found.states == {"done": 1, "failed": 1, "running": 0, "waiting": 2}


def test_hours_go_by_macs_and_what_is_done_is_not_left(tmp_path: Path) -> None:
    study = load_study(written(tmp_path))
    macs = {"plain": 100, "residual": 250}
    found = hours_of(study, [done("residual", 0)], macs, Pace({"plain": 3600.0}, "a probe"))
    assert found.total == pytest.approx(2 * 1 + 2 * 2.5)
    assert found.left == pytest.approx(2 * 1 + 1 * 2.5)
    assert found.total_per_100_images is None


def test_without_the_data_only_hours_for_each_100_images_are_told(tmp_path: Path) -> None:
    study = load_study(written(tmp_path))
    found = hours_of(study, [], {"plain": 1, "residual": 1}, Pace({"plain": 36.0}, "noise", per_image=True))
    assert (found.total, found.left) == (None, None)
    assert found.total_per_100_images == pytest.approx(4.0)


def test_the_smallest_difference_is_found_as_often_as_planned(tmp_path: Path) -> None:
    study = designed(tmp_path, kind("one_at_a_time"), ("seeds: [0, 1]", "seeds: [0, 1, 2, 3, 4]"))
    (finding,) = forecast(study, [], NO_NETS, spread=Spread(0.005)).findings
    assert finding.difference is not None
    generator = np.random.default_rng(0)
    base, other = generator.normal(0, 0.005, (2, 4000, 5))
    p = stats.ttest_rel(other + finding.difference, base, axis=1).pvalue
    assert (p < 0.05 / 3).mean() == pytest.approx(0.8, abs=0.03)


def test_a_correlation_over_the_seeds_makes_differences_smaller(tmp_path: Path) -> None:
    study = load_study(written(tmp_path))
    (alone,) = forecast(study, [], NO_NETS, spread=Spread(0.01)).findings
    (alike,) = forecast(study, [], NO_NETS, spread=Spread(0.01, 0.75)).findings
    assert alone.sd_of_differences == pytest.approx(0.01 * sqrt(2))
    assert alike.sd_of_differences == pytest.approx(0.01 * sqrt(0.5))
    assert alike.difference == pytest.approx((alone.difference or 0) / 2)


def test_an_unknown_spread_is_answered_for_several_and_a_wish_for_each(tmp_path: Path) -> None:
    found = forecast(load_study(written(tmp_path)), [], NO_NETS, effect=0.01)
    assert [one.spread for one in found.findings] == [0.0025, 0.005, 0.01, 0.02]
    needed = [one.seeds_needed or 0 for one in found.findings]
    assert needed == sorted(needed)
    assert needed[0] < needed[-1]


def test_with_the_seeds_it_needs_the_wished_effect_can_be_detected(tmp_path: Path) -> None:
    study = load_study(written(tmp_path))
    (finding,) = forecast(study, [], NO_NETS, spread=Spread(0.01), effect=0.012).findings
    assert finding.seeds_needed is not None

    def smallest(seeds: int) -> float:
        more = written(tmp_path, STUDY.replace("seeds: [0, 1]", f"seeds: {list(range(seeds))}"))
        (one,) = forecast(load_study(more), [], NO_NETS, spread=Spread(0.01)).findings
        return one.difference or 1.0

    assert smallest(finding.seeds_needed) <= 0.012 < smallest(finding.seeds_needed - 1)


def test_one_seed_can_tell_nothing(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, STUDY.replace("seeds: [0, 1]", "seeds: [3]")))
    (finding,) = forecast(study, [], NO_NETS, spread=Spread(0.01)).findings
    assert (finding.difference, finding.alone) == (None, None)


def test_a_factorial_tells_smaller_effects_than_differences(tmp_path: Path) -> None:
    (whole,) = forecast(designed(tmp_path), [], NO_NETS, spread=Spread(0.01)).findings
    assert whole.difference is not None
    assert set(whole.effects) >= {"shuffle", "dilation", "unit", "shuffle x unit"}
    assert max(whole.effects.values()) < whole.difference
    (single,) = forecast(designed(tmp_path, kind("one_at_a_time")), [], NO_NETS, spread=Spread(0.01)).findings
    assert single.effects == {}


def test_variants_of_one_class_of_functions_are_named_and_those_that_are_one_net_set_apart() -> None:
    found = twins_of({"a": ("1", "x"), "b": ("2", "x"), "c": ("3", "y"), "d": ("4", "z"), "e": ("4", "z")})
    assert [(one.variants, one.same_net) for one in found] == [(("a", "b"), False), (("d", "e"), True)]


def test_the_spread_of_an_earlier_study_is_pooled_over_its_variants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with_trials(tmp_path, {"plain": {0: 0.50, 1: 0.52}, "residual": {0: 0.60, 1: 0.56}})
    found = spread_of("study.yaml")
    assert found.sd == pytest.approx(sqrt((0.0002 + 0.0008) / 2))
    assert found.source == "small: pooled over 2 variants, 2 degrees of freedom"


def test_a_study_without_two_seeds_has_no_spread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match="study 'small' has not been run"):
        spread_of(str(written(tmp_path)))
    with_trials(tmp_path, {"plain": {0: 0.5}, "residual": {1: 0.6}})
    with pytest.raises(SpecError, match=r"study\.yaml: no variant has two seeds that differ"):
        spread_of("study.yaml")


def test_seeds_that_move_all_variants_alike_are_all_of_the_spread() -> None:
    moves = {0: 0.01, 1: -0.02, 2: 0.03}
    assert seed_correlation([{s: m + v for s, m in moves.items()} for v in (0.3, 0.5, 0.6)]) == pytest.approx(1)
    assert seed_correlation([moves]) == 0
    assert seed_correlation([moves, {7: 0.1, 8: 0.2}]) == 0


def test_the_correlation_over_seeds_is_estimated_without_bias_that_matters() -> None:
    generator = np.random.default_rng(1)
    found = []
    for _ in range(200):
        shared = generator.normal(0, sqrt(0.4), 12)
        values = shared + generator.normal(0, sqrt(0.6), (10, 12))
        found.append(seed_correlation([dict(enumerate(row)) for row in values.tolist()]))
    assert np.mean(found) == pytest.approx(0.4, abs=0.05)


def test_the_trials_that_are_done_give_the_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study, ledger = with_trials(tmp_path, {"plain": {0: 0.5, 1: 0.6}}, hours=0.25)
    pace = pace_of(study, ledger)
    assert pace is not None
    assert pace.seconds == {"plain": pytest.approx(900)}
    assert pace.how == "what the 2 trials that are done took; variants without one by their MACs"


def test_a_forecast_knows_no_torch() -> None:
    code = "import sys, rdslab.search.forecast, rdslab.search.earlier; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
