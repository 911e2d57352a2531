"""Fronts and hypervolumes of points drawn by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdslab.stats import front, hypervolume
from rdslab.stats.pareto import fronts, hypervolumes

WAYS = ("minimize", "maximize")


def test_the_front_of_latency_and_miou():
    points = [(10, 0.5), (20, 0.6), (20, 0.55), (30, 0.6), (5, 0.3)]
    assert front(points, WAYS) == [True, True, False, False, True]


def test_equal_points_share_their_fate():
    assert front([(1, 1), (1, 1), (2, 1)], WAYS) == [True, True, False]


def test_a_point_with_a_missing_value_is_not_on_the_front_and_beats_nobody():
    assert front([(math.nan, 0.9), (1, None), (2, 0.1), (math.inf, 0.95)], WAYS) == [False, False, True, False]


def test_no_points_have_no_front():
    assert front([], WAYS) == []


def test_an_unknown_direction_is_refused():
    with pytest.raises(ValueError, match="'minimize' or 'maximize', got 'up'"):
        front([(1, 2)], ("minimize", "up"))


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=30))
def test_a_front_is_what_its_definition_says(points):
    def beats(a, b):
        return all(x <= y for x, y in zip(a, b, strict=True)) and a != b

    member = front(points, ("minimize", "minimize", "maximize"))
    signed = [(a, b, -c) for a, b, c in points]
    assert member == [not any(beats(other, one) for other in signed) for one in signed]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_every_point_off_the_front_is_beaten_by_one_on_it(points):
    member = front(points, ("minimize", "minimize"))
    kept = [p for p, m in zip(points, member, strict=True) if m]
    assert kept
    for point, on_front in zip(points, member, strict=True):
        beaten = any(a <= point[0] and b <= point[1] and (a, b) != point for a, b in kept)
        assert on_front is not beaten


def test_the_hypervolume_by_hand():
    # reference (4, 0): (1, 1) gives 3 x 1, (2, 3) adds 2 x 2; (3, 2) is dominated, (5, 9) lies outside
    points = [(3, 2), (1, 1), (5, 9), (2, 3), (math.nan, 9)]
    assert hypervolume(points, WAYS, (4, 0)) == pytest.approx(7.0)
    assert hypervolume([], WAYS, (4, 0)) == 0


def test_a_hypervolume_of_three_objectives_is_refused():
    with pytest.raises(ValueError, match="two objectives, got 3"):
        hypervolume([(1, 2, 3)], (*WAYS, "minimize"), (0, 0, 0))


POINTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12, unique=True)


@given(st.lists(POINTS, min_size=3, max_size=3))
def test_many_fronts_and_areas_at_once_are_those_of_each(tables):
    size = min(map(len, tables))
    gain, cost = np.array([table[:size] for table in tables], dtype=float).transpose(2, 0, 1)
    ways = ("maximize", "minimize")
    for i, (member, area) in enumerate(zip(fronts(gain, cost), hypervolumes(gain, cost, (1, 4)), strict=True)):
        points = list(zip(gain[i].tolist(), cost[i].tolist(), strict=True))
        assert member.tolist() == front(points, ways)
        assert area == pytest.approx(hypervolume(points, ways, (1, 4)))


def test_draws_that_share_their_costs_need_them_once():
    gain, cost = np.random.default_rng(0).random((2, 50, 8))
    assert (fronts(gain, cost[:1]) == fronts(gain, np.tile(cost[:1], (50, 1)))).all()
    assert hypervolumes(gain, cost[:1], (0, 1)) == pytest.approx(hypervolumes(gain, np.tile(cost[:1], (50, 1)), (0, 1)))


def test_of_equal_points_one_stands_for_all():
    assert fronts(np.array([[0.5, 0.5, 0.4]]), np.array([[3.0, 3.0, 9.0]])).sum() == 1
