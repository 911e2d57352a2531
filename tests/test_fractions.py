"""Fractions of a factorial: as small, as clear and as informative as the literature's."""

from functools import reduce
from itertools import combinations, product
from operator import xor

import numpy as np
import pytest

from rdslab.search.fractions import (
    coded,
    efficiency_of,
    optimal_subset,
    regular_fraction,
    resolution_of,
    smallest_fraction,
    unknowns_of,
)

# The sizes of the standard table (Box, Hunter and Hunter 1978), and of the best codes for resolution 5.
SIZES = """
    3 3 4, 4 4 8, 5 5 16, 5 3 8, 6 4 16, 6 3 8, 7 4 16, 7 3 8, 8 5 64, 8 4 16, 9 6 128, 9 4 32, 10 5 128, 11 5 128,
    11 4 32, 11 3 16, 15 4 32, 15 3 16
"""


@pytest.mark.parametrize("line", SIZES.split(","))
def test_the_smallest_fraction_is_that_of_the_standard_table(line: str) -> None:
    factors, resolution, runs = map(int, line.split())
    generators = smallest_fraction(factors, resolution)
    assert generators is not None
    assert 2 ** (factors - len(generators)) == runs
    assert resolution_of(generators) >= resolution


@pytest.mark.parametrize(
    ("factors", "resolution", "length", "words"), [(9, 3, 3, 4), (9, 4, 4, 6), (10, 4, 4, 10), (7, 4, 4, 7)]
)
def test_of_the_fractions_of_one_size_that_with_the_fewest_short_words_is_taken(
    factors: int, resolution: int, length: int, words: int
) -> None:
    generators = smallest_fraction(factors, resolution)
    assert generators is not None
    each = [1 << added | sum(1 << f for f in sources) for added, sources in generators.items()]
    products = [reduce(xor, some) for n in range(1, len(each) + 1) for some in combinations(each, n)]
    assert sum(word.bit_count() == length for word in products) == words  # of least aberration (Wu and Hamada 2000)


@pytest.mark.parametrize(("factors", "resolution"), [(4, 4), (5, 5), (6, 4), (7, 3), (8, 4)])
def test_a_resolution_keeps_effects_apart_as_it_promises(factors: int, resolution: int) -> None:
    generators = smallest_fraction(factors, resolution)
    assert generators is not None
    signs = 1 - 2 * np.array(regular_fraction(factors, generators))
    assert (signs[0] == 1).all()
    orders = [(a, b) for a in range(1, resolution) for b in range(a, resolution - a)]
    for low, high in orders:
        for first in combinations(range(factors), low):
            for second in combinations(range(factors), high):
                if first != second:
                    assert abs((signs[:, first].prod(1) * signs[:, second].prod(1)).sum()) < len(signs)


def test_the_contrasts_are_orthonormal_over_all_combinations() -> None:
    levels = (3, 2, 4)
    rows = coded(list(product(*map(range, levels))), levels, interactions=True)
    assert rows.shape == (24, unknowns_of(levels, interactions=True))
    assert np.allclose(rows.T @ rows / len(rows), np.eye(rows.shape[1]))


@pytest.mark.parametrize(("levels", "runs"), [((3, 3, 3), 9), ((3, 3, 3, 3), 9), ((4, 4, 4), 16), ((2,) * 7, 8)])
def test_an_orthogonal_array_is_found_where_there_is_one(levels: tuple[int, ...], runs: int) -> None:
    chosen = optimal_subset(levels, runs)
    assert len(set(chosen)) == runs
    assert chosen[0] == (0,) * len(levels)
    assert efficiency_of(chosen, levels) == pytest.approx(1)


def test_a_subset_is_as_good_as_the_best_of_all_that_hold_the_base() -> None:
    levels, runs = (3, 2, 2), 6
    rest = [run for run in product(*map(range, levels)) if any(run)]
    best = max(efficiency_of([(0, 0, 0), *chosen], levels) for chosen in combinations(rest, runs - 1))
    assert efficiency_of(optimal_subset(levels, runs), levels) == pytest.approx(best)


def test_a_subset_for_interactions_can_tell_them() -> None:
    levels, runs = (3, 3, 2), 14
    chosen = optimal_subset(levels, runs, interactions=True)
    rows = coded(chosen, levels, interactions=True)
    assert np.linalg.matrix_rank(rows) == unknowns_of(levels, interactions=True) == 14
