"""What is known that may answer a claim: scores by seed, costs, times, by variant; from results or from a report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rdslab.report.frame import MISSING, Results, number, records, unique
from rdslab.report.latency import TimesResults, nets_frame, ratios_frame
from rdslab.report.record import disputed_devices
from rdslab.report.reports import read_report
from rdslab.stats import PooledSpread, pooled_spread

TABLES = ("trials", "times", "ratios", "nets")
ENDS = {"predicted": "90 % interval", "measured": "quartiles of the runs"}
BLOCKS = "range over blocks of runs"


@dataclass(frozen=True)
class Value:
    """A number and between which ends it may lie; a counted one has no width, and NaN are ends that nobody knows."""

    middle: float
    low: float
    high: float
    kind: str  # counted, measured, predicted
    ends: str = ""  # what they are

    @property
    def inverse(self) -> "Value":
        return replace(self, middle=1 / self.middle, low=1 / self.high, high=1 / self.low)

    def scaled(self, factor: float) -> "Value":
        return replace(self, middle=factor * self.middle, low=factor * self.low, high=factor * self.high)

    def minus(self, other: "Value") -> "Value":
        """The difference to a value of the same kind, its ends as far apart as those of both allow."""
        return replace(self, middle=self.middle - other.middle, low=self.low - other.high, high=self.high - other.low)

    def over(self, other: "Value") -> "Value":
        """The ratio to a value of the same kind, its ends as far apart as those of both allow.

        Of two 90 % intervals that are normal in the logarithm it holds the truth in 90 % or more, however the two
        errors hang together.
        """
        return replace(self, middle=self.middle / other.middle, low=self.low / other.high, high=self.high / other.low)


@dataclass(frozen=True, eq=False)
class Evidence:
    """A study's tables, asked by quantity and variant. What is not known is None or empty."""

    trials: Sequence[Mapping[str, Any]] = ()  # rows of trials.csv
    times: Sequence[Mapping[str, Any]] = ()  # of times.csv
    ratios: Sequence[Mapping[str, Any]] = ()  # of ratios.csv
    nets: Sequence[Mapping[str, Any]] = ()  # of nets.csv
    disputed: Sequence[str] = ()  # devices whose profile somebody has doubts about

    def canonical_id(self, variant: str) -> str:
        """Of what the variant computes; variants that share it differ by seeds alone."""
        own = (row["canonical_id"] for row in (*self.trials, *self.nets) if row["variant"] == variant)
        return next((str(one) for one in own if one and one == one), "")

    @property
    def classes(self) -> list[str]:
        """The data's classes."""
        columns = (str(column) for column in (self.trials[0] if self.trials else ()))
        return [column.removeprefix("iou.") for column in columns if column.startswith("iou.")]

    def seeded(self, quantity: str, variant: str) -> dict[int, float | None]:
        """What each seed gave, of finished trials."""
        own = [row for row in self.trials if row["variant"] == variant and row["state"] == "done"]
        found = {int(row["seed"]): number(row.get(quantity)) for row in own}
        return {seed: value for seed, value in found.items() if math.isfinite(value)}

    def spread(self, quantity: str) -> PooledSpread:
        """Of one seed's value about its variant's mean, over all variants."""
        names = unique(row["variant"] for row in self.trials)
        return pooled_spread(self.seeded(quantity, variant).values() for variant in names)

    def value(self, quantity: str, variant: str, size: str, form: str) -> Value | None:
        """A cost, a latency or frames a second."""
        first, _, device = quantity.partition(".")
        if not device:
            found = self._cost(quantity, variant, size)
            return Value(found, found, found, "counted") if math.isfinite(found) else None
        ms = self._trial_time(variant, device) if self.trials else self._time(variant, device, size, form)
        return ms if ms is None or first == "latency_ms" else ms.inverse.scaled(1e3)

    def _cost(self, quantity: str, variant: str, size: str) -> float:
        """Of a study that trains it is at its only size."""
        own = (row for row in (*self.trials, *self.nets) if row["variant"] == variant and row.get("size", size) == size)
        return next((value for row in own if math.isfinite(value := number(row.get(quantity)))), math.nan)

    def _trial_time(self, variant: str, device: str) -> Value | None:
        kind = f"latency_kind.{device}"
        for row in self.trials:
            if row["variant"] == variant and row.get(kind, MISSING) != MISSING:
                return _time_of(
                    str(row[kind]), *(row[f"latency_{part}.{device}"] for part in ("ms", "low_ms", "high_ms"))
                )
        return None

    def _time(self, variant: str, device: str, size: str, form: str) -> Value | None:
        for row in self.times:
            there = (row["variant"], row["device"], row["size"]) == (variant, device, size)
            if there and (row["kind"] == "predicted" or (row["kind"] == "measured" and row["form"] == form)):
                return _time_of(str(row["kind"]), row["latency_ms"], row["low_ms"], row["high_ms"])
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
                return Value(middle, number(row["low"]), number(row["high"]), str(row["kind"]), BLOCKS)
        return None


def _time_of(kind: str, middle: Any, low: Any, high: Any) -> Value:
    return Value(float(middle), number(low), number(high), kind, ENDS[kind])


def evidence_of(results: Results | TimesResults) -> Evidence:
    """What a study's own results say."""
    if isinstance(results, Results):
        return Evidence(trials=records(results.frame), disputed=disputed_devices(results))
    frames = (results.frame, ratios_frame(results), nets_frame(results))
    times, ratios, nets = map(records, frames)
    return Evidence(times=times, ratios=ratios, nets=nets, disputed=disputed_devices(results))


def evidence_in(folder: Path) -> Evidence | None:
    """What the tables of a report say; None where there is none. Raises SpecError for one that cannot be read."""
    if not (folder / "report.html").is_file():
        return None
    report = read_report(folder)
    found = {name: records(report.tables[f"{name}.csv"]) for name in TABLES if f"{name}.csv" in report.tables}
    return Evidence(**found, disputed=(report.record or {}).get("disputed") or ())
