"""How sharply a design shows its effects, before any trial: by the analysis that its report makes. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rdslab.search.designs import Design
from rdslab.stats.effects import effects
from rdslab.stats.power import detectable

WITH_EFFECTS = ("factorial", "fractional")
TIMES = " x "
LEVEL = 0.95  # of the intervals that are read; which one does not matter


@dataclass(frozen=True)
class Contrasts:
    """Main effects and interactions of two that a design tells, called `block` and `block x dilation`."""

    errors: Mapping[str, float]  # standard error, in standard deviations of one run about its run's and seed's mean
    df: int  # of that standard deviation
    tested: int  # effects that the correction is over: a factor of three levels has two
    aliases: Mapping[str, tuple[str, ...]]  # what an estimate shows besides its effect

    def detectable(self, sd: float, *, level: float, power: float) -> dict[str, float]:
        """The smallest true effects that are found with this power; of several levels the one that is told worst."""
        found = {}
        for name, error in self.errors.items():
            # As of so many pairs that the same degrees of freedom are left, with the same standard error of their mean.
            pairs = self.df + 1
            smallest = detectable(sd * error * sqrt(pairs), pairs, comparisons=self.tested, level=level, power=power)
            assert smallest is not None
            found[name] = smallest
        return found


def contrasts_of(design: Design, seeds: int) -> Contrasts | None:
    """The effects of a factorial or a part of one; None of the other kinds, and with one seed, which has no spread.

    The report's own analysis is given a response whose spread is known, and its intervals tell the standard errors.
    """
    if design.kind not in WITH_EFFECTS or seeds < 2:
        return None
    runs, blocks = _unit(len(design.runs)), _unit(seeds)
    words = [tuple(design.levels(run).values()) for run in design.runs]
    # All of it is run times seed, which is how the seeds of a run disagree; its square sum is 1.
    values = {run: dict(enumerate((own * blocks).tolist())) for run, own in zip(words, runs, strict=True)}
    levels = {factor.name: [level.name for level in factor.levels] for factor in design.factors}
    errors: dict[str, float] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    tested = df = 0
    for effect in effects(values, levels, level=LEVEL):
        if effect.low is None or effect.high is None:
            continue
        name, df, tested = TIMES.join(effect.factors), effect.df, tested + 1
        error = (effect.high - effect.low) / 2 / float(stats.t.ppf(0.5 + LEVEL / 2, df)) * sqrt(df)
        errors[name] = max(error, errors.get(name, 0.0))
        aliases[name] = tuple(TIMES.join(other) for other in effect.aliased_with)
    return Contrasts(errors, df, tested, {name: others for name, others in aliases.items() if others})


def _unit(n: int) -> NDArray[np.float64]:
    """n different numbers with sum 0 and square sum 1."""
    numbers = np.arange(n) - (n - 1) / 2
    return np.asarray(numbers / np.sqrt((numbers**2).sum()))
