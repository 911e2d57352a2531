"""What trials that were run already tell of those to come: how far seeds lie apart, and what a trial takes."""

from collections.abc import Mapping, Sequence

import numpy as np

from rdslab.errors import SpecError
from rdslab.search.forecast import Pace, Spread
from rdslab.search.ledger import Ledger, open_ledger, storage_of
from rdslab.search.plan import Study, load_study
from rdslab.stats import pooled_spread
from rdslab.stats.intervals import finite

Scores = Mapping[str, Mapping[int, float]]  # mIoU by variant and seed


def spread_of(file: str) -> Spread:
    """The pooled spread of a study that was run, from its database in its run folder.

    Raises SpecError where the study was not run, or where no variant has two seeds.
    """
    study = load_study(file)
    if not study.trains:
        raise SpecError("trains nothing, so its seeds have no spread", where=study.source.name)
    scores = _scores(study, open_ledger(study, storage_of(study, None)))
    pooled = pooled_spread(own.values() for own in scores.values())
    if not pooled.sd:
        raise SpecError("no variant has two seeds that differ, so there is no spread yet", where=study.source.name)
    source = f"{study.name}: pooled over {pooled.groups} variants, {pooled.df} degrees of freedom"
    return Spread(pooled.sd, seed_correlation(list(scores.values())), source)


def seed_correlation(scores: Sequence[Mapping[int, float]]) -> float:
    """How much of the variance over seeds the variants share, 0 to 1: 0 where seeds move each variant alone.

    From the residual of variant plus seed (two-way analysis of variance), over the seeds that all variants have with
    at least two scores; 0 where fewer than two variants or seeds are left.
    """
    several = [own for own in scores if len(own) > 1]
    shared = sorted(set.intersection(*map(set, several))) if several else []
    if len(several) < 2 or len(shared) < 2:
        return 0.0
    values = np.array([[own[seed] for seed in shared] for own in several])
    centred = values - values.mean(axis=1, keepdims=True)
    rest = centred - centred.mean(axis=0)
    variants, seeds = values.shape
    alone = float((rest**2).sum()) / ((variants - 1) * (seeds - 1))
    whole = float((centred**2).sum()) / (variants * (seeds - 1))
    return max(0.0, 1.0 - alone / whole) if whole > 0 else 0.0


def pace_of(study: Study, ledger: Ledger) -> Pace | None:
    """What the trials that are done took, by variant; None where none is."""
    rows = {row["net_id"]: row["variant"] for row in ledger.rows() if row["state"] == "done"}
    hours: dict[str, list[float]] = {}
    for fact in ledger.facts_of("effort"):
        if fact["net_id"] in rows:
            hours.setdefault(rows[fact["net_id"]], []).append(float(fact["document"]["hours"]))
    known = {variant.name for variant in study.variants}
    seconds = {name: 3600 * sum(own) / len(own) for name, own in hours.items() if name in known}
    if not seconds:
        return None
    trials = sum(len(hours[name]) for name in seconds)
    rest = "" if len(seconds) == len(known) else "; variants without one by their MACs"
    return Pace(seconds, f"what the {trials} trials that are done took{rest}")


def _scores(study: Study, ledger: Ledger) -> Scores:
    """Of the study's own slots, what is a number."""
    wanted = {(slot.variant, slot.seed) for slot in study.slots}
    by_net = {row["net_id"]: row["variant"] for row in ledger.rows()}
    found: dict[str, dict[int, float]] = {}
    for fact in ledger.facts_of("score"):
        variant, miou = by_net.get(fact["net_id"]), fact["document"]["miou"]
        if (variant, fact["seed"]) in wanted and finite([miou]):
            found.setdefault(str(variant), {})[fact["seed"]] = float(miou)
    return found
