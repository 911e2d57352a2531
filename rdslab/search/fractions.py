"""Parts of a factorial: regular fractions of two-level factors, and D-optimal subsets for more levels. No torch."""

import random
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

MOST_FACTORS = 15  # of a regular fraction: its defining words are all looked at
MOST_CANDIDATES = 1024  # combinations that a D-optimal subset is chosen from
MOST_STARTS, WORK = 60, 3_000_000  # a small search is begun from more places than a large one
MOST_PASSES = 20
LEAST_GAIN = 1e-3  # of the determinant, for which two runs are exchanged
RIDGE = 1e-6  # keeps the information of too few runs regular
Generators = Mapping[int, tuple[int, ...]]  # an added factor -> the factors whose product its column is
Run = tuple[int, ...]  # the level of each factor


def regular_fraction(factors: int, generators: Generators) -> list[Run]:
    """All runs of a two-level fraction, the one at the first level of every factor in front.

    Of the fractions with these generators it is the one that holds that run.
    """
    free = [f for f in range(factors) if f not in generators]
    runs = []
    for levels in product((0, 1), repeat=len(free)):
        of = dict(zip(free, levels, strict=True))
        of |= {added: sum(of[f] for f in sources) % 2 for added, sources in generators.items()}
        runs.append(tuple(of[f] for f in range(factors)))
    return runs


def resolution_of(generators: Generators) -> int:
    """Length of the shortest word of the defining relation (Box and Hunter 1961); needs at least one generator."""
    words = np.zeros(1, dtype=np.int64)
    for added, sources in generators.items():
        words = _with_word(words, 1 << added | sum(1 << f for f in sources))
    return int(_lengths(words[1:]).min())


def smallest_fraction(factors: int, resolution: int) -> Generators | None:
    """Generators of the smallest regular fraction found with at least this resolution; None where only all will do.

    The last factors are the added ones. Their columns are chosen one by one for least aberration (Fries and Hunter
    1980: the fewest short words), and where that misses the resolution, as the next column that makes no short word
    (the check matrix of a lexicographic code; Conway and Sloane 1986).
    """
    for free in range(factors.bit_length(), factors):
        for columns in (_least_aberration(factors, free), _lexicographic(factors, free, resolution)):
            generators = {
                free + i: tuple(f for f in range(free) if column >> f & 1) for i, column in enumerate(columns)
            }
            if len(columns) == factors - free and resolution_of(generators) >= resolution:
                return generators
    return None


def _with_word(words: NDArray[np.int64], word: int) -> NDArray[np.int64]:
    return np.concatenate([words, words ^ word])


