"""Means, differences and corrections, against figures worked out by hand or by scipy's own tests."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rdslab.stats import holm, mean_estimate, paired_difference, pooled_spread


def test_the_interval_of_three_seeds_is_students():
    # mean 50, sd 1, t(0.975, 2) = 4.302653, half width 4.302653 / sqrt(3)
    estimate = mean_estimate([49.0, 50.0, 51.0])
    assert (estimate.n, estimate.mean, estimate.sd) == (3, 50.0, 1.0)
    assert estimate.low == pytest.approx(50 - 2.484138, abs=1e-6)
    assert estimate.high == pytest.approx(50 + 2.484138, abs=1e-6)
    assert estimate.why == ""


def test_one_seed_has_a_mean_but_no_interval_and_says_why():
    estimate = mean_estimate([0.5])
    assert (estimate.n, estimate.mean, estimate.sd, estimate.low, estimate.high) == (1, 0.5, None, None, None)
    assert estimate.why == "one seed"
    assert estimate.excludes_zero is None


@pytest.mark.parametrize("values", [[], [None, math.nan, math.inf]])
def test_without_any_number_there_is_no_mean(values):
    estimate = mean_estimate(values)
    assert (estimate.n, estimate.mean, estimate.why) == (0, None, "no value")


def test_missing_values_do_not_count_in_n():
    assert mean_estimate([1.0, None, 3.0, math.nan]).n == 2


def test_values_without_spread_have_no_interval():
    estimate = mean_estimate([0.1 + 0.2, 0.3, 0.3])
    assert estimate.low is None
    assert estimate.why == "no spread over the seeds"


def test_a_paired_difference_uses_only_the_seeds_that_both_have():
    ours, base = {0: 0.52, 1: 0.53, 2: 0.55, 3: None}, {1: 0.50, 2: 0.51, 0: 0.50, 3: 0.40, 4: 0.9}
    estimate = paired_difference(ours, base)
    reference = stats.ttest_rel([0.52, 0.53, 0.55], [0.50, 0.50, 0.51])
    assert estimate.n == 3
    assert estimate.mean == pytest.approx(0.03)
    assert estimate.p == pytest.approx(reference.pvalue)
    low, high = reference.confidence_interval(0.95)
    assert (estimate.low, estimate.high) == (pytest.approx(low), pytest.approx(high))
    assert estimate.excludes_zero is True


def test_a_pair_of_one_and_none_say_so():
    assert paired_difference({0: 0.5}, {0: 0.4}).why == "one pair of seeds"
    assert paired_difference({0: 0.5}, {1: 0.4}).why == "no pair of seeds"


def test_equal_nets_differ_by_nothing_and_have_no_p():
    same = {0: 0.51, 1: 0.52, 2: 0.53}
    estimate = paired_difference(same, same)
    assert (estimate.mean, estimate.p, estimate.why) == (0.0, None, "no spread over the seeds")


def test_a_shift_that_is_constant_but_for_rounding_has_no_interval():
    assert paired_difference({0: 0.1 + 0.2, 1: 0.7}, {0: 0.2, 1: 0.6}).low is None


def test_the_pooled_spread_weighs_variances_by_their_degrees_of_freedom():
    # variances 1 (df 2) and 4 (df 1): (2 * 1 + 1 * 4) / 3 = 2; the lone value gives nothing
    pooled = pooled_spread([[1.0, 2.0, 3.0], [0.0, math.sqrt(8.0)], [7.0], [None]])
    assert pooled.sd == pytest.approx(math.sqrt(2.0))
    assert (pooled.df, pooled.groups) == (3, 2)
    assert pooled_spread([[1.0], []]).sd is None


def test_holms_correction_by_hand():
    assert holm([0.01, 0.04, None, 0.03]) == [pytest.approx(0.03), pytest.approx(0.06), None, pytest.approx(0.06)]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holms_p_is_never_smaller_than_p_and_keeps_its_order(p_values):
    corrected = [float(p) for p in holm(p_values) if p is not None]
    assert all(p <= c <= 1 for p, c in zip(p_values, corrected, strict=True))
    ordered = [c for _, c in sorted(zip(p_values, corrected, strict=True))]
    assert all(a <= b for a, b in pairwise(ordered))
