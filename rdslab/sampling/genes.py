"""Genotypes as numbers: columns for a surrogate, and pools of candidates to choose from."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

Array = NDArray[np.float64]
Genotype = dict[str, CategoricalChoiceType]

ENUMERABLE = 20_000  # genotypes: of a space of no more, pools are drawn without repeats and need no mutants
TURNS = 10  # slots for which a candidate of a larger space is drawn; half of its pools are mutants
STEPS_OF_A_FLOAT = 1000


class Genes:
    """A space of genotypes of fixed length: each gene is a place in 0, 1, ... of its choices or steps."""

    def __init__(self, space: Mapping[str, BaseDistribution]) -> None:
        self.space = dict(space)
        self.sizes = [_size(distribution) for distribution in self.space.values()]
        self.categorical = [isinstance(one, CategoricalDistribution) for one in self.space.values()]

    @property
    def count(self) -> int:
        """How many genotypes there are."""
        return math.prod(self.sizes)

    def decode(self, places: Sequence[int]) -> Genotype:
        """The genotype of places, as Optuna stores it."""
        pairs = zip(self.space.items(), places, strict=True)
        return {name: _value(distribution, int(place)) for (name, distribution), place in pairs}

    def encode(self, params: Mapping[str, Any]) -> tuple[int, ...] | None:
        """The places of a genotype; None for one that is not of this space."""
        if params.keys() != self.space.keys():
            return None
        try:
            return tuple(_place(distribution, params[name]) for name, distribution in self.space.items())
        except ValueError:
            return None

    def columns(self, places: Array) -> Array:
        """Places (n, genes) as columns: categories as they are, the others on a scale from 0 to 1."""
        top = np.array([1 if c else max(1, size - 1) for c, size in zip(self.categorical, self.sizes, strict=True)])
        return np.asarray(places / top)

    def pool(self, size: int, parents: Sequence[Sequence[int]], seed: int, slot: int) -> NDArray[np.int64]:
        """Candidates (n, genes), each once: drawn evenly, and in a space that is not enumerable also mutated from
        parents, in one gene or a few. There most of those drawn are also drawn for the next slot: what they cost, which
        may take long to find out, is then known."""
        rng = np.random.default_rng([seed, slot])
        if self.count <= ENUMERABLE:
            chosen = rng.choice(self.count, min(size, self.count), replace=False)
            return np.array(np.unravel_index(chosen, tuple(self.sizes))).T
        bounds = np.array(self.sizes)
        share = size // TURNS // (2 if parents else 1)
        turns = [np.random.default_rng([seed, slot - turn, 1]) for turn in range(min(TURNS, slot + 1))]
        drawn = [turn.integers(0, bounds, (share, len(bounds))) for turn in turns]
        missing = size - share * len(turns)
        if parents:
            mutants = np.array(parents)[rng.integers(0, len(parents), size // 2)]
            changed = rng.random(mutants.shape) < (1 + rng.integers(0, 3, (len(mutants), 1))) / len(bounds)
            other = rng.integers(0, bounds, mutants.shape)
            drawn.append(np.where(changed, other, mutants))
            missing -= len(mutants)
        drawn.append(np.random.default_rng([seed, 0, 2]).integers(0, bounds, (max(missing, 0), len(bounds))))
        return np.unique(np.concatenate(drawn), axis=0)


def _size(distribution: BaseDistribution) -> int:
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return (distribution.high - distribution.low) // distribution.step + 1
    assert isinstance(distribution, FloatDistribution), distribution
    if distribution.step is None:
        return STEPS_OF_A_FLOAT + 1 if distribution.low < distribution.high else 1
    return round((distribution.high - distribution.low) / distribution.step) + 1


def _value(distribution: BaseDistribution, place: int) -> CategoricalChoiceType:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[place]
    assert isinstance(distribution, IntDistribution | FloatDistribution), distribution
    if distribution.step is not None:
        return distribution.low + place * distribution.step
    share = place / STEPS_OF_A_FLOAT
    if distribution.log:
        return float(distribution.low * (distribution.high / distribution.low) ** share)
    return float(distribution.low + share * (distribution.high - distribution.low))


def _place(distribution: BaseDistribution, value: Any) -> int:
    if isinstance(distribution, CategoricalDistribution):
        return int(distribution.to_internal_repr(value))
    assert isinstance(distribution, IntDistribution | FloatDistribution), distribution
    number, low, high = float(value), float(distribution.low), float(distribution.high)
    if not low <= number <= high:
        raise ValueError(value)
    if distribution.step is not None:
        return round((number - low) / float(distribution.step))
    if low == high:
        return 0
    share = math.log(number / low, high / low) if distribution.log else (number - low) / (high - low)
    return round(STEPS_OF_A_FLOAT * share)
