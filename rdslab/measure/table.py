"""Somebody's table of measured times: a CSV file with net, size and latency_ms, read strictly."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from rdslab.errors import RdslabError, SpecError, did_you_mean
from rdslab.measure.profile import Form, Precision
from rdslab.network import load_net
from rdslab.records import Size
from rdslab.resolve import check_classes
from rdslab.spec import Net

NEEDED = ("net", "size", "latency_ms")
DEFAULTS = {"classes": "19", "precision": "fp32", "form": "eager", "framework": "PyTorch"}
ONE = ("precision", "form", "framework")  # that a whole table shares: times of several do not mix
MAX_BYTES = 4 << 20


@dataclass(frozen=True)
class Row:
    """One measured time."""

    net: Net
    size: Size
    classes: int
    latency_ms: float
    where: str  # "times.csv:3"


@dataclass(frozen=True)
class Table:
    """Measured times of one device, and what is the same for all of them."""

    rows: tuple[Row, ...]
    precision: Precision
    form: Form
    framework: str
    defaults: Mapping[str, str]  # the columns that the table lacks -> what was taken


def read_table(path: str | Path) -> Table:
    """The times in a CSV file. Raises SpecError with file and line for what is wrong first.

    A net is a zoo name or a YAML file, found from here or from beside the table.
    """
    path = Path(path)
    lines = _lines(path)
    if not lines:
        raise SpecError("is empty", f"its first line names the columns: {','.join(NEEDED)}", where=str(path))
    number, names = lines[0]
    _check_columns(names, f"{path}:{number}")
    records = [(f"{path}:{at}", _record(names, cells, f"{path}:{at}")) for at, cells in lines[1:]]
    if not records:
        raise SpecError("has columns but no times", "a line a measured time", where=str(path))
    defaults = {name: value for name, value in DEFAULTS.items() if name not in names}
    shared = {name: _shared(name, records) for name in ONE}
    precision = _choice("precision", shared["precision"], get_args(Precision))
    form = _choice("form", shared["form"], get_args(Form))
    rows = tuple(_row(record, where, path.parent) for where, record in records)
    _check_twice(rows)
    return Table(rows, precision, form, shared["framework"][0], defaults)  # type: ignore[arg-type]


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Line numbers and cells, without empty lines."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SpecError("there is no such file", where=str(path)) from None
    except OSError as error:
        raise SpecError(f"cannot read: {error.strerror or error}", where=str(path)) from None
    if len(content) > MAX_BYTES:
        raise SpecError(f"is larger than {MAX_BYTES >> 20} MiB: no table of times", where=str(path))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SpecError("is no UTF-8 text", "save it as CSV in UTF-8", where=f"{path}:{line}") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise SpecError(f"is no CSV: {error}", where=f"{path}:{reader.line_num}") from None
    return lines


def _check_columns(names: list[str], where: str) -> None:
    known = (*NEEDED, *DEFAULTS)
    for name in names:
        if name not in known:
            hint = "cells are parted by commas" if any(c in name for c in ";\t") else f"columns are: {', '.join(known)}"
            raise SpecError(f"unknown column {name!r}", hint, did_you_mean(name, known), where=where)
        if names.count(name) > 1:
            raise SpecError(f"column {name!r} stands twice", "keep one", where=where)
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise SpecError(f"has no column {missing[0]!r}", f"columns are: {', '.join(known)}", where=where)


def _record(names: list[str], cells: list[str], where: str) -> dict[str, str]:
    if len(cells) != len(names):
        raise SpecError(f"has {len(cells)} cells for {len(names)} columns", ",".join(names), where=where)
    found = DEFAULTS | dict(zip(names, cells, strict=True))
    for name in names:
        if not found[name]:
            raise SpecError(f"{name} is empty", "fill it in, or leave out the whole column", where=where)
    return found


def _shared(name: str, records: Iterable[tuple[str, dict[str, str]]]) -> tuple[str, str]:
    """The value that all rows have, and where it stands first. Raises SpecError naming two lines that differ."""
    first: tuple[str, str] | None = None
    for where, record in records:
        first = first or (record[name], where)
        if record[name] != first[0]:
            line = first[1].rpartition(":")[2]
            what = f"{name} is {record[name]!r} here and {first[0]!r} in line {line}"
            raise SpecError(what, "times of both do not belong in one profile: make a table of each", where=where)
    assert first is not None
    return first


def _choice(name: str, shared: tuple[str, str], choices: Iterable[str]) -> str:
    value, where = shared
    if value not in choices:
        hint = did_you_mean(value, choices)
        raise SpecError(f"{name}: expected one of {', '.join(choices)}, got {value!r}", hint, where=where)
    return value


def _row(record: Mapping[str, str], where: str, folder: Path) -> Row:
    try:
        size = Size.parse(record["size"])
        classes = _whole(record["classes"])
        check_classes(classes)
    except RdslabError as error:
        raise error.at(where) from None
    return Row(_net(record["net"], where, folder), size, classes, _milliseconds(record["latency_ms"], where), where)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SpecError(f"classes: expected a whole number, got {text!r}") from None


def _milliseconds(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        hint = "write milliseconds with a decimal point: 12.5"
        raise SpecError(f"latency_ms: expected a number above 0, got {text!r}", hint, where=where)
    return value


def _net(name: str, where: str, folder: Path) -> Net:
    beside = folder / name
    file = Path(name).suffix in (".yaml", ".yml") and not Path(name).exists() and beside.exists()
    try:
        return load_net(str(beside) if file else name)
    except RdslabError as error:
        raise error.at(where) from None


def _check_twice(rows: Iterable[Row]) -> None:
    first: dict[tuple[Net, Size, int], str] = {}
    for row in rows:
        key = row.net, row.size, row.classes
        if key in first:
            line = first[key].rpartition(":")[2]
            what = f"{row.net.name} at {row.size} with {row.classes} classes stands in line {line} already"
            raise SpecError(what, "keep one, their median for example", where=row.where)
        first[key] = row.where
