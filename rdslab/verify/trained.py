"""The checks of a study that trains: trials in themselves, and all tables that follow from trials.csv."""

import importlib.util
import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from rdslab.errors import SpecError
from rdslab.records import Size
from rdslab.report import images
from rdslab.report.effects import effects_csv
from rdslab.report.frame import COSTS, MISSING, SCORES, Results, records
from rdslab.report.importance import importance_csv
from rdslab.report.markdown import report_md
from rdslab.report.page import OVER_IMAGES
from rdslab.report.reports import Report, read_table
from rdslab.report.tables import table_tex, variants_csv
from rdslab.report.verdicts import CLAIMS
from rdslab.search.aims import is_found
from rdslab.search.documents import is_measured
from rdslab.search.plan import Study
from rdslab.verify.checks import (
    Check,
    Finding,
    Row,
    cells_agree,
    left_out,
    lines_agree,
    plain,
    same,
    tables_agree,
    without_column,
)
from rdslab.verify.measured import NO_RUNS, quartiles_of, runs_in
from rdslab.verify.nets import NO_NETS, CarriedNets, canonical_check

TRIALS, VARIANTS, EFFECTS, IMPORTANCE = "trials.csv", "variants.csv", "effects.csv", "importance.csv"
STATES = ("waiting", "running", "done", "failed")
NO_STUDY = "the report does not carry its study: write it anew with `rdslab report`"
PARTS = {"latency_ms": "ms", "low_ms": "low_ms", "high_ms": "high_ms"}
END = "All of it:"  # after it report.md names files and commands


def trained_checks(report: Report, results: Results, study: Study | None, nets: CarriedNets) -> list[Check]:
    """All checks of the report of a study that trains."""
    rows = records(report.tables[TRIALS])
    checks = [_costs(rows, results, nets)]
    if nets.documents:
        slots = {_slot(row): row for row in rows}
        checks.append(canonical_check("trials: canonical ids, from the nets", TRIALS, slots, nets))
    for device in results.devices:
        checks.append(
            _measured(rows, report, device) if is_measured(device) else _predicted(rows, results, nets, device)
        )
    consistent = tuple(_inconsistent(rows, results, study))
    checks += [
        Check("trials: seeds, states, one net a variant", len(rows), consistent),
        _mean_of_classes(rows, results),
    ]
    checks += [_table(report, VARIANTS, variants_csv(results), ["variant"]), _over_images(report)]
    if EFFECTS in report.tables or results.study.get("factors"):
        checks.append(_effects(report, results, study))
    if IMPORTANCE in report.tables:
        checks.append(_importance(report, results, study))
    checks += [_latex(report, results, study), _summary(report, results, study), _parquet(report)]
    return [check for check in checks if check.values or check.differ or check.left_out]


def _costs(rows: Sequence[Row], results: Results, nets: CarriedNets) -> Check:
    what = "trials: costs, counted"
    if not nets.documents:
        return left_out(what, NO_NETS)
    found, values = [], 0
    for row in rows:
        net_id = str(row["net_id"])
        if (cost := nets.cost(net_id, _size(results))) is not None:
            values += len(COSTS)
            found += cells_agree(TRIALS, _slot(row), row, cost.document(), COSTS)
    return Check(what, values, tuple(found), nets.not_built)


def _predicted(rows: Sequence[Row], results: Results, nets: CarriedNets, device: str) -> Check:
    what = f"trials: latency predicted for {device}"
    own = [row for row in rows if row.get(f"latency_kind.{device}") == "predicted"]
    why = nets.why_not(device) if own else ""
    if why:
        return left_out(what, why if nets.documents else NO_NETS)
    found, values = [], 0
    for row in own:
        if nets.cost(str(row["net_id"]), _size(results)) is not None:
            times = nets.predicted(str(row["net_id"]), _size(results), device) or {}
            values += len(PARTS)
            found += cells_agree(TRIALS, _slot(row), row, _by_column(times, device), _by_column(PARTS, device))
    return Check(what, values, tuple(found), nets.not_built)


def _measured(rows: Sequence[Row], report: Report, device: str) -> Check:
    what, runs = f"trials: latency measured on {device}, from its runs", runs_in(report, ("net_id", "device"))
    own = [row for row in rows if row.get(f"latency_kind.{device}") == "measured"]
    if own and runs is None:
        return left_out(what, NO_RUNS)
    found: list[Finding] = []
    for row in own:
        times = quartiles_of((runs or {}).get((str(row["net_id"]), device), ()))
        found += cells_agree(TRIALS, _slot(row), row, _by_column(times, device), _by_column(PARTS, device))
    return Check(what, len(PARTS) * len(own), tuple(found))


def _by_column(times: Any, device: str) -> dict[str, Any]:
    return {f"latency_{PARTS[name]}.{device}": value for name, value in times.items() if name in PARTS}


def _inconsistent(rows: Sequence[Row], results: Results, study: Study | None) -> Iterator[Finding]:
    """What cannot be in a table of trials, whatever they found."""
    seeds = results.study.get("seeds") or ()
    slots: dict[Any, Row] = {}
    trials: dict[tuple[Any, Any], Row] = {}
    nets: dict[Any, Any] = {}
    wanted = {(slot.variant, slot.seed) for slot in study.slots} if study is not None else None
    for row in rows:
        name, seed = _slot(row), plain(row["seed"])
        for column, key, taken in (("slot", row["slot"], slots), ("seed", (row["variant"], seed), trials)):
            if key in taken:
                yield Finding(TRIALS, name, column, f"{row[column]}, a second time", "once")
            taken.setdefault(key, row)
        found = study is not None and study.document.search is not None and is_found(str(row["variant"]))
        if wanted is not None and (row["variant"], seed) not in wanted and not (found and seed in seeds):
            yield Finding(TRIALS, name, "seed", f"{row['variant']} with {seed}", "no trial of the study")
        elif wanted is None and seeds and seed not in seeds:
            yield Finding(TRIALS, name, "seed", seed, f"one of {', '.join(map(str, seeds))}")
        if row["state"] not in STATES:
            yield Finding(TRIALS, name, "state", row["state"], f"one of {', '.join(STATES)}")
        if nets.setdefault(row["variant"], row["net_id"]) != row["net_id"]:
            yield Finding(TRIALS, name, "net_id", row["net_id"], nets[row["variant"]])
        yield from _impossible(row, name)


