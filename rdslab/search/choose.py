"""Which nets keep a time limit on a device, at which risk, and which of them is best."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

from rdslab.cost import count
from rdslab.errors import RdslabError, RunError, SpecError
from rdslab.measure import Profile, predict_times
from rdslab.records import Cost, Published, Size
from rdslab.search.candidates import Candidate
from rdslab.search.cells import DEPLOYED, EAGER, Cell, TimesFacts, side_by_side
from rdslab.search.ledger import Ledger

Z90 = NormalDist().inv_cdf(0.95)  # an interval of 90 % reaches so many standard deviations to each side
OUTSIDE = 0.95  # a larger risk: the limit lies below the 90 % interval
PUBLISHED_ON = "Cityscapes test"
Document = Mapping[str, Any]
Latencies = Callable[[Mapping[str, Candidate], Mapping[str, Cost]], Mapping[str, Document | RdslabError]]


@dataclass(frozen=True)
class Choice:
    """A candidate with its latency: a document of times, measured or predicted."""

    candidate: Candidate
    cost: Cost
    times: Document
    risk: float

    @property
    def latency_ms(self) -> float:
        return float(self.times["latency_ms"])

    @property
    def published(self) -> Published | None:
        """What is published of it: the first figure on Cityscapes' test set, else the first of all."""
        lines = self.candidate.published
        return next((line for line in lines if line.on == PUBLISHED_ON), lines[0] if lines else None)


@dataclass(frozen=True)
class Choices:
    """An answer: nets within the limit, best first; those that may be; those that are not; those without a latency."""

    within: Sequence[Choice]
    may_be: Sequence[Choice]
    over: Sequence[Choice]
    refused: Mapping[str, str]
    ranked_by: str


def choose(
    nets: Sequence[Candidate], size: Size, classes: int, under_ms: float, latencies: Latencies, most_risk: float = 0.5
) -> Choices:
    """The nets whose risk to break the limit is at most `most_risk`, best first; the others by risk.

    With 0.5 they are those whose latency itself is within the limit. A net of larger risk may be within as long as its
    risk is below 0.95, which is where the limit leaves the 90 % interval. Raises SpecError for a limit or a risk that
    cannot be, and where no net has a latency at all
    (RunError where measuring failed).
    """
    if not (math.isfinite(under_ms) and under_ms > 0):
        raise SpecError(f"expected milliseconds above 0, got {under_ms:g}", where="--under")
    if not 0 < most_risk < 1:
        raise SpecError(f"expected a probability between 0 and 1, got {most_risk:g}", where="--risk")
    costs, refused = _counted(nets, size, classes)
    there = {c.name: c for c in nets if c.name in costs}
    found = latencies(there, costs)
    refused |= {name: _words(times) for name, times in found.items() if isinstance(times, RdslabError)}
    chosen = [
        Choice(there[name], costs[name], times, risk_of(times, under_ms))
        for name, times in found.items()
        if not isinstance(times, RdslabError)
    ]
    if not chosen:
        failed = any(isinstance(times, RunError) for times in found.values())
        raise (RunError if failed else SpecError)(
            f"none of {len(nets)} nets has a latency here", *[f"{n}: {why}" for n, why in refused.items()][:3]
        )
    within, ranked_by = ranked([choice for choice in chosen if choice.risk <= most_risk])
    others = sorted((c for c in chosen if c.risk > most_risk), key=lambda c: (c.risk, c.latency_ms))
    may_be = [choice for choice in others if choice.risk < OUTSIDE]
    return Choices(within, may_be, [c for c in others if c.risk >= OUTSIDE], refused, ranked_by)


def _counted(nets: Sequence[Candidate], size: Size, classes: int) -> tuple[dict[str, Cost], dict[str, str]]:
    costs, refused = {}, {}
    for candidate in nets:
        try:
            costs[candidate.name] = count(candidate.net, size, classes)
        except SpecError as error:  # too small an image, usually
            refused[candidate.name] = _words(error)
    return costs, refused


