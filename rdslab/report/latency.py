"""Results of a study of times as tables: what was published, measured and predicted, and by how much they differ."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from rdslab.report.frame import kind_of, number, unique

TIMES = {
    "variant": "name of the net in the study",
    "size": "input size, width x height",
    "device": "this machine (here), a board (ssh://...), or the profile that predicts",
    "form": "eager: as it was trained; deployed: folded, as it is exported",
    "kind": "measured, predicted or missing",
    "latency_ms": "median of the runs, or the prediction, milliseconds",
    "low_ms": "measured: first quartile of the runs; predicted: low end of the 90 % interval",
    "high_ms": "measured: third quartile of the runs; predicted: high end of the 90 % interval",
    "p90_ms": "measured: 90th percentile of the runs",
    "energy_mj": "measured: millijoules per image, where the machine tells its power",
    "certified": "measured: whether clocks and temperatures were watched and held",
    "reason": "why a time is missing",
}
NETS = {
    "variant": "name of the net in the study",
    "size": "input size, width x height",
    "net_id": "hash of the net as written out",
    "canonical_id": "hash shared by nets that compute the same class of functions",
    "params": "trainable parameters of the inference form",
    "macs": "multiply-accumulates of one image (1 MAC = 2 FLOPs)",
    "activations": "output elements of convolutions and linear layers",
    "elements": "output elements of every kernel",
    "bytes": "bytes moved at fp32",
}
BESIDE = {
    "variant": "name of the net in the study",
    "size": "input size, width x height",
    "published_ms": "the published time, milliseconds",
    "predicted_ms": "the prediction",
    "low_ms": "low end of its 90 % interval",
    "high_ms": "high end of it",
    "error": "predicted / published - 1",
    "known": "what the fit knew of this time: given (it was fitted to it), seen (it saw this net at this size), or new",
    "network_ms": "the prediction of a fit to all published times but those of this net",
    "network_error": "its error",
    "network_low_ms": "low end of its 90 % interval",
    "network_high_ms": "high end of it",
    "size_ms": "the prediction of a fit to all published times but those at this size",
    "size_error": "its error",
    "size_low_ms": "low end of its 90 % interval",
    "size_high_ms": "high end of it",
}
RATIOS = {
    "name": "the line of the study's `ratios`",
    "size": "input size, width x height",
    "what": "macs or latency",
    "device": "where the times are from",
    "form": "eager or deployed",
    "kind": "measured or predicted",
    "ratio": "over / under",
    "low": "the least of the ratios of single blocks of runs",
    "high": "the most of them",
}
IN_SAMPLE = ("given", "seen")


@dataclass(frozen=True, eq=False)
class TimesResults:
    """All that the report of a study of times is made from: plain documents, as the ledger stores them.

    `nets`: variant, net_id, canonical_id, costs by size. `times`: variant, device, size, form, and times or
    {"missing": reason}. `columns`: device, source, fit; and `points`: variant, size, latency_ms, known, predicted,
    by_network, by_size (documents of times, or None). `documents`: the nets by id, as they were stored. `profiles`: by
    device the digests of what predicted for it.
    """

    study: Mapping[str, Any]
    nets: Sequence[Mapping[str, Any]]
    times: Sequence[Mapping[str, Any]] = ()
    columns: Sequence[Mapping[str, Any]] = ()
    hosts: Sequence[Mapping[str, Any]] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    profiles: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.study["name"])

    @property
    def sizes(self) -> list[str]:
        return [str(size) for size in self.study["deploy"]["sizes"]]

    @property
    def variants(self) -> list[str]:
        return [str(net["variant"]) for net in self.nets]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a net, size, device and form; the columns are those of TIMES."""
        return pd.DataFrame([_time_row(line) for line in self.times], columns=list(TIMES))

    @property
    def places(self) -> list[tuple[str, str, str]]:
        """Each (device, form, kind) that has times: what makes a column, and never two kinds in one."""
        known = self.frame[self.frame["kind"] != "missing"]
        return unique(zip(known["device"], known["form"], known["kind"], strict=True))

    def macs(self, variant: str, size: str) -> float:
        """Multiply-accumulates of one image, NaN where they are not known."""
        costs: Mapping[str, Any] = next((net["costs"] for net in self.nets if net["variant"] == variant), {})
        return number((costs.get(size) or {}).get("macs"))

    def document(self, variant: str, size: str, device: str, form: str) -> Mapping[str, Any]:
        """The stored times of one cell; empty where there are none."""
        key = {"variant": variant, "size": size, "device": device, "form": form}
        found = (line["times"] for line in self.times if all(line[name] == value for name, value in key.items()))
        return next(found, {})


def _time_row(line: Mapping[str, Any]) -> dict[str, Any]:
    times = line["times"]
    kind = kind_of(times)
    row = {name: line[name] for name in ("variant", "size", "device", "form")} | {"kind": kind}
    if kind == "missing":
        return row | {"reason": str(times.get("missing") or "no time is stored")}
    row |= {name: number(times.get(name)) for name in ("latency_ms", "low_ms", "high_ms", "p90_ms", "energy_mj")}
    certificate = times.get("certificate") or {}
    return row | {"certified": certificate.get("certified"), "reason": ""}


