"""A claim about what each seed gives another value of, put to a test for it and to one against it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy import stats

from rdslab.report.words import DASH, MINUS, points
from rdslab.search.claims import Claim, is_score
from rdslab.stats import mean_estimate, paired_difference
from rdslab.stats.equivalence import no_worse
from rdslab.stats.power import MOST_SEEDS, POWER, needed

FAMILY = 0.05  # of all claims
ONE_SIDED = {"order": 0.025, "limit": 0.025, "no_worse": 0.05}
Values = Mapping[int, float | None]


@dataclass(frozen=True)
class SeedTest:
    """What seeds say of a claim. The p values are one-sided and scaled: each is held against FAMILY."""

    seen: str
    n: int
    interval: str
    level: float  # of either test by itself
    p_for: float | None = None
    p_against: float | None = None
    beyond: float = 0.0  # how far the mean lies on the claim's side of its bound
    sd: float = 0.0
    why: str = ""  # why there is no test

    def seeds_words(self, comparisons: int) -> str:
        """How many seeds would tell, among so many claims, were that the truth which was seen."""
        number = needed(self.beyond, self.sd, comparisons=comparisons, level=2 * self.level)
        seeds = f"{number:,}" if number is not None else f"more than {MOST_SEEDS:,}"
        return f"were that the truth, {seeds} seeds would tell it with a power of {POWER:.0%}".replace("%", " %")


def tested_over_seeds(claim: Claim, ours: Values, theirs: Values) -> SeedTest:
    """By seed the values of the claim's variants; a limit has one. Differences are paired by seed."""
    level = ONE_SIDED[claim.kind]
    inside = 1 - 2 * level
    found = paired_difference(ours, theirs, inside) if claim.b else mean_estimate(ours.values(), inside)
    what = "mIoU" if claim.quantity == "miou" else claim.quantity
    of = f"{claim.a} {MINUS} {claim.b}" if claim.b else claim.a
    seen = f"{what} of {of}: {_written(claim, found.mean)}{_unit(claim)}"
    if found.mean is None or not found.sd:
        return SeedTest(seen, found.n, "", level, why=found.why)
    ends = f"{_written(claim, found.low)} to {_written(claim, found.high)}"
    sign = -1.0 if claim.relation in ("<", "<=") else 1.0
    beyond = sign * (found.mean - claim.value) if claim.kind == "limit" else sign * found.mean - claim.value
    if claim.kind == "no_worse":
        beyond = sign * found.mean + claim.value
        p_for = no_worse(*((ours, theirs) if sign > 0 else (theirs, ours)), claim.value).p_no_worse
        assert p_for is not None  # there is a spread
    else:
        p_for = float(stats.t.sf(beyond / (found.sd / math.sqrt(found.n)), found.n - 1))
    scaled, against = (min(1.0, p * FAMILY / level) for p in (p_for, 1 - p_for))
    return SeedTest(seen, found.n, f"{100 * inside:.0f} % interval {ends}", level, scaled, against, beyond, found.sd)


def _written(claim: Claim, value: float | None) -> str:
    """A score in points or per cent, hours as they are."""
    if value is None:
        return DASH
    if is_score(claim.quantity):
        return points(value, sign=bool(claim.b))
    return f"{value:+.3g}".replace("-", MINUS) if claim.b else f"{value:.3g}"


def _unit(claim: Claim) -> str:
    return (" points" if claim.b else " %") if is_score(claim.quantity) else " h"
