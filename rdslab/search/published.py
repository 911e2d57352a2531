"""Published times of a study: read from it or from a CSV file beside it. Nothing here knows torch."""

import csv
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rdslab.errors import SpecError, did_you_mean
from rdslab.records import Size
from rdslab.search.documents import ColumnDocument
from rdslab.search.plan import Study

COLUMNS = ("net", "size", "latency_ms")
MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Point:
    """A published time of one of the study's variants."""

    variant: str
    size: Size
    latency_ms: float


def points_of(study: Study, index: int) -> tuple[Point, ...]:
    """The times of the study's column with that index, in its own order. Raises SpecError with file and line."""
    column = study.document.published[index]
    place = ("published", index)
    if bool(column.ms) == (column.file is not None):
        what = "both `ms` and `file` are given" if column.ms else "the times are missing"
        hint = "write `ms: {NET: {640x360: 49}}`, or `file: times.csv` with net,size,latency_ms"
        raise SpecError(what, hint, where=study.source.where(place))
    found: list[Point] = []
    for net, size, ms, where in _lines(study, column, index):
        point = Point(_variant(study, net, where), _size(study, size, where), ms)
        if any((other.variant, other.size) == (point.variant, point.size) for other in found):
            raise SpecError(f"{point.variant} at {point.size} stands twice", where=where)
        found.append(point)
    if not found:
        raise SpecError("has no times", where=study.source.where(place))
    return tuple(found)


def _lines(study: Study, column: ColumnDocument, index: int) -> Iterable[tuple[str, str, float, str]]:
    for net, by_size in column.ms.items():
        for size, ms in by_size.items():
            yield net, size, ms, study.source.where(("published", index, "ms", net, size))
    if column.file is not None:
        path = study.folder / column.file
        yield from _read(path, study.source.where(("published", index, "file")), study.document.deploy.classes)


def _read(path: Path, where: str, classes: int) -> list[tuple[str, str, float, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file.read(MOST_BYTES).splitlines())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise SpecError(f"cannot read {path}: {reason}", where=where) from None
    names = [name.strip() for name in rows.fieldnames or ()]
    rows.fieldnames = names
    for name in COLUMNS:
        if name not in names:
            hint = did_you_mean(name, names)
            raise SpecError(
                f"has no column {name!r}", f"the first line names {', '.join(COLUMNS)}", hint, where=str(path)
            )
    found = []
    for row in rows:
        at = f"{path}:{rows.line_num}"
        net, size, text = ((row.get(name) or "").strip() for name in COLUMNS)
        try:
            ms = float(text)
        except ValueError:
            ms = math.nan
        if not (math.isfinite(ms) and ms > 0):
            raise SpecError(f"latency_ms: expected milliseconds above 0, got {text!r}", where=at)
        if "classes" in names and (row.get("classes") or "").strip() != str(classes):
            got = (row.get("classes") or "none").strip()
            raise SpecError(f"classes: the study has {classes}, got {got!r}", "one study has one", where=at)
        found.append((net, size, ms, at))
    return found


def plain(name: str) -> str:
    """RDS-Net, rds_net and rdsnet are one name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _variant(study: Study, name: str, where: str) -> str:
    """The variant of that name, or whose net has it."""
    names = [variant.name for variant in study.variants]
    if name in names:
        return name
    found = [v.name for v in study.variants if plain(name) in (plain(v.name), plain(v.net)) and not v.settings]
    if found:
        return found[0]
    hint = f"the variants are: {', '.join(names)}; enter a net of the zoo as {{name: {name}, net: NET}}"
    raise SpecError(f"no variant is called {name!r}", hint, did_you_mean(name, names), where=where)


def _size(study: Study, text: str, where: str) -> Size:
    try:
        size = Size.parse(text)
    except SpecError as error:
        raise error.at(where) from None
    if size not in study.sizes:
        hint = f"the study has {', '.join(map(str, study.sizes))}; enter it under deploy.sizes"
        raise SpecError(f"{size} is no size of the study", hint, where=where)
    return size
