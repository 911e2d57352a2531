"""Which few times tell most about the others."""

import random

import numpy as np
import pytest

from rdslab.records import Cost, Kernel, NodeCost, Size
from rdslab.search.telling import NOISE, UNKNOWN, USUAL_MS, most_telling


def cost(kernels: int, gmacs: float, megabytes: float) -> Cost:
    """A net of so many kernels, with so much to compute and to move."""
    kernel = Kernel("aten.convolution", "conv", 0, 0, 0)
    node = NodeCost("all", "conv", 0, 0, 0, 0, 0, 1, 1, 1, (kernel,) * kernels)
    return Cost("net", Size(64, 64), 19, 0, int(1e9 * gmacs), 0, 0, int(1e6 * megabytes), (node,))


LAUNCHES, ARITHMETIC, MEMORY = cost(900, 0.1, 10), cost(9, 30, 10), cost(9, 0.1, 2000)


def test_one_of_each_sort_tells_more_than_three_of_a_sort() -> None:
    nets = [LAUNCHES, LAUNCHES, ARITHMETIC, ARITHMETIC, MEMORY, MEMORY]
    chosen = most_telling(nets, list("abcdef"), 3)
    assert {id(nets[i]) for i in chosen} == {id(LAUNCHES), id(ARITHMETIC), id(MEMORY)}


def test_all_are_chosen_where_all_are_asked_for_and_none_twice() -> None:
    assert most_telling([LAUNCHES, MEMORY, LAUNCHES], ["a", "b", "a"], 3) == [0, 1, 2]


@pytest.mark.parametrize(("number", "counts"), [(3, [1, 1, 1]), (4, [1, 1, 2]), (5, [1, 2, 2]), (7, [2, 2, 3])])
def test_no_net_is_chosen_twice_before_all_are_chosen_once(number: int, counts: list[int]) -> None:
    nets = [cost(100 * i, i, 100) for i in range(1, 4)] * 3
    names = list("abcabcabc")
    chosen = [names[i] for i in most_telling(nets, names, number)]
    assert sorted(chosen.count(name) for name in "abc") == counts


@pytest.mark.parametrize("number", [3, 4, 6])
def test_what_is_chosen_leaves_the_others_less_uncertain_than_most_choices_by_chance(number: int) -> None:
    chance = random.Random(number)
    nets = [cost(chance.randint(20, 300), chance.uniform(0.1, 40), chance.uniform(50, 4000)) for _ in range(20)]
    terms = np.array([[len(c.kernels), 2 * c.macs, c.bytes] for c in nets]) * USUAL_MS
    shares = terms / terms.sum(axis=1, keepdims=True)

    def left(chosen: list[int]) -> float:
        known = np.eye(3) / UNKNOWN**2 + shares[chosen].T @ shares[chosen] / NOISE**2
        return float(np.trace(shares @ np.linalg.inv(known) @ shares.T))

    others = [left(chance.sample(range(20), number)) for _ in range(200)]
    assert left(most_telling(nets, [str(i) for i in range(20)], number)) < np.quantile(others, 0.05)
