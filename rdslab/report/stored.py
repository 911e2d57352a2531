"""A study's results from its report alone: what the tables say, with what report.json carries. No torch here."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from rdslab.errors import SpecError
from rdslab.report.frame import COSTS, MISSING, SCORES, Results, number, records, unique
from rdslab.report.latency import TimesResults
from rdslab.report.record import NAME, unpacked
from rdslab.report.reports import Report
from rdslab.search.found import grown
from rdslab.search.plan import Study, study_from
from rdslab.search.results import study_words
from rdslab.search.times_results import times_study_words
from rdslab.yamlio import Source

TRIALS = ("slot", "variant", "seed", "state", "net_id", "canonical_id", *COSTS, *SCORES)
TIMES = ("variant", "size", "device", "form", "kind", "latency_ms", "low_ms", "high_ms")
NETS = ("variant", "size", "net_id", "canonical_id", *COSTS)


def study_in(report: Report) -> Study | None:
    """The study that the report is of, None where an older one does not carry it. Raises SpecError."""
    record = report.record or {}
    if not record.get("document"):
        return None
    file = str(record.get("command") or "").removeprefix("rdslab run ") or NAME
    try:
        return study_from(Source(file, record["document"]))
    except SpecError as error:
        raise SpecError(f"carries no study: {error.what}", *error.hints, where=str(report.folder / NAME)) from None


def results_in(report: Report) -> Results | TimesResults:
    """What was found, as far as the report's tables say it. Raises SpecError for one without them."""
    return _trained(report) if "trials.csv" in report.tables else _of_times(report)


def nets_in(report: Report) -> dict[str, dict[str, Any]]:
    """The documents of the report's nets by id. Raises SpecError."""
    try:
        return unpacked(report.record or {})
    except (IndexError, KeyError, TypeError, AttributeError, ValueError):
        raise SpecError("its nets are broken", "write the report anew", where=str(report.folder / NAME)) from None


def table_in(report: Report, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """A table of the report that has these columns. Raises SpecError."""
    table, where = report.tables.get(name), str(report.folder / name)
    if table is None:
        raise SpecError("the report has no such table", "write the report anew with `rdslab report`", where=where)
    for column in columns:
        if column not in table.columns:
            raise SpecError(f"has no column {column!r}", "write the report anew with `rdslab report`", where=where)
    return table


def _trained(report: Report) -> Results:
    table = table_in(report, "trials.csv", TRIALS)
    record, study = report.record or {}, study_in(report)
    known: dict[str, Any] = dict(record.get("study") or {})
    context = {key: known[key] for key in ("data", "recipe") if known.get(key)}
    search = record.get("search") or {}
    if study is not None:
        lines = {name: (line["genes"], line["repeated"]) for name, line in (search.get("found") or {}).items()}
        known = study_words(grown(study, lines), context) | ({"search": search} if search else {})
    else:
        known = known | _compared_in(report)
    notes, runs = record.get("notes") or {}, _runs_of(report, ("net_id", "device"))
    trials = [_trial(row, notes, runs) for row in records(table)]
    versions, identity = dict(record.get("versions") or {}), str(record.get("data_identity") or "")
    profiles = record.get("profiles") or {}
    return Results(known, trials, (), versions, identity, documents=nets_in(report), profiles=profiles)


def _compared_in(report: Report) -> dict[str, Any]:
    """Of an older report: what its table of variants says was compared with what."""
    table = table_in(report, "variants.csv", ("variant", "base"))
    compared = {str(row["variant"]): _text(row["base"]) for row in records(table)}
    used = Counter(base for base in compared.values() if base)
    base = max(used, key=lambda name: used[name], default="")
    return {"variants": list(compared), "compared": compared, "base": base}


def _trial(row: Mapping[str, Any], notes: Mapping[str, Any], runs: Mapping[Any, Mapping[str, Any]]) -> dict[str, Any]:
    done = row["state"] == "done"
    iou = {str(column).removeprefix("iou."): _number(row[column]) for column in row if str(column).startswith("iou.")}
    score: dict[str, Any] = {name: _number(row[name]) for name in SCORES} | {"iou": iou}
    times = {}
    for column in row:
        if str(column).startswith("latency_kind."):
            device = str(column).partition(".")[2]
            more = runs.get((row["net_id"], device), {})
            parts = {key: row.get(f"latency_{part}.{device}") for key, part in LATENCY.items()}
            times[device] = _times(str(row[column]), device, parts, notes, more)
    return {
        "slot": _whole(row["slot"]),
        "seed": _whole(row["seed"]),
        **{key: _text(row.get(key)) for key in ("variant", "state", "error", "net_id", "canonical_id")},
        "cost": {name: _whole(row[name]) for name in COSTS},
        "score": score if done and any(value == value for value in (*iou.values(), score["miou"])) else None,
        "times": times,
        "hours": _number(row.get("hours")),
    }


LATENCY = {"latency_ms": "ms", "low_ms": "low_ms", "high_ms": "high_ms"}


def _times(
    kind: str, device: str, parts: Mapping[str, Any], notes: Mapping[str, Any], more: Mapping[str, Any]
) -> dict[str, Any]:
    if kind == MISSING:
        return {"missing": ""}
    times = {key: _number(value) for key, value in parts.items()}
    if kind == "predicted":
        return {**times, "device": device, "predicted": True, "notes": notes.get(device) or ()}
    return {**times, "device": device, "predicted": False, **more}


def _of_times(report: Report) -> TimesResults:
    nets, times = table_in(report, "nets.csv", NETS), table_in(report, "times.csv", TIMES)
    record, study = report.record or {}, study_in(report)
    names = unique(map(str, nets["variant"]))
    known: dict[str, Any] = dict(record.get("study") or {})
    deploy = {"sizes": unique(map(str, nets["size"])), **(known.get("deploy") or {})}
    known = times_study_words(study, names) if study is not None else known | {"deploy": deploy}
    rows: dict[str, dict[str, Any]] = {}
    for row in records(nets):
        head = {key: str(row[key]) for key in ("variant", "net_id", "canonical_id")}
        net = rows.setdefault(str(row["variant"]), {**head, "costs": {}})
        net["costs"][str(row["size"])] = {name: _whole(row[name]) for name in COSTS}
    keys = ("variant", "device", "form", "size")
    notes, runs = record.get("notes") or {}, _runs_of(report, keys)
    lines = []
    for row in records(times):
        place = {key: str(row[key]) for key in keys}
        parts = {key: row.get(key) for key in (*LATENCY, "p90_ms", "energy_mj")}
        more = runs.get(tuple(place.values()), {}) | {"certificate": {"certified": row.get("certified")}}
        found = _times(str(row["kind"]), place["device"], parts, notes, more)
        lines.append({**place, "times": found | ({"missing": _text(row.get("reason"))} if "missing" in found else {})})
    more = {"documents": nets_in(report), "profiles": record.get("profiles") or {}}
    return TimesResults({"name": report.folder.name, **known}, list(rows.values()), lines, **more)


def _runs_of(report: Report, keys: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, Any]]:
    """The runs of what was measured, by place."""
    found = {}
    for line in (report.record or {}).get("runs") or ():
        more = {key: tuple(line.get(key) or ()) for key in ("runs_ms", "block_runs")}
        found[tuple(str(line.get(key)) for key in keys)] = more
    return found


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _number(value: Any) -> float:
    """NaN for what is no number, words in a column of numbers too."""
    try:
        return number(float(value))
    except (TypeError, ValueError):
        return number(None)


def _whole(value: Any) -> int | None:
    found = _number(value)
    return int(found) if found == found and found == int(found) else None
