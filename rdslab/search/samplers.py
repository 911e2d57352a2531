"""The samplers of a search by name, each made anew for a slot, whose number gives the seed."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from rdslab.records import digest
from rdslab.sampling import KnownCostSampler
from rdslab.search.genotypes import Genotypes

POOL = 1000  # candidates of the sampler that knows costs: a second or two for nets that were never counted


def seed_of(search_seed: int, slot: int) -> int:
    """The seed of a slot's proposal: of nothing else, so that a killed trial moves no other."""
    return int(digest(["proposal", search_seed, slot]), 16) % 2**31


def sampler_of(name: str, genotypes: Genotypes, seed: int) -> Callable[[int], BaseSampler]:
    """By slot the sampler that proposes for it. What one of ours has counted, the next slot's need not count again."""
    if name == "known_cost":
        ours = KnownCostSampler(genotypes.distributions, genotypes.known, seed=seed, pool=POOL, tried=_tried)

        def known_cost(slot: int) -> BaseSampler:
            ours.slot = lambda _: slot
            return ours

        return known_cost
    made: Mapping[str, Callable[[int], BaseSampler]] = {
        "random": lambda seed: optuna.samplers.RandomSampler(seed),
        "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
        "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True),
        "gp": lambda seed: optuna.samplers.GPSampler(seed=seed, deterministic_objective=False),
    }

    def others(slot: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return made[name](seed_of(seed, slot))

    return others


def replayed(params: Mapping[str, Any]) -> BaseSampler:
    """A sampler that proposes what a slot was to try before its worker died."""
    return optuna.samplers.PartialFixedSampler(dict(params), optuna.samplers.RandomSampler(0))


def _tried(trial: FrozenTrial) -> bool:
    """Whether a trial was begun for good: one whose worker died is proposed anew, in its slot."""
    return trial.state is not TrialState.FAIL or "error" in trial.user_attrs
