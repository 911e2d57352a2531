"""Main effects and interactions of a factorial design, whole or in part, with seeds as blocks.

Least squares with sum-to-zero coding. What is wrong with one run is taken from how its seeds disagree once runs and
seeds are accounted for (pure error), so that an interaction nobody asked about does not pass for noise.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rdslab.stats.intervals import LEVEL, ROUNDING, finite, holm

Array = NDArray[np.float64]
Run = tuple[str, ...]  # the level of each factor
SAME = 1e-9  # how far rounding takes a column out of the span it lies in


@dataclass(frozen=True)
class Effect:
    """What a level does against the first of its factor, or two levels together beyond what each does alone.

    `estimate` is in the response's unit: the difference of two marginal means, or of two such differences. None where
    the runs do not tell it apart from `aliased_with`, where `why` says so.
    """

    factors: tuple[str, ...]  # one, or two of an interaction
    levels: tuple[str, ...]
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None  # over all effects of the design
    df: int = 0
    aliased_with: tuple[tuple[str, ...], ...] = ()  # effects whose sum with this one is what the estimate shows
    why: str = ""


@dataclass(frozen=True)
class _Error:
    """How far one value lies from its run and its seed, and with how many degrees of freedom that is known."""

    sd: float
    df: int
    level: float  # of the intervals


@dataclass(frozen=True)
class _Term:
    """A main effect or an interaction as columns: one a level beyond the first, or a product of such."""

    factors: tuple[int, ...]
    columns: Array  # rows x columns


def effects(
    values: Mapping[Run, Mapping[int, float | None]],
    factors: Mapping[str, Sequence[str]],
    order: int = 2,
    level: float = LEVEL,
) -> list[Effect]:
    """Effects from a response by run and seed. `factors` holds the levels of each, in the order of the runs' words.

    Main effects are averages over the levels of the other factors; with `order` 2 there are interactions of every two
    factors too. A term that the runs cannot tell from an earlier one is left out, and both name each other. Raises
    ValueError for a run with a level that its factor has not.
    """
    rows = [(run, seed, value) for run, seeds in values.items() for seed, value in seeds.items() if finite([value])]
    if not rows:
        return []
    codes = _codes([run for run, _, _ in rows], factors)
    y = np.array([value for _, _, value in rows], dtype=float)
    seeds = _dummies([seed for _, seed, _ in rows])
    terms = [
        _term(codes, factors, which) for n in range(1, order + 1) for which in combinations(range(len(factors)), n)
    ]
    kept, aliases = _told_apart(terms, seeds)
    x = np.hstack([np.ones((len(y), 1)), seeds, *(term.columns for term in kept)])
    error = _pure_error(y, seeds, [run for run, _, _ in rows], level)
    found = _estimates(x, y, kept, terms, factors, aliases, error, seeds.shape[1])
    corrected = holm([effect.p for effect in found])
    return [replace(effect, p_holm=p) for effect, p in zip(found, corrected, strict=True)]


def _codes(runs: Sequence[Run], factors: Mapping[str, Sequence[str]]) -> NDArray[np.int_]:
    codes = np.zeros((len(runs), len(factors)), dtype=int)
    for column, (name, levels) in enumerate(factors.items()):
        place = {word: i for i, word in enumerate(levels)}
        for row, run in enumerate(runs):
            if run[column] not in place:
                raise ValueError(f"factor {name!r} has no level {run[column]!r}; it has {', '.join(levels)}")
            codes[row, column] = place[run[column]]
    return codes


def _contrasts(levels: int) -> Array:
    """Levels x (levels - 1), each column a level beyond the first; sum to zero over the levels."""
    return np.asarray(np.vstack([-np.ones(levels - 1), np.eye(levels - 1)]))


def _term(codes: NDArray[np.int_], factors: Mapping[str, Sequence[str]], which: tuple[int, ...]) -> _Term:
    sizes = [len(levels) for levels in factors.values()]
    columns = np.ones((len(codes), 1))
    for factor in which:
        own = _contrasts(sizes[factor])[codes[:, factor]]
        columns = (columns[:, :, None] * own[:, None, :]).reshape(len(codes), -1)
    return _Term(which, columns)


def _dummies(labels: Sequence[object]) -> Array:
    """A column for each label but the first."""
    kinds = list(dict.fromkeys(labels))
    return np.array([[float(label == kind) for kind in kinds[1:]] for label in labels]).reshape(len(labels), -1)


def _told_apart(terms: Sequence[_Term], seeds: Array) -> tuple[list[_Term], dict[tuple[int, ...], list[_Term]]]:
    """The terms that add something to those before them; and for each that does not, which of them it looks like."""
    whole = np.hstack([np.ones((len(seeds), 1)), seeds])
    kept: list[_Term] = []
    aliases: dict[tuple[int, ...], list[_Term]] = {}
    for term in terms:
        wider = np.hstack([whole, term.columns])
        if np.linalg.matrix_rank(wider) == np.linalg.matrix_rank(whole) + term.columns.shape[1]:
            kept.append(term)
            whole = wider
        else:
            aliases[term.factors] = [other for other in kept if _overlap(term.columns, other.columns)]
    return kept, aliases


def _overlap(a: Array, b: Array) -> bool:
    """Whether a part of what the columns of `a` say is what those of `b` say."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    rank = np.linalg.matrix_rank
    return bool(rank(np.hstack([a, b]), tol=SAME * len(a)) < rank(a, tol=SAME * len(a)) + rank(b, tol=SAME * len(b)))


