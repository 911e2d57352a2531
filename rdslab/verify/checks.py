"""What a check of a report comes to, and how a table is held against one that was computed again."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rdslab.report.frame import records, unique

ROUNDING = 1e-9  # relative; of numbers that are not whole
NOTHING = 1e-15  # below it two numbers are the same zero
Row = Mapping[Any, Any]


@dataclass(frozen=True)
class Finding:
    """A place where a report differs from what it follows from. Of a row that one of them lacks, `column` is ''."""

    table: str
    row: str
    column: str
    reported: Any
    recomputed: Any


@dataclass(frozen=True)
class Check:
    """One kind of value computed again: how many, which differ; and why it, or a part of it, was left out."""

    what: str
    values: int = 0
    differ: tuple[Finding, ...] = ()
    left_out: str = ""


@dataclass(frozen=True)
class Verified:
    """All checks of a report."""

    folder: Path
    checks: Sequence[Check]

    @property
    def findings(self) -> list[Finding]:
        return [finding for check in self.checks for finding in check.differ]

    @property
    def agrees(self) -> bool:
        return not self.findings

    def document(self) -> dict[str, Any]:
        checks = [{**asdict(check), "differ": len(check.differ)} for check in self.checks]
        differ = [asdict(finding) for finding in self.findings]
        return {"report": str(self.folder), "agrees": self.agrees, "checks": checks, "differ": differ}


def left_out(what: str, why: str) -> Check:
    """A check that could not be made."""
    return Check(what, left_out=why)


def tables_agree(
    what: str,
    name: str,
    reported: pd.DataFrame,
    recomputed: pd.DataFrame,
    keys: Sequence[str],
    columns: Sequence[str] | None = None,
    rounding: float = ROUNDING,
    why: str = "",
) -> Check:
    """Every cell of the columns, default all, of a table; rows that it lacks, has twice, or should not have."""
    names = columns if columns is not None else unique([*map(str, recomputed.columns), *map(str, reported.columns)])
    chosen = [column for column in names if column not in keys]
    ours, twice = _by_key(reported, keys)
    theirs, _ = _by_key(recomputed, keys)
    found = [Finding(name, key, "", f"{count} rows", "1 row") for key, count in twice.items()]
    found += [Finding(name, key, "", "no such row", "1 row") for key in theirs if key not in ours]
    found += [Finding(name, key, "", "1 row", "no such row") for key in ours if key not in theirs]
    shared = [key for key in ours if key in theirs]
    for key in shared:
        found += cells_agree(name, key, ours[key], theirs[key], chosen, rounding)
    return Check(what, len(shared) * len(chosen), tuple(found), why)


def cells_agree(
    name: str, key: str, reported: Row, recomputed: Row, columns: Iterable[str], rounding: float = ROUNDING
) -> list[Finding]:
    """The cells of one row that differ."""
    found = []
    for column in columns:
        one, other = plain(reported.get(column)), plain(recomputed.get(column))
        if not same(one, other, rounding):
            found.append(Finding(name, key, column, one, other))
    return found


def lines_agree(what: str, name: str, reported: str, recomputed: str, wanted: Callable[[str], bool]) -> Check:
    """A text line by line, of those that are wanted."""
    ours, theirs = ([line for line in text.splitlines() if wanted(line)] for text in (reported, recomputed))
    found = []
    for index in range(max(len(ours), len(theirs))):
        one, other = (lines[index] if index < len(lines) else None for lines in (ours, theirs))
        if one != other:
            found.append(Finding(name, f"line {index + 1} of those held against it", "", one, other))
    return Check(what, len(theirs), tuple(found))


def row_name(row: Row, keys: Sequence[str]) -> str:
    """What says which row it is, in words."""
    return ", ".join(str(value) for key in keys if (value := plain(row.get(key))) is not None)


def _by_key(table: pd.DataFrame, keys: Sequence[str]) -> tuple[dict[str, Row], dict[str, int]]:
    """The rows by what names them, and which stand more than once."""
    found: dict[str, Row] = {}
    counts: dict[str, int] = {}
    for row in records(table):
        key = row_name(row, keys)
        found.setdefault(key, row)
        counts[key] = counts.get(key, 0) + 1
    return found, {key: count for key, count in counts.items() if count > 1}


def plain(value: Any) -> Any:
    """A cell as plain data; what is empty is None."""
    value = value.item() if hasattr(value, "item") else value
    return None if value is None or value is pd.NA or value == "" or value != value else value


def same(a: Any, b: Any, rounding: float = ROUNDING) -> bool:
    """Whether two cells say the same: whole numbers exactly, others within rounding, words to the letter."""
    if a is None or b is None:
        return a is b
    one, other = _number(a), _number(b)
    if one is None or other is None:
        return str(a) == str(b)
    if one == int(one) and other == int(other) and max(abs(one), abs(other)) >= 1:
        return one == other
    return math.isclose(one, other, rel_tol=rounding, abs_tol=NOTHING)


def _number(value: Any) -> float | None:
    """Also of a number in a column that holds a word elsewhere; None for words."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def without_column(text: str, head: str) -> str:
    """A report.md whose table has one column less: one that follows from what no report carries."""
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if f" | {head} | " in line), None)
    if start is None:
        return text
    at = lines[start].split(" | ").index(head)
    for number in range(start, len(lines)):
        cells = lines[number].split(" | ")
        lines[number] = " | ".join(cells[:at] + cells[at + 1 :]) if lines[number].startswith("|") else lines[number]
    return "\n".join(lines)