def _impossible(row: Row, name: str) -> Iterator[Finding]:
    for column in row:
        value, first = plain(row[column]), str(column).partition(".")[0]
        if first == "latency_kind":
            device = str(column).partition(".")[2]
            kind = "measured" if is_measured(device) else "predicted"
            if value not in (kind, MISSING):
                yield Finding(TRIALS, name, str(column), value, f"{kind} or {MISSING}")
        elif column in (*SCORES, "hours") or first == "iou":
            least, most = 0.0, math.inf if column == "hours" else 1.0
            if value is not None and not (isinstance(value, int | float) and least <= value <= most):
                yield Finding(TRIALS, name, str(column), value, "a share of 1" if most == 1 else "hours")
            elif value is not None and row["state"] != "done":
                yield Finding(TRIALS, name, str(column), value, f"nothing: the trial is {row['state']}")


def _mean_of_classes(rows: Sequence[Row], results: Results) -> Check:
    """mIoU is the mean over the classes that occur."""
    found, values = [], 0
    for row in rows:
        ious = [plain(row[f"iou.{name}"]) for name in results.classes]
        known = [value for value in ious if isinstance(value, int | float)]
        if known:
            values += 1
            mean = math.fsum(known) / len(known)
            if not same(plain(row["miou"]), mean):
                found.append(Finding(TRIALS, _slot(row), "miou", plain(row["miou"]), mean))
    return Check("trials: mIoU, from the IoU of the classes", values, tuple(found))


def _table(report: Report, name: str, text: str, keys: Sequence[str]) -> Check:
    what = f"{name}, from trials.csv"
    if name not in report.tables:
        return Check(what, 0, (Finding(name, "", "", "no such table", "a table"),))
    ours, theirs = (
        table.drop(columns=[*images.COLUMNS], errors="ignore") for table in (report.tables[name], read_table(text))
    )
    return tables_agree(what, name, ours, theirs, keys)


def _over_images(report: Report) -> Check:
    """Intervals over images follow from counts that no report carries."""
    what, table = f"{VARIANTS}: intervals over images", report.tables.get(VARIANTS, pd.DataFrame())
    if table.filter([*images.COLUMNS]).notna().any(axis=None):
        return left_out(what, "the counts of each image stand in the study's database")
    return Check(what)


def _effects(report: Report, results: Results, study: Study | None) -> Check:
    if study is None:
        return left_out(f"{EFFECTS}, from trials.csv", NO_STUDY)
    return _table(report, EFFECTS, effects_csv(results), ["effect", "level"])


def _importance(report: Report, results: Results, study: Study | None) -> Check:
    if study is None:
        return left_out(f"{IMPORTANCE}, from trials.csv", NO_STUDY)
    return _table(report, IMPORTANCE, importance_csv(results), ["objective", "gene"])


def _latex(report: Report, results: Results, study: Study | None) -> Check:
    what, path = "table.tex, rendered again", report.folder / "table.tex"
    if study is None or not path.is_file():
        return left_out(what, NO_STUDY if study is None else "the report has no table.tex")
    return lines_agree(what, path.name, _text(report, path.name), table_tex(results), bool)


def _summary(report: Report, results: Results, study: Study | None) -> Check:
    what, path = "report.md: findings and table, rendered again", report.folder / "report.md"
    if study is None or not path.is_file():
        return left_out(what, NO_STUDY if study is None else "the report has no report.md")
    claims = [{key: plain(value) or "" for key, value in row.items()} for row in _claims(report)]
    again = report_md(results, [], "", claims).partition(END)[0]
    reported = without_column(_text(report, path.name).partition(END)[0], OVER_IMAGES)
    without = ("![", *(f"- {start}" for start in images.SENTENCES))
    return lines_agree(what, path.name, reported, again, lambda line: bool(line) and not line.startswith(without))


def _claims(report: Report) -> list[Any]:
    table = report.tables.get(CLAIMS)
    return [] if table is None else records(table.astype({"n": "Int64"}))


def _parquet(report: Report) -> Check:
    what, path = "trials.parquet beside trials.csv", report.folder / "trials.parquet"
    if not path.is_file():
        return Check(what)
    if importlib.util.find_spec("pyarrow") is None:
        return left_out(what, "it takes pyarrow to read it")
    try:
        table = pd.read_parquet(path, engine="pyarrow")
    except (ValueError, OSError) as error:
        raise SpecError(f"is no Parquet file: {error}", where=str(path)) from None
    return tables_agree(what, path.name, table, report.tables[TRIALS], ["slot"])


def _text(report: Report, name: str) -> str:
    try:
        return (report.folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read: {error}", where=str(report.folder / name)) from None


def _size(results: Results) -> Size:
    return Size.parse((results.study.get("deploy") or {}).get("size"))


def _slot(row: Row) -> str:
    return f"slot {plain(row['slot'])} ({row['variant']}, seed {plain(row['seed'])})"
