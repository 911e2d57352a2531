"""Means, paired differences and pooled spreads over seeds, each with its n and, where it can be told, its interval."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from rdslab.stats.permutation import sign_flips

LEVEL = 0.95
# Below this share of the values' size a standard deviation is rounding, not spread.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A mean over n values. What cannot be told is None, and `why` says the reason; units are those of the values."""

    n: int
    mean: float | None = None
    sd: float | None = None  # of one value, n - 1 degrees of freedom
    low: float | None = None
    high: float | None = None
    p: float | None = None  # two-sided, mean = 0 (Student's t); of differences only
    level: float = LEVEL
    why: str = ""  # why there is no interval; "" with one
    effect_size: float | None = None  # Hedges' g of paired differences: mean / sd, small samples corrected
    p_permutation: float | None = None  # two-sided, signs flipped; from 6 pairs on
    p_least: float | None = None  # the smallest that so many pairs can give

    @property
    def excludes_zero(self) -> bool | None:
        """Whether the interval leaves zero out; None without an interval."""
        if self.low is None or self.high is None:
            return None
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class PooledSpread:
    """The standard deviation of one value about its own group's mean, over all groups."""

    sd: float | None
    df: int  # sum over the groups of n - 1
    groups: int  # groups that gave at least one degree of freedom


def finite(values: Iterable[float | None]) -> list[float]:
    """The values that are numbers: None, NaN and infinities are left out."""
    return [float(v) for v in values if v is not None and math.isfinite(v)]


def mean_estimate(values: Iterable[float | None], level: float = LEVEL) -> Estimate:
    """Mean with Student's t interval. Values that are no finite numbers are left out, and n counts what is left.

    One value has no interval, and neither have values without any spread: seeds that agree to the last bit say nothing
    of how far others would lie. The spread is that of these values alone: pooled over variants where a test (Brown and
    Forsythe's, Bartlett's, at 5 to 50 %) sees them spread alike, it would cover as little as 50 to 90 % of the means of
    the variant that spreads most, for at three seeds a test hardly sees a spread four times the others'.
    """
    return _estimate(finite(values), level, test=False)


def paired_difference(
    values: Mapping[int, float | None], base: Mapping[int, float | None], level: float = LEVEL
) -> Estimate:
    """Mean of value - base over the seeds (keys) that both have, with paired t interval and two-sided p."""
    ours = {seed: v for seed, v in values.items() if finite([v])}
    theirs = {seed: v for seed, v in base.items() if finite([v])}
    shared = sorted(ours.keys() & theirs.keys())
    differences = [float(ours[s] or 0.0) - float(theirs[s] or 0.0) for s in shared]
    scale = max((abs(float(v or 0.0)) for s in shared for v in (ours[s], theirs[s])), default=0.0)
    return _estimate(differences, level, test=True, scale=scale)


def _estimate(values: list[float], level: float, *, test: bool, scale: float | None = None) -> Estimate:
    n = len(values)
    if n == 0:
        return Estimate(0, level=level, why="no pair of seeds" if test else "no value")
    mean = math.fsum(values) / n
    if n == 1:
        return Estimate(1, mean, level=level, why="one pair of seeds" if test else "one seed")
    sd = float(np.std(values, ddof=1))
    if sd <= ROUNDING * (max(map(abs, values)) if scale is None else scale):
        return Estimate(n, mean, 0.0, level=level, why="no spread over the seeds")
    error = sd / math.sqrt(n)
    half = float(stats.t.ppf(0.5 + level / 2, n - 1)) * error
    found = Estimate(n, mean, sd, mean - half, mean + half, level=level)
    if not test:
        return found
    p_permutation, p_least = sign_flips(values)
    return replace(
        found,
        p=float(2 * stats.t.sf(abs(mean) / error, n - 1)),
        effect_size=mean / sd * _small_sample(n - 1) if n > 2 else None,
        p_permutation=p_permutation,
        p_least=p_least,
    )


def _small_sample(df: int) -> float:
    """What Cohen's d is too large by on average (Hedges 1981)."""
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)


def pooled_spread(groups: Iterable[Iterable[float | None]]) -> PooledSpread:
    """Square root of the groups' mean variance, weighted by their degrees of freedom; groups of one value give none."""
    kept = [g for g in (finite(group) for group in groups) if len(g) > 1]
    df = sum(len(g) - 1 for g in kept)
    if not df:
        return PooledSpread(None, 0, 0)
    squares = math.fsum((len(g) - 1) * float(np.var(g, ddof=1)) for g in kept)
    return PooledSpread(math.sqrt(squares / df), df, len(kept))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction (1979): the family-wise error stays at the level p is held against.

    Missing p values stay missing and do not count as comparisons.
    """
    known = sorted((p, i) for i, p in enumerate(p_values) if p is not None and math.isfinite(p))
    corrected: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, i) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        corrected[i] = highest
    return corrected
