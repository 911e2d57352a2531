"""Genotypes looked at: drawn, built on paper, identified, counted and predicted; equal ones once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rdslab.errors import RdslabError
from rdslab.network import ids
from rdslab.space.space import Genotype, Space

STEP = 100  # genotypes between two reports of progress


@dataclass(frozen=True)
class Seen:
    """A net that was looked at: its canonical id and its figures, or why it cannot be built."""

    id: str
    figures: tuple[float, ...]
    why: str = ""


@dataclass(frozen=True)
class Looked:
    """Rows of genotypes and what they are; more are looked at by asking for them."""

    space: Space
    genotypes: NDArray[np.int64]
    active: NDArray[np.bool_]
    built: NDArray[np.bool_]
    ids: NDArray[np.int64]  # equal where canonical ids are; -1 where a net cannot be built
    figures: NDArray[np.float64]  # a column for each of the deployment's names
    reasons: Sequence[str]
    _known: dict[Genotype, Seen] = field(repr=False)

    def seen(self, genotype: Genotype) -> Seen:
        """Another genotype."""
        return _seen(self.space, self.space.canonical(genotype), self._known)


def look(space: Space, genotypes: Sequence[Genotype], progress: Callable[[int, int], None]) -> Looked:
    """Look at every one of the genotypes."""
    known: dict[Genotype, Seen] = {}
    numbers: dict[str, int] = {}
    active, found = [], []
    for done, genotype in enumerate(genotypes):
        acts = space.active(genotype)
        active.append(acts)
        canonical = tuple([choice if act else 0 for choice, act in zip(genotype, acts, strict=True)])
        found.append(_seen(space, canonical, known))
        if done % STEP == 0:
            progress(done, len(genotypes))
    progress(len(genotypes), len(genotypes))
    none: Any = (float("nan"),) * len(space.deploy.names)
    return Looked(
        space,
        np.array(genotypes),
        np.array(active),
        np.array([not seen.why for seen in found]),
        np.array([-1 if seen.why else numbers.setdefault(seen.id, len(numbers)) for seen in found]),
        np.array([seen.figures or none for seen in found], dtype=float),
        [seen.why for seen in found],
        known,
    )


def _seen(space: Space, canonical: Genotype, known: dict[Genotype, Seen]) -> Seen:
    seen = known.get(canonical)
    if seen is None:
        try:
            net = space.draw(canonical)
            seen = Seen(ids(net)[1], space.deploy.figures(net))
        except RdslabError as error:
            seen = Seen("", (), str(error))
        known[canonical] = seen
    return seen
