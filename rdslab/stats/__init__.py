"""Intervals, corrections for many comparisons, and Pareto fronts; numpy and scipy only, and Optuna in `importance`."""

from rdslab.stats.intervals import (
    Estimate,
    PooledSpread,
    holm,
    mean_estimate,
    paired_difference,
    pooled_spread,
)
from rdslab.stats.pareto import front, hypervolume
from rdslab.stats.ratios import Ratio, ratio_of

__all__ = [
    "Estimate",
    "PooledSpread",
    "Ratio",
    "front",
    "holm",
    "hypervolume",
    "mean_estimate",
    "paired_difference",
    "pooled_spread",
    "ratio_of",
]
