"""The sign-flip test of paired differences: no law of their distribution is assumed, only that it is symmetric."""

from collections.abc import Sequence

import numpy as np

FEWEST = 6  # pairs; with 5 no p below 1/16 can come out
EXACT = 14  # pairs up to which all flips are tried
DRAWN = 10_000
ROUNDING = 1e-12


def sign_flips(differences: Sequence[float]) -> tuple[float | None, float | None]:
    """The two-sided p that their mean is 0, and the least p that so many pairs can give.

    All 2^n flips of signs up to 14 pairs, else 10,000 drawn from a fixed seed (the observed one counts among them).
    None, None below 6 pairs.
    """
    values = np.asarray(differences, dtype=float)
    n = len(values)
    if n < FEWEST:
        return None, None
    if n <= EXACT:
        signs = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
        least = 2.0 / len(signs)
    else:
        signs = np.random.default_rng(0).choice([-1, 1], (DRAWN, n))
        signs[0] = 1
        least = 1.0 / DRAWN
    means = np.abs(signs @ values)
    return float(np.mean(means >= means[0] * (1 - ROUNDING))), least
