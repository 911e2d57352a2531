"""What can be found is what simulated studies find."""

import math

import numpy as np
import pytest
from scipy import stats

from rdslab.stats.power import detectable, needed, paired_sd, power_of

# Cohen 1988, two-sided paired t at 5 %: for d = .5 and power .8 it takes 34 pairs; for d = .8 it takes 15.
COHEN = [(0.5, 34), (0.8, 15), (0.2, 199)]


@pytest.mark.parametrize(("effect", "pairs"), COHEN)
def test_the_pairs_needed_are_those_of_the_tables(effect: float, pairs: int) -> None:
    assert needed(effect, 1.0) == pairs
    assert power_of(effect, 1.0, pairs) >= 0.8 > power_of(effect, 1.0, pairs - 1)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 60])
@pytest.mark.parametrize("comparisons", [1, 9, 40])
def test_the_smallest_effect_has_the_power_that_was_asked_for(n: int, comparisons: int) -> None:
    effect = detectable(0.0045, n, comparisons=comparisons, power=0.9)
    assert effect is not None
    assert power_of(effect, 0.0045, n, comparisons=comparisons) == pytest.approx(0.9, abs=1e-3)
    assert power_of(0.9 * effect, 0.0045, n, comparisons=comparisons) < 0.9
    if n > 2:  # two pairs find so little that fewer than the most are never needed for it
        assert needed(1.001 * effect, 0.0045, comparisons=comparisons, power=0.9) == n


def test_three_seeds_at_a_spread_of_half_a_point_tell_nothing_below_a_point() -> None:
    least = detectable(paired_sd(0.0045), 3)
    assert least is not None
    assert least > 0.01


def test_power_without_an_effect_is_the_level() -> None:
    assert power_of(0.0, 1.0, 5) == pytest.approx(0.05, abs=1e-4)
    assert power_of(0.0, 1.0, 5, comparisons=10) == pytest.approx(0.005, abs=1e-4)


def test_what_cannot_be_told_is_none() -> None:
    assert detectable(1.0, 1) is None
    assert needed(1e-6, 1.0) is None
    assert power_of(1.0, 1.0, 1) == 0.0


def test_no_spread_tells_everything_but_nothing() -> None:
    assert detectable(0.0, 3) == 0.0
    assert (power_of(0.01, 0.0, 2), power_of(0.0, 0.0, 2)) == (1.0, 0.0)


def test_far_out_power_is_one_and_a_number() -> None:
    found = [power_of(effect, 1.0, n) for effect in (50.0, 1e4) for n in (2, 3, 100)]
    assert all(math.isfinite(power) and power > 0.95 for power in found)


def test_a_correlation_narrows_the_difference() -> None:
    assert paired_sd(1.0) == pytest.approx(math.sqrt(2))
    assert paired_sd(1.0, 1.0) == 0.0
    with pytest.raises(ValueError, match="between -1 and 1"):
        paired_sd(1.0, 1.5)


@pytest.mark.parametrize(("n", "effect"), [(3, 3.0), (5, 1.5), (12, 1.0)])
def test_simulated_studies_find_it_as_often_as_was_said(n: int, effect: float) -> None:
    draws = np.random.default_rng(7).normal(effect, 1.0, (20_000, n))
    found = stats.ttest_1samp(draws, 0.0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(power_of(effect, 1.0, n), abs=0.012)
