"""What is stated holds: simulated tables with known effects, a thousand of each."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from rdslab.stats import holm, mean_estimate, paired_difference, pooled_spread
from rdslab.stats.bootstrap import bootstrap_mean
from rdslab.stats.intervals import Estimate
from rdslab.stats.power import detectable, needed, paired_sd, power_of

TABLES = 1000
SLACK = 2 * np.sqrt(0.05 * 0.95 / TABLES)  # of a share near 5 % that is found in so many tables
SD = 0.0045
Table = NDArray[np.float64]  # variants x seeds

pytestmark = pytest.mark.long


def table(draw: int, effects: list[float], seeds: int, of_seed: float = 2 * SD, sd: float = SD) -> Table:
    """mIoU: what the variant does, what the seed does to all of them, and what is left."""
    rng = np.random.default_rng(draw)
    shared = rng.normal(0.0, of_seed, seeds)
    return 0.6 + np.array(effects)[:, None] + shared + rng.normal(0.0, sd, (len(effects), seeds))


def differences(values: Table) -> list[Estimate]:
    base, *others = [dict(enumerate(row.tolist())) for row in values]
    return [paired_difference(other, base) for other in others]


def covers(found: Estimate, truth: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_intervals_of_means_and_differences_cover(seeds: int) -> None:
    effects = [0.0, 0.004, -0.01]
    means, pairs = [], []
    for draw in range(TABLES):
        values = table(draw, effects, seeds)
        means.append(covers(mean_estimate(values[1]), 0.604))
        pairs += [covers(found, true) for found, true in zip(differences(values), effects[1:], strict=True)]
    assert 0.93 <= np.mean(means) <= 0.97
    assert 0.93 <= np.mean(pairs) <= 0.97


UNLIKE = {"one spreads twice": [1, 1, 1, 2], "one four times": [1, 1, 1, 4], "from 1 to 3": [1, 1.4, 2.1, 3]}


@pytest.mark.parametrize("spreads", UNLIKE.values(), ids=UNLIKE)
@pytest.mark.parametrize("seeds", [3, 5])
def test_where_variants_spread_unlike_only_their_own_spread_covers_each(spreads: list[float], seeds: int) -> None:
    """Why no interval is from a spread pooled over variants: the test that should forbid it sees too little."""
    own, pooled = [], []
    for draw in range(TABLES):
        values = np.random.default_rng(draw).normal(0.6, SD * np.array(spreads)[:, None], (len(spreads), seeds))
        found = [mean_estimate(row) for row in values]
        own.append([covers(one, 0.6) for one in found])
        spread = pooled_spread(values)
        if spread.sd and stats.levene(*values, center="median").pvalue >= 0.05:
            half = stats.t.ppf(0.975, spread.df) * spread.sd / np.sqrt(seeds)
            pooled.append([bool(abs(row.mean() - 0.6) <= half) for row in values])
        else:
            pooled.append(own[-1])
    shares = np.mean(own, axis=0)
    assert (shares >= 0.93).all()
    assert (shares <= 0.97).all()
    assert np.mean(pooled, axis=0)[-1] < 0.90


@pytest.mark.parametrize("seeds", [10, 20])
def test_a_bootstrap_covers_what_it_states_from_ten_seeds_on(seeds: int) -> None:
    found = [covers(bootstrap_mean(table(draw, [0.0], seeds, of_seed=0.0)[0]), 0.6) for draw in range(TABLES)]
    assert 0.93 <= np.mean(found) <= 0.97


@pytest.mark.parametrize(("variants", "seeds"), [(4, 3), (10, 5), (20, 3)])
def test_where_nothing_differs_few_tables_name_a_winner(variants: int, seeds: int) -> None:
    told = []
    for draw in range(TABLES):
        corrected = holm([found.p for found in differences(table(draw, [0.0] * variants, seeds))])
        told.append(any(p is not None and p < 0.05 for p in corrected))
    assert np.mean(told) <= 0.05 + SLACK


@pytest.mark.parametrize(("variants", "seeds"), [(2, 3), (2, 10), (6, 5), (12, 6)])
def test_the_smallest_detectable_effect_is_found_as_often_as_planned(variants: int, seeds: int) -> None:
    effect = detectable(paired_sd(SD), seeds, comparisons=variants - 1)
    assert effect is not None
    told = []
    for draw in range(TABLES):
        found = differences(table(draw, [0.0, effect, *[0.0] * (variants - 2)], seeds))[0]
        told.append(found.p is not None and found.p < 0.05 / (variants - 1))
    assert np.mean(told) == pytest.approx(0.80, abs=0.05)


def test_the_seeds_that_were_planned_suffice() -> None:
    seeds = needed(0.01, paired_sd(SD), comparisons=4)
    assert seeds is not None
    told = [differences(table(draw, [0.0, 0.01], seeds))[0].p for draw in range(TABLES)]
    share = np.mean([p is not None and p < 0.05 / 4 for p in told])
    assert share == pytest.approx(power_of(0.01, paired_sd(SD), seeds, comparisons=4), abs=0.05)
    assert share > 0.75
