"""When a training of a search ends early, by what is known of the others; several objectives, nothing kept in memory.

All but the mIoU is known of a net before its training. So a training is hopeless as soon as even an optimistic forecast
of its mIoU is beaten by a net that costs no more. The forecast is a line through the finished trainings, from the mIoU
after as many epochs to the last, with its prediction interval (Student's t). The other kind, rungs, is successive
halving (Jamieson and Talwalkar 2016; Li et al. 2020): after some epochs only the best share goes on, best by the number
of the Pareto front that a net is on among all that came as far.

All points here are minimised: costs as they are, mIoU by its sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from scipy import stats

from rdslab.search.documents import PruningDocument
from rdslab.stats import front

Curve = Mapping[int, float]  # mIoU after an epoch


@dataclass(frozen=True)
class Course:
    """A training of the search: its net's costs (those to be maximised by their sign), its curve, whether it ended."""

    costs: tuple[float, ...]
    curve: Curve
    finished: bool = True

    @property
    def last(self) -> float:
        return self.curve[max(self.curve)]


@dataclass(frozen=True)
class Forecast:
    """What a training is expected to end with, and the optimistic end of the interval."""

    expected: float
    optimistic: float


@dataclass(frozen=True)
class Stop:
    """Why a training ends, and the mIoU that its sampler is told instead."""

    why: str
    expected: float


def forecast(value: float, epoch: int, epochs: int, others: Sequence[Course], confidence: float) -> Forecast | None:
    """From the mIoU after `epoch` that after `epochs`; None where fewer than three others tell."""
    pairs = [(one.curve[epoch], one.curve[epochs]) for one in others if epoch in one.curve and epochs in one.curve]
    if len(pairs) < 3:
        return None
    early, late = np.array(pairs).T
    n, middle = len(early), float(early.mean())
    spread = float(((early - middle) ** 2).sum())
    slope = float(((early - middle) * (late - late.mean())).sum()) / spread if spread > 0 else 0.0
    residuals = late - late.mean() - slope * (early - middle)
    sd = sqrt(float((residuals**2).sum()) / (n - 2))
    expected = float(late.mean()) + slope * (value - middle)
    far = (value - middle) ** 2 / spread if spread > 0 else 0.0
    reach = float(stats.t.ppf(confidence, n - 2)) * sd * sqrt(1 + 1 / n + far)
    return Forecast(expected, expected + reach)


def dominated(own: Course, epochs: int, others: Sequence[Course], rule: PruningDocument) -> Stop | None:
    """Stop where a finished net that costs no more scores more than the optimistic forecast."""
    ended = [one for one in others if one.finished]
    epoch = max(own.curve, default=0)
    if not epoch or epoch >= epochs or len(ended) < rule.finished:
        return None
    seen = forecast(own.last, epoch, epochs, ended, rule.confidence)
    if seen is None:
        return None
    better = [one for one in ended if _within(one.costs, own.costs) and one.last > seen.optimistic]
    if not better:
        return None
    ahead = f"one that costs no more has {100 * max(one.last for one in better):.2f} %"
    why = (
        f"after epoch {epoch} of {epochs} at {100 * own.last:.2f} % mIoU it was expected to end at "
        f"{100 * seen.expected:.2f} %, at most {100 * seen.optimistic:.2f} %; {ahead}"
    )
    return Stop(why, seen.expected)


def below_rung(own: Course, epochs: int, others: Sequence[Course], rule: PruningDocument) -> Stop | None:
    """Stop at a rung where too many that came as far are on better fronts."""
    epoch = max(own.curve, default=0)
    if epoch not in rule.epochs or epoch >= epochs:
        return None
    there = [own, *(one for one in others if epoch in one.curve)]
    ranks = pareto_ranks([(-one.curve[epoch], *one.costs) for one in there])
    better = sum(rank < ranks[0] for rank in ranks)
    if len(there) < 1 / rule.keep or better < ceil(rule.keep * len(there)):
        return None
    ended = [one for one in others if one.finished]
    seen = forecast(own.last, epoch, epochs, ended, 0.5)
    why = (
        f"at the rung after epoch {epoch} of {epochs} {better} of {len(there)} nets were on better fronts, "
        f"and {100 * rule.keep:.0f} % go on"
    )
    return Stop(why, seen.expected if seen else own.last)


RULES = {"dominated": dominated, "rungs": below_rung}


def to_stop(own: Course, epochs: int, others: Sequence[Course], rule: PruningDocument) -> Stop | None:
    """Whether the study's rule ends this training now."""
    return RULES[rule.kind](own, epochs, others, rule) if rule.kind != "none" else None


def pareto_ranks(points: Sequence[Sequence[float]]) -> list[int]:
    """0 on the front, 1 on the front of the others, and so on; minimised."""
    ranks = [-1] * len(points)
    left = list(range(len(points)))
    rank = 0
    while left:
        member = front([points[i] for i in left], ["minimize"] * len(points[0]))
        for i, on in zip(left, member, strict=True):
            if on:
                ranks[i] = rank
        rest = [i for i, on in zip(left, member, strict=True) if not on]
        if len(rest) == len(left):  # nothing is on a front: figures are missing
            return [r if r >= 0 else rank for r in ranks]
        left, rank = rest, rank + 1
    return ranks


def _within(costs: Sequence[float], own: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(costs, own, strict=True))
