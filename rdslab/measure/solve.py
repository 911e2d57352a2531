"""The few numbers of a latency model from measured times: a robust fit of log ratios, held by what is usual."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import leastsq

from rdslab.measure.profile import BOUND, Combine, Profile
from rdslab.measure.terms import COLUMNS, COUNT, FLOPS, NUMBER_BYTES, NUMBERS, Array, Mask

NOISE = 0.1  # soft_l1 on log(predicted / measured) at this scale: beyond it, a time pulls with constant force
BASE = 3  # launch, FLOP, byte
# What is known of a device before a time is seen, in log milliseconds: of a launch, a FLOP, a byte.
USUAL = np.log([30e-3, 1e3 / 1e12, 1e3 / 3e10])
WIDE = np.diag(np.square([2.0, 2.5, 2.0]))
# How much dearer a FLOP is in a kind with a rate of its own: the usual factor, and how far that may be off (log).
DEARER = {"dwconv": (30.0, 1.2), "dilated": (1.5, 0.7)}
NEW_BOARD = 0.5  # how far boards may lie apart beyond what the shipped ones show (log)
STARTS = (0.0, 2.0)  # launches as usual and dearer: where they bind there is an optimum on each side


@dataclass(frozen=True)
class Model:
    """Which model: how launches and work come together, and which kinds have a rate of their own."""

    combine: Combine = "sum"
    apart: tuple[str, ...] = ()


@dataclass(frozen=True)
class Points:
    """Measured times with what their nets cost: `tallies` is points x COLUMNS x 3, in the form that was timed."""

    tallies: Array
    ms: Array
    networks: NDArray[np.str_]
    sizes: NDArray[np.str_]
    precision: str
    form: str

    def part(self, chosen: Mask) -> "Points":
        rows = (self.tallies[chosen], self.ms[chosen], self.networks[chosen], self.sizes[chosen])
        return Points(*rows, self.precision, self.form)

    def with_kind(self, kind: str) -> int:
        """How many networks have kernels of a kind."""
        return len(set(self.networks[self.tallies[:, COLUMNS.index(kind), COUNT] > 0]))

    @cached_property
    def _terms(self) -> dict[tuple[str, ...], Array]:
        return {}

    def terms(self, apart: tuple[str, ...]) -> Array:
        """Points x unknowns: launches, FLOPs, bytes, and the FLOPs of each kind apart."""
        if apart not in self._terms:
            rows = [COLUMNS.index(kind) for kind in apart]
            own = self.tallies[:, rows, FLOPS]
            sums = self.tallies.sum(axis=1)
            moved = NUMBER_BYTES[self.precision] * sums[:, NUMBERS]
            self._terms[apart] = np.column_stack([sums[:, COUNT], sums[:, FLOPS] - own.sum(axis=1), moved, own])
        return self._terms[apart]


@dataclass(frozen=True)
class Prior:
    """What other devices say of the numbers: mean and covariance of log milliseconds of a launch, a FLOP, a byte."""

    mean: Array
    covariance: Array
    dearer: dict[str, tuple[float, float]]  # kind apart -> mean and deviation of the log of its factor

    def rows(self, apart: tuple[str, ...]) -> tuple[Array, Array]:
        """D, d: the residuals D u - d say how unusual the unknowns u are, in standard deviations."""
        size = BASE + len(apart)
        left, right = np.zeros((size, size)), np.zeros(size)
        left[:BASE, :BASE] = np.linalg.inv(np.linalg.cholesky(self.covariance))
        right[:BASE] = left[:BASE, :BASE] @ self.mean
        for row, kind in enumerate(apart, BASE):
            factor, deviation = self.dearer[kind]
            left[row, row], left[row, 1], right[row] = 1 / deviation, -1 / deviation, factor / deviation
        return left, right


BROAD = Prior(USUAL, WIDE, {kind: (float(np.log(factor)), sd) for kind, (factor, sd) in DEARER.items()})


def prior_of(profiles: Sequence[Profile]) -> Prior:
    """What these devices say of another; with fewer than three, what is usual anywhere."""
    if len(profiles) < 3:
        return BROAD
    logs = np.log([[1e-3 * p.launch_us, 1e3 / p.flops_per_s, 1e3 / p.bytes_per_s] for p in profiles])
    covariance = np.cov(logs.T) + NEW_BOARD**2 * np.eye(BASE)
    dearer = dict(BROAD.dearer)
    for kind, (usual, sd) in BROAD.dearer.items():
        factors = [np.log(p.flops_per_s / rate) for p in profiles if (rate := p.flops_per_s_apart.get(kind))]  # type: ignore[call-overload]
        if len(factors) >= 3:
            dearer[kind] = (float(np.mean(factors)), float(np.hypot(np.std(factors, ddof=1), NEW_BOARD)))
        else:
            dearer[kind] = (usual, sd)
    return Prior(logs.mean(axis=0), covariance, dearer)


def solve(points: Points, model: Model, prior: Prior) -> Array:
    """Log milliseconds of a launch, a FLOP, a byte, and a FLOP of each kind apart, that fit the times best."""
    terms, target = points.terms(model.apart), np.log(points.ms)
    left, right = prior.rows(model.apart)

    def plain(u: Array) -> Array:
        return np.concatenate([(_log_ms(terms, u, model) - target) / NOISE, left @ u - right])

    def residuals(u: Array) -> Array:
        return _soft(plain(u))

    def jacobian(u: Array) -> Array:
        slopes = np.concatenate([_slopes(terms, u, model) / NOISE, left])
        return np.asarray(_soft_slope(plain(u))[:, None] * slopes)

    centre: Array = np.asarray(np.linalg.solve(left, right), dtype=np.float64)
    best = centre
    least = np.inf
    for step in STARTS if model.combine != "sum" else STARTS[:1]:
        start = centre.copy()
        start[0] += step
        found, _ = leastsq(residuals, start, Dfun=jacobian, ftol=1e-9, xtol=1e-8)
        cost = float(np.square(residuals(found)).sum())
        if cost < least:
            best, least = np.asarray(found), cost
    return best


def _soft(residuals: Array) -> Array:
    """Residuals whose squares are soft_l1 of the plain ones: quadratic near nothing, linear far away."""
    return np.asarray(residuals * np.sqrt(2 / (1 + np.sqrt(1 + residuals**2))))


def _soft_slope(residuals: Array) -> Array:
    root = np.sqrt(1 + residuals**2)
    return np.asarray(np.sqrt(2 / (1 + root)) * (1 - residuals**2 / (2 * root * (1 + root))))


def predicted(points: Points, model: Model, unknowns: Array) -> Array:
    """Milliseconds of each point."""
    return np.asarray(np.exp(_log_ms(points.terms(model.apart), unknowns, model)))


def _parts(terms: Array, u: Array) -> tuple[Array, Array]:
    parts = terms * np.exp(u)
    return parts, parts[:, 1:].sum(axis=1)


def _log_ms(terms: Array, u: Array, model: Model) -> Array:
    parts, work = _parts(terms, u)
    if model.combine == "sum":
        return np.asarray(np.log(parts[:, 0] + work))
    return np.asarray(np.log(parts[:, 0] ** BOUND + work**BOUND) / BOUND)


def _slopes(terms: Array, u: Array, model: Model) -> Array:
    """d log ms / d u."""
    parts, work = _parts(terms, u)
    if model.combine == "sum":
        return np.asarray(parts / (parts[:, 0] + work)[:, None])
    whole = parts[:, 0] ** BOUND + work**BOUND
    slopes = parts * (work ** (BOUND - 1) / whole)[:, None]
    slopes[:, 0] = parts[:, 0] ** BOUND / whole
    return np.asarray(slopes)
