"""Importances are Optuna's own, find what matters, and tell it from chance."""

import math
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from rdslab.stats import importance
from rdslab.stats.importance import Importance, divergences, importances

KINDS = (2, 3, 5, 5, 8)  # values of each gene
Made = tuple[dict[str, list[str]], NDArray[np.float64]]


def made(draw: int, trials: int, effect: float = 1.5) -> Made:
    """Genes drawn at random, and a score in which g0 matters, g2 a little less, and the others not at all."""
    rng = np.random.default_rng(draw)
    x = np.column_stack([rng.integers(0, k, trials) for k in KINDS])
    score = effect * (x[:, 0] == 0) + 0.6 * effect * (x[:, 2] == 1) + rng.normal(0, 1, trials)
    return {f"g{i}": [str(v) for v in x[:, i]] for i in range(len(KINDS))}, score


def told(genes: dict[str, list[str]], loss: NDArray[np.float64]) -> dict[str, Importance]:
    return {one.gene: one for one in importances(genes, {"it": loss.tolist()})["it"]}


def test_genes_that_matter_come_first_and_are_told_from_chance():
    genes, score = made(1, 1000)
    found = told(genes, -score)
    assert list(found)[:2] == ["g0", "g2"]
    assert sum(one.share for one in found.values()) == pytest.approx(1.0)
    assert {gene for gene, one in found.items() if one.p < 0.05} == {"g0", "g2"}
    assert all(0 <= one.low <= one.share <= one.high <= 1 for one in found.values())
    assert found["g0"].share > found["g0"].noise
    assert told(genes, -score) == found


def test_the_best_are_those_of_the_least_loss():
    genes = {"a": ["x"] * 25 + ["y"] * 75, "b": ["x", "y"] * 50}
    loss = np.arange(100.0)
    assert told(genes, loss)["a"].p < 0.05
    assert told(genes, -loss)["a"].p > 0.05  # the last ten are as most trials are


@pytest.mark.parametrize("trials", [40, 157])
def test_what_is_counted_beside_is_the_evaluators_formula(trials):
    genes, score = made(2, trials)
    codes = {gene: np.unique(values, return_inverse=True)[1] for gene, values in genes.items()}
    by_optuna = importance._by_optuna(importance._study(codes), list(codes), -score)
    every = np.ones((1, trials))
    best = importance._best(every, -score).astype(float)
    ours = divergences(codes, best, every)[0] * (best.sum() / trials) ** 2
    assert ours == pytest.approx([by_optuna[gene] for gene in codes], rel=1e-9)


def test_trials_without_the_figure_do_not_count():
    genes, score = made(3, 300)
    loss = -score
    loss[200:] = math.nan
    shorter = {gene: values[:200] for gene, values in genes.items()}
    assert told(genes, loss) == told(shorter, loss[:200])


def test_too_few_trials_or_all_the_best_tell_nothing():
    genes, score = made(4, 60)
    assert importances(genes, {"few": [*score[:39].tolist(), *[math.nan] * 21], "equal": [1.0] * 60}) == {}


def test_nothing_is_printed_and_optunas_logging_stays_as_it_was(capfd):
    before = importance.optuna.logging.get_verbosity()
    told(*made(5, 50))
    assert importance.optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


def test_two_thousand_trials_of_fifteen_genes_take_less_than_three_seconds():
    rng = np.random.default_rng(0)
    genes = {f"g{i}": rng.choice(list("abcde"), 2000).tolist() for i in range(15)}
    losses = {f"objective {i}": rng.random(2000).tolist() for i in range(4)}
    taken = []
    for _ in range(2):  # others may use the machine meanwhile
        start = time.process_time()
        assert len(importances(genes, losses)) == 4
        taken.append(time.process_time() - start)
    assert min(taken) < 3


@pytest.mark.long
@pytest.mark.parametrize("trials", [40, 200])
def test_where_no_gene_matters_few_studies_tell_one(trials):
    false = [any(one.p < 0.05 for one in told(*made(draw, trials, effect=0.0)).values()) for draw in range(200)]
    assert np.mean(false) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 200)


@pytest.mark.long
@pytest.mark.parametrize(("trials", "found"), [(40, 0.45), (200, 0.95)])
def test_intervals_hold_what_such_studies_give_on_average(trials, found):
    each = [told(*made(draw, trials)) for draw in range(150)]
    for gene in each[0]:
        mean = np.mean([one[gene].share for one in each])
        assert np.mean([one[gene].low <= mean <= one[gene].high for one in each]) >= 0.88
    assert np.mean([one["g0"].p < 0.05 for one in each]) >= found
    assert np.mean([any(one[gene].p < 0.05 for gene in ("g1", "g3", "g4")) for one in each]) <= 0.08
