"""Samplers for searches over networks, as Optuna's: ours knows what a candidate costs before it is trained."""

from rdslab.sampling.known_cost import CONSTRAINTS, Known, KnownCostSampler

__all__ = ["CONSTRAINTS", "Known", "KnownCostSampler"]
