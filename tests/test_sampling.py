"""The sampler for known costs: expected gains, proposals, limits, workers, repeats, and what it finds."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler

from rdslab.sampling import Known, KnownCostSampler
from rdslab.sampling.gain import Front, expected_gain
from rdslab.sampling.genes import ENUMERABLE, Genes
from rdslab.sampling.surrogate import Surrogate
from rdslab.stats import hypervolume

SPACE = {f"g{i}": CategoricalDistribution(["a", "b", "c"]) for i in range(4)} | {"depth": IntDistribution(1, 4)}
WORTH = {"a": 0.0, "b": 1.0, "c": 0.6}
PRICE = {"a": 1.0, "b": 4.0, "c": 2.0}


def cost(params: Any) -> float:
    return sum(PRICE[params[f"g{i}"]] * (i + 1) for i in range(4)) * params["depth"]


def score(params: Any, noise: float = 0.0) -> float:
    """Rises with depth and worth, less so at the end; the second gene acts only beside the first."""
    worth = sum(WORTH[params[f"g{i}"]] for i in (0, 2, 3)) + 2 * WORTH[params["g0"]] * WORTH[params["g1"]]
    return float(1 - np.exp(-0.12 * worth * params["depth"]) + noise)


def known(params: Any) -> Known:
    return Known((None, cost(params)))


def searched(sampler: Any, trials: int = 40, workers: int = 1, directions: Any = ("maximize", "minimize")) -> Any:
    study = optuna.create_study(directions=directions, sampler=sampler)
    waiting: list[Any] = []
    for _ in range(trials):
        while len(waiting) < workers:
            waiting.append(study.ask(SPACE))
        trial = waiting.pop(0)
        values = {2: [score(trial.params), cost(trial.params)], 1: [score(trial.params)]}
        study.tell(trial, values[len(directions)])
    return study


def params_of(study: Any) -> list[tuple[Any, ...]]:
    return [tuple(trial.params[name] for name in SPACE) for trial in study.trials]


def volume(study: Any) -> float:
    done = [trial.values for trial in study.trials if trial.values]
    return hypervolume(done, ("maximize", "minimize"), (0.0, 160.0))


def simulated_gain(front: Front, costs: Any, mean: float, sd: float, draws: int = 4000) -> float:
    """The mean of what draws of one candidate's loss add to the volume, over one cost."""
    points = list(zip(front.losses, front.costs[:, 0], strict=True))
    reference = (front.worst_loss, front.worst_costs[0])
    before = hypervolume(points, ("minimize", "minimize"), reference)
    losses = np.random.default_rng(0).normal(mean, sd, draws)
    both = ("minimize", "minimize")
    return float(np.mean([hypervolume([*points, (loss, costs)], both, reference) - before for loss in losses]))


FRONT = Front(np.array([0.8, 0.5, 0.55, 0.3]), np.array([[1.0], [2.0], [4.0], [6.0]]), 0.9, np.array([8.0]))


@pytest.mark.parametrize(("at", "mean", "sd"), [(0.5, 0.7, 0.1), (2.0, 0.4, 0.2), (5.0, 0.6, 0.1), (7.0, 0.2, 0.3)])
def test_the_expected_gain_is_the_mean_gain(at: float, mean: float, sd: float) -> None:
    found = expected_gain(FRONT, np.array([[at], [1.5]]), np.array([mean, 0.7]), np.array([sd, 0.1]))
    assert found[0] == pytest.approx(simulated_gain(FRONT, at, mean, sd), rel=0.05, abs=2e-3)


def test_a_candidate_beyond_the_reference_gains_nothing() -> None:
    assert expected_gain(FRONT, np.array([[9.0]]), np.array([0.0]), np.array([0.1]))[0] == 0.0


def test_over_two_costs_the_gain_is_that_of_a_box() -> None:
    empty = Front(np.empty(0), np.empty((0, 2)), 1.0, np.array([4.0, 2.0]))
    found = expected_gain(empty, np.array([[0.0, 0.0], [2.0, 1.0]]), np.array([0.5, 0.5]), np.array([1e-6, 1e-6]))
    assert found == pytest.approx([0.5 * 8, 0.5 * 2], rel=0.05)


def test_without_a_known_objective_it_is_expected_improvement() -> None:
    front = Front(np.array([0.5, 0.7]), np.empty((2, 0)), 1.0, np.empty(0))
    found = expected_gain(front, np.empty((2, 0)), np.array([0.3, 0.5]), np.array([1e-6, 0.1]))
    assert found == pytest.approx([0.2, 0.1 / np.sqrt(2 * np.pi)], rel=1e-3)


def test_the_surrogate_learns_what_matters() -> None:
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.integers(0, 3, (120, 3)), rng.random(120)]).astype(float)
    truth = (rows[:, 0] == 1) * 1.0 + 0.5 * rows[:, 3]
    surrogate = Surrogate(rows[:80], truth[:80] + rng.normal(0, 0.02, 80), [True, True, True, False])
    mean, sd = surrogate.predict(rows[80:])
    assert np.abs(mean - truth[80:]).max() < 0.1
    far, unsure = surrogate.predict(np.array([[1.0, 1.0, 1.0, 5.0]]))
    assert unsure[0] > 3 * sd.max()
    assert np.isfinite(far[0])


