"""The answers to a study's claims: supported, refuted, or undecided, each with its numbers.

A claim about scores is put to two one-sided paired t tests, for it and against it, at 2.5 % (no worse than: at 5 %),
Holm-corrected over the claims. What is predicted or measured is held against its whole interval. Costs are exact.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from scipy import stats

from rdslab.report.evidence import Evidence, Value
from rdslab.report.words import points, probability
from rdslab.search.claims import Claim, is_score
from rdslab.search.plan import Study
from rdslab.stats import holm, mean_estimate, paired_difference
from rdslab.stats.power import needed
from rdslab.stats.uncertain import Noisy, membership

SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"
CLAIMS = "claims.csv"
COLUMNS = ("name", "says", "answer", "why", "n", "interval", "source", "plot")
ONE_SIDED = {"order": 0.025, "no_worse": 0.05}
FAMILY = 0.05
EXACT = 1e-9  # how far rounding takes a ratio of whole numbers
Evidences = Callable[[Claim], Evidence | str]  # or why there is none


def claims_csv(answered: Sequence[Mapping[str, Any]]) -> str:
    """One line a claim; the columns are those of COLUMNS."""
    table = pd.DataFrame(answered, columns=list(COLUMNS)).astype({"n": "Int64"})
    return str(table.to_csv(index=False, lineterminator="\n"))


@dataclass(frozen=True)
class _Answer:
    """What one claim comes to by itself; p values are one-sided, over the claim's own level."""

    answer: str
    why: str
    n: int | None = None
    interval: str = ""
    plot: str = ""
    p_for: float | None = None
    p_against: float | None = None


def verdicts(study: Study, claims: Sequence[Claim], evidence: Evidences) -> list[dict[str, Any]]:
    """One mapping a claim of the study, with the keys of COLUMNS. A claim on what is missing is undecided."""
    answers = [_answered(claim, evidence(claim)) for claim in claims]
    supports = holm([answer.p_for for answer in answers])
    refutes = holm([answer.p_against for answer in answers])
    found = []
    for claim, answer, p_for, p_against in zip(claims, answers, supports, refutes, strict=True):
        told, why = answer.answer, answer.why
        if p_for is not None and p_against is not None:
            told = SUPPORTED if p_for < FAMILY else REFUTED if p_against < FAMILY else UNDECIDED
            level = ONE_SIDED[claim.kind]
            p = min(p_for, p_against) * level / FAMILY
            shown = probability(p)
            equals = "" if shown.startswith("<") else "= "
            why += f"; p {equals}{shown} one-sided over all claims, {100 * level:g} % would tell"
        why = f"{why} (study {claim.study.name})" if claim.study.name != study.name else why
        plot = answer.plot if claim.study.name == study.name else ""  # another's plots are on another page
        row = (claim.name, claim.says, told, f"{why}.", answer.n, answer.interval, claim.source, plot)
        found.append(dict(zip(COLUMNS, row, strict=True)))
    return found


def _answered(claim: Claim, evidence: Evidence | str) -> _Answer:
    if isinstance(evidence, str):
        return _Answer(UNDECIDED, evidence)
    if claim.kind == "front":
        return _front(claim, evidence)
    if claim.kind in ONE_SIDED and is_score(claim.quantity):
        return _of_seeds(claim, evidence)
    return _of_values(claim, evidence)


def _missing(claim: Claim, *variants: str) -> _Answer:
    named = " and ".join(variants)
    return _Answer(
        UNDECIDED, f"{claim.quantity} of {named} is missing in {claim.study.name}: rdslab run {claim.study.source.name}"
    )


def _of_seeds(claim: Claim, evidence: Evidence) -> _Answer:
    ours, theirs = (evidence.scores(claim.quantity, variant) for variant in (claim.a, claim.b))
    lacking = [variant for variant, scores in ((claim.a, ours), (claim.b, theirs)) if not scores]
    if lacking:
        return _missing(claim, *lacking)
    found = paired_difference(ours, theirs)
    seen = f"{claim.a} - {claim.b}: {points(found.mean)} points of {claim.quantity.replace('miou', 'mIoU')}"
    if found.low is not None:
        seen += f" (95 % interval {points(found.low)} to {points(found.high)})"
    same = evidence.canonical_id(claim.a)
    if same and same == evidence.canonical_id(claim.b):
        answer = SUPPORTED if claim.kind == "no_worse" else REFUTED
        return _Answer(answer, f"both compute the same class of functions, any difference is seeds; {seen}", found.n)
    if found.mean is None or not found.sd:
        return _Answer(UNDECIDED, f"{seen}; {found.why}", found.n)
    sign = -1.0 if claim.relation in ("<", "<=") else 1.0
    bound = -claim.value if claim.kind == "no_worse" else claim.value
    beyond = sign * found.mean - bound
    t = beyond / (found.sd / math.sqrt(found.n))
    scale = FAMILY / ONE_SIDED[claim.kind]
    more = needed(beyond, found.sd)
    if more is not None and more > found.n:
        seen += f"; were that the truth, {more} seeds would tell"
    p_for, p_against = (min(1.0, scale * float(stats.t.sf(side * t, found.n - 1))) for side in (1, -1))
    return _Answer(UNDECIDED, seen, found.n, plot="differences", p_for=p_for, p_against=p_against)


