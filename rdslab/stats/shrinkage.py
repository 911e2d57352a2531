"""What the true means of many variants may be, given their observed means: a normal hierarchical model.

Observed means are truths plus the luck of their seeds, and the truths scatter about a trend. How far they do so is as
unknown as the trend itself, so both are drawn from what the points leave open (Gelman et al., Bayesian Data Analysis,
chapter 5). The more of the scatter the seeds explain, the closer truths are drawn towards the trend. Averaged over all
scatters 90 % intervals hold 90 % of truths; at one scatter from 99 % (truths that hardly differ) to 86 % (truths that
scatter about as much as their means err).
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from rdslab.stats.intervals import PooledSpread
from rdslab.stats.pareto import Array

SPREADS, SCATTERS = 24, 48  # values of a seed's spread and of the truths' scatter that are weighed
LEAST, ABOVE = -6.0, 3.0  # log of the scatter's variance over the seeds': the least, and beyond what points suggest


@dataclass(frozen=True)
class _Grid:
    """Each pair of a seed's variance and the truths' variance about the trend, and the trend given both."""

    chance: Array  # (pairs,), sums to 1
    noise: Array  # (pairs,) variance of one seed
    scatter: Array  # (pairs,)
    trend: Array  # (pairs, k)
    root: Array  # (pairs, k, k) lower Cholesky factor of the trend's covariance


def drawn_means(
    mean: Array, seeds: Array, trend: Array, spread: PooledSpread, draws: int, rng: np.random.Generator
) -> Array:
    """Draws (draws, points) of the true means.

    `mean` (points,) was observed over `seeds` (points,) values each, whose own spread is `spread`, an estimate with its
    degrees of freedom. `trend` (points, k) has the columns that the means may follow linearly, k below the points.
    Raises ValueError without a spread or with too many columns.
    """
    if not spread.sd:
        raise ValueError("truths are drawn by the spread of the seeds, and there is none")
    if trend.shape[1] >= len(mean):
        raise ValueError(f"{trend.shape[1]} columns of a trend ask for more than {len(mean)} points")
    grid = _grid(mean, seeds, trend, spread.sd**2, spread.df)
    taken = rng.choice(len(grid.chance), draws, p=grid.chance)
    off = np.einsum("dij,dj->di", grid.root[taken], rng.standard_normal((draws, trend.shape[1])))
    centre = (grid.trend[taken] + off) @ trend.T
    noise = grid.noise[taken, None] / seeds
    own = grid.scatter[taken, None] / (grid.scatter[taken, None] + noise)
    return np.asarray(centre + own * (mean - centre) + np.sqrt(own * noise) * rng.standard_normal(centre.shape))


def _grid(mean: Array, seeds: Array, trend: Array, variance: float, df: int) -> _Grid:
    middle = (np.arange(SPREADS) + 0.5) / SPREADS
    noise = variance * df / stats.chi2.ppf(middle, df)  # equally probable, before the points are seen
    usual = variance * float(np.mean(1 / seeds))
    log_ratio = np.linspace(LEAST, max(0.0, float(np.log(np.var(mean) / usual + 1e-300))) + ABOVE, SCATTERS)
    scatter = usual * np.exp(log_ratio)
    noise, scatter, log_ratio = (a.ravel() for a in np.broadcast_arrays(noise[:, None], scatter, log_ratio))
    weight = 1 / (noise[:, None] / seeds + scatter[:, None])  # (pairs, points)
    inner = np.einsum("gn,ni,nj->gij", weight, trend, trend, optimize=True)
    fitted = np.linalg.solve(inner, ((weight * mean) @ trend)[..., None])[..., 0]
    left = mean - fitted @ trend.T
    log_chance = 0.5 * (np.log(weight) - weight * left**2).sum(axis=1) - 0.5 * np.linalg.slogdet(inner)[1]
    # Any share of noise in the scatter is as probable as another (Daniels 1999): in its logit, the share's slope.
    log_chance -= np.logaddexp(0, log_ratio) + np.logaddexp(0, -log_ratio)
    chance = np.exp(log_chance - log_chance.max())
    return _Grid(chance / chance.sum(), noise, scatter, fitted, np.linalg.cholesky(np.linalg.inv(inner)))
