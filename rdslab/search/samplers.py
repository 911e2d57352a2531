"""The samplers of a search by name, each made anew for a slot, whose number gives the seed."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from rdslab.records import digest
from rdslab.sampling import KnownCostSampler
from rdslab.search.genotypes import Expected, Genotypes

LEARNT = 10  # slots that are proposed by what was measured before the first of them
POOL = 1000  # candidates of the sampler that knows costs: a second or two for nets that were never counted


def seed_of(search_seed: int, slot: int) -> int:
    """The seed of a slot's proposal: of nothing else, so that a killed trial moves no other."""
    return int(digest(["proposal", search_seed, slot]), 16) % 2**31


def sampler_of(
    name: str, genotypes: Genotypes, seed: int, expected_before: Callable[[int], Expected]
) -> Callable[[int], BaseSampler]:
    """By slot the sampler that proposes for it.

    `expected_before`: what the figures that are measured are expected to be, by those of earlier slots.
    """
    if name == "known_cost":
        return _known_cost(genotypes, seed, expected_before)
    made: Mapping[str, Callable[[int], BaseSampler]] = {
        "random": lambda seed: optuna.samplers.RandomSampler(seed),
        "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
        "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True),
        "gp": lambda seed: optuna.samplers.GPSampler(seed=seed, deterministic_objective=False),
    }

    alike: dict[int, bool] = {}

    def others(slot: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return OneSpace(made[name](seed_of(seed, slot)), genotypes.distributions, alike)

    return others


def _known_cost(
    genotypes: Genotypes, seed: int, expected_before: Callable[[int], Expected]
) -> Callable[[int], BaseSampler]:
    """What it has counted, the next slot's need not count again, as long as the same is expected."""
    made: dict[int, KnownCostSampler] = {}

    def known_cost(slot: int) -> BaseSampler:
        first = slot - slot % LEARNT if genotypes.measured else 0
        if first not in made:
            made.clear()
            genotypes.expected = expected_before(first)
            made[first] = KnownCostSampler(genotypes.distributions, genotypes.known, seed=seed, pool=POOL, tried=_tried)
        made[first].slot = lambda _: slot
        return made[first]

    return known_cost


class OneSpace(BaseSampler):
    """Another sampler, spared the search for the parameters that all trials have: here every trial has every one.

    Optuna's samplers compare all trials for each proposal, unless they live on; these are made anew for each slot.
    `alike`: by trial whether it has these parameters, kept from slot to slot. With a trial of another space, as after a
    change that was forced, the sampler looks for itself.
    """

    def __init__(self, sampler: BaseSampler, space: Mapping[str, BaseDistribution], alike: dict[int, bool]) -> None:
        self.sampler, self.space, self.alike = sampler, dict(sorted(space.items())), alike

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        for other in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            if other.number not in self.alike:
                self.alike[other.number] = other.distributions == self.space
        if not self.alike or not all(self.alike.values()):
            return self.sampler.infer_relative_search_space(study, trial)
        return {name: one for name, one in self.space.items() if not one.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self.sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self.sampler.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self.sampler.after_trial(study, trial, state, values)


def replayed(params: Mapping[str, Any]) -> BaseSampler:
    """A sampler that proposes what a slot was to try before its worker died."""
    return optuna.samplers.PartialFixedSampler(dict(params), optuna.samplers.RandomSampler(0))


def _tried(trial: FrozenTrial) -> bool:
    """Whether a trial was begun for good: one whose worker died is proposed anew, in its slot."""
    return trial.state is not TrialState.FAIL or "error" in trial.user_attrs