def _of_values(claim: Claim, evidence: Evidence) -> _Answer:
    if claim.kind == "limit":
        value = _single(claim, evidence, claim.a)
        if value is None:
            return _missing(claim, claim.a)
        ends = (-math.inf, claim.value) if claim.relation == "<=" else (claim.value, math.inf)
        return _held(claim, value, ends, claim.a)
    if not claim.b:
        value = evidence.ratio(claim.quantity, claim.a, claim.size, claim.form)
        lacking, what = [claim.a], claim.a
    else:
        both = [_single(claim, evidence, variant) for variant in (claim.a, claim.b)]
        lacking = [variant for variant, one in zip((claim.a, claim.b), both, strict=True) if one is None]
        value = both[0].over(both[1]) if both[0] is not None and both[1] is not None else None
        what = f"{claim.a} / {claim.b}"
    if value is None:
        return _missing(claim, *lacking)
    return _held(claim, value, _wanted_ratio(claim, evidence), what)


def _single(claim: Claim, evidence: Evidence, variant: str) -> Value | None:
    if not is_score(claim.quantity):
        return evidence.value(claim.quantity, variant, claim.size, claim.form)
    mean = mean_estimate(evidence.scores(claim.quantity, variant).values())
    if mean.mean is None:
        return None
    low, high = (mean.low, mean.high) if mean.low is not None and mean.high is not None else (-math.inf, math.inf)
    return Value(mean.mean, low, high, f"mean of {mean.n} seeds")


def _wanted_ratio(claim: Claim, evidence: Evidence) -> tuple[float, float]:
    """Between which ends a / b has to lie."""
    if claim.kind == "ratio":
        return claim.value * (1 - claim.within), claim.value * (1 + claim.within)
    sign = 1.0 if claim.relation in (">", ">=") else -1.0
    margin = claim.value
    if not claim.relative and margin:
        base = evidence.value(claim.quantity, claim.b, claim.size, claim.form)
        margin = margin / base.middle if base else math.nan
    bound = 1 + sign * (margin if claim.kind == "order" else -margin)
    return (bound, math.inf) if sign > 0 else (-math.inf, bound)


def _held(claim: Claim, value: Value, ends: tuple[float, float], what: str) -> _Answer:
    """A value with its own ends against those that are wanted."""
    low, high = ends
    slack = EXACT * max(abs(value.middle), 1e-300)
    inside = low - slack <= value.low and value.high <= high + slack
    outside = value.high < low - slack or value.low > high + slack
    answer = SUPPORTED if inside else REFUTED if outside else UNDECIDED
    where = f" at {claim.size}" if not is_score(claim.quantity) and claim.quantity != "params" else ""
    form = f", {claim.form}" if value.kind == "measured" else ""
    why = f"{claim.quantity} of {what}{where}: {_short(value.middle)} ({value.kind}{form})"
    if not value.low <= value.high:
        return _Answer(UNDECIDED, f"{why}; how far that may be off is not known")
    width = "" if value.low == value.high else f"{_width(value)}{_short(value.low)} to {_short(value.high)}"
    return _Answer(answer, why, interval=width, plot="ratios" if claim.kind == "ratio" and not claim.b else "")


def _width(value: Value) -> str:
    """What its ends are."""
    if value.kind == "predicted":
        return "90 % interval "
    return "range of the runs " if value.kind == "measured" else "95 % interval "


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 10_000 else f"{number:.4g}"


def _front(claim: Claim, evidence: Evidence) -> _Answer:
    names = [claim.a, *claim.others]
    scores = {name: list(evidence.scores("miou", name).values()) for name in names}
    costs = {name: evidence.value(claim.quantity, name, claim.size, claim.form) for name in names}
    lacking = [name for name in names if not scores[name] or costs[name] is None]
    if lacking:
        return _missing(claim, *lacking)
    kinds = {value.kind for value in costs.values() if value}
    if len(kinds) > 1:
        return _Answer(UNDECIDED, f"{' and '.join(sorted(kinds))} times make no front together")
    seen = [_noisy([float(v) for v in scores[name] if v is not None], costs[name]) for name in names]
    told = membership(seen, evidence.spread("miou"))[0]
    if told.probability is None:
        return _Answer(UNDECIDED, told.why)
    answer = {"certain": SUPPORTED, "dominated": REFUTED}.get(told.word, UNDECIDED)
    why = f"{claim.a} is on the front with probability {told.probability:.2f}: {told.word} ({kinds.pop()})"
    return _Answer(answer, why, len(scores[claim.a]), plot="front")


def _noisy(scores: Sequence[float], cost: Value | None) -> Noisy:
    assert cost is not None
    ends = (cost.low, cost.high) if cost.kind == "predicted" else (None, None)
    return Noisy(math.fsum(scores) / len(scores), len(scores), cost.middle, *ends)
