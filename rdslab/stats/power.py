"""What a paired comparison can find: power, the smallest effect, the seeds needed, by the noncentral t distribution.

A paired difference over n seeds is tested two-sided by Student's t at `level` over `comparisons`: what Bonferroni asks
of each, and Holm of the first, so that what is stated for one difference holds in a table of many.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

POWER = 0.8
LEVEL = 0.05
MOST_SEEDS = 10_000  # beyond it nobody trains
SPREADS = 4096  # at which the estimated spread is taken; power is right to 1e-4


def paired_sd(sd: float, correlation: float = 0.0) -> float:
    """The standard deviation of a difference of two values with this one each, from that of a value.

    `correlation` is that of two variants over the seeds. Raises ValueError for one outside -1 to 1.
    """
    if not -1 <= correlation <= 1:
        raise ValueError(f"a correlation lies between -1 and 1, got {correlation}")
    return sd * math.sqrt(2 * (1 - correlation))


def power_of(effect: float, sd_difference: float, n: int, *, comparisons: int = 1, level: float = LEVEL) -> float:
    """How often a true difference is told from none over n pairs: the share of studies whose p is below the level.

    `effect` and `sd_difference` have one unit. Below two pairs there is no test, and the power is 0. A difference
    without any spread is always told.
    """
    if n < 2:
        return 0.0
    if sd_difference <= 0:
        return 1.0 if effect else 0.0
    critical = float(stats.t.ppf(1 - level / comparisons / 2, n - 1))
    return _beyond(critical, n - 1, abs(effect) / sd_difference * math.sqrt(n))


def _beyond(critical: float, df: int, shift: float) -> float:
    """How often a noncentral t lies beyond either critical value: the mean over the spreads that may be estimated.

    scipy's own noncentral t is off by percents here and there (nct.sf(12.706, 1, 70.711) was .877 in place of 1).
    """
    bound = critical * _spreads(df)
    return float(np.mean(special.ndtr(shift - bound) + special.ndtr(-shift - bound)))


@lru_cache(maxsize=256)
def _spreads(df: int) -> NDArray[np.float64]:
    """Estimated standard deviations over the true one, at evenly spaced probabilities."""
    return np.asarray(np.sqrt(stats.chi2.ppf((np.arange(SPREADS) + 0.5) / SPREADS, df) / df))


def detectable(
    sd_difference: float, n: int, *, comparisons: int = 1, level: float = LEVEL, power: float = POWER
) -> float | None:
    """The smallest true difference that n pairs tell with this power; None below two pairs."""
    if n < 2:
        return None
    if sd_difference <= 0:
        return 0.0

    def short(ratio: float) -> float:
        return power_of(ratio, 1.0, n, comparisons=comparisons, level=level) - power

    most = 1.0
    while short(most) < 0:
        most *= 2
    return sd_difference * float(optimize.brentq(short, 0.0, most, xtol=1e-6))


def needed(
    effect: float, sd_difference: float, *, comparisons: int = 1, level: float = LEVEL, power: float = POWER
) -> int | None:
    """The fewest pairs that tell this difference with this power; None where 10,000 do not."""

    def enough(n: int) -> bool:
        return power_of(effect, sd_difference, n, comparisons=comparisons, level=level) >= power

    if not enough(MOST_SEEDS):
        return None
    least, most = 1, 2  # least is too few
    while not enough(most):
        least, most = most, min(2 * most, MOST_SEEDS)
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if enough(middle) else (middle, most)
    return most
