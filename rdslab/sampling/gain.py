"""How much hypervolume a candidate is expected to add whose costs are known and whose loss is not.

All objectives are minimised. A candidate at costs c with the loss e adds, over all costs c' from c to the reference,
what e lies below the best loss so far at costs up to c'. The mean of that over a normal e is an expected improvement
(Jones et al. 1998) at each c', so over one cost the whole is exact: a sum over the steps of the front. Over several
costs it is taken at points spread evenly (Sobol).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.stats import qmc

Array = NDArray[np.float64]

POINTS = 512  # of costs, where there are several


@dataclass(frozen=True)
class Front:
    """Losses (n,) at costs (n, objectives), and the reference that bounds the volume."""

    losses: Array
    costs: Array
    worst_loss: float
    worst_costs: Array

    def level(self, costs: Array) -> Array:
        """The best loss at costs up to each of `costs` (m, objectives), the reference where there is none; (m,)."""
        within = (self.costs[None] <= costs[:, None]).all(axis=2)
        best = np.where(within, self.losses[None], np.inf).min(axis=1, initial=np.inf)
        return np.asarray(np.minimum(best, self.worst_loss))


def expected_gain(front: Front, costs: Array, mean: Array, sd: Array) -> Array:
    """The expected gain (n,) of candidates with known costs (n, objectives), losses normal with mean and sd (n,)."""
    if not costs.shape[1]:
        level = np.array([np.min(front.losses, initial=front.worst_loss)])
        return improvement(level, mean, sd)[:, 0]
    if costs.shape[1] == 1:
        starts = np.unique(np.append(front.costs[:, 0], costs.min()))
        ends = np.append(starts[1:], front.worst_costs[0])
        width = np.maximum(np.minimum(ends, front.worst_costs[0])[None] - np.maximum(starts[None], costs), 0.0)
        return np.asarray((width * improvement(front.level(starts[:, None]), mean, sd)).sum(axis=1))
    least = np.minimum(costs.min(axis=0), front.costs.min(axis=0, initial=np.inf))
    spread = qmc.Sobol(costs.shape[1], scramble=False).random(POINTS)
    points = least + spread * (front.worst_costs - least)
    above = (points[None] >= costs[:, None]).all(axis=2)
    volume = float(np.prod(front.worst_costs - least))
    return np.asarray((above * improvement(front.level(points), mean, sd)).mean(axis=1) * volume)


def improvement(level: Array, mean: Array, sd: Array) -> Array:
    """What a normal loss is expected to lie below each level, where it does; (candidates, levels)."""
    off = (level[None] - mean[:, None]) / sd[:, None]
    return np.asarray(sd[:, None] * (off * stats.norm.cdf(off) + stats.norm.pdf(off)))