def risk_of(times: Document, limit_ms: float) -> float:
    """The probability that a net takes longer than the limit.

    Of a prediction: that of a log-normal distribution about the predicted time, each side of it as wide as the
    profile's 90 % interval says (its ends are the 5 % and the 95 % quantile). Of a measurement: the share of the runs
    that took longer, and so that of single frames.
    """
    latency = float(times["latency_ms"])
    runs = times.get("runs_ms") or ()
    if not times["predicted"] and runs:
        return float(sum(run > limit_ms for run in runs) / len(runs))
    side = times["high_ms"] / latency if limit_ms > latency else latency / times["low_ms"]
    if side <= 1:
        return float(latency > limit_ms)
    return 1 - NormalDist().cdf(Z90 * math.log(limit_ms / latency) / math.log(side))


def ranked(choices: Sequence[Choice]) -> tuple[list[Choice], str]:
    """Best first, and in words by what. Published and own accuracies are never compared with each other.

    By own mIoU where all have one on the same images; else by the mIoU published on Cityscapes' test set. Those
    without such a figure stand last. Where accuracies are equal, or say nothing, the faster is the better.
    """
    on = _same_images(choices)
    if on:
        return sorted(choices, key=lambda c: (-c.candidate.own.miou, c.latency_ms)), f"own mIoU on {on}"  # type: ignore[union-attr]
    known = [c for c in choices if c.published is not None and c.published.on == PUBLISHED_ON]
    rest = [c for c in choices if c not in known]
    if not known:
        return sorted(rest, key=lambda c: c.latency_ms), "latency: no accuracy that all have can be compared"
    first = sorted(known, key=lambda c: (-c.published.miou, c.latency_ms))  # type: ignore[union-attr]
    words = f"mIoU published on {PUBLISHED_ON}"
    if not rest:
        return first, words
    last, by = ranked([replace(c, candidate=replace(c.candidate, published=())) for c in rest])
    order = {c.candidate.name: c for c in rest}
    by = by.partition(":")[0]
    return [*first, *(order[c.candidate.name] for c in last)], f"{words}; {len(rest)} without it stand last, by {by}"


def _same_images(choices: Sequence[Choice]) -> str:
    """The data that all own figures are on; nothing where one lacks, or they are on different images."""
    owns = [c.candidate.own for c in choices]
    identities = {own.identity if own is not None else "" for own in owns}
    return owns[0].on if len(identities) == 1 and "" not in identities and owns[0] is not None else ""


def predicted_by(profile: Profile) -> Latencies:
    """Latencies that a profile predicts, where it does."""

    def latencies(_: Mapping[str, Candidate], costs: Mapping[str, Cost]) -> dict[str, Document | RdslabError]:
        found: dict[str, Document | RdslabError] = {}
        for name, cost in costs.items():
            try:
                found[name] = predict_times(cost, profile).document()
            except SpecError as error:
                found[name] = error
        return found

    return latencies


def measured_in(ledgers: Sequence[Ledger], device: str) -> Latencies:
    """Latencies that studies have measured on a device: of each net the deployed form's, else that as trained.

    Those that may not stand beside the most of the others are refused, with the fields in which they differ.
    """

    def latencies(nets: Mapping[str, Candidate], costs: Mapping[str, Cost]) -> dict[str, Document | RdslabError]:
        known = [TimesFacts(ledger) for ledger in ledgers]
        times: dict[str, Document] = {}
        for name, candidate in nets.items():
            for form in (DEPLOYED, EAGER):
                cell = Cell(device, str(costs[name].size), costs[name].classes, form)
                facts = [fact for one in known if (fact := one.times(candidate.net_id, cell)) is not None]
                if facts and name not in times:
                    times[name] = facts[0]
        apart = side_by_side(times)
        missing = SpecError(f"no study has measured it on {device} at this size")
        return {n: SpecError(apart[n]) if n in apart else times.get(n, missing) for n in nets}

    return latencies


def _words(error: RdslabError) -> str:
    return "; ".join([error.what, *error.hints])
