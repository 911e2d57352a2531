"""The difference of two means of seeds that nothing pairs (Welch 1947)."""

import math
from collections.abc import Iterable

import numpy as np
from scipy import stats

from rdslab.stats.intervals import LEVEL, ROUNDING, Estimate, finite


def unpaired_difference(values: Iterable[float | None], base: Iterable[float | None], level: float = LEVEL) -> Estimate:
    """Mean of the values minus mean of the base's, with Welch's t interval and two-sided p; n is of the smaller.

    What is no finite number is left out. Neither one value on either side nor values without any spread have an
    interval.
    """
    ours, theirs = finite(values), finite(base)
    n = min(len(ours), len(theirs))
    if n == 0:
        return Estimate(0, level=level, why="no value")
    mean = math.fsum(ours) / len(ours) - math.fsum(theirs) / len(theirs)
    if n == 1:
        return Estimate(1, mean, level=level, why="one seed")
    parts = [float(np.var(side, ddof=1)) / len(side) for side in (ours, theirs)]
    error = math.sqrt(sum(parts))
    if error <= ROUNDING * max(map(abs, (*ours, *theirs))):
        return Estimate(n, mean, level=level, why="no spread over the seeds")
    df = sum(parts) ** 2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (ours, theirs), strict=True))
    half = float(stats.t.ppf(0.5 + level / 2, df)) * error
    p = float(2 * stats.t.sf(abs(mean) / error, df))
    return Estimate(n, mean, low=mean - half, high=mean + half, p=p, level=level)
