"""The sign-flip test against scipy's, and the effect size against its definition."""

import numpy as np
import pytest
from scipy import stats

from rdslab.stats import paired_difference
from rdslab.stats.permutation import sign_flips


@pytest.mark.parametrize("n", [6, 9, 12])
def test_all_flips_are_scipys_exact_test(n: int) -> None:
    values = np.random.default_rng(n).normal(0.4, 1.0, n)
    p, least = sign_flips(values.tolist())
    expected = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    ).pvalue
    assert p == pytest.approx(expected)
    assert least == 2 / 2**n


def test_the_least_p_comes_out_where_all_agree() -> None:
    assert sign_flips([0.1, 0.2, 0.3, 0.1, 0.2, 0.4]) == (2 / 64, 2 / 64)


def test_many_pairs_are_drawn_from_and_give_the_same_p_each_time() -> None:
    values = np.random.default_rng(0).normal(0.2, 1.0, 30).tolist()
    p, least = sign_flips(values)
    assert p is not None
    assert p == pytest.approx(float(stats.ttest_1samp(values, 0).pvalue), abs=0.02)
    assert (p, least) == (sign_flips(values)[0], 1e-4)


def test_below_six_pairs_there_is_no_such_test() -> None:
    assert sign_flips([0.1] * 5) == (None, None)


def test_a_difference_carries_its_size_and_both_ps() -> None:
    draw = np.random.default_rng(1)
    a, b = draw.normal(0.5, 0.01, 8), draw.normal(0.49, 0.01, 8)
    found = paired_difference(dict(enumerate(a.tolist())), dict(enumerate(b.tolist())))
    d = (a - b).mean() / (a - b).std(ddof=1)
    assert found.effect_size == pytest.approx(d * (1 - 3 / (4 * 7 - 1)), rel=2e-3)  # Hedges' own approximation
    assert found.p == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert found.p_permutation == sign_flips((a - b).tolist())[0]
    assert found.p_least == 2 / 256
    two = paired_difference({0: 0.5, 1: 0.6}, {0: 0.4, 1: 0.45})
    assert (two.effect_size, two.p_permutation) == (None, None)


def test_under_no_effect_few_are_told() -> None:
    draws = np.random.default_rng(5).standard_t(3, (400, 8))
    found = np.mean([(sign_flips(line.tolist())[0] or 1.0) <= 0.05 for line in draws])
    assert found < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
