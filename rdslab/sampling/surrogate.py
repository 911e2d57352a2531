"""A Gaussian process over genes and costs: what an untrained candidate would score, and how sure that is.

The kernel is a product over columns: exp(-w) where two categories differ, exp(-w d^2) of numbers that lie d apart, with
a weight w a column, as in Bayesian optimisation over categories (Ru et al. 2020). The weights, the scale and the noise
maximise the marginal likelihood under weak priors (Rasmussen and Williams 2006, eq. 5.8 and 5.9).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

Array = NDArray[np.float64]

WEIGHT, NOISE, WIDE = np.log(0.3), np.log(0.03), 1.5  # centres of the priors of logarithms, and their deviation
JITTER = 1e-6
STEPS = 40  # of the optimiser: more change no proposal that matters
MOST = 128  # rows that the weights are found on: the time grows with their cube


class Surrogate:
    """A process that was fitted to rows (n, columns) and their values (n,): the same ones give the same process."""

    def __init__(self, rows: Array, values: Array, categorical: Sequence[bool]) -> None:
        self.categorical = categorical
        self._theta = np.array([*[WEIGHT] * len(categorical), 0.0, np.log(0.05)])
        some = np.unique(np.linspace(0, len(rows) - 1, min(MOST, len(rows))).round().astype(int))
        self._take(rows[some], values[some])
        bounds = [(-7.0, 4.0)] * len(categorical) + [(-3.0, 4.0), (-9.0, 0.0)]
        options: Any = {"maxiter": STEPS}
        found = optimize.minimize(self._loss, self._theta, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        self._theta = found.x
        self.learn(rows, values)

    def learn(self, rows: Array, values: Array) -> None:
        """Know these rows and values, and no others, with the weights that were found."""
        self._take(rows, values)
        kernel, noise = self._kernel(self._theta)
        self._factor = linalg.cholesky(kernel + noise * np.eye(len(rows)), lower=True)
        self._alpha = linalg.cho_solve((self._factor, True), self._values)

    def _take(self, rows: Array, values: Array) -> None:
        self._rows, self._mean = rows, float(values.mean())
        self._scale = float(values.std()) or 1.0
        self._values = (values - self._mean) / self._scale
        self._apart = apart(rows, rows, self.categorical)

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the values that rows (n, columns) have without noise; (n,) each."""
        *weights, scale, _ = np.exp(self._theta)
        between = scale * np.exp(-np.tensordot(np.array(weights), apart(rows, self._rows, self.categorical), 1))
        known = linalg.solve_triangular(self._factor, between.T, lower=True)
        variance = np.maximum(scale - (known**2).sum(axis=0), 1e-9)
        return between @ self._alpha * self._scale + self._mean, np.sqrt(variance) * self._scale

    def _kernel(self, theta: Array) -> tuple[Array, float]:
        *weights, scale, noise = np.exp(theta)
        return scale * np.exp(-np.tensordot(np.array(weights), self._apart, 1)), float(noise) + JITTER

    def _loss(self, theta: Array) -> tuple[float, Array]:
        """The negative logarithm of likelihood times priors, and its gradient."""
        kernel, noise = self._kernel(theta)
        identity = np.eye(len(kernel))
        try:
            factor = linalg.cholesky(kernel + noise * identity, lower=True)
        except linalg.LinAlgError:
            return 1e9, np.zeros_like(theta)
        alpha = linalg.cho_solve((factor, True), self._values)
        inner = np.outer(alpha, alpha) - linalg.cho_solve((factor, True), identity)
        parts = np.tensordot(self._apart, inner * kernel, axes=([1, 2], [0, 1]))
        slopes = [*(0.5 * np.exp(theta[:-2]) * parts), -0.5 * (inner * kernel).sum()]
        slopes.append(-0.5 * (noise - JITTER) * np.trace(inner))
        centre = np.array([*[WEIGHT] * len(self.categorical), 0.0, NOISE])
        wide = np.array([*[WIDE] * len(self.categorical), 1.0, WIDE])
        prior = (theta - centre) / wide
        loss = 0.5 * self._values @ alpha + np.log(np.diag(factor)).sum() + 0.5 * prior @ prior
        return float(loss), np.array(slopes) + prior / wide


def apart(one: Array, other: Array, categorical: Sequence[bool]) -> Array:
    """How far rows lie apart in each column, (columns, n, m): 1 where categories differ, of numbers the square."""
    pairs = [one[:, None, i] - other[None, :, i] for i in range(len(categorical))]
    return np.array([(d != 0).astype(float) if c else d**2 for d, c in zip(pairs, categorical, strict=True)])
