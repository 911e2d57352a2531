"""Labels beside points that do not overlap: candidate places around each point, and the least bad combination.

All coordinates are pixels of one figure; a box is (left, bottom, right, top), a segment (x0, y0, x1, y1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RADII = (3.0, 5.0, 8.0, 12.0, 17.0, 23.0, 30.0, 38.0, 48.0, 60.0, 74.0, 90.0)  # points between marker and label
ANGLES = np.deg2rad(np.arange(0, 360, 15))
SWEEPS = 8
LEADER_FROM = 7.0  # points: nearer labels need no line to their marker
# What an overlap costs, in points of distance that a label would rather go.
OUTSIDE, ON_LABEL, ON_MARKER, ON_BAR, ON_LINE, LEADERS_CROSS, LEADER_ON_LABEL, LEADER_ON_MARKER = (
    5000.0, 5000.0, 1500.0, 25.0, 20.0, 400.0, 900.0, 60.0,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Placement:
    """Where each label's centre goes, which labels get a leader line, and how many labels overlap something hard."""

    centres: Floats  # (n, 2)
    leaders: Floats  # (n, 4): from marker to label; NaN where the label is near enough
    clashes: int  # labels that overlap a label or a marker, or stand outside


@dataclass(frozen=True, eq=False)
class Scene:
    """What labels must not cover."""

    anchors: Floats  # (n, 2) the points that have labels
    sizes: Floats  # (n, 2) width and height of each label
    frame: tuple[float, float, float, float]
    markers: Floats  # (m, 4) boxes
    bars: Floats  # (k, 4) boxes, thin
    lines: Floats  # (l, 4) segments
    point: float  # pixels of one typographic point


def place(scene: Scene) -> Placement:
    """The places found: greedily at first, the thickest crowd before others, then each moved while that helps."""
    n = len(scene.anchors)
    candidates = [_candidates(scene, i) for i in range(n)]
    fixed = [_fixed_cost(scene, i, *candidates[i]) for i in range(n)]
    chosen = np.full(n, -1)
    for sweep in range(SWEEPS):
        moved = False
        for i in _by_crowd(scene.anchors):
            best = int(np.argmin(fixed[i] + _mutual_cost(scene, i, candidates, chosen)))
            moved |= best != chosen[i]
            chosen[i] = best
        if sweep and not moved:
            break
    boxes = np.array([candidates[i][0][chosen[i]] for i in range(n)]).reshape(n, 4)
    leaders = np.array([candidates[i][1][chosen[i]] for i in range(n)]).reshape(n, 4)
    return Placement((boxes[:, :2] + boxes[:, 2:]) / 2, leaders, _clashes(scene, boxes))


def _by_crowd(anchors: Floats) -> list[int]:
    """The points, those with the nearest neighbours first."""
    gaps = np.hypot(*(anchors[:, None, :] - anchors[None, :, :]).transpose(2, 0, 1))
    near = np.sort(gaps, axis=1)[:, 1:4].sum(axis=1)
    return [int(i) for i in np.lexsort((anchors[:, 1], anchors[:, 0], near))]


def _candidates(scene: Scene, i: int) -> tuple[Floats, Floats, Floats]:
    """Boxes (k, 4), leaders (k, 4; NaN without) and prices of distance (k,) around one point."""
    (x, y), (width, height) = scene.anchors[i], scene.sizes[i]
    radius, angle = (grid.ravel() for grid in np.meshgrid(RADII, ANGLES, indexing="ij"))
    reach = (radius + 2.5) * scene.point
    cx = x + np.cos(angle) * (width / 2 + reach)
    cy = y + np.sin(angle) * (height / 2 + reach)
    boxes = np.stack([cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2], axis=1)
    end_x = np.clip(x, boxes[:, 0] + height / 3, np.maximum(boxes[:, 2] - height / 3, boxes[:, 0] + height / 3))
    end_y = np.clip(y, boxes[:, 1], boxes[:, 3])
    end_x = np.where(end_y == y, np.clip(x, boxes[:, 0], boxes[:, 2]), end_x)
    leaders = np.stack([np.full_like(cx, x), np.full_like(cy, y), end_x, end_y], axis=1)
    gap = np.hypot(end_x - x, end_y - y) / scene.point
    leaders[gap < LEADER_FROM] = np.nan
    # Right of and above the point is where a reader looks first.
    return boxes, leaders, gap + 1.5 * (1 - np.cos(angle)) + 0.5 * (1 - np.sin(angle))


