"""Intervals, corrections for many comparisons, and Pareto fronts; numpy and scipy only."""

from rdslab.stats.intervals import (
    Estimate,
    PooledSpread,
    holm,
    mean_estimate,
    paired_difference,
    pooled_spread,
)
from rdslab.stats.pareto import front, hypervolume

__all__ = [
    "Estimate",
    "PooledSpread",
    "front",
    "holm",
    "hypervolume",
    "mean_estimate",
    "paired_difference",
    "pooled_spread",
]
