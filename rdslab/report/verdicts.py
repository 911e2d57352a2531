"""The answers to a study's claims: supported, refuted, or undecided, each with its numbers.

What each seed gives another value of is put to one-sided t tests over the seeds, one for the claim and one against
it, at 2.5 % each (no worse than: at 5 %), Holm-corrected over the claims. What is predicted or measured is held against
its whole interval. Costs are exact.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rdslab.errors import did_you_mean
from rdslab.report.evidence import Evidence, Value
from rdslab.report.seedtests import FAMILY, SeedTest, tested_over_seeds
from rdslab.report.words import MINUS, listed, probability
from rdslab.search.claims import Claim, is_score, is_seeded
from rdslab.search.plan import Study
from rdslab.stats import holm
from rdslab.stats.uncertain import Noisy, membership

SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"
CLAIMS = "claims.csv"
COLUMNS = {
    "name": "what the claim is called",
    "says": "the claim as the study writes it",
    "answer": "supported, refuted or undecided",
    "why": "the numbers it follows from, or what is missing",
    "n": "seeds, of what seeds differ in",
    "interval": "between which ends the number may lie",
    "study": "the study whose facts answer it",
    "source": "who claims it",
    "plot": "the plot of that study's report that shows it",
}
EXACT = 1e-9  # how far rounding takes a ratio of whole numbers
Evidences = Callable[[Claim], Evidence | str]  # or why there is none


def claims_csv(answered: Sequence[Mapping[str, Any]]) -> str:
    """One line a claim; the columns are those of COLUMNS."""
    table = pd.DataFrame(answered, columns=list(COLUMNS)).astype({"n": "Int64"})
    return str(table.to_csv(index=False, lineterminator="\n"))


def evidence_words(verdict: Mapping[str, Any]) -> str:
    """The numbers, n and interval of a verdict in one line: 'mIoU of a: ... . n = 5. 95 % interval ... .'"""
    words = [str(verdict["why"])]
    words += [f"n = {verdict['n']}."] if verdict.get("n") else []
    words += [f"{verdict['interval']}."] if verdict.get("interval") else []
    return " ".join(words)


@dataclass(frozen=True)
class _Answer:
    """What one claim comes to by itself. A `tested` one is decided with all others that are."""

    answer: str
    why: str
    n: int | None = None
    interval: str = ""
    plot: str = ""
    tested: SeedTest | None = None


def verdicts(study: Study, claims: Sequence[Claim], evidence: Evidences) -> list[dict[str, Any]]:
    """One mapping a claim of the study, with the keys of COLUMNS. A claim on what is missing is undecided."""
    answers = [_answered(claim, evidence(claim)) for claim in claims]
    tests = [answer.tested for answer in answers]
    supports = holm([test.p_for if test else None for test in tests])
    refutes = holm([test.p_against if test else None for test in tests])
    number = sum(test is not None for test in tests)
    found = []
    for claim, answer, p_for, p_against in zip(claims, answers, supports, refutes, strict=True):
        told, why = answer.answer, answer.why
        if answer.tested and p_for is not None and p_against is not None:
            told = SUPPORTED if p_for < FAMILY else REFUTED if p_against < FAMILY else UNDECIDED
            why += _tested(answer.tested, min(p_for, p_against), number, told)
        elsewhere = claim.study.name != study.name
        why += f" (study {claim.study.name})" if elsewhere and f"study {claim.study.name}" not in why else ""
        plot = f"{claim.study.name}/{answer.plot}" if elsewhere and answer.plot else answer.plot
        row = (claim.name, claim.says, told, f"{why}.", answer.n, answer.interval, claim.study.name, claim.source, plot)
        found.append(dict(zip(COLUMNS, row, strict=True)))
    return found


def _tested(test: SeedTest, p_holm: float, number: int, told: str) -> str:
    """What the test over all claims says, and of what it leaves open how many seeds would tell."""
    p = probability(p_holm * test.level / FAMILY)
    over = f" over {number} claims (Holm)" if number > 1 else ""
    words = f"; p {'' if p.startswith('<') else '= '}{p} one-sided{over}, told below {100 * test.level:g} %"
    return words + (f"; {test.seeds_words(number)}" if told == UNDECIDED else "")


def _answered(claim: Claim, evidence: Evidence | str) -> _Answer:
    if isinstance(evidence, str):
        names = listed([name for name in (claim.a, claim.b, *claim.others) if name])
        what = f"miou and {claim.quantity}" if claim.kind == "front" else claim.quantity
        return _Answer(UNDECIDED, f"{what} of {names} is not known: {evidence}")
    if claim.kind == "front":
        return _front(claim, evidence)
    return _of_seeds(claim, evidence) if is_seeded(claim.quantity) else _of_values(claim, evidence)


def _missing(claim: Claim, evidence: Evidence, variants: Sequence[str], quantity: str = "") -> _Answer:
    quantity = quantity or claim.quantity
    name = quantity.removeprefix("iou.")
    if quantity.startswith("iou.") and evidence.classes and name not in evidence.classes:
        hint = did_you_mean(name, evidence.classes)
        return _Answer(UNDECIDED, f"the data of {claim.study.name} has no class {name!r}{f'; {hint}' if hint else ''}")
    why = f"{quantity} of {listed(variants)} is missing in study {claim.study.name}"
    return _Answer(UNDECIDED, f"{why}: rdslab run {claim.study.source.name}")


def _of_seeds(claim: Claim, evidence: Evidence) -> _Answer:
    ours, theirs = (evidence.seeded(claim.quantity, name) if name else {} for name in (claim.a, claim.b))
    lacking = [name for name, values in ((claim.a, ours), (claim.b, theirs)) if name and not values]
    if lacking:
        return _missing(claim, evidence, lacking)
    test = tested_over_seeds(claim, ours, theirs)
    plot = _plot_of_seeds(claim)
    same = evidence.canonical_id(claim.a)
    if claim.b and is_score(claim.quantity) and same and same == evidence.canonical_id(claim.b):
        answer = SUPPORTED if claim.kind == "no_worse" else REFUTED
        why = f"both compute the same class of functions, so that any difference is seeds; {test.seen}"
        return _Answer(answer, why, test.n, test.interval, plot)
    if test.why:
        return _Answer(UNDECIDED, f"{test.seen}; {test.why}", test.n)
    return _Answer(UNDECIDED, test.seen, test.n, test.interval, plot, test)


def _plot_of_seeds(claim: Claim) -> str:
    """The forest plot where it has the claim's line; else the one that shows the variants' own values."""
    compared, devices = claim.study.compared, claim.study.document.deploy.devices
    if claim.quantity == "miou":
        paired = claim.b and (claim.b == compared[claim.a] or claim.a == compared[claim.b])
        return "differences" if paired else f"front_{devices[0]}" if devices else "macs"
    return "classes" if claim.quantity.startswith("iou.") else ""


def _of_values(claim: Claim, evidence: Evidence) -> _Answer:
    if not claim.b and claim.kind == "ratio":
        value = evidence.ratio(claim.quantity, claim.a, claim.size, claim.form)
        if value is None:
            return _missing(claim, evidence, [claim.a])
        return _held(claim, value, _near(claim), claim.a, "ratios", _doubt(claim, evidence))
    names = [name for name in (claim.a, claim.b) if name]
    values = [evidence.value(claim.quantity, name, claim.size, claim.form) for name in names]
    known = [value for value in values if value is not None]
    if len(known) < len(names):
        return _missing(claim, evidence, [name for name, value in zip(names, values, strict=True) if value is None])
    plot = _plot_of_values(claim)
    if len(known) == 1:
        ends = (-math.inf, claim.value) if claim.relation == "<=" else (claim.value, math.inf)
        return _held(claim, known[0], ends, claim.a, plot, _doubt(claim, evidence))
    if known[0].kind != known[1].kind:
        of_each = " and ".join(f"of {name} is {value.kind}" for name, value in zip(names, known, strict=True))
        return _Answer(UNDECIDED, f"{claim.quantity} {of_each}, and the two are not compared")
    absolute = claim.kind != "ratio" and claim.value and not claim.relative
    value = known[0].minus(known[1]) if absolute else known[0].over(known[1])
    ends = _near(claim) if claim.kind == "ratio" else _side(claim, 0.0 if absolute else 1.0)
    what = f"{claim.a} {MINUS if absolute else '/'} {claim.b}"
    return _held(claim, value, ends, what, plot, _doubt(claim, evidence))


def _doubt(claim: Claim, evidence: Evidence) -> str:
    return ", disputed" if claim.quantity.partition(".")[2] in evidence.disputed else ""


def _plot_of_values(claim: Claim) -> str:
    if not claim.study.trains:
        return ""
    first, _, device = claim.quantity.partition(".")
    return f"front_{device}" if device else "macs" if first == "macs" else ""


def _near(claim: Claim) -> tuple[float, float]:
    return claim.value * (1 - claim.within), claim.value * (1 + claim.within)


def _side(claim: Claim, same: float) -> tuple[float, float]:
    """Between which ends a / b, or a - b, has to lie; `same` is where the two are alike."""
    sign = 1.0 if claim.relation in (">", ">=") else -1.0
    bound = same + sign * (claim.value if claim.kind == "order" else -claim.value)
    return (bound, math.inf) if sign > 0 else (-math.inf, bound)


def _held(claim: Claim, value: Value, ends: tuple[float, float], what: str, plot: str, doubt: str) -> _Answer:
    """A value with its own ends against those that are wanted; more than is not as much as."""
    low, high = ends
    strict = claim.kind == "order" and not claim.value
    slack = (-EXACT if strict else EXACT) * abs(value.middle)
    inside = low - slack <= value.low and value.high <= high + slack
    outside = value.high < low - slack or value.low > high + slack
    answer = SUPPORTED if inside else REFUTED if outside else UNDECIDED
    where = f" at {claim.size}" if claim.quantity != "params" else ""
    form = f", {claim.form}" if value.kind == "measured" else doubt
    digits = 7 if value.kind == "counted" else 4
    why = f"{claim.quantity} of {what}{where}: {_short(value.middle, digits)} ({value.kind}{form})"
    if not value.low <= value.high:
        return _Answer(UNDECIDED, f"{why}; how far that may be off is not known", plot=plot)
    width = "" if value.low == value.high else f"{value.ends} {_short(value.low)} to {_short(value.high)}"
    return _Answer(answer, why, interval=width, plot=plot)


def _short(number: float, digits: int = 4) -> str:
    text = f"{number:,.0f}" if abs(number) >= 1_000 else f"{number:.{digits}g}"
    return text.replace("-", MINUS)


def _front(claim: Claim, evidence: Evidence) -> _Answer:
    names = [claim.a, *claim.others]
    scores = {name: list(evidence.seeded("miou", name).values()) for name in names}
    costs = {name: evidence.value(claim.quantity, name, claim.size, claim.form) for name in names}
    for quantity, known in (("miou", scores), (claim.quantity, costs)):
        if lacking := [name for name in names if not known[name]]:
            return _missing(claim, evidence, lacking, quantity)
    found = {name: value for name, value in costs.items() if value is not None}
    kinds = sorted({value.kind for value in found.values()})
    if len(kinds) > 1:
        return _Answer(UNDECIDED, f"{' and '.join(kinds)} times make no front together")
    seen = [_noisy([float(v) for v in scores[name] if v is not None], found[name]) for name in names]
    told = membership(seen, evidence.spread("miou"))[0]
    if told.probability is None:
        return _Answer(UNDECIDED, told.why)
    answer = {"certain": SUPPORTED, "dominated": REFUTED}.get(told.word, UNDECIDED)
    doubt = _doubt(claim, evidence) if kinds[0] == "predicted" else ""
    of = f"the front of mIoU and {claim.quantity} at {claim.size} ({kinds[0]}{doubt}) with {listed(claim.others)}"
    why = f"{claim.a} is on {of} with probability {told.probability:.2f}: {told.word}"
    return _Answer(answer, why, len(scores[claim.a]), plot=_plot_of_values(claim))


def _noisy(scores: Sequence[float], cost: Value) -> Noisy:
    """A measured time is taken as exact: its quartiles say how runs scatter, not how far the median is off."""
    ends = (cost.low, cost.high) if cost.kind == "predicted" and 0 < cost.low <= cost.high else (None, None)
    return Noisy(math.fsum(scores) / len(scores), len(scores), cost.middle, *ends)