def _lengths(words: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many factors each word has."""
    return np.asarray(sum(words >> f & 1 for f in range(MOST_FACTORS)))


def _least_aberration(factors: int, free: int) -> list[int]:
    """Added columns one by one with the fewest short words, from every weight of the first one; the best of these."""
    found = []
    for weight in range(2, free + 1):
        columns, words = [(1 << weight) - 1], np.array([0, (1 << weight) - 1 | 1 << free])
        for added in range(free + 1, factors):
            choices = [c for c in range(1, 1 << free) if c.bit_count() > 1 and c not in columns]
            if not choices:
                return []
            lengths = _lengths(words[None, :] ^ (np.array(choices)[:, None] | 1 << added))
            column = min(zip(map(_pattern, lengths), choices, strict=True))[1]
            columns.append(column)
            words = _with_word(words, column | 1 << added)
        found.append((_pattern(_lengths(words[1:])), columns))
    return min(found)[1] if found else []


def _pattern(lengths: NDArray[np.int64]) -> tuple[int, ...]:
    """How many words have 0, 1, 2, ... factors: of two designs the one with the smaller pattern aliases less."""
    return tuple(np.bincount(lengths, minlength=MOST_FACTORS + 1).tolist())


def _lexicographic(factors: int, free: int, resolution: int) -> list[int]:
    """Columns of the added factors such that no fewer than `resolution` columns of all multiply to a constant."""
    short = [{0}, *[set[int]() for _ in range(resolution - 2)]]  # sums of 0, 1, ..., resolution - 2 columns
    columns: list[int] = []
    for column in [*(1 << f for f in range(free)), *range(1, 1 << free)]:
        if len(columns) == factors or any(column in sums for sums in short):
            continue
        columns.append(column)
        for size in range(resolution - 2, 0, -1):
            short[size] |= {total ^ column for total in short[size - 1]}
    return columns[free:]


def optimal_subset(levels: Sequence[int], runs: int, *, interactions: bool = False) -> list[Run]:
    """So many different runs, the base in front, whose information on main effects is greatest (D-optimal).

    With `interactions` on those of every two factors too. Runs are exchanged one at a time as long as the determinant
    of the information matrix grows (Fedorov 1972), from several starts. `runs` is at least `unknowns_of`.
    """
    candidates = list(product(*map(range, levels)))
    rows = coded(candidates, levels, interactions=interactions)
    starts = max(1, min(MOST_STARTS, WORK // (rows.size * runs)))
    found = [_exchanged(rows, _start(rows, runs, seed)) for seed in range(starts)]
    best = max(found, key=lambda chosen: round(_information(rows[chosen]), 9))
    return [candidates[i] for i in sorted(best)]


def unknowns_of(levels: Sequence[int], *, interactions: bool = False) -> int:
    """Numbers that main effects, and interactions of two where wished, take with the mean."""
    own = [n - 1 for n in levels]
    two = (sum(own) ** 2 - sum(n * n for n in own)) // 2 if interactions else 0
    return 1 + sum(own) + two


def efficiency_of(runs: Sequence[Run], levels: Sequence[int], *, interactions: bool = False) -> float:
    """D-efficiency, 0 to 1: 1 where all effects are estimated as in a full factorial of as many runs."""
    rows = coded(runs, levels, interactions=interactions)
    return float(np.exp(_information(rows) / rows.shape[1]) / len(rows))


def coded(runs: Sequence[Run], levels: Sequence[int], *, interactions: bool = False) -> NDArray[np.float64]:
    """The model matrix (runs, unknowns), with contrasts that are orthonormal over the full factorial."""
    place = np.array(runs).reshape(len(runs), len(levels))
    blocks = [_contrasts(n)[place[:, f]] for f, n in enumerate(levels)]
    columns = [np.ones((len(runs), 1)), *blocks]
    if interactions:
        for i, a in enumerate(blocks):
            columns += [(a[:, :, None] * b[:, None, :]).reshape(len(runs), -1) for b in blocks[i + 1 :]]
    return np.concatenate(columns, axis=1)


def _contrasts(levels: int) -> NDArray[np.float64]:
    """(levels, levels - 1): Helmert's, each with mean 0 and mean square 1 over the levels."""
    raw = np.array([[-1.0 if row < c else c if row == c else 0.0 for c in range(1, levels)] for row in range(levels)])
    return np.asarray(raw / np.sqrt((raw**2).mean(axis=0)))


def _information(rows: NDArray[np.float64]) -> float:
    """log det of the information matrix, -inf for a singular one."""
    sign, value = np.linalg.slogdet(rows.T @ rows)
    return float(value) if sign > 0 else -np.inf


def _start(rows: NDArray[np.float64], runs: int, seed: int) -> list[int]:
    """The base and the run that adds most, again and again; a further start begins with more runs that are drawn."""
    chosen = [0, *random.Random(seed).sample(range(1, len(rows)), seed % runs)]
    while len(chosen) < runs:
        _, gain = _uncertainty(rows, chosen)
        gain[chosen] = -1.0
        chosen.append(int(np.argmax(gain.round(9))))
    return chosen


def _uncertainty(rows: NDArray[np.float64], chosen: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The inverse information of the chosen runs, and the variance of each row's response that it leaves."""
    known = rows[list(chosen)]
    inverse = np.asarray(np.linalg.inv(known.T @ known + RIDGE * np.eye(rows.shape[1])), dtype=np.float64)
    return inverse, np.asarray(((rows @ inverse) * rows).sum(axis=1))


def _exchanged(rows: NDArray[np.float64], chosen: list[int]) -> list[int]:
    """The choice after every exchange that helps; the base stays.

    By what factor one run more makes the determinant larger is 1 plus the variance of its response without it.
    """
    for _ in range(MOST_PASSES):
        before = chosen
        inverse, variance = _uncertainty(rows, chosen)
        for place in range(1, len(chosen)):
            own = inverse @ rows[chosen[place]]
            without = variance + (rows @ own) ** 2 / (1 - rows[chosen[place]] @ own)  # Sherman and Morrison
            now = without[chosen[place]]
            without[chosen[:place] + chosen[place + 1 :]] = -1.0
            best = int(np.argmax(without.round(9)))
            if 1 + without[best] > (1 + now) * (1 + LEAST_GAIN):
                chosen = [*chosen[:place], best, *chosen[place + 1 :]]
                inverse, variance = _uncertainty(rows, chosen)
        if chosen == before:
            break
    return chosen
