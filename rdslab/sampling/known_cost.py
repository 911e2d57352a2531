"""The sampler for searches in which all but one objective is known before anything is trained."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from rdslab.sampling.gain import Front, expected_gain
from rdslab.sampling.genes import Genes, Genotype
from rdslab.sampling.surrogate import Surrogate
from rdslab.stats import front

Array = NDArray[np.float64]
Places = tuple[int, ...]

START, POOL = 10, 3000
REMEMBERED = 50_000  # candidates: all of an enumerable space, and the last pools of a larger one
CONSTRAINTS = "constraints"  # of a trial, where Optuna keeps them: above 0 where a limit was broken
OUTLIER = 2.0  # a loss is cut where it lies that many times as far above the median as the best lies below


@dataclass(frozen=True)
class Known:
    """What is known of a candidate before it is trained.

    `values`: the study's objectives, None for the one that only training tells. `violation`: above 0 where it breaks a
    limit. `features`: further figures that may say something of the unknown one, as many for each candidate. `same`:
    equal for candidates that are one and the same, so that a second one is a repeat; by default none are.
    """

    values: Sequence[float | None]
    violation: float = 0.0
    features: Sequence[float] = ()
    same: Hashable = None


@dataclass(frozen=True)
class _Trials:
    """Finished trials as losses: places, the unknown objective (n,) and the known ones (n, objectives)."""

    places: list[Places]
    losses: Array
    costs: Array


class KnownCostSampler(BaseSampler):
    """Proposes the candidate that is expected to add most hypervolume at its known costs.

    A Gaussian process learns the unknown objective from genes and costs; of a pool of candidates, each with its true
    costs, the one with the largest expected gain over the front is taken. The first trials are spread over the costs.
    Candidates that are known to break a limit are taken only where no other is left, repeats only where all was tried.
    Trials of other workers count as if they had scored what is expected of them.

    `space` has the genes; `known` says what is known of a genotype. The same seed, slot and trials give the same
    proposal, in any process; `slot` says a trial's slot, by default its number, and `tried` whether a trial counts as
    a try, by default all: one that was only interrupted may not.
    """

    def __init__(
        self,
        space: Mapping[str, BaseDistribution],
        known: Callable[[Genotype], Known],
        *,
        seed: int = 0,
        slot: Callable[[FrozenTrial], int] = lambda trial: trial.number,
        tried: Callable[[FrozenTrial], bool] = lambda _: True,
        start: int = START,
        pool: int = POOL,
    ) -> None:
        self.genes, self.known, self.seed = Genes(space), known, seed
        self.slot, self.tried = slot, tried
        self.start, self.pool = start, pool
        self._others = RandomSampler(seed)
        self._known = lru_cache(maxsize=REMEMBERED)(lambda places: self.known(self.genes.decode(places)))

    def infer_relative_search_space(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        """The space; genes that have one value only are Optuna's to fill in."""
        return {name: distribution for name, distribution in self.genes.space.items() if not distribution.single()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """What is no gene of the space is drawn at random."""
        return self._others.sample_independent(study, trial, param_name, param_distribution)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The genotype to try next."""
        rng = np.random.default_rng([self.seed, self.slot(trial)])
        others = [other for other in study.get_trials(deepcopy=False) if other.number != trial.number]
        seen = {
            places for other in others if self.tried(other) and (places := self.genes.encode(other.params)) is not None
        }
        found = self._finished(study, others)
        candidates = self._candidates(seen, found, self.slot(trial))
        known = [self._known(places) for places in candidates]
        unknown = _unknown(known[0])
        signs = [-1.0 if d is StudyDirection.MAXIMIZE else 1.0 for i, d in enumerate(study.directions) if i != unknown]
        costs = _costs(known, len(signs))
        running = [other for other in others if other.state is TrialState.RUNNING]
        if len(found.places) < 2 or len(found.places) + len(running) < self.start:
            chosen = _spread(costs * signs, self.slot(trial), self.start, rng)
        else:
            chosen = self._best(candidates, costs * signs, found, running, signs)
        genotype = self.genes.decode(candidates[chosen])
        return {name: genotype[name] for name in search_space}

    def _finished(self, study: Study, trials: Sequence[FrozenTrial]) -> _Trials:
        """The trials that have all their values and a genotype of the space."""
        signs = np.array([-1.0 if d is StudyDirection.MAXIMIZE else 1.0 for d in study.directions])
        rows = [
            (places, signs * np.array(trial.values))
            for trial in trials
            if trial.state is TrialState.COMPLETE
            and max(trial.system_attrs.get(CONSTRAINTS) or [0.0]) <= 0
            and (places := self.genes.encode(trial.params)) is not None
        ]
        rows = [
            (places, values)
            for places, values in rows
            if np.isfinite(values).all() and self._known(places).violation <= 0  # others were never scored
        ]
        if not rows:
            return _Trials([], np.empty(0), np.empty((0, 0)))
        unknown = _unknown(self._known(rows[0][0]))
        values = np.array([values for _, values in rows])
        return _Trials([places for places, _ in rows], values[:, unknown], np.delete(values, unknown, axis=1))

    def _candidates(self, seen: set[Places], found: _Trials, slot: int) -> list[Places]:
        """A pool without what was tried, and without what breaks a limit; where nothing else is left, with it."""
        pool = [tuple(map(int, row)) for row in self.genes.pool(self.pool, _members(found), self.seed, slot)]
        if self.genes.count <= self.pool:
            pool.sort()  # the whole space: its order is no matter of chance
        tried = {self._same(places) for places in seen}
        fresh = [places for places in pool if self._same(places) not in tried]
        within = [places for places in fresh if self._known(places).violation <= 0]
        return within or fresh or pool

    def _same(self, places: Places) -> Hashable:
        same = self._known(places).same
        return places if same is None else same

    def _best(
        self,
        candidates: Sequence[Places],
        costs: Array,
        found: _Trials,
        running: Sequence[FrozenTrial],
        signs: Sequence[float],
    ) -> int:
        """The candidate with the largest expected gain over the front of what was found."""
        pending = [places for trial in running if (places := self.genes.encode(trial.params)) is not None]
        rows, categorical = self._rows([*found.places, *pending, *candidates])
        own, waiting, new = np.split(rows, [len(found.places), len(found.places) + len(pending)])
        middle = float(np.median(found.losses))
        losses = np.minimum(found.losses, middle + OUTLIER * (middle - found.losses.min()))
        surrogate = Surrogate(own, losses, categorical)
        if pending:
            own = np.concatenate([own, waiting])
            losses = np.append(losses, surrogate.predict(waiting)[0])
            surrogate.learn(own, losses)
        awaited = _costs([self._known(places) for places in pending], len(signs))
        spent = np.concatenate([found.costs, awaited * signs])
        expected, _ = surrogate.predict(own)  # the front of what is expected, not of what luck gave
        worst = np.concatenate([spent, costs]).max(axis=0, initial=-np.inf)
        reached = Front(expected, spent, float(losses.max()), worst)
        return int(np.argmax(expected_gain(reached, costs, *surrogate.predict(new))))

    def _rows(self, places: Sequence[Places]) -> tuple[Array, list[bool]]:
        """The surrogate's columns: genes, then what is known, each figure less its mean and over its deviation."""
        known = [self._known(one) for one in places]
        features = np.array([one.features for one in known], float).reshape(len(known), len(known[0].features))
        figures = np.hstack([_costs(known, len(known[0].values) - 1), features])
        positive = (figures > 0).all(axis=0)
        figures[:, positive] = np.log(figures[:, positive])
        deviation = figures.std(axis=0)
        figures = (figures - figures.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        rows = np.hstack([self.genes.columns(np.array(places, float)), figures])
        return rows, [*self.genes.categorical, *[False] * figures.shape[1]]


def _unknown(known: Known) -> int:
    """Which objective is not known. Raises ValueError unless it is one."""
    missing = [i for i, value in enumerate(known.values) if value is None]
    if len(missing) != 1:
        raise ValueError(f"one objective may be unknown before training, here {len(missing)} are: {known.values}")
    return missing[0]


def _costs(known: Sequence[Known], objectives: int) -> Array:
    """The values that are known, (candidates, objectives)."""
    values = [[v for v in one.values if v is not None] for one in known]
    return np.array(values, float).reshape(len(known), objectives)


def _members(found: _Trials) -> list[Places]:
    """The trials on the front of what was seen."""
    both = [(loss, *costs) for loss, costs in zip(found.losses, found.costs, strict=True)]
    member = front(both, ["minimize"] * len(both[0])) if both else []
    return [places for places, on in zip(found.places, member, strict=True) if on]


def _spread(costs: Array, slot: int, start: int, rng: np.random.Generator) -> int:
    """A candidate of the first trials: at its own quantile of the first cost, within that share at random."""
    if not costs.shape[1]:
        return int(rng.integers(len(costs)))
    order = np.argsort(costs[:, 0], kind="stable")
    share = (slot % start + rng.random()) / start
    return int(order[min(int(share * len(order)), len(order) - 1)])
