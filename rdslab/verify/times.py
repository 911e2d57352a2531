"""The checks of a study of times: costs, times, ratios, and columns of published times."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from rdslab.errors import RdslabError, SpecError
from rdslab.records import Cost, Size
from rdslab.report.frame import COSTS, records, unique
from rdslab.report.latency import BESIDE, TimesResults, beside_frame, ratios_frame
from rdslab.report.latency_page import file_names
from rdslab.report.reports import Report
from rdslab.search.columns import Column, columns_of
from rdslab.search.documents import is_measured
from rdslab.search.plan import Study
from rdslab.search.prepare import Prepared
from rdslab.spec import Net
from rdslab.verify.checks import (
    Check,
    Finding,
    Row,
    cells_agree,
    left_out,
    plain,
    row_name,
    same,
    tables_agree,
)
from rdslab.verify.measured import NO_RUNS, quartiles_of, runs_in
from rdslab.verify.nets import NO_NETS, CarriedNets, canonical_check

NETS, TIMES, RATIOS = "nets.csv", "times.csv", "ratios.csv"
CELL = ("variant", "device", "form", "size")
PREDICTED = ("latency_ms", "low_ms", "high_ms")
RATIO = ("name", "size", "what", "device", "form", "kind")
POINT = ("variant", "size")
ERRORS = {"error": "predicted_ms", "network_error": "network_ms", "size_error": "size_ms"}
REFITTED = 1e-6  # relative; of what is fitted anew, whose last digits are a matter of the machine
NO_STUDY = "the report does not carry its study: write it anew with `rdslab report`"


def times_checks(report: Report, results: TimesResults, study: Study | None, nets: CarriedNets) -> list[Check]:
    """All checks of the report of a study of times."""
    rows = records(report.tables[TIMES])
    checks = [_costs(report, nets), _twice(report, results.sizes), *_nets_of_study(report, study)]
    if nets.documents:
        by_net = {row_name(row, POINT): row for row in records(report.tables[NETS])}
        checks.append(canonical_check("nets.csv: canonical ids, from the nets", NETS, by_net, nets))
    devices = dict.fromkeys(str(row["device"]) for row in rows)
    if not nets.documents and not all(map(is_measured, devices)):
        checks.append(left_out("times.csv: predictions", NO_NETS))
        devices = {device: None for device in devices if is_measured(device)}
    for device in devices:
        own = [row for row in rows if row["device"] == device]
        checks.append(_measured(own, report, device) if is_measured(device) else _predicted(own, results, nets, device))
    if RATIOS in report.tables or results.study.get("ratios"):
        checks.append(_ratios(report, results, study))
    columns = [name for name in report.tables if name.startswith("beside_")]
    checks += [_errors(name, report.tables[name]) for name in columns]
    if columns or (study is not None and study.document.published):
        checks += _columns(report, results, study, nets)
    return [check for check in checks if check.values or check.differ or check.left_out]


def _costs(report: Report, nets: CarriedNets) -> Check:
    what = "nets.csv: costs, counted"
    if not nets.documents:
        return left_out(what, NO_NETS)
    found, values = [], 0
    for row in records(report.tables[NETS]):
        if (cost := nets.cost(str(row["net_id"]), _size(row))) is not None:
            values += len(COSTS)
            found += cells_agree(NETS, row_name(row, POINT), row, cost.document(), COSTS)
    return Check(what, values, tuple(found), nets.not_built)


def _twice(report: Report, sizes: Sequence[str]) -> Check:
    """No cell twice, one net a variant, sizes and kinds that the study has."""
    found: list[Finding] = []
    values = 0
    for name, keys in ((NETS, POINT), (TIMES, CELL)):
        seen: set[str] = set()
        for row in records(report.tables[name]):
            key = row_name(row, keys)
            values += 1
            found += [Finding(name, key, "", "2 rows", "1 row")] if key in seen else []
            if str(row["size"]) not in sizes:
                found.append(Finding(name, key, "size", row["size"], f"one of {', '.join(sizes)}"))
            seen.add(key)
    nets: dict[str, str] = {}
    for row in records(report.tables[NETS]):
        known = nets.setdefault(row["variant"], row["net_id"])
        found += [] if known == row["net_id"] else [Finding(NETS, row_name(row, POINT), "net_id", row["net_id"], known)]
    for row in records(report.tables[TIMES]):
        kind = "measured" if is_measured(str(row["device"])) else "predicted"
        if row["kind"] not in (kind, "missing"):
            found.append(Finding(TIMES, row_name(row, CELL), "kind", row["kind"], f"{kind} or missing"))
        if row["variant"] not in nets:
            found.append(Finding(TIMES, row_name(row, CELL), "variant", row["variant"], "a net of nets.csv"))
    return Check("rows: each once, one net a variant", values, tuple(found))


def _nets_of_study(report: Report, study: Study | None) -> list[Check]:
    """Whether nets.csv has the study's variants, each at each size."""
    if study is None:
        return []
    names, own = [variant.name for variant in study.variants], unique(map(str, report.tables[NETS]["variant"]))
    there = {(str(row["variant"]), str(row["size"])) for row in records(report.tables[NETS])}
    wanted = [(name, str(size)) for name in own for size in study.sizes]
    found = [Finding(NETS, name, "variant", name, "no variant of the study") for name in own if name not in names]
    found += [Finding(NETS, f"{n}, {size}", "", "no such row", "1 row") for n, size in wanted if (n, size) not in there]
    return [Check("nets.csv: variants of the study, at each size", len(wanted), tuple(found))]


