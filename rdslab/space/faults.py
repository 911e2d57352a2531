"""What is of no use in a space: genes that change nothing, choices that are never built, pairs that clash."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rdslab.space.looking import Looked
from rdslab.space.space import Genotype

TRIES = 50  # further nets that are drawn before something is said of all
MOST_PAIRS = 100  # that are drawn anew


@dataclass(frozen=True)
class Idle:
    """A gene without which the same functions can be learned; it may change what they cost. 0 tries: all were seen."""

    gene: str
    costs: bool
    tries: int


@dataclass(frozen=True)
class Choice:
    """A choice of a gene with which no net was built, and what was said of one. Without a reason it never acts."""

    gene: str
    choice: str
    why: str
    tries: int


@dataclass(frozen=True)
class Clash:
    """Two choices that are built, but never together."""

    genes: tuple[str, str]
    choices: tuple[str, str]
    why: str
    tries: int


def idle_genes(looked: Looked, exact: bool, rng: random.Random) -> tuple[Idle, ...]:
    """The genes that never change the canonical id, one looked at after the other."""
    found = []
    for i, gene in enumerate(looked.space.genes):
        changes, costs, tries = _all_flips(looked, i) if exact else _some_flips(looked, i, rng)
        if not changes and (exact or tries):
            found.append(Idle(gene.name, costs, tries))
    return tuple(found)


def _all_flips(looked: Looked, i: int) -> tuple[bool, bool, int]:
    """Whether nets that differ in one gene differ, in what they compute and in what they cost; all genotypes."""
    shape = [len(gene.choices) for gene in looked.space.genes]

    def differ(column: NDArray[np.float64]) -> bool:
        lines = np.moveaxis(np.where(looked.built, column, np.nan).reshape(shape), i, 0).reshape(shape[i], -1)
        lines = lines[:, ~np.isnan(lines).all(axis=0)]
        return bool((np.nanmin(lines, axis=0) != np.nanmax(lines, axis=0)).any())

    costs = any(differ(np.nan_to_num(column, nan=-1.0)) for column in looked.figures.T)
    return differ(looked.ids.astype(float)), costs, 0


def _some_flips(looked: Looked, i: int, rng: random.Random) -> tuple[bool, bool, int]:
    """The same for genotypes that were drawn, each with another choice; ends at the first change."""
    rows = np.flatnonzero(looked.built & looked.active[:, i])
    tries, costs = 0, False
    for row in rows[:TRIES]:
        genotype: Genotype = tuple(looked.genotypes[row].tolist())
        others = [k for k in range(len(looked.space.genes[i].choices)) if k != genotype[i]]
        one, other = looked.seen(genotype), looked.seen((*genotype[:i], rng.choice(others), *genotype[i + 1 :]))
        if other.why:
            continue
        if one.id != other.id:
            return True, True, tries
        tries += 1
        costs = costs or one.figures != other.figures
    return False, costs, tries


def never_built(looked: Looked, exact: bool, rng: random.Random) -> tuple[Choice, ...]:
    """The choices with which no net is built although they act, and in an exact audit those that never act."""
    found = []
    for i, k in _choices(looked):
        acts = _acts(looked, i, k)
        if (acts & looked.built).any() or not (exact or acts.any()):
            continue
        gene = looked.space.genes[i]
        reason = next((looked.reasons[int(row)] for row in np.flatnonzero(acts)), "")
        if exact or not _built_anew(looked, ((i, k),), rng):
            found.append(Choice(gene.name, gene.label(k), reason, 0 if exact else int(acts.sum()) + TRIES))
    return tuple(found)


def clashes(looked: Looked, exact: bool, rng: random.Random) -> tuple[Clash, ...]:
    """The pairs of choices that act together but are never built together, though each is with others."""
    choices = list(_choices(looked))
    acts = np.array([_acts(looked, i, k) for i, k in choices], dtype=np.float32)
    built = acts * looked.built
    together, fine = acts @ acts.T, built @ built.T
    found = []
    doubtful = [
        (a, b)
        for a, b in combinations(range(len(choices)), 2)
        if choices[a][0] != choices[b][0] and together[a, b] and not fine[a, b] and fine[a, a] and fine[b, b]
    ]
    for a, b in doubtful if exact else doubtful[:MOST_PAIRS]:
        pair = choices[a], choices[b]
        if exact or not _built_anew(looked, pair, rng):
            genes = [looked.space.genes[i] for i, _ in pair]
            row = int(np.flatnonzero(acts[a] * acts[b])[0])
            labels = (genes[0].label(pair[0][1]), genes[1].label(pair[1][1]))
            tries = 0 if exact else int(together[a, b]) + TRIES
            found.append(Clash((genes[0].name, genes[1].name), labels, looked.reasons[row], tries))
    return tuple(found)


def _choices(looked: Looked) -> Iterator[tuple[int, int]]:
    """Every choice as the numbers of its gene and of itself."""
    return ((i, k) for i, gene in enumerate(looked.space.genes) for k in range(len(gene.choices)))


def _acts(looked: Looked, i: int, k: int) -> NDArray[np.bool_]:
    return np.asarray(looked.active[:, i] & (looked.genotypes[:, i] == k))


def _built_anew(looked: Looked, choices: tuple[tuple[int, int], ...], rng: random.Random) -> bool:
    """Whether any of some more nets, drawn with these choices, is built with them acting."""
    space = looked.space
    for _ in range(TRIES):
        genotype = space.drawn(rng)
        for i, k in (*choices, *choices):  # the second may have undone a condition of the first
            genotype = space.with_choice(genotype, i, k)
        acts = space.active(genotype)
        if all(acts[i] and genotype[i] == k for i, k in choices) and not looked.seen(genotype).why:
            return True
    return False
