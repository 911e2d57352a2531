"""Optuna's samplers as a search uses them: made anew for each slot, and spared what they need not look for."""

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler

from rdslab.search.samplers import OneSpace

SPACE: dict[str, BaseDistribution] = {
    "repeat": IntDistribution(1, 8),
    "block": CategoricalDistribution(["rds", "residual"]),
    "fixed": IntDistribution(3, 3),
}
MADE: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: TPESampler(seed=seed, multivariate=True, constant_liar=True),
    "nsga2": lambda seed: NSGAIISampler(seed=seed, population_size=8),
}
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def proposals(made: Callable[[int], BaseSampler], trials: int = 30) -> list[dict[str, Any]]:
    study = optuna.create_study(directions=["maximize", "minimize"])
    for slot in range(trials):
        study.sampler = made(slot)
        trial = study.ask(SPACE)
        repeat = trial.params["repeat"]
        study.tell(trial, [repeat - 2.0 * (trial.params["block"] == "rds"), float(repeat**2)])
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("name", MADE)
def test_a_sampler_in_one_space_proposes_what_it_would_alone(name: str) -> None:
    alike: dict[int, bool] = {}
    found = proposals(lambda slot: OneSpace(MADE[name](slot), SPACE, alike))
    assert found == proposals(MADE[name])
    assert len(alike) == 29
    assert all(alike.values())


def test_with_a_trial_of_another_space_the_sampler_looks_for_itself() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.add_trial(
        optuna.create_trial(params={"depth": 2}, distributions={"depth": IntDistribution(1, 4)}, values=[0.5, 1.0])
    )
    sampler = OneSpace(MADE["tpe"](0), SPACE, {})
    trial = study.trials[0]
    assert sampler.infer_relative_search_space(study, trial) == MADE["tpe"](0).infer_relative_search_space(study, trial)
