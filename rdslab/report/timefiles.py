"""Files of times, as `rdslab time --json` prints them, and two of them beside each other. No torch here."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rdslab.comparable import differences
from rdslab.errors import SpecError
from rdslab.stats import Ratio, ratio_of

WITHIN = "the interval holds what changes between blocks of runs, not what changes from day to day"
SHARED = "both are predictions of one profile, whose errors they share: no interval of the ratio is known"


@dataclass(frozen=True)
class Beside:
    """Two times of one net, or of two, that may be compared; milliseconds."""

    a: str  # names
    b: str
    a_ms: float
    b_ms: float
    predicted: bool
    ratio: Ratio  # b / a

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class TimesBeside:
    """All that two files have in common, and what only one of them has: name and, of a refused time, why."""

    pairs: Sequence[Beside]
    unpaired: Mapping[str, str]
    notes: Sequence[str]

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "pairs": [pair.document() for pair in self.pairs]}


def is_times(document: Any) -> bool:
    """Whether a JSON document is one of times: objects with a latency, and how it was taken or why there is none."""
    rows = document if isinstance(document, list) else [document]
    return bool(rows) and all(
        isinstance(r, dict) and "latency_ms" in r and {"protocol", "refused"} & {*r} for r in rows
    )


def read_times(path: str | Path) -> dict[str, dict[str, Any]]:
    """The times of a file by name. Raises SpecError, with the file's name, for another kind of file."""
    where = str(path)
    document = read_json(path)
    if not is_times(document):
        raise SpecError("holds no times", "rdslab time NET... --json > FILE writes them", where=where)
    rows = document if isinstance(document, list) else [document]
    names = [str(row.get("name") or f"net {i}") for i, row in enumerate(rows, 1)]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SpecError(f"has two times of {twice!r}", "keep one of them", where=where)
    for name, row in zip(names, rows, strict=True):
        _check(name, row, where)
    return dict(zip(names, rows, strict=True))


def read_json(path: str | Path) -> Any:
    """A JSON file. Raises SpecError with its name where it cannot be read."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"cannot read: {error.strerror or error}", where=str(path)) from None
    except ValueError as error:
        raise SpecError(f"is no JSON: {error}", where=str(path)) from None


def _check(name: str, row: Mapping[str, Any], where: str) -> None:
    latency = row["latency_ms"]
    if latency is None:
        return
    numbers = [latency, *(row.get("runs_ms") or ())]
    if not all(isinstance(n, int | float) and not isinstance(n, bool) and 0 < n < float("inf") for n in numbers):
        raise SpecError(f"{name}: times are numbers of milliseconds above 0", where=where)
    if not isinstance(row["protocol"], dict) or sum(row.get("block_runs") or ()) > len(numbers) - 1:
        raise SpecError(f"{name}: protocol or block_runs is broken", where=where)


def compare_times(a: Mapping[str, dict[str, Any]], b: Mapping[str, dict[str, Any]]) -> TimesBeside:
    """The times of `b` over those of `a`, by name; two single times are a pair whatever their names.

    Raises SpecError where nothing is in both, or where times may not stand side by side, naming the fields.
    """
    unpaired = {
        f"{name} ({side})": str(row["refused"])
        for side, file in (("A", a), ("B", b))
        for name, row in file.items()
        if row["latency_ms"] is None
    }
    ours, theirs = ({n: row for n, row in file.items() if row["latency_ms"] is not None} for file in (a, b))
    names = [(name, name) for name in ours if name in theirs]
    if not names and len(ours) == len(theirs) == 1:
        names = [(next(iter(ours)), next(iter(theirs)))]
    if not names:
        sides = "; ".join(f"{side} has {', '.join(file) or 'none'}" for side, file in (("A", ours), ("B", theirs)))
        raise SpecError("no net has a time in both files", sides)
    refuse_mixed({_pair_name(x, y): (ours[x], theirs[y]) for x, y in names})
    for side, file, index in (("A", ours, 0), ("B", theirs, 1)):
        unpaired |= {f"{n} ({side})": "only there" for n in file if n not in [pair[index] for pair in names]}
    pairs = [_beside(x, y, ours[x], theirs[y]) for x, y in names]
    notes = [WITHIN] if any(pair.ratio.low is not None for pair in pairs) else []
    return TimesBeside(pairs, unpaired, notes + _notes([row for x, y in names for row in (ours[x], theirs[y])]))


def refuse_mixed(pairs: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
    """Raises SpecError where two times of a pair may not stand side by side, with each field and both values."""
    found: dict[str, list[str]] = {}
    for name, (one, other) in pairs.items():
        for line in differences(one, other):
            found.setdefault(str(line), []).append(name)
    if found:
        hints = [
            f"{words} ({', '.join(names)})" if len(names) < len(pairs) else words for words, names in found.items()
        ]
        raise SpecError("these times may not stand side by side", *hints)


def _beside(x: str, y: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Beside:
    a_ms, b_ms = float(one["latency_ms"]), float(other["latency_ms"])
    predicted = bool(one["predicted"])
    ratio = Ratio(b_ms / a_ms, why=SHARED) if predicted else ratio_of(a_ms, b_ms, _medians(one), _medians(other))
    return Beside(x, y, a_ms, b_ms, predicted, ratio)


def _medians(times: Mapping[str, Any]) -> list[float]:
    runs, start, medians = times.get("runs_ms") or (), 0, []
    for length in times.get("block_runs") or ():
        medians.append(statistics.median(runs[start : start + length]))
        start += length
    return medians


def _notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if rows[0]["predicted"]:
        return []
    reasons = dict.fromkeys(r for row in rows for r in (row.get("certificate") or {}).get("reasons") or ())
    if all((row.get("certificate") or {}).get("certified") for row in rows):
        return []
    return [f"not certified: {'; '.join(map(str, reasons)) or 'nothing watched the machine meanwhile'}"]


def _pair_name(x: str, y: str) -> str:
    return x if x == y else f"{x} and {y}"
