"""Pareto fronts: which points no other point beats, and how much they dominate."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DIRECTIONS = {"minimize": 1.0, "maximize": -1.0}


def front(points: Sequence[Sequence[float | None]], directions: Sequence[str]) -> list[bool]:
    """For each point whether it lies on the front: no other is at least as good in all objectives and better in one.

    `directions` says `minimize` or `maximize` an objective. Equal points share their fate; a point with a missing or
    infinite value is never on the front and beats nobody.
    """
    costs = _costs(points, directions)
    known = np.asarray(np.isfinite(costs).all(axis=1))
    member = [False] * len(costs)
    kept = costs[:0]
    for i in np.lexsort(costs.T[::-1]):  # who beats a point stands before it, and so does the member that beats both
        beaten = ((kept <= costs[i]).all(axis=1) & (kept < costs[i]).any(axis=1)).any()
        if known[i] and not beaten:
            member[i], kept = True, np.vstack([kept, costs[i]])
    return member


def hypervolume(
    points: Sequence[Sequence[float | None]], directions: Sequence[str], reference: Sequence[float]
) -> float:
    """Area between a front of two objectives and the reference point, in the product of their units.

    Points that do not beat the reference in both objectives add nothing. Raises ValueError unless there are two
    objectives.
    """
    if len(directions) != 2:
        raise ValueError(f"hypervolume sweeps two objectives, got {len(directions)}")
    costs = _costs(points, directions)
    bound_x, bound_y = _costs([reference], directions)[0]
    area = 0.0
    for x, y in sorted((float(x), float(y)) for x, y in costs if x < bound_x and y < bound_y):
        if y < bound_y:
            area += (float(bound_x) - x) * (float(bound_y) - y)
            bound_y = y
    return area


def fronts(gain: Array, cost: Array) -> NDArray[np.bool_]:
    """Who lies on the front of each draw, (draws, points): more gain is better, less cost is.

    `gain` and `cost` are (draws, points), `cost` also (1, points) where all draws share it. Of points that are equal in
    both, which draws are not, one stands for all.
    """
    order = _cheapest_first(gain, cost)
    best = np.maximum.accumulate(np.take_along_axis(gain, order, axis=1), axis=1)
    member = np.diff(best, axis=1, prepend=-np.inf) > 0
    found = np.empty_like(member)
    np.put_along_axis(found, order, member, axis=1)
    return found


def hypervolumes(gain: Array, cost: Array, reference: tuple[float, float]) -> Array:
    """The area between each draw's front and the reference (gain, cost), (draws,); the rest as for `fronts`."""
    order = _cheapest_first(gain, cost)
    best = np.maximum.accumulate(np.take_along_axis(gain, order, axis=1), axis=1)
    until = np.minimum(np.take_along_axis(np.broadcast_to(cost, gain.shape), order, axis=1), reference[1])
    widths = np.diff(until, axis=1, append=reference[1])
    return np.asarray((np.maximum(best - reference[0], 0.0) * widths).sum(axis=1))


def _cheapest_first(gain: Array, cost: Array) -> NDArray[np.intp]:
    """The points of each draw by cost, of equally dear ones the best first."""
    order = np.argsort(cost, axis=1)
    if not (np.diff(np.take_along_axis(cost, order, axis=1), axis=1) == 0).any():
        return np.broadcast_to(order, gain.shape)
    best_first = np.argsort(-gain, axis=1)
    sorted_cost = np.take_along_axis(np.broadcast_to(cost, gain.shape), best_first, axis=1)
    return np.take_along_axis(best_first, np.argsort(sorted_cost, axis=1, kind="stable"), axis=1)


def _costs(points: Sequence[Sequence[float | None]], directions: Sequence[str]) -> Array:
    """All objectives to be minimised, (points, objectives); None becomes NaN."""
    unknown = [d for d in directions if d not in DIRECTIONS]
    if unknown:
        raise ValueError(f"a direction is 'minimize' or 'maximize', got {unknown[0]!r}")
    values = [[math.nan if v is None else float(v) for v in point] for point in points]
    signs = np.array([DIRECTIONS[d] for d in directions])
    return np.asarray(np.array(values, dtype=float).reshape(len(values), len(directions)) * signs)
