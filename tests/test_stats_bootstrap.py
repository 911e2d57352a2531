"""Resampling speaks from ten values on, says why not below, and says the same each time."""

import numpy as np
import pytest

from rdslab.stats import mean_estimate
from rdslab.stats.bootstrap import bootstrap_mean


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
