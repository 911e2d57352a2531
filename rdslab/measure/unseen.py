"""Which latency model, and how far it may be trusted: by predicting what a fit has not seen."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import t as student

from rdslab.measure.profile import Combine, Errors, Interval
from rdslab.measure.solve import DEARER, Model, Points, Prior, predicted, solve
from rdslab.measure.terms import Array, Mask

COVERAGE = 0.90
BETTER = 0.8  # a less likely model must bring the error below this share of the likelier one's
CHOOSING = 6  # networks; fewer cannot tell models apart, and get the likeliest
KIND_NETWORKS = 2  # that have a kind before it may get a rate of its own
FOLDS = 10  # the model is chosen by leaving each network out, or where there are more, a tenth of them
# Few networks may agree by chance: as if so many more had been left out, with so large an error (log).
MORE_NETWORKS, USUAL_ERROR = 2, 0.15
ALONE = 1.0  # half the interval (log) where one network is all there is
# Where no network was measured at two sizes the interval at other sizes has this many times the width, but at least
# half of it is this (log). An assumption: the data do not speak about it.
OUTSIDE, LEAST_OUTSIDE = 2.0, math.log(1.5)


@dataclass(frozen=True)
class Fit:
    """A model with its numbers, and what was predicted of each time by a fit that had not seen it."""

    model: Model
    unknowns: Array
    by_network: Array  # log(predicted / measured), its network left out; nan: no other network
    by_size: Array  # its size left out; nan: its network was measured at no other


def models_for(points: Points) -> list[Model]:
    """The models that the data can tell apart, the likeliest first.

    As trained, a framework launches kernel after kernel ahead of the device, and the slower of the two sets the pace;
    an engine has its launches prepared, and what it is slow at is depthwise convolutions.
    """
    enough = len(set(points.networks)) >= CHOOSING
    kinds = [kind for kind in DEARER if enough and points.with_kind(kind) >= KIND_NETWORKS]
    choices = [apart for n in range(len(kinds) + 1) for apart in combinations(kinds, n)]
    if points.form == "eager":
        ways: tuple[Combine, ...] = ("launch_bound", "sum")
    else:
        ways = ("sum", "launch_bound")
        choices.sort(key=lambda apart: "dwconv" not in apart)
    return [Model(combine, apart) for combine in (ways if enough else ways[:1]) for apart in choices]


def choose(points: Points, prior: Prior) -> Model:
    """The model that predicts networks best that it has not seen; a likelier one unless another is clearly better."""
    models = models_for(points)
    names = list(dict.fromkeys(points.networks))
    if len(models) == 1:
        return models[0]
    folds = [np.isin(points.networks, names[i::FOLDS]) for i in range(min(FOLDS, len(names)))]
    best, least = models[0], math.inf
    for model in models:
        error = _mean_error(left_out(points, folds, lambda rest, m=model: (m, solve(rest, m, prior))))  # type: ignore[misc]
        if error < (BETTER * least if best is not model else math.inf):
            best, least = model, error
    return best


def fit(points: Points, prior: Prior) -> Fit:
    """Choose a model, fit it, and predict each time by a fit, model chosen anew, to other networks, and other sizes."""

    def anew(rest: Points) -> tuple[Model, Array]:
        model = choose(rest, prior)
        return model, solve(rest, model, prior)

    model, unknowns = anew(points)
    by_network = left_out(points, networks_of(points), anew)
    return Fit(model, unknowns, by_network, left_out(points, sizes_of(points), anew))


def errors_of(points: Points, found: Fit) -> dict[str, Errors | Interval]:
    """Errors and intervals of a fit, as a profile has them."""
    seen = points.networks[~np.isnan(found.by_network)]
    inside = _half_width(found.by_network, len(set(seen)))
    crossed = points.sizes[~np.isnan(found.by_size)]
    if len(crossed):
        outside = max(_half_width(found.by_size, len(set(crossed))), inside)
    else:
        outside = max(OUTSIDE * inside, LEAST_OUTSIDE)
    return {
        "errors": Errors(
            leave_one_network_out=rounded(_mean_share(found.by_network)) if len(seen) else None,
            leave_one_resolution_out=rounded(_mean_share(found.by_size)) if len(crossed) else None,
        ),
        "interval": _interval(inside),
        "interval_outside": _interval(outside),
    }


def _half_width(logs: Array, groups: int) -> float:
    """Half of the 90 % interval of log(measured / predicted) for a new group of points.

    Student's t with groups - 1 degrees of freedom times the root mean square of the points left out: the points of one
    network, or of one size, err alike and count as one.
    """
    if groups < 2:
        return ALONE
    square = float(np.nanmean(logs**2))
    held = math.sqrt((groups * square + MORE_NETWORKS * USUAL_ERROR**2) / (groups + MORE_NETWORKS))
    return float(student.ppf((1 + COVERAGE) / 2, groups - 1)) * held


def _interval(half: float) -> Interval:
    return Interval(low=rounded(math.exp(-half)), high=rounded(math.exp(half)))


def networks_of(points: Points) -> list[Mask]:
    """For each network its points; nothing where there is but one."""
    groups = [points.networks == name for name in dict.fromkeys(points.networks)]
    return groups if len(groups) > 1 else []


def sizes_of(points: Points) -> list[Mask]:
    """For each size, the points there whose network was measured at another size too."""
    here = [points.sizes == size for size in dict.fromkeys(points.sizes)]
    crossed = [group & np.isin(points.networks, points.networks[~group]) for group in here]
    return [group for group in crossed if group.any()]


def left_out(points: Points, groups: Sequence[Mask], fitted: Callable[[Points], tuple[Model, Array]]) -> Array:
    """log(predicted / measured) of each point by a fit to the others; nan for points in no group."""
    logs = np.full(len(points.ms), np.nan)
    for group in groups:
        model, unknowns = fitted(points.part(~group))
        logs[group] = np.log(predicted(points.part(group), model, unknowns) / points.ms[group])
    return logs


def _mean_error(logs: Array) -> float:
    return float(np.nanmean(np.abs(logs)))


def _mean_share(logs: Array) -> float:
    return float(np.nanmean(np.abs(np.exp(logs) - 1)))


def rounded(number: float) -> float:
    return float(f"{number:.4g}")