@pytest.mark.parametrize(
    "distribution",
    [
        CategoricalDistribution([True, None, 3, "x"]),
        IntDistribution(2, 11, step=3),
        IntDistribution(1, 64, log=True),
        FloatDistribution(0.0, 1.0, step=0.25),
        FloatDistribution(1e-4, 1e-1, log=True),
        FloatDistribution(-1.0, 1.0),
        FloatDistribution(2.0, 2.0),
    ],
)
def test_genotypes_come_back_as_they_were(distribution: Any) -> None:
    genes = Genes({"a": distribution, "b": CategoricalDistribution(["only"])})
    for place in range(genes.sizes[0]):
        params = genes.decode([place, 0])
        assert distribution._contains(distribution.to_internal_repr(params["a"]))
        assert genes.encode(params) == (place, 0)
    assert genes.encode({"a": params["a"]}) is None
    assert genes.encode({"a": "unheard of", "b": "only"}) is None


def test_a_pool_of_a_large_space_holds_mutants_of_its_parents() -> None:
    genes = Genes({f"g{i}": IntDistribution(0, 9) for i in range(12)})
    assert genes.count > ENUMERABLE
    parent = [7] * 12
    pool = genes.pool(400, [parent], seed=0, slot=3)
    assert ((pool == 7).sum(axis=1) >= 8).mean() > 0.4
    assert len(np.unique(pool, axis=0)) == len(pool)
    assert pool.min() == 0
    assert pool.max() == 9


def test_it_finds_more_than_random_search_in_every_paired_run() -> None:
    ours = [volume(searched(KnownCostSampler(SPACE, known, seed=seed))) for seed in range(4)]
    random = [volume(searched(RandomSampler(seed=seed))) for seed in range(4)]
    everything = [dict(zip(SPACE, values, strict=True)) for values in itertools.product(*["abc"] * 4, range(1, 5))]
    best = hypervolume([(score(p), cost(p)) for p in everything], ("maximize", "minimize"), (0.0, 160.0))
    assert min(ours) > 0.98 * best
    assert all(own > other for own, other in zip(ours, random, strict=True))


@pytest.mark.parametrize("workers", [1, 8])
def test_nothing_is_tried_twice(workers: int) -> None:
    study = searched(KnownCostSampler(SPACE, known), workers=workers)
    assert len(set(params_of(study))) == len(study.trials) == 39 + workers


def test_the_same_seed_and_trials_give_the_same_proposals_in_another_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    whole = searched(KnownCostSampler(SPACE, known, seed=3), trials=16)
    optuna.create_study(directions=["maximize", "minimize"], storage=url, study_name="s")
    for _ in range(16):  # opened anew for each trial
        study = optuna.load_study(study_name="s", storage=url, sampler=KnownCostSampler(SPACE, known, seed=3))
        trial = study.ask(SPACE)
        study.tell(trial, [score(trial.params), cost(trial.params)])
    assert params_of(study) == params_of(whole)
    assert params_of(searched(KnownCostSampler(SPACE, known, seed=4), trials=16)) != params_of(whole)


def test_what_breaks_a_limit_is_left_until_nothing_else_is() -> None:
    def limited(params: Any) -> Known:
        return Known((None, cost(params)), violation=cost(params) - 12)

    space = {f"g{i}": CategoricalDistribution(["a", "b", "c"]) for i in range(4)} | {"depth": IntDistribution(1, 1)}
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=KnownCostSampler(space, limited, start=4))
    spent = []
    for _ in range(9):
        trial = study.ask(space)
        spent.append(cost(trial.params))
        study.tell(trial, [score(trial.params), spent[-1]])
    within = sum(cost(dict(zip(space, p, strict=True))) <= 12 for p in itertools.product(*["abc"] * 4, [1]))
    assert within == 3
    assert max(spent[:within]) <= 12 < min(spent[within:])


def test_failed_and_foreign_trials_teach_nothing_and_are_not_tried_again() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=KnownCostSampler(SPACE, known, start=2))
    first = study.ask(SPACE)
    study.tell(first, state=optuna.trial.TrialState.FAIL)
    odd = study.ask({"other": IntDistribution(0, 3)})
    study.tell(odd, [0.5, 1.0])
    for _ in range(6):
        trial = study.ask(SPACE)
        assert trial.params != first.params
        study.tell(trial, [score(trial.params), cost(trial.params)])


def test_a_space_that_was_tried_whole_repeats_itself() -> None:
    space = {"a": IntDistribution(0, 2)}
    sampler = KnownCostSampler(space, lambda params: Known((None, float(params["a"]))), start=1)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.optimize(lambda trial: (1.0, float(trial.suggest_int("a", 0, 2))), n_trials=5)
    assert {trial.params["a"] for trial in study.trials[:3]} == {0, 1, 2}


def test_one_objective_alone_and_two_costs() -> None:
    study = searched(KnownCostSampler(SPACE, lambda _: Known((None,))), trials=30, directions=["maximize"])
    assert study.best_value > 0.75
    both = KnownCostSampler(SPACE, lambda p: Known((cost(p), None, float(p["depth"]))), start=4)
    three = optuna.create_study(directions=["minimize", "maximize", "minimize"], sampler=both)
    for _ in range(12):
        trial = three.ask(SPACE)
        three.tell(trial, [cost(trial.params), score(trial.params), float(trial.params["depth"])])
    assert len(set(params_of(three))) == 12


def test_two_unknown_objectives_are_refused() -> None:
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=KnownCostSampler(SPACE, lambda _: Known((None, None)))
    )
    with pytest.raises(ValueError, match="one objective may be unknown before training, here 2 are"):
        study.ask(SPACE).params  # noqa: B018