def nets_frame(results: TimesResults) -> pd.DataFrame:
    """One row a net and size; the columns are those of NETS."""
    rows = [{**net, "size": size, **net["costs"].get(size, {})} for net in results.nets for size in results.sizes]
    return pd.DataFrame(rows, columns=list(NETS))


def beside_frame(column: Mapping[str, Any]) -> pd.DataFrame:
    """One row a published time; the columns are those of BESIDE."""
    rows = []
    for point in column["points"]:
        published = float(point["latency_ms"])
        row = {"variant": point["variant"], "size": point["size"], "published_ms": published, "known": point["known"]}
        for name, times in (
            ("predicted", point["predicted"]),
            ("network", point["by_network"]),
            ("size", point["by_size"]),
        ):
            times = times or {}
            ms = number(times.get("latency_ms"))
            ends = ("low_ms", "high_ms") if name == "predicted" else (f"{name}_low_ms", f"{name}_high_ms")
            row |= {end: number(times.get(end.removeprefix(f"{name}_"))) for end in ends}
            row |= {f"{name}_ms": ms, "error" if name == "predicted" else f"{name}_error": ms / published - 1}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(BESIDE))


def error_rows(column: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How far predictions are off, each kind of prediction by itself: what, n, mean, worst (shares), inside (count).

    `inside` counts the published times that the predictions' own 90 % intervals hold.
    """
    frame = beside_frame(column)
    rows = []
    for what, by, chosen in (
        ("in sample: times that the fit was given", "", frame["known"] == "given"),
        ("in sample: nets and sizes that the fit had seen", "", frame["known"] == "seen"),
        ("new: times that the fit had not seen", "", frame["known"] == "new"),
        ("each net predicted by a fit to the other nets", "network_", frame["variant"] != ""),
        ("each size predicted by a fit to the other sizes", "size_", frame["variant"] != ""),
    ):
        own = frame[chosen & frame[f"{by}error"].notna()]
        if own.empty:
            continue
        held = (own[f"{by}low_ms"] <= own["published_ms"]) & (own["published_ms"] <= own[f"{by}high_ms"])
        inside, off = int(held.sum()), own[f"{by}error"].abs()
        rows.append({"what": what, "n": len(own), "mean": off.mean(), "worst": off.max(), "inside": inside})
    return rows


def ratio_rows(results: TimesResults) -> list[dict[str, Any]]:
    """The table of ratios: name, size, macs, and by place (device, form, kind) ratio, low, high.

    Of measurements, `low` and `high` are the least and the most of the ratios of single blocks of runs; the blocks of
    different nets were taken in turn. Of predictions they are NaN: what is wrong with a profile is wrong above and
    below the line.
    """
    rows = []
    for line in results.study.get("ratios") or ():
        for size in results.sizes:
            macs = _quotient(line, lambda name, size=size: results.macs(name, size))
            row: dict[str, Any] = {"name": line["name"], "size": size, "macs": macs, "places": {}}
            for device, form, kind in results.places:
                own = {n: results.document(n, size, device, form) for n in _names(line)}
                if all(kind_of(times) == kind for times in own.values()):
                    row["places"][device, form, kind] = _ratio(line, own)
            rows.append(row)
    return rows


def ratios_frame(results: TimesResults) -> pd.DataFrame:
    """One row a ratio, size and kind of quantity; the columns are those of RATIOS."""
    rows = []
    for row in ratio_rows(results):
        head = {"name": row["name"], "size": row["size"]}
        rows.append({**head, "what": "macs", "ratio": row["macs"]})
        for (device, form, kind), (middle, low, high) in row["places"].items():
            place = {"what": "latency", "device": device, "form": form, "kind": kind}
            rows.append({**head, **place, "ratio": middle, "low": low, "high": high})
    return pd.DataFrame(rows, columns=list(RATIOS))


def _ratio(line: Mapping[str, Any], times: Mapping[str, Mapping[str, Any]]) -> tuple[float, float, float]:
    middle = _quotient(line, lambda name: number(times[name].get("latency_ms")))
    blocks = {name: block_medians(document) for name, document in times.items()}
    count = min(len(medians) for medians in blocks.values())
    each = [_quotient(line, lambda name, i=i: blocks[name][i]) for i in range(count)]
    return middle, min(each, default=math.nan), max(each, default=math.nan)


def block_medians(times: Mapping[str, Any]) -> list[float]:
    """The median of each block of runs of a stored time, ms."""
    runs, start, found = list(times.get("runs_ms") or ()), 0, []
    for length in times.get("block_runs") or ():
        found.append(float(pd.Series(runs[start : start + length]).median()))
        start += length
    return found


def _names(line: Mapping[str, Any]) -> list[str]:
    sides = (line["over"], line["under"])
    return [name for side in sides for name in ([side] if isinstance(side, str) else side)]


def _quotient(line: Mapping[str, Any], value: Any) -> float:
    over, under = (_side(line[key], value) for key in ("over", "under"))
    return over / under if under else math.nan


def _side(side: Any, value: Any) -> float:
    return float(value(side)) if isinstance(side, str) else float(value(side[0]) - value(side[1]))
