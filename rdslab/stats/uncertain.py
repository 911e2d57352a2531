"""The Pareto front under noise: which points lie on it for certain, which may, and how much it dominates.

A point's observed mean is what it is plus luck, and the front picks the lucky. So truths are drawn as they may be given
what was seen: the means are drawn towards the line that all points follow over log latency, as far as the pooled spread
of the seeds says that they differ by luck (empirical Bayes, Efron and Morris 1973), and each draw's front is taken.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rdslab.stats.intervals import PooledSpread

Array = NDArray[np.float64]

DRAWS, MOST_NUMBERS = 4000, 2_000_000  # as many draws of all points as that many numbers allow
SURE = 0.95
NINETY = 1.6449  # standard deviations from the middle to either end of a 90 % interval
FEWEST = 4  # points that a line over log latency is fitted to; below, means are drawn towards their mean


@dataclass(frozen=True)
class Noisy:
    """A net on the plot: the mean of n values, more is better, and its latency, with the 90 % interval of both ends."""

    mean: float | None
    n: int
    latency_ms: float | None
    low_ms: float | None = None  # None: the latency is taken as exact
    high_ms: float | None = None

    @property
    def known(self) -> bool:
        """Whether it has a place on the plot."""
        values = (self.mean, self.latency_ms)
        return self.n > 0 and all(v is not None and math.isfinite(v) for v in values) and (self.latency_ms or 0) > 0


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


def membership(points: Sequence[Noisy], spread: PooledSpread) -> list[Membership]:
    """For each point how probably it is on the true front of these points.

    `spread` is that of one value about its own mean. Errors of predicted latencies are taken as independent: what a
    profile gets wrong for all nets alike moves no net past another, so that the words err towards `possible`. The same
    points give the same answer.
    """
    rows = [i for i, point in enumerate(points) if point.known]
    found = [Membership(None, "", "no mIoU or no latency")] * len(points)
    if not rows:
        return found
    if not spread.sd:
        told = Membership(None, "", "no variant has two seeds that differ")
        return [told if point.known else none for point, none in zip(points, found, strict=True)]
    shares = _drawn_fronts(*_drawn([points[i] for i in rows], spread)).mean(axis=0)
    for i, share in zip(rows, shares.tolist(), strict=True):
        word = "certain" if share >= SURE else "dominated" if share <= 1 - SURE else "possible"
        found[i] = Membership(share, word)
    return found


def noisy_hypervolume(points: Sequence[Noisy], spread: PooledSpread, reference: tuple[float, float]) -> Volume | None:
    """The hypervolume of the true front; `reference` is a mean and a latency in ms. None where nothing can be told."""
    known = [point for point in points if point.known]
    if not known or not spread.sd:
        return None
    mean, latency = _drawn(known, spread)
    order = _fastest_first(mean, latency)
    best = np.maximum.accumulate(np.take_along_axis(mean, order, axis=1), axis=1)
    until = np.minimum(np.take_along_axis(latency, order, axis=1), reference[1])
    widths = np.diff(until, axis=1, append=np.full((len(until), 1), reference[1]))
    areas = (np.maximum(best - reference[0], 0.0) * widths).sum(axis=1)
    low, median, high = np.quantile(areas, [0.05, 0.5, 0.95]).tolist()
    return Volume(median, low, high)


def _drawn(points: Sequence[Noisy], spread: PooledSpread) -> tuple[Array, Array]:
    """Truths as they may be: draws x points of the mean and of the latency."""
    draws = min(DRAWS, max(MOST_NUMBERS // len(points), 200))
    rng = np.random.default_rng(0)
    mean = np.array([point.mean for point in points], dtype=float)
    latency = np.array([point.latency_ms for point in points], dtype=float)
    seeds = np.array([point.n for point in points], dtype=float)
    assert spread.sd is not None
    sd = spread.sd * np.sqrt(spread.df / rng.chisquare(spread.df, (draws, 1)))  # it is an estimate itself
    noise = sd**2 / seeds
    centre, between = _line(mean, np.log(latency), noise, rng)
    with np.errstate(divide="ignore"):  # points that do not differ are as good as the line
        own = 1.0 / (1.0 + noise / between)
    drawn = centre + own * (mean - centre) + np.sqrt(own * noise) * rng.standard_normal((draws, len(points)))
    return drawn, latency * np.exp(_latency_errors(points, rng.standard_normal((draws, len(points)))))


def _line(mean: Array, log_ms: Array, noise: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """The line that the means follow over log latency, and their variance about it beyond the seeds', as they may be.

    `noise` is draws x points. Both are known from few points: where these differ no more than luck explains, taking
    their variance for 0 would make each as good as the line, for certain.
    """
    n = len(mean)
    x = np.column_stack([np.ones(n), log_ms - log_ms.mean()])
    if n < FEWEST or np.ptp(log_ms) == 0.0:
        x = x[:, :1]
    df = n - x.shape[1]
    if df < 1:
        return np.broadcast_to(mean, noise.shape), np.full((len(noise), 1), math.inf)
    solved = np.linalg.pinv(x)
    rest = mean - x @ solved @ mean
    whole = float(rest @ rest) / rng.chisquare(df, (len(noise), 1))
    off = rng.standard_normal((len(noise), x.shape[1])) @ np.linalg.cholesky(solved @ solved.T).T
    between = np.maximum(whole - noise.mean(axis=1, keepdims=True), 0.0)
    return x @ solved @ mean + np.sqrt(np.maximum(whole, noise.mean(axis=1, keepdims=True))) * (off @ x.T), between


def _latency_errors(points: Sequence[Noisy], normal: Array) -> Array:
    """Errors of log latency: normal on either side, as wide as the interval's side."""
    sides = [
        (0.0, 0.0)
        if point.low_ms is None or point.high_ms is None or point.latency_ms is None
        else (math.log(point.latency_ms / point.low_ms), math.log(point.high_ms / point.latency_ms))
        for point in points
    ]
    below, above = np.maximum(np.array(sides).T, 0.0) / NINETY
    return np.asarray(normal * np.where(normal < 0, below, above))


def _fastest_first(mean: Array, latency: Array) -> NDArray[np.int_]:
    """Draws x points: their order by latency, of equally fast ones the best first."""
    best_first = np.argsort(-mean, axis=1)
    order = np.argsort(np.take_along_axis(latency, best_first, axis=1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(best_first, order, axis=1))


def _drawn_fronts(mean: Array, latency: Array) -> NDArray[np.bool_]:
    """Draws x points: who lies on the front of each draw."""
    order = _fastest_first(mean, latency)
    best = np.maximum.accumulate(np.take_along_axis(mean, order, axis=1), axis=1)
    first = np.full((len(best), 1), -np.inf)
    member = np.take_along_axis(mean, order, axis=1) > np.hstack([first, best[:, :-1]])
    found = np.empty_like(member)
    np.put_along_axis(found, order, member, axis=1)
    return found
