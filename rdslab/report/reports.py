"""Reports as they were written, and two of them beside each other: where their tables differ. No torch here."""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rdslab.comparable import Difference, between
from rdslab.errors import SpecError
from rdslab.report.record import FORMAT, NAME
from rdslab.report.timefiles import read_json

# What says which row it is.
KEYS = ("slot", "variant", "seed", "size", "device", "form", "name", "what", "effect", "level", "objective", "gene")
# Columns that hold words, whatever they look like: a variant may be called 1, an id may be 12e4567.
WORDS = set(
    "variant state error net_id canonical_id base same_function_as name what device size form kind reason known effect"
    " level aliased_with why says answer interval study source plot objective gene".split()
)
TIMES = ("latency_", "on_front.", "front_probability.")  # how the names of columns begin that are a matter of times
ROUNDING = 1e-9


@dataclass(frozen=True)
class Report:
    """A report's tables by file name, and what its report.json says; None where it has none."""

    folder: Path
    tables: Mapping[str, pd.DataFrame]
    record: Mapping[str, Any] | None


@dataclass(frozen=True)
class ChangedCell:
    """A cell in which two tables differ; numbers with b - a. Of a row that one of them lacks, `column` is ''."""

    table: str
    row: str
    column: str
    a: Any
    b: Any
    difference: float | None


@dataclass(frozen=True)
class ReportsBeside:
    """Where two reports differ."""

    settings: Sequence[Difference]
    tables: Sequence[str]  # that were compared
    unpaired: Sequence[str]  # tables that one of them lacks
    cells: Sequence[ChangedCell]

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "settings": [line._asdict() for line in self.settings]}


def read_report(path: str | Path) -> Report:
    """A report by its folder, or by a file in it. Raises SpecError where there is none."""
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    files = sorted(folder.glob("*.csv"))
    if not files or not (folder / "report.html").is_file():
        raise SpecError("is no folder of a report", "rdslab report STUDY --out writes one", where=str(path))
    record = read_json(folder / NAME) if (folder / NAME).is_file() else None
    if record is not None and (not isinstance(record, dict) or record.get("report") != FORMAT):
        raise SpecError("was written by another version", "write the report anew", where=str(folder / NAME))
    return Report(folder, {file.name: _table_in(file) for file in files}, record)


def _table_in(file: Path) -> pd.DataFrame:
    try:
        return read_table(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise SpecError(f"is no table: {error}", where=str(file)) from None


def read_table(text: str) -> pd.DataFrame:
    """A table from its CSV, what is empty as NaN. Raises ValueError."""
    words = dict.fromkeys(WORDS, "object")
    return pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""], dtype=words)


def compare_reports(a: Report, b: Report, *, times: bool = True) -> ReportsBeside:
    """The cells in which the tables of two reports differ; `times=False` leaves the columns and tables of times out.

    Raises SpecError where columns of times may not stand side by side, naming the fields.
    """
    ours, theirs = (_compared(report, times=times) for report in (a, b))
    if times:
        _refuse_mixed(a, b)
    shared = [name for name in ours if name in theirs]
    cells = [cell for name in shared for cell in _cells(name, ours[name], theirs[name])]
    unpaired = sorted({*ours} ^ {*theirs})
    return ReportsBeside(between(_settings(a), _settings(b)), shared, unpaired, cells)


def _compared(report: Report, *, times: bool) -> dict[str, pd.DataFrame]:
    if times:
        return dict(report.tables)
    kept = {}
    for name, table in report.tables.items():
        if not {"device", "published_ms"} & {*table.columns}:  # those are of times and nothing else
            kept[name] = table[[column for column in table.columns if not str(column).startswith(TIMES)]]
    return kept


def _refuse_mixed(a: Report, b: Report) -> None:
    for report in (a, b):
        columns = [str(column) for table in report.tables.values() for column in table.columns]
        if report.record is None and any(column.startswith(TIMES) for column in columns):
            hints = "write it anew with `rdslab report`", "or compare all but the times: --without-times"
            raise SpecError(f"has no {NAME} that says how its times were taken", *hints, where=str(report.folder))
    ours, theirs = ((report.record or {}).get("times", {}) for report in (a, b))
    wrong = []
    for column in ours:
        for one, other in zip(ours[column], theirs.get(column, ours[column]), strict=False):
            wrong += [f"{column}: {line}" for line in between(one, other)]
    if wrong:
        hint = "compare all but the times: --without-times"
        raise SpecError("the times of these reports may not stand side by side", *dict.fromkeys(wrong), hint)


def _settings(report: Report) -> dict[str, Any]:
    record = report.record or {}
    study = {f"study.{key}": value for key, value in (record.get("study") or {}).items() if key != "title"}
    versions = {f"versions.{key}": value for key, value in (record.get("versions") or {}).items()}
    identity = record.get("data_identity")
    return {**study, **versions} | ({"data_identity": identity} if identity else {})


def _cells(name: str, a: pd.DataFrame, b: pd.DataFrame) -> Iterator[ChangedCell]:
    keys = [key for key in KEYS if key in a.columns and key in b.columns and key != "slot"] or ["slot"]
    ours, theirs = ({_key(row, keys): row for row in table.to_dict("records")} for table in (a, b))
    for key in dict.fromkeys([*ours, *theirs]):
        if key not in ours or key not in theirs:
            yield ChangedCell(name, key, "", key if key in ours else None, key if key in theirs else None, None)
            continue
        for column in dict.fromkeys([*a.columns, *b.columns]):
            one, other = (_value(row[key].get(column)) for row in (ours, theirs))
            if not _same(one, other):
                both = isinstance(one, float | int) and isinstance(other, float | int)
                yield ChangedCell(name, key, str(column), one, other, other - one if both else None)


def _key(row: Mapping[Any, Any], keys: Sequence[str]) -> str:
    return ", ".join(str(row.get(key)) for key in keys)


def _value(value: Any) -> Any:
    """A cell as plain data; what is empty is None."""
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and math.isnan(plain) else plain


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float | int) and isinstance(b, float | int):
        return math.isclose(a, b, rel_tol=ROUNDING)
    return bool(a == b)
