"""Resampling speaks from ten values on, says why not below, and says the same each time."""

import numpy as np
import pytest

from rdslab.stats import mean_estimate, pooled_spread
from rdslab.stats.bootstrap import bootstrap_mean
from rdslab.stats.intervals import may_pool


def test_it_is_near_students_interval_where_values_are_normal() -> None:
    values = np.random.default_rng(2).normal(0.5, 0.01, 200)
    found, expected = bootstrap_mean(values), mean_estimate(values)
    assert found.n == 200
    assert [found.mean, found.sd] == pytest.approx([expected.mean, expected.sd])
    assert [found.low, found.high] == pytest.approx([expected.low, expected.high], abs=2e-4)
    assert found == bootstrap_mean(values)


def test_it_leans_where_the_values_do() -> None:
    values = np.random.default_rng(2).exponential(1.0, 40)
    found = bootstrap_mean(values)
    assert found.low is not None
    assert found.high is not None
    assert found.high - values.mean() > 1.2 * (values.mean() - found.low)


@pytest.mark.parametrize(
    ("values", "why"),
    [([0.5] * 9, "takes 10 seeds, here are 9"), ([], "here are 0"), ([0.5] * 12, "no spread")],
)
def test_what_cannot_be_told_says_why(values: list[float], why: str) -> None:
    found = bootstrap_mean(values)
    assert (found.low, found.high) == (None, None)
    assert why in found.why


def test_a_pooled_spread_gives_one_seed_an_interval() -> None:
    pool = pooled_spread([[0.50, 0.52, 0.51], [0.60, 0.61, 0.62], [0.7]])
    alone, pooled = mean_estimate([0.7]), mean_estimate([0.7], pooled=pool)
    assert alone.low is None
    assert pooled.low == pytest.approx(0.7 - 2.776445 * 0.01, abs=1e-6)
    assert pooled.why == ""


@pytest.mark.parametrize(
    ("groups", "pooled", "why"),
    [
        ([[0.5, 0.51, 0.49], [0.6, 0.61, 0.59]], True, ""),
        ([[0.5, 0.51], [0.6, 0.61]], False, "fewer than two variants have three seeds"),
        ([[0.5, 0.5, 0.5], [0.6, 0.6, 0.6]], False, "no spread"),
        ([np.linspace(0, 1, 12), np.linspace(0, 0.01, 12)], False, "spreads differ (Brown-Forsythe, p ="),
    ],
)
def test_spreads_are_pooled_only_where_they_are_alike(groups: list[list[float]], pooled: bool, why: str) -> None:
    found = may_pool(groups)
    assert found.pooled is pooled
    assert why in found.why
