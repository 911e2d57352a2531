"""What a study will take and what it can tell, before it is run. Nothing here knows torch.

Effects and spreads are shares of 1, as mIoU is; hours are wall clock, one trial after another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

from rdslab.search.contrasts import Contrasts, contrasts_of
from rdslab.search.ledger import Row
from rdslab.search.plan import Study
from rdslab.stats.power import detectable, needed, paired_sd

LEVEL = 0.05  # of the whole table
SPREADS = (0.0025, 0.005, 0.01, 0.02)  # shown where the spread is not known
STATES = ("done", "failed", "running", "waiting")


@dataclass(frozen=True)
class Spread:
    """How far seeds lie apart: the standard deviation of one value, and how alike the variants of one seed move."""

    sd: float
    correlation: float = 0.0  # between two variants, over the seeds
    source: str = "given"

    @property
    def of_differences(self) -> float:
        """The standard deviation of a paired difference."""
        return paired_sd(self.sd, self.correlation)


@dataclass(frozen=True)
class Pace:
    """What one training of some variants takes, and how that was found."""

    seconds: Mapping[str, float]  # by variant
    how: str
    per_image: bool = False  # for each image to train on: without the data their number is not known


@dataclass(frozen=True)
class Hours:
    """An estimate, and how it was found. Without the data only hours for each 100 images can be told."""

    how: str
    total: float | None = None
    left: float | None = None
    total_per_100_images: float | None = None


@dataclass(frozen=True)
class Twins:
    """Variants that compute the same class of functions: what differs between them is seeds."""

    variants: tuple[str, ...]
    same_net: bool  # with one seed not even that differs

    @property
    def words(self) -> str:
        """What a user is told of them."""
        names = ", ".join(f"'{name}'" for name in self.variants)
        if self.same_net:
            return f"{names} are one net: with one seed they give one score"
        return f"{names} compute the same class of functions: any difference between them is seeds"


@dataclass(frozen=True)
class Finding:
    """What can be told at one spread. None: with one seed nothing, or not with any number of seeds that was tried."""

    spread: float
    sd_of_differences: float
    difference: float | None  # the smallest of a variant to its base that is found with the wished power
    alone: float | None  # the same, were it the only comparison
    effects: Mapping[str, float]  # over all runs of a factorial: main effects and interactions, `block x dilation`
    seeds_needed: int | None = None  # for the wished effect


@dataclass(frozen=True)
class Forecast:
    """What `rdslab plan` says of a study."""

    name: str
    variants: int
    seeds: int
    states: Mapping[str, int]  # trials by state
    design: Mapping[str, Any] | None
    comparisons: int  # differences to a base
    level: float
    power: float
    spread: Spread | None
    effect: float | None
    findings: tuple[Finding, ...]  # at the spread; where it is not known, at several
    vacuous: tuple[Twins, ...]
    hours: Hours | None

    @property
    def trials(self) -> int:
        return self.variants * self.seeds

    def document(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self) | {"trials": self.trials}


def forecast(
    study: Study,
    rows: Sequence[Row],
    nets: Mapping[str, tuple[str, str]],
    *,
    hours: Hours | None = None,
    spread: Spread | None = None,
    effect: float | None = None,
    power: float = 0.8,
) -> Forecast:
    """The forecast of a study that trains. `rows`: its slots, none where it was never run; `nets`: both ids.

    Comparisons are corrected by Bonferroni, the first step of Holm's method: what is found so is found by Holm's too.
    """
    wanted = {(slot.variant, slot.seed) for slot in study.slots}
    own = [row["state"] for row in rows if (row["variant"], row["seed"]) in wanted]
    states = {state: own.count(state) for state in STATES}
    states["waiting"] += len(wanted) - len(own)
    comparisons = sum(bool(base) for base in study.compared.values())
    contrasts = contrasts_of(study.design, len(study.document.seeds)) if study.design else None
    at = (spread,) if spread else tuple(Spread(sd, source="supposed") for sd in SPREADS)
    return Forecast(
        study.name,
        len(study.variants),
        len(study.document.seeds),
        states,
        _described(study, contrasts),
        comparisons,
        LEVEL,
        power,
        spread,
        effect,
        tuple(_finding(study, one, comparisons, contrasts, effect, power) for one in at),
        twins_of(nets),
        hours,
    )


def _finding(
    study: Study, spread: Spread, comparisons: int, contrasts: Contrasts | None, effect: float | None, power: float
) -> Finding:
    seeds, sd = len(study.document.seeds), spread.of_differences

    def smallest(among: int) -> float | None:
        return detectable(sd, seeds, comparisons=among, level=LEVEL, power=power) if among else None

    need = needed(effect, sd, comparisons=comparisons, level=LEVEL, power=power) if effect and comparisons else None
    return Finding(
        spread.sd,
        sd,
        smallest(comparisons),
        smallest(min(1, comparisons)),
        contrasts.detectable(sd / sqrt(2), level=LEVEL, power=power) if contrasts else {},
        need,
    )


def twins_of(nets: Mapping[str, tuple[str, str]]) -> tuple[Twins, ...]:
    """The groups of variants that share a canonical id, from the ids (net, canonical) by variant."""
    groups: dict[str, list[str]] = {}
    for variant, (_, canonical) in nets.items():
        groups.setdefault(canonical, []).append(variant)
    return tuple(
        Twins(tuple(names), same_net=len({nets[name][0] for name in names}) == 1)
        for names in groups.values()
        if len(names) > 1
    )


def _described(study: Study, contrasts: Contrasts | None) -> dict[str, Any] | None:
    design = study.design
    if design is None:
        return None
    return {
        "kind": design.kind,
        "base": study.base,
        "factors": {factor.name: [level.name for level in factor.levels] for factor in design.factors},
        "runs": len(design.runs),
        "resolution": design.resolution,
        "generators": {added: list(sources) for added, sources in design.generators.items()},
        "efficiency": design.efficiency,
        "effects": contrasts.tested if contrasts else 0,
        "aliases": contrasts.aliases if contrasts else {},
    }


def hours_of(study: Study, rows: Sequence[Row], macs: Mapping[str, int], pace: Pace) -> Hours:
    """The hours of all trials and of those left; of variants that the pace does not know, by their MACs."""
    per_mac = sum(pace.seconds.values()) / sum(macs[name] for name in pace.seconds)
    seconds = {name: pace.seconds.get(name, per_mac * count) for name, count in macs.items()}
    total = sum(seconds[slot.variant] for slot in study.slots) / 3600
    if pace.per_image:
        return Hours(pace.how, total_per_100_images=100 * total)
    done = {(row["variant"], row["seed"]) for row in rows if row["state"] == "done"}
    left = sum(seconds[s.variant] for s in study.slots if (s.variant, s.seed) not in done) / 3600
    return Hours(pace.how, total, left)
