"""Is it no worse? Is it as good? Paired tests against a margin (Schuirmann's two one-sided tests, 1987)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy import stats

from rdslab.stats.intervals import LEVEL, paired_difference


@dataclass(frozen=True)
class Equivalence:
    """A paired difference held against a margin; what cannot be told is None, and `why` says the reason."""

    n: int  # pairs
    mean: float | None
    low: float | None  # of the interval that both tests agree with: 90 % where each test is at 5 %
    high: float | None
    p_no_worse: float | None  # one-sided: the difference is at or below -margin
    p_equivalent: float | None  # the difference is at or beyond the margin on either side
    margin: float
    level: float = LEVEL
    why: str = ""

    @property
    def no_worse(self) -> bool | None:
        """Whether a loss of the margin or more is refuted; None where it cannot be told."""
        return None if self.p_no_worse is None else self.p_no_worse < 1 - self.level

    @property
    def equivalent(self) -> bool | None:
        """Whether a difference of the margin or more, either way, is refuted."""
        return None if self.p_equivalent is None else self.p_equivalent < 1 - self.level


def no_worse(
    values: Mapping[int, float | None], base: Mapping[int, float | None], margin: float, level: float = LEVEL
) -> Equivalence:
    """Value - base over the seeds (keys) that both have, against a margin in their unit. More is better.

    Raises ValueError for a margin that is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"a margin is above 0, got {margin}")
    found = paired_difference(values, base, level=2 * level - 1)
    if found.mean is None or found.sd is None or found.low is None:
        return Equivalence(found.n, found.mean, None, None, None, None, margin, level, found.why)
    error = found.sd / math.sqrt(found.n)
    below = float(stats.t.sf((found.mean + margin) / error, found.n - 1))
    above = float(stats.t.cdf((found.mean - margin) / error, found.n - 1))
    return Equivalence(found.n, found.mean, found.low, found.high, below, max(below, above), margin, level)
