"""Truths drawn from noisy means: right in the limits, and as wide as they should be in between."""

import numpy as np
import pytest

from rdslab.stats.intervals import PooledSpread
from rdslab.stats.shrinkage import drawn_means

SD = 0.005


def drawn(mean, seeds=3.0, sd=SD, df=1000, trend=None, draws=20_000):
    mean = np.asarray(mean, dtype=float)
    columns = np.ones((len(mean), 1)) if trend is None else trend
    counts = np.broadcast_to(np.asarray(seeds, dtype=float), mean.shape)
    return drawn_means(mean, counts, columns, PooledSpread(sd, df, 10), draws, np.random.default_rng(0))


def test_nets_far_apart_are_what_they_were_seen_to_be_within_the_error_of_their_mean():
    mean = np.linspace(0.2, 0.8, 30)
    found = drawn(mean)
    assert np.abs(found.mean(axis=0) - mean).max() < 0.1 * SD
    assert found.std(axis=0) == pytest.approx(np.full(30, SD / np.sqrt(3)), rel=0.03)


def test_nets_that_differ_by_luck_alone_are_drawn_towards_their_mean():
    mean = np.random.default_rng(1).normal(0.6, SD / np.sqrt(3), 200)
    found = drawn(mean)
    assert found.mean(axis=0).std() < 0.35 * mean.std()
    assert found.mean() == pytest.approx(0.6, abs=0.2 * SD)


def test_nets_on_a_trend_are_drawn_towards_it_and_not_away_from_it():
    x = np.linspace(-1, 1, 100)
    mean = 0.6 + 0.1 * x + np.random.default_rng(2).normal(0, SD / np.sqrt(3), 100)
    found = drawn(mean, trend=np.column_stack([np.ones(100), x])).mean(axis=0)
    assert np.abs(found - 0.6 - 0.1 * x).mean() < 0.5 * np.abs(mean - 0.6 - 0.1 * x).mean()


def test_fewer_seeds_are_believed_less():
    mean = np.random.default_rng(3).normal(0.6, SD, 40)
    seeds = np.where(np.arange(40) % 2, 1.0, 10.0)
    found = drawn(mean, seeds)
    moved = np.abs(found.mean(axis=0) - mean) / np.abs(mean - mean.mean())
    assert np.median(moved[seeds == 1]) > 2 * np.median(moved[seeds == 10])
    assert found.std(axis=0)[seeds == 1].mean() > 1.3 * found.std(axis=0)[seeds == 10].mean()


def test_a_spread_from_few_values_leaves_more_open():
    mean = np.linspace(0.5, 0.7, 6)
    widths = [np.ptp(np.quantile(drawn(mean, df=df)[:, 2], [0.05, 0.95])) for df in (2, 1000)]
    assert widths[0] > 1.3 * widths[1]


def test_equal_means_and_means_at_the_ends_of_scale_have_finite_truths():
    for mean in ([0.6] * 5, [0.0, 0.0, 1.0], [0.1, 0.9]):
        for sd in (1e-9, 1e-3, 10.0):
            assert np.isfinite(drawn(mean, sd=sd, df=1, draws=100)).all()


def test_no_spread_and_too_few_points_are_refused():
    with pytest.raises(ValueError, match="there is none"):
        drawn([0.5, 0.6], sd=0.0)
    with pytest.raises(ValueError, match="2 columns of a trend ask for more than 2 points"):
        drawn([0.5, 0.6], trend=np.array([[1.0, -1.0], [1.0, 1.0]]))


def held(true, error, seeds, sd, df, number):
    """Which truths lie in their 90 % interval."""
    mean = true + error
    spread = PooledSpread(sd, df, 10)
    columns, counts = np.ones((len(mean), 1)), np.full(len(mean), float(seeds))
    draws = drawn_means(mean, counts, columns, spread, 400, np.random.default_rng(number))
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    return (low <= true) & (true <= high)


@pytest.mark.long
@pytest.mark.parametrize(("seeds", "df"), [(1, 10), (3, 4), (3, 60)])
def test_ninety_percent_of_truths_lie_in_their_interval_whatever_they_scatter_by(seeds, df):
    inside = []
    for number in range(1000):
        rng = np.random.default_rng(number)
        real = SD * np.sqrt(df / rng.chisquare(df))  # what a spread of SD may come from
        share = rng.random()
        true = 0.6 + SD * np.sqrt((1 - share) / share / seeds) * rng.standard_normal(12)
        inside.append(held(true, real / np.sqrt(seeds) * rng.standard_normal(12), seeds, SD, df, number))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.015)


@pytest.mark.long
@pytest.mark.parametrize("apart", [0.1, 0.6, 1.0, 1.5, 3.0, 10.0])
@pytest.mark.parametrize("seeds", [1, 3])
def test_at_one_scatter_intervals_are_not_far_too_narrow(apart, seeds):
    inside = []
    for number in range(1000):
        rng = np.random.default_rng(number)
        true = 0.6 + apart * SD * rng.standard_normal(12)
        sd = SD * np.sqrt(rng.chisquare(10) / 10)
        inside.append(held(true, SD / np.sqrt(seeds) * rng.standard_normal(12), seeds, sd, 10, number))
    assert np.mean(inside) >= 0.85