def _pure_error(y: Array, seeds: Array, runs: Sequence[Run], level: float) -> _Error:
    x = np.hstack([np.ones((len(y), 1)), seeds, _dummies(runs)])
    df = len(y) - int(np.linalg.matrix_rank(x))
    rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return _Error(math.sqrt(float(rest @ rest) / df) if df else math.nan, df, level)


def _estimates(
    x: Array,
    y: Array,
    kept: Sequence[_Term],
    terms: Sequence[_Term],
    factors: Mapping[str, Sequence[str]],
    aliases: Mapping[tuple[int, ...], Sequence[_Term]],
    error: _Error,
    blocks: int,
) -> list[Effect]:
    inverse = np.linalg.pinv(x.T @ x)
    solved = inverse @ x.T @ y
    names = list(factors)
    found: list[Effect] = []
    start = 1 + blocks
    for term in kept:
        looks_like = tuple(tuple(names[i] for i in which) for which, others in aliases.items() if term in others)
        named = tuple(names[i] for i in term.factors)
        for levels, contrast in _wanted(term, factors):
            weights = np.zeros(x.shape[1])
            weights[start : start + len(contrast)] = contrast
            spread = math.sqrt(float(weights @ inverse @ weights))
            effect = Effect(named, levels, float(weights @ solved), aliased_with=looks_like)
            found.append(_tested(effect, spread, error, float(np.abs(y).max(initial=0.0))))
        start += term.columns.shape[1]
    for term in terms:
        if term.factors in aliases:
            like = tuple(tuple(names[i] for i in other.factors) for other in aliases[term.factors])
            said = ", ".join(" x ".join(one) for one in like) or "several effects together"
            named = tuple(names[i] for i in term.factors)
            found += [
                Effect(named, levels, aliased_with=like, why=f"cannot be told from {said} in these runs")
                for levels, _ in _wanted(term, factors)
            ]
    return found


def _wanted(term: _Term, factors: Mapping[str, Sequence[str]]) -> list[tuple[tuple[str, ...], Array]]:
    """The levels of a term beyond the first, each with the weights of its columns: the level minus the first."""
    levels = list(factors.values())
    found: list[tuple[tuple[str, ...], Array]] = [((), np.ones(1))]
    for factor in term.factors:
        coded = _contrasts(len(levels[factor]))
        found = [
            ((*words, levels[factor][i]), np.kron(weights, coded[i] - coded[0]))
            for words, weights in found
            for i in range(1, len(levels[factor]))
        ]
    return found


def _tested(effect: Effect, spread: float, error: _Error, scale: float) -> Effect:
    """The effect with its interval, from the standard error of its weights at a standard deviation of 1."""
    if effect.estimate is None or not error.df:
        return replace(effect, why="one seed: there is no spread to hold it against")
    if error.sd <= ROUNDING * scale:
        return replace(effect, df=error.df, why="no spread over the seeds")
    half = float(stats.t.ppf(0.5 + error.level / 2, error.df)) * error.sd * spread
    p = float(2 * stats.t.sf(abs(effect.estimate) / (error.sd * spread), error.df))
    return replace(effect, low=effect.estimate - half, high=effect.estimate + half, p=p, df=error.df)
