"""What is known that may answer a claim: scores by seed, costs, times, by variant; from results or from a report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rdslab.report.frame import MISSING, Results, number, records, unique
from rdslab.report.latency import TimesResults, ratios_frame
from rdslab.report.reports import read_report
from rdslab.stats import PooledSpread, pooled_spread

TABLES = ("trials", "times", "ratios")


@dataclass(frozen=True)
class Value:
    """A number with the ends of what it may be. A cost has no width. `kind`: counted, measured, predicted."""

    middle: float
    low: float
    high: float
    kind: str

    @property
    def inverse(self) -> "Value":
        return Value(1 / self.middle, 1 / self.high, 1 / self.low, self.kind)

    def scaled(self, factor: float) -> "Value":
        return Value(factor * self.middle, factor * self.low, factor * self.high, self.kind)

    def over(self, other: "Value") -> "Value":
        """The ratio, its ends as far apart as those of both allow."""
        kind = self.kind if self.kind == other.kind else f"{self.kind} over {other.kind}"
        return Value(self.middle / other.middle, self.low / other.high, self.high / other.low, kind)


@dataclass(frozen=True, eq=False)
class Evidence:
    """A study's tables, asked by quantity and variant. What is not known is None or empty."""

    trials: Sequence[Mapping[str, Any]] = ()  # rows of trials.csv
    times: Sequence[Mapping[str, Any]] = ()  # of times.csv
    ratios: Sequence[Mapping[str, Any]] = ()  # of ratios.csv
    costs: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)  # by variant and size
    canonical: Mapping[str, str] = field(default_factory=dict)  # ids by variant, of a study of times

    def canonical_id(self, variant: str) -> str:
        """Of what the variant computes; variants that share it differ by seeds alone."""
        own = (row["canonical_id"] for row in self.trials if row["variant"] == variant)
        return next((str(one) for one in own if one), self.canonical.get(variant, ""))

    def scores(self, quantity: str, variant: str) -> dict[int, float | None]:
        """By seed, of finished trials."""
        own = [row for row in self.trials if row["variant"] == variant and row["state"] == "done"]
        found = {int(row["seed"]): number(row.get(quantity)) for row in own}
        return {seed: value for seed, value in found.items() if math.isfinite(value)}

    def spread(self, quantity: str) -> PooledSpread:
        """Of one seed's value about its variant's mean, over all variants."""
        names = unique(row["variant"] for row in self.trials)
        return pooled_spread(self.scores(quantity, variant).values() for variant in names)

    def value(self, quantity: str, variant: str, size: str, form: str) -> Value | None:
        """A cost, a latency or frames a second."""
        first, _, device = quantity.partition(".")
        if not device:
            found = self._cost(quantity, variant, size)
            return Value(found, found, found, "counted") if math.isfinite(found) else None
        ms = self._trial_time(variant, device) if self.trials else self._time(variant, device, size, form)
        return ms if ms is None or first == "latency_ms" else ms.inverse.scaled(1e3)

    def _cost(self, quantity: str, variant: str, size: str) -> float:
        own = (number(row[quantity]) for row in self.trials if row["variant"] == variant)
        known = next((value for value in own if math.isfinite(value)), math.nan)
        return known if self.trials else number((self.costs.get((variant, size)) or {}).get(quantity))

    def _trial_time(self, variant: str, device: str) -> Value | None:
        kind = f"latency_kind.{device}"
        for row in self.trials:
            if row["variant"] == variant and row.get(kind, MISSING) != MISSING:
                middle, low, high = (float(row[f"latency_{part}.{device}"]) for part in ("ms", "low_ms", "high_ms"))
                return Value(middle, low, high, str(row[kind]))
        return None

    def _time(self, variant: str, device: str, size: str, form: str) -> Value | None:
        for row in self.times:
            there = (row["variant"], row["device"], row["size"]) == (variant, device, size)
            if there and (row["kind"] == "predicted" or (row["kind"] == "measured" and row["form"] == form)):
                return Value(float(row["latency_ms"]), float(row["low_ms"]), float(row["high_ms"]), str(row["kind"]))
        return None

    def ratio(self, quantity: str, line: str, size: str, form: str) -> Value | None:
        """A line of the study's `ratios`; measured with the range of its blocks, predicted without any."""
        first, _, device = quantity.partition(".")
        for row in self.ratios:
            if (row["name"], row["size"]) != (line, size):
                continue
            middle = float(row["ratio"])
            if row["what"] == "macs" == first:
                return Value(middle, middle, middle, "counted")
            alike = row["what"] == "latency" and row["device"] == device and first == "latency_ms"
            if alike and (row["kind"] == "predicted" or row["form"] == form):
                return Value(middle, number(row["low"]), number(row["high"]), str(row["kind"]))
        return None


def evidence_of(results: Results | TimesResults) -> Evidence:
    """What a study's own results say."""
    if isinstance(results, Results):
        return Evidence(trials=records(results.frame))
    return Evidence(
        times=records(results.frame),
        ratios=records(ratios_frame(results)),
        costs={(str(net["variant"]), size): cost for net in results.nets for size, cost in net["costs"].items()},
        canonical={str(net["variant"]): str(net["canonical_id"]) for net in results.nets},
    )


def evidence_in(folder: Path) -> Evidence | None:
    """What the tables of a written report say; None where there is none. A study of times tells MACs in its ratios."""
    if not (folder / "report.html").is_file():
        return None
    tables = read_report(folder).tables
    trials, times, ratios = (records(tables[f]) if (f := f"{name}.csv") in tables else [] for name in TABLES)
    return Evidence(trials=trials, times=times, ratios=ratios)
