"""The Pareto front under noise: which points lie on it for certain, which may, and how much it dominates.

A point's observed mean is what it is plus luck, and the front picks the lucky. So truths are drawn as they may be given
what was seen (`shrinkage`: the means scatter about a line over log latency), and each draw's front is taken.

At least 95 % of the points called certain are on the true front, and at most 5 % of those called dominated, in
simulations and on NAS-Bench-201 (benchmarks/front_noise.py), with this exception: where truths scatter no more than
their means err, at most one point in a hundred is called certain, of which 10 to 40 % are not on it, and of those
called dominated up to 6 % are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from rdslab.stats.intervals import PooledSpread
from rdslab.stats.pareto import Array, fronts, hypervolumes
from rdslab.stats.shrinkage import drawn_means

DRAWS, MOST_NUMBERS = 4000, 2_000_000  # as many draws of all points as that many numbers allow
SURE = 0.95
NINETY = 1.6449  # standard deviations from the middle to either end of a 90 % interval
FEWEST = 4  # points that a line over log latency is fitted to; fewer scatter about their mean
SAME = 1e-6  # below this difference in log latency there is no line
NO_PLACE, NO_ENDS = "no mIoU or no latency", "its latency's interval does not hold its latency"
NO_SPREAD = "no variant has two seeds that differ"


@dataclass(frozen=True)
class Noisy:
    """A net on the plot: the mean of n values, more is better, and its latency with the ends of a 90 % interval.

    The ends are those of the error of `latency_ms` itself: a prediction's, or `median_ends` of a measurement. Quartiles
    of the runs say how runs scatter, and are many times too wide. Without ends the latency is taken as exact.
    """

    mean: float | None
    n: int
    latency_ms: float | None
    low_ms: float | None = None
    high_ms: float | None = None
    predicted: bool | None = None  # whether the latency is; None where it is not said

    @property
    def lacks(self) -> str:
        """Why it has no place on the plot; "" where it has one."""
        values = (self.mean, self.latency_ms)
        if self.n < 1 or any(v is None or not math.isfinite(v) for v in values) or (self.latency_ms or 0) <= 0:
            return NO_PLACE
        low, ms, high = self.ends
        return "" if 0 < low <= ms <= high < math.inf else NO_ENDS

    @property
    def ends(self) -> tuple[float, float, float]:
        """Low end, latency and high end, ms; all the same where it is exact. For a point with a latency."""
        ms = math.nan if self.latency_ms is None else self.latency_ms
        if self.low_ms is None or self.high_ms is None:
            return ms, ms, ms
        return self.low_ms, ms, self.high_ms


@dataclass(frozen=True)
class Membership:
    """How probably a point lies on the front. `why` says what is missing where nothing can be told."""

    probability: float | None
    word: str  # certain, possible, dominated; "" where nothing can be told
    why: str = ""


@dataclass(frozen=True)
class Volume:
    """The area between the front and the reference point, ms times the unit of the mean, with its 90 % interval."""

    median: float
    low: float
    high: float


def membership(points: Sequence[Noisy], spread: PooledSpread, common: float = 0.0) -> list[Membership]:
    """For each point how probably it is on the true front of these points.

    `spread` is that of one value about its own mean. `common` is the share of the variance of the latencies' log errors
    that all points have in common, 0 to 1: what a profile gets wrong for all nets alike moves none past another. By
    default it is 0, which errs towards `possible`. Truths are taken to differ: a net given twice is `possible` twice.
    The same points give the same answer. Raises ValueError where measured and predicted latencies are mixed.
    """
    _of_one_kind(points)
    found = [Membership(None, "", point.lacks or ("" if spread.sd else NO_SPREAD)) for point in points]
    rows = [i for i, one in enumerate(found) if not one.why]
    if not rows:
        return found
    shares = fronts(*_drawn([points[i] for i in rows], spread, common)).mean(axis=0)
    for i, share in zip(rows, shares.tolist(), strict=True):
        word = "certain" if share >= SURE else "dominated" if share <= 1 - SURE else "possible"
        found[i] = Membership(share, word)
    return found


def noisy_hypervolume(
    points: Sequence[Noisy], spread: PooledSpread, reference: tuple[float, float], common: float = 0.0
) -> Volume | None:
    """The hypervolume of the true front; `reference` is a mean and a latency in ms. None where nothing can be told.

    The rest as for `membership`; but here a `common` that is too small gives an interval that is too narrow. So does
    a scatter of the truths far below the error of their means: then 70 to 80 % of intervals hold the truth.
    """
    _of_one_kind(points)
    placed = [point for point in points if not point.lacks]
    if not placed or not spread.sd:
        return None
    low, median, high = np.quantile(hypervolumes(*_drawn(placed, spread, common), reference), [0.05, 0.5, 0.95])
    return Volume(float(median), float(low), float(high))


def median_ends(block_medians_ms: Sequence[float]) -> tuple[float, float] | None:
    """The 90 % interval of a measured latency from the medians of its blocks of runs, ms; None below two blocks.

    Student's t of their logarithms, the blocks taken as independent: a machine that drifts over many is off by more.
    """
    if len(block_medians_ms) < 2:
        return None
    logs = np.log(block_medians_ms)
    half = float(stats.t.ppf(0.95, len(logs) - 1) * logs.std(ddof=1) / math.sqrt(len(logs)))
    return math.exp(float(logs.mean()) - half), math.exp(float(logs.mean()) + half)


def _of_one_kind(points: Sequence[Noisy]) -> None:
    kinds = {point.predicted for point in points if not point.lacks} - {None}
    if len(kinds) > 1:
        raise ValueError("measured and predicted latencies make no front together: take those of one kind")


def _drawn(points: Sequence[Noisy], spread: PooledSpread, common: float) -> tuple[Array, Array]:
    """Truths as they may be: the means (draws, points), and the latencies, (1, points) where all are exact."""
    if not 0 <= common <= 1:
        raise ValueError(f"a share that is common lies between 0 and 1, got {common}")
    draws = min(DRAWS, max(MOST_NUMBERS // len(points), 200))
    rng = np.random.default_rng(0)
    mean = np.array([point.mean for point in points], dtype=float)
    seeds = np.array([point.n for point in points], dtype=float)
    low, latency, high = np.log([point.ends for point in points]).T
    trend = np.ones((len(points), 1))
    if len(points) >= FEWEST and np.ptp(latency) > SAME:
        trend = np.column_stack([trend, (latency - latency.mean()) / latency.std()])
    if len(points) > 1:
        means = drawn_means(mean, seeds, trend, spread, draws, rng)
    else:  # without others to compare with
        assert spread.sd is not None
        means = mean + spread.sd / np.sqrt(seeds) * rng.standard_t(spread.df, (draws, 1))
    if np.array_equal(low, high):
        return means, np.exp(latency)[None]
    own = rng.standard_normal(means.shape)
    error = math.sqrt(common) * rng.standard_normal((draws, 1)) + math.sqrt(1 - common) * own
    return means, np.exp(latency + error * np.where(error < 0, latency - low, high - latency) / NINETY)
