"""What a space holds: its size, how many nets, what they cost, and which genes and choices are of no use.

A space of up to 20,000 genotypes is looked through entirely, and its figures are exact; of a larger one genotypes are
drawn, each as likely as any other, and figures have 95 % intervals: exact binomial ones for shares (Clopper and
Pearson), order statistics for quantiles. Shares and quantiles are over genotypes, as a sampler would meet them.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
from scipy import stats

from rdslab.errors import SpecError
from rdslab.space.faults import Choice, Clash, Idle, clashes, idle_genes, never_built
from rdslab.space.looking import Looked, look
from rdslab.space.space import Genotype, Space
from rdslab.stats import mean_estimate

ENUMERABLE = 20_000
LEVEL = 0.95
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Share:
    """So many of n; the interval is the share itself where all were looked at."""

    of: str
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Quantile:
    """A value that a share of the genotypes is not above, with its interval; infinite ends are not known."""

    share: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Figure:
    """How a figure is spread over the genotypes that can be built; least and most are those that were seen."""

    name: str
    least: float
    most: float
    quantiles: tuple[Quantile, ...]
    unknown: int  # nets for which a profile abstains


@dataclass(frozen=True)
class Audit:
    """What was found."""

    name: str
    size: int
    exact: bool
    looked: int  # genotypes
    built: Share
    nets_at_least: int  # distinct after canonicalisation
    nets_at_most: int
    repeats: Share  # genotypes whose net another genotype had before
    within: tuple[Share, ...]  # all limits together first, then one by one
    figures: tuple[Figure, ...]
    idle: tuple[Idle, ...]
    never_built: tuple[Choice, ...]
    clashes: tuple[Clash, ...]

    def document(self) -> dict[str, Any]:
        return asdict(self)


def audit_space(space: Space, samples: int = 2000, seed: int = 0, progress: Progress | None = None) -> Audit:
    """Look at a space. Raises SpecError where none of its nets can be built."""
    exact = space.size <= ENUMERABLE
    rng = random.Random(seed)
    chosen: Sequence[Genotype]
    chosen = list(space.genotypes()) if exact else list(islice(iter(lambda: space.drawn(rng), ()), samples))
    looked = look(space, chosen, progress or (lambda *_: None))
    n, built = len(chosen), int(looked.built.sum())
    never = never_built(looked, exact, rng)
    if not built:
        reason = next(why for why in looked.reasons if why)
        raise SpecError(f"none of {n:,} nets of space {space.name!r} can be built", reason)
    distinct = len(set(looked.ids[looked.built].tolist()))
    return Audit(
        space.name,
        space.size,
        exact,
        n,
        _share("can be built", built, n, exact),
        distinct,
        distinct if exact else _most(space, looked),
        _share("repeats", built - distinct, built, exact),
        _within(space, looked, exact),
        tuple(_figure(name, looked.figures[looked.built, i], exact) for i, name in enumerate(space.deploy.names)),
        idle_genes(looked, exact, rng),
        never,
        clashes(looked, exact, rng),
    )


def _share(of: str, hits: int, n: int, exact: bool) -> Share:
    share = hits / n
    if exact:
        return Share(of, share, share, share)
    interval = stats.binomtest(hits, n).proportion_ci(LEVEL, method="exact")
    return Share(of, share, float(interval.low), float(interval.high))


def _most(space: Space, looked: Looked) -> int:
    """No more nets than canonical genotypes: a genotype stands for as many as its idle genes have choices together.

    The upper end of the interval of their number, found from the mean of one over it.
    """
    sizes = np.array([len(gene.choices) for gene in space.genes], dtype=float)
    alike = np.where(looked.active, 1.0, sizes).prod(axis=1)
    found = mean_estimate((1 / alike).tolist(), LEVEL)
    share = found.high if found.high is not None else found.mean
    return max(1, int(space.size * min(1.0, share or 1.0)))


def _within(space: Space, looked: Looked, exact: bool) -> tuple[Share, ...]:
    at = {name: i for i, name in enumerate(space.deploy.names)}
    figures = looked.figures[looked.built]
    held = np.array([[limit.holds(row[at[limit.figure]]) for limit in space.limits] for row in figures], dtype=bool)
    held = held.reshape(len(figures), len(space.limits))
    columns = [("all limits", held.all(axis=1)), *[(limit.words, held[:, i]) for i, limit in enumerate(space.limits)]]
    return tuple(_share(words, int(column.sum()), len(figures), exact) for words, column in columns if space.limits)


def _figure(name: str, values: np.ndarray[Any, np.dtype[np.float64]], exact: bool) -> Figure:
    known = np.sort(values[~np.isnan(values)])
    if not len(known):
        return Figure(name, float("nan"), float("nan"), (), len(values))
    quantiles = []
    for share in QUANTILES:
        value = float(known[int(np.ceil(share * len(known))) - 1])
        low = high = value
        if not exact:
            interval = stats.quantile_test(known, q=0, p=share).confidence_interval(LEVEL)
            low, high = (
                float(end) if end == end else edge for end, edge in zip(interval, (-np.inf, np.inf), strict=True)
            )
        quantiles.append(Quantile(share, value, low, high))
    return Figure(name, float(known[0]), float(known[-1]), tuple(quantiles), len(values) - len(known))
