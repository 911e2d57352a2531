"""A page's tables as data: cells that know what they are sorted by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Cell:
    """A table's cell: what is read, and what is sorted by ("" sorts last)."""

    text: str
    key: str = ""


@dataclass(frozen=True)
class Table:
    """Heads, rows, and the heads of the columns that hold text; the others are numbers, set to the right."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    texts: Sequence[str] = ("Variant", "On the front", "Verdict", "Interval excludes 0")


def number_cell(value: Any, write: Callable[[Any], str]) -> Cell:
    """A number as `write` writes it, sorted by itself."""
    return Cell(write(value), sort_key(value))


def sort_key(value: Any) -> str:
    """What a number is sorted by: six digits, "" for none."""
    return f"{float(value):.6g}" if not pd.isna(value) else ""


def text_table(rows: Sequence[Mapping[Any, Any]], columns: Sequence[str]) -> Table:
    """A table of words: those columns of the rows."""
    heads = [column.replace("_", " ").capitalize() for column in columns]
    return Table(heads, [[Cell(str(row[c]), str(row[c])) for c in columns] for row in rows], heads)