def _fixed_cost(scene: Scene, i: int, boxes: Floats, leaders: Floats, price: Floats) -> Floats:
    """What each candidate costs against all that does not move."""
    left, bottom, right, top = scene.frame
    outside = (boxes[:, 0] < left) | (boxes[:, 1] < bottom) | (boxes[:, 2] > right) | (boxes[:, 3] > top)
    others = np.abs((scene.markers[:, :2] + scene.markers[:, 2:]) / 2 - scene.anchors[i]).max(axis=1) > 0.5
    cost = price + OUTSIDE * outside
    cost += ON_MARKER * _overlap(boxes, scene.markers).sum(axis=1)
    cost += ON_BAR * _overlap(boxes, scene.bars).sum(axis=1)
    cost += ON_LINE * _crossed(boxes, scene.lines).sum(axis=1)
    return np.asarray(cost + LEADER_ON_MARKER * _crossed(scene.markers[others], leaders).sum(axis=0))


def _mutual_cost(
    scene: Scene, i: int, candidates: list[tuple[Floats, Floats, Floats]], chosen: NDArray[np.int_]
) -> Floats:
    """What each candidate of label i costs against the labels that have a place."""
    boxes, leaders, _ = candidates[i]
    placed = [j for j in range(len(chosen)) if chosen[j] >= 0 and j != i]
    if not placed:
        return np.zeros(len(boxes))
    their_boxes = np.array([candidates[j][0][chosen[j]] for j in placed])
    their_leaders = np.array([candidates[j][1][chosen[j]] for j in placed])
    margin = scene.point * np.array([-1.0, -0.4, 1.0, 0.4])
    cost = ON_LABEL * _overlap(boxes, their_boxes + margin).sum(axis=1)
    cost += LEADER_ON_LABEL * _crossed(boxes, their_leaders).sum(axis=1)
    cost += LEADER_ON_LABEL * _crossed(their_boxes, leaders).sum(axis=0)
    return np.asarray(cost + LEADERS_CROSS * _crossing(leaders, their_leaders).sum(axis=1))


def _overlap(a: Floats, b: Floats) -> NDArray[np.bool_]:
    """(len(a), len(b)): which boxes overlap."""
    a, b = a[:, None, :], b[None, :, :]
    across = (a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2])
    return np.asarray(across & (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3]))


def _crossed(boxes: Floats, segments: Floats) -> NDArray[np.bool_]:
    """(boxes, segments): which segments run through which boxes (Liang and Barsky 1984); NaN segments through none."""
    start, step = segments[None, :, :2], (segments[:, 2:] - segments[:, :2])[None]
    step = np.where(step == 0, 1e-9, step)
    enter, leave = (boxes[:, None, :2] - start) / step, (boxes[:, None, 2:] - start) / step
    first = np.minimum(enter, leave).max(axis=-1).clip(min=0)
    return np.asarray(first < np.maximum(enter, leave).min(axis=-1).clip(max=1))


def _crossing(a: Floats, b: Floats) -> NDArray[np.bool_]:
    """(len(a), len(b)): which segments cross; NaN segments cross none."""
    p, q, r, s = a[:, None, :2], a[:, None, 2:], b[None, :, :2], b[None, :, 2:]
    return np.asarray((_turn(p, q, r) * _turn(p, q, s) < 0) & (_turn(r, s, p) * _turn(r, s, q) < 0))


def _turn(a: Floats, b: Floats, c: Floats) -> Floats:
    ab, ac = b - a, c - a
    return np.asarray(ab[..., 0] * ac[..., 1] - ab[..., 1] * ac[..., 0])


def _clashes(scene: Scene, boxes: Floats) -> int:
    left, bottom, right, top = scene.frame
    outside = (boxes[:, 0] < left) | (boxes[:, 1] < bottom) | (boxes[:, 2] > right) | (boxes[:, 3] > top)
    on_label = (_overlap(boxes, boxes) & ~np.eye(len(boxes), dtype=bool)).any(axis=1)
    return int((outside | on_label | _overlap(boxes, scene.markers).any(axis=1)).sum())
