"""report.json: what a report says of itself, for `rdslab compare` and `rdslab verify`. No torch here."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from rdslab.comparable import circumstances
from rdslab.records import digest
from rdslab.report.frame import MISSING, Results, kind_of, unique
from rdslab.report.latency import TimesResults
from rdslab.report.notes import without_roots

NAME = "report.json"
FORMAT = 1
STUDY = ("name", "title", "data", "recipe", "seeds", "deploy", "threads")
BY_LINE = ("runs", "heads", "nodes", "nets")  # one item a line: there may be thousands


def report_json(results: Results | TimesResults, contents: Mapping[str, bytes | str] | None = None) -> str:
    """The study's settings, how the times of each column were taken, and what it takes to verify the tables.

    `contents`: the report's files, of whose tables the rows are counted.
    """
    document = {
        "report": FORMAT,
        "study": {key: results.study[key] for key in STUDY if key in results.study},
        "data_identity": getattr(results, "data_identity", ""),
        "versions": dict(results.versions),
        "times": times_columns(results),
        "disputed": disputed_devices(results),
        "rows": {name: _rows(text) for name, text in (contents or {}).items() if name.endswith(".csv")},
        "command": without_roots(str(results.study.get("command") or "")),
        "document": results.study.get("document") or {},
        **({"search": results.study["search"]} if results.study.get("search") else {}),
        "profiles": dict(results.profiles),
        "columns": {str(column["device"]): column.get("fit") or "" for column in getattr(results, "columns", ())},
        "notes": _notes(results),
        "runs": _runs(results),
        **packed(results.documents),
    }
    return _written(document)


def times_columns(results: Results | TimesResults) -> dict[str, list[Mapping[str, Any]]]:
    """By column of times the circumstances under which they were taken: one, where all may stand side by side."""
    columns: dict[str, list[Mapping[str, Any]]] = {}
    for column, _, times in _times(results):
        own = circumstances(times)
        if own not in columns.setdefault(column, []):
            columns[column].append(own)
    return columns


def disputed_devices(results: Results | TimesResults) -> list[str]:
    """The devices whose predictions say of themselves that their profile is disputed."""
    return [device for device, notes in _notes(results).items() if any(note.startswith("disputed") for note in notes)]


def packed(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Nets by id; a node, and what stands above the nodes, is written once for all nets that have it.

    So thousands of nets of one space stay small. The digests are of the nets as they were stored: they tell a net that
    was changed since from one whose id an older version of rdslab made in another way.
    """
    heads: dict[str, int] = {}
    nodes: dict[str, int] = {}
    nets = {}
    for net_id, document in documents.items():
        head = json.dumps({key: value for key, value in document.items() if key != "nodes"})
        own = [nodes.setdefault(json.dumps(node), len(nodes)) for node in document["nodes"]]
        nets[net_id] = {"head": heads.setdefault(head, len(heads)), "nodes": own}
    written = {key: [json.loads(text) for text in places] for key, places in (("heads", heads), ("nodes", nodes))}
    return {"digests": {net_id: digest(one) for net_id, one in documents.items()}, **written, "nets": nets}


def unpacked(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The nets' documents by id. Raises IndexError, KeyError, TypeError for what nobody packed."""
    heads, nodes = record.get("heads") or [], record.get("nodes") or []
    nets: Mapping[str, Any] = record.get("nets") or {}
    return {
        str(net_id): {**heads[net["head"]], "nodes": [nodes[place] for place in net["nodes"]]}
        for net_id, net in nets.items()
    }


def _written(document: Mapping[str, Any]) -> str:
    """JSON, what may be long with one item a line."""
    parts = []
    for key, value in document.items():
        if key not in BY_LINE or not value:
            text = json.dumps(value, indent=2, default=str).replace("\n", "\n  ")
        elif isinstance(value, Mapping):
            lines = [f"{json.dumps(name)}: {json.dumps(item, default=str)}" for name, item in value.items()]
            text = "{\n    " + ",\n    ".join(lines) + "\n  }"
        else:
            text = "[\n    " + ",\n    ".join(json.dumps(item, default=str) for item in value) + "\n  ]"
        parts.append(f"  {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _rows(text: bytes | str) -> int:
    return len(list(csv.reader(io.StringIO(str(text))))) - 1


def _notes(results: Results | TimesResults) -> dict[str, list[str]]:
    """What the predictions for each device say of themselves."""
    found: dict[str, list[str]] = {}
    for _, place, times in _times(results):
        if times.get("predicted"):
            found.setdefault(str(place["device"]), []).extend(map(str, times.get("notes") or ()))
    return {device: unique(notes) for device, notes in found.items()}


def _runs(results: Results | TimesResults) -> list[dict[str, Any]]:
    """Every run of every measured time, of which the tables have the quartiles; each once."""
    lines = []
    for _, place, times in _times(results):
        if times.get("runs_ms") and not times.get("predicted"):
            line = {**place, "block_runs": list(times.get("block_runs") or ()), "runs_ms": list(times["runs_ms"])}
            lines.append(line)
    return [json.loads(text) for text in dict.fromkeys(map(json.dumps, lines))]


def _times(results: Results | TimesResults) -> Iterable[tuple[str, dict[str, str], Mapping[str, Any]]]:
    """Each time with the name of its column, as the tables have it, and its place: net and device, or a cell."""
    found: list[tuple[str, dict[str, str], Mapping[str, Any]]]
    if isinstance(results, Results):
        found = [
            (str(device), {"net_id": str(trial.get("net_id") or ""), "device": str(device)}, times)
            for trial in results.trials
            for device, times in trial["times"].items()
        ]
    else:
        keys = ("variant", "device", "form", "size")
        found = [
            (f"{line['device']}, {line['size']}, {line['form']}", {key: line[key] for key in keys}, line["times"])
            for line in results.times
        ]
    return [(column, place, times) for column, place, times in found if kind_of(times) != MISSING]