def _predicted(rows: Sequence[Row], results: TimesResults, nets: CarriedNets, device: str) -> Check:
    what = f"times.csv: predicted for {device}"
    own = [row for row in rows if row["kind"] == "predicted"]
    if own and (why := nets.why_not(device)):
        return left_out(what, why)
    by_variant = {str(net["variant"]): str(net["net_id"]) for net in results.nets}
    found, values = [], 0
    for row in own:
        net_id, size = by_variant.get(str(row["variant"]), ""), _size(row)
        if size is not None and nets.cost(net_id, size) is not None:
            values += len(PREDICTED) + 1
            again = (nets.predicted(net_id, size, device) or {}) | {"form": nets.form(device)}
            found += cells_agree(TIMES, row_name(row, CELL), row, again, (*PREDICTED, "form"))
    return Check(what, values, tuple(found), nets.not_built)


def _measured(rows: Sequence[Row], report: Report, device: str) -> Check:
    what, runs = f"times.csv: measured on {device}, from the runs", runs_in(report, CELL)
    own, columns = [row for row in rows if row["kind"] == "measured"], (*PREDICTED, "p90_ms")
    if own and runs is None:
        return left_out(what, NO_RUNS)
    found: list[Finding] = []
    for row in own:
        times = quartiles_of((runs or {}).get(tuple(str(row[key]) for key in CELL), ()))
        found += cells_agree(TIMES, row_name(row, CELL), row, times, columns)
    return Check(what, len(columns) * len(own), tuple(found))


def _ratios(report: Report, results: TimesResults, study: Study | None) -> Check:
    what = "ratios.csv, from nets.csv and times.csv"
    if study is None or RATIOS not in report.tables:
        return (
            left_out(what, NO_STUDY) if study is None else Check(what, 0, (Finding(RATIOS, "", "", "none", "a table"),))
        )
    return tables_agree(what, RATIOS, report.tables[RATIOS], ratios_frame(results), RATIO)


def _size(row: Row) -> Size | None:
    """None for what is no size: that is found elsewhere."""
    try:
        return Size.parse(row["size"])
    except SpecError:
        return None


def _errors(name: str, table: pd.DataFrame) -> Check:
    """What follows from the two figures beside each other."""
    found, values = [], 0
    for row in records(table):
        published = plain(row.get("published_ms"))
        for column, by in ERRORS.items():
            ms, error = plain(row.get(by)), plain(row.get(column))
            values += 1
            known = all(isinstance(value, int | float) for value in (ms, published)) and published
            again = ms / published - 1 if known else None
            if not same(error, again):
                found.append(Finding(name, row_name(row, POINT), column, error, again))
    return Check(f"{name}: errors beside published times", values, tuple(found))


def _columns(report: Report, results: TimesResults, study: Study | None, nets: CarriedNets) -> list[Check]:
    """Published times as the study has them, and all that is predicted of them, with its fits."""
    what = "columns of published times, predicted and fitted again"
    if study is None or not nets.documents:
        return [left_out(what, NO_STUDY)]
    variants = {str(net["variant"]): str(net["net_id"]) for net in results.nets}
    grid = {(v, size): nets.cost(net_id, size) for v, net_id in variants.items() for size in study.sizes}
    known = {variant: net for variant, net_id in variants.items() if isinstance(net := nets.built.get(net_id), Net)}
    counted: Mapping[tuple[str, Size], Cost] = {key: cost for key, cost in grid.items() if cost is not None}
    try:
        columns = columns_of(Prepared(study, known, counted, {}, None))
    except (RdslabError, KeyError) as error:
        return [left_out(what, f"cannot be predicted here: {error}")]
    names = file_names([column.document.device for column in columns])
    return [_column(f"{names[column.document.device]}.csv", column, report) for column in columns]


def _column(name: str, column: Column, report: Report) -> Check:
    what, words = f"{name}: predicted and fitted again", ((report.record or {}).get("columns") or {})
    if name not in report.tables:
        return Check(what, 0, (Finding(name, "", "", "no such table", "a table"),))
    if words.get(column.document.device) != column.fit:
        return left_out(what, f"what predicts has changed: it is {column.fit}")
    again = pd.DataFrame(beside_frame({"points": _points(column)}), columns=list(BESIDE))
    return tables_agree(what, name, report.tables[name], again, POINT, rounding=REFITTED)


def _points(column: Column) -> list[dict[str, Any]]:
    found = []
    for i, point in enumerate(column.points):
        times = {"predicted": column.predicted[i], "by_network": column.by_network[i], "by_size": column.by_size[i]}
        documents = {key: one.document() if one is not None else None for key, one in times.items()}
        head = {"variant": point.variant, "size": str(point.size), "latency_ms": point.latency_ms}
        found.append({**head, "known": column.known[i], **documents})
    return found
