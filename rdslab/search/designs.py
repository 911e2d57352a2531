"""Designs: which combinations of factors a study runs, from its key `design`. Nothing here knows torch.

A factor is one place of the net with its values, or levels by name with what each sets:

    design:
      kind: fractional
      factors:
        shuffle: {"enc*.options.shuffle": [0, 4]}
        unit:
          rds: {}
          thin residual: {"enc*.block": residual, width: 0.25}
        dilation: {enc3.cycle.dilation: [[1], [1, 2, 4, 8, 16]]}
      resolution: 3

The first levels of all factors together are the design's base, which the other runs are compared with. Kinds:

- `one_at_a_time`: the base, and each other level alone.
- `leave_one_out`: levels are `[without, with]`; the base is the net with everything, and each other run lacks one.
- `pairs`: the base, each other level alone, and every two of them together: interactions on top of the base.
- `factorial`: all combinations.
- `fractional`: some of them. Two levels each: a regular fraction by a wished `resolution` (the smallest one found) or
  by `generators: {dilation: [shuffle, unit]}` (its level is the product of theirs). Any levels: `runs: 12`, a D-optimal
  subset for the main effects, with `interactions: true` for those of every two factors too.

Factors are set in the order they stand in, so an option stands before the block that may lack it. A design takes the
place of `one_at_a_time` and `grid`; `variants` beside it are further nets, held against the design's base.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from math import prod
from typing import Any

from rdslab.errors import SpecError, did_you_mean
from rdslab.search.documents import DesignDocument
from rdslab.search.factors import FACTORS, Factor, factors_of, need_two_levels
from rdslab.search.fractions import (
    MOST_CANDIDATES,
    MOST_FACTORS,
    Generators,
    Run,
    efficiency_of,
    optimal_subset,
    regular_fraction,
    resolution_of,
    smallest_fraction,
    unknowns_of,
)
from rdslab.yamlio import Source

MOST_VARIANTS = 10_000
PLACE = ("design",)
WAYS = ("resolution", "generators", "runs")  # to say which fraction


@dataclass(frozen=True)
class Design:
    """Factors, and the runs as the numbers of their levels; the first run is the base."""

    kind: str
    factors: tuple[Factor, ...]
    runs: tuple[Run, ...]
    generators: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of a regular fraction
    resolution: int | None = None  # of a regular fraction
    efficiency: float | None = None  # of a D-optimal subset: 1 where it is orthogonal

    def name(self, run: Run) -> str:
        """What the run's variant is called: all its levels, or only those that are not the base's."""
        words = [f"{factor.name} {factor.levels[at].name}" for factor, at in zip(self.factors, run, strict=True)]
        if self.kind in ("factorial", "fractional"):
            return ", ".join(words)
        changed = [i for i, (at, usual) in enumerate(zip(run, self.runs[0], strict=True)) if at != usual]
        if self.kind == "leave_one_out":
            return ", ".join(f"without {self.factors[i].name}" for i in changed) or "full"
        return ", ".join(words[i] for i in changed) or "base"

    def levels(self, run: Run) -> dict[str, str]:
        """By factor the name of its level."""
        return {factor.name: factor.levels[at].name for factor, at in zip(self.factors, run, strict=True)}

    def settings(self, run: Run) -> tuple[tuple[str, Any], ...]:
        """What the run sets, factor by factor."""
        return tuple(s for factor, at in zip(self.factors, run, strict=True) for s in factor.levels[at].settings)


def design_of(document: DesignDocument, source: Source) -> Design:
    """The design with its runs. Raises SpecError with file and line."""
    factors = factors_of(document.factors, source)
    _check_keys(document, source)
    if document.kind == "fractional":
        return _fractional(document, factors, source)
    if document.kind == "leave_one_out":
        need_two_levels(factors, "leave_one_out has a level without and a level with", source)
    if document.kind != "one_at_a_time" and len(factors) < 2:
        raise SpecError(f"{document.kind} needs two factors or more, got 1", where=source.where(FACTORS))
    sizes = [len(factor.levels) for factor in factors]
    if document.kind == "factorial" and prod(sizes) > MOST_VARIANTS:
        what = f"{prod(sizes):,} combinations are more than {MOST_VARIANTS:,} variants"
        raise SpecError(what, "kind: fractional runs some of them", where=source.where(PLACE))
    return Design(document.kind, factors, tuple(_whole(document.kind, sizes)))


def _whole(kind: str, sizes: Sequence[int]) -> Iterator[Run]:
    """The runs of a design that is no fraction, its base first."""
    if kind == "factorial":
        yield from product(*map(range, sizes))
        return
    base = tuple(1 if kind == "leave_one_out" else 0 for _ in sizes)
    yield base
    other = [(f, at) for f, size in enumerate(sizes) for at in range(size) if at != base[f]]
    for number in (1, 2) if kind == "pairs" else (1,):
        for changes in combinations(other, number):
            changed = dict(changes)
            if len(changed) == number:  # else it is two levels of one factor
                yield tuple(changed.get(f, at) for f, at in enumerate(base))


def _check_keys(document: DesignDocument, source: Source) -> None:
    given = [key for key in WAYS if getattr(document, key)]
    extra = [*given, *(["interactions"] if document.interactions else [])]
    if extra and document.kind != "fractional":
        what = f"acts only with kind: fractional, here kind is {document.kind}"
        raise SpecError(what, where=source.where((*PLACE, extra[0])))
    if document.kind == "fractional" and len(given) != 1:
        what = f"a fractional design takes one of {', '.join(WAYS)}, got {' and '.join(given) or 'none'}"
        hint = "`resolution: 4` keeps main effects clear of interactions; `runs: N` is for more than two levels"
        raise SpecError(what, hint, where=source.where(PLACE))
    if document.interactions and document.runs is None:
        raise SpecError("acts only with runs", where=source.where((*PLACE, "interactions")))


def _fractional(document: DesignDocument, factors: tuple[Factor, ...], source: Source) -> Design:
    if document.runs is not None:
        return _subset(document.runs, document.interactions, factors, source)
    need_two_levels(factors, "a regular fraction is of two-level factors", source, "for more levels write `runs: N`")
    if len(factors) > MOST_FACTORS:
        what = f"a regular fraction takes up to {MOST_FACTORS} factors, got {len(factors)}"
        raise SpecError(what, "write `runs: N`", where=source.where(FACTORS))
    names = [factor.name for factor in factors]
    where = source.where((*PLACE, "generators" if document.generators else "resolution"))
    if document.generators:
        generators = _given(document.generators, names, source)
        if resolution_of(generators) < 3:
            raise SpecError("gives two factors one column: their effects cannot be told apart", where=where)
    else:
        found = smallest_fraction(len(factors), document.resolution or 3)
        if found is None:
            what = f"no fraction of {len(factors)} factors has resolution {document.resolution}"
            raise SpecError(what, "kind: factorial runs all combinations", where=where)
        generators = found
    if 2 ** (len(factors) - len(generators)) > MOST_VARIANTS:
        raise SpecError(f"gives more than {MOST_VARIANTS:,} variants", where=where)
    runs = tuple(regular_fraction(len(factors), generators))
    by_name = {names[added]: tuple(names[f] for f in sources) for added, sources in generators.items()}
    return Design("fractional", factors, runs, by_name, resolution_of(generators))


def _given(generators: Mapping[str, Sequence[str]], names: Sequence[str], source: Source) -> Generators:
    """A study's generators by number. Raises SpecError for names that are no factors, or themselves added."""
    for added, sources in generators.items():
        where = source.where((*PLACE, "generators", added))
        for name in (added, *sources):
            if name not in names:
                hint = f"there are: {', '.join(names)}"
                raise SpecError(f"no factor is called {name!r}", hint, did_you_mean(name, names), where=where)
        again = next((name for name in sources if name in generators or sources.count(name) > 1), None)
        if again is not None:
            what = f"{again!r} has a generator itself" if again in generators else f"{again!r} stands twice"
            raise SpecError(what, "a product is of different factors without a generator", where=where)
    return {names.index(a): tuple(names.index(name) for name in sources) for a, sources in generators.items()}


def _subset(runs: int, interactions: bool, factors: tuple[Factor, ...], source: Source) -> Design:
    where = source.where((*PLACE, "runs"))
    sizes = [len(factor.levels) for factor in factors]
    least, most = unknowns_of(sizes, interactions=interactions), prod(sizes)
    if most > MOST_CANDIDATES:
        what = f"a D-optimal subset is chosen from up to {MOST_CANDIDATES:,} combinations, and there are {most:,}"
        raise SpecError(what, "for factors of two levels write `resolution`", where=where)
    if not least <= runs < most:
        asked = "main effects and interactions" if interactions else "main effects"
        what = (
            f"runs must be {least} (unknowns: the mean and {asked}) to {most - 1} (of {most} combinations), got {runs}"
        )
        raise SpecError(what, where=where)
    chosen = tuple(optimal_subset(sizes, runs, interactions=interactions))
    return Design("fractional", factors, chosen, efficiency=efficiency_of(chosen, sizes, interactions=interactions))
