"""A margin is refuted as often as it should be, and never where nothing can be told."""

import numpy as np
import pytest
from scipy import stats

from rdslab.stats.equivalence import no_worse

SEEDS = range(5)


def by_seed(values: object) -> dict[int, float | None]:
    return dict(enumerate(np.asarray(values, dtype=float).tolist()))


def test_it_is_the_one_sided_paired_t_test() -> None:
    draw = np.random.default_rng(3)
    a, b = draw.normal(0.50, 0.01, 6), draw.normal(0.505, 0.01, 6)
    found = no_worse(by_seed(a), by_seed(b), 0.01)
    expected = stats.ttest_rel(a, b - 0.01, alternative="greater").pvalue
    other = stats.ttest_rel(a, b + 0.01, alternative="less").pvalue
    assert found.p_no_worse == pytest.approx(expected)
    assert found.p_equivalent == pytest.approx(max(expected, other))
    low, high = stats.ttest_rel(a, b).confidence_interval(0.90)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_tests_and_interval_agree() -> None:
    draw = np.random.default_rng(4)
    for _ in range(200):
        found = no_worse(by_seed(draw.normal(0.0, 1.0, 5)), by_seed(draw.normal(0.0, 1.0, 5)), 1.5)
        assert found.low is not None
        assert found.high is not None
        assert found.no_worse == (found.low > -1.5)
        assert found.equivalent == (found.low > -1.5 and found.high < 1.5)


def test_only_shared_seeds_count() -> None:
    found = no_worse({0: 0.5, 1: 0.6, 2: None, 7: 0.1}, {0: 0.5, 1: 0.58, 2: 0.1}, 0.01)
    assert found.n == 2


@pytest.mark.parametrize(
    ("values", "why"), [([0.5], "one pair of seeds"), ([], "no pair of seeds"), ([0.5, 0.5], "no spread")]
)
def test_what_cannot_be_told_says_why(values: list[float], why: str) -> None:
    found = no_worse(by_seed(values), by_seed(values), 0.01)
    assert (found.no_worse, found.equivalent, found.p_no_worse) == (None, None, None)
    assert why in found.why


def test_a_margin_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        no_worse({}, {}, 0.0)


@pytest.mark.parametrize("true", [-1.0, 1.0])
def test_a_difference_of_the_margin_passes_as_seldom_as_the_level_says(true: float) -> None:
    draw = np.random.default_rng(11)
    found = [
        no_worse(by_seed(draw.normal(true, 0.6, 8)), by_seed(np.zeros(8) + draw.normal(0, 0.1, 8)), 1.0)
        for _ in range(1000)
    ]
    passed = np.mean([one.no_worse if true < 0 else one.equivalent for one in found])
    assert passed < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)
