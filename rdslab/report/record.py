"""report.json: what a report says of itself for `rdslab compare`, beside its tables. No torch here."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rdslab.comparable import circumstances
from rdslab.report.frame import MISSING, Results, kind_of, unique
from rdslab.report.latency import TimesResults

NAME = "report.json"
FORMAT = 1
STUDY = ("name", "title", "data", "recipe", "seeds", "deploy", "threads")


def report_json(results: Results | TimesResults) -> str:
    """The study's settings, under which circumstances the times of each column were taken, whose are disputed."""
    columns: dict[str, list[Mapping[str, Any]]] = {}
    for column, times in _times(results):
        own = circumstances(times)
        if own not in columns.setdefault(column, []):
            columns[column].append(own)
    document = {
        "report": FORMAT,
        "study": {key: results.study[key] for key in STUDY if key in results.study},
        "data_identity": getattr(results, "data_identity", ""),
        "versions": dict(results.versions),
        "times": columns,
        "disputed": disputed_devices(results),
    }
    return json.dumps(document, indent=2, default=str) + "\n"


def disputed_devices(results: Results | TimesResults) -> list[str]:
    """The devices whose predictions say of themselves that their profile is disputed."""
    if isinstance(results, Results):
        found = [(device, times) for trial in results.trials for device, times in trial["times"].items()]
    else:
        found = [(line["device"], line["times"]) for line in results.times]
    notes = [(str(device), str(note)) for device, times in found for note in times.get("notes") or ()]
    return unique(device for device, note in notes if note.startswith("disputed"))


def _times(results: Results | TimesResults) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Each time with the name of its column, as the tables have it."""
    if isinstance(results, Results):
        found = [(str(device), times) for trial in results.trials for device, times in trial["times"].items()]
    else:
        found = [(f"{line['device']}, {line['size']}, {line['form']}", line["times"]) for line in results.times]
    return [(column, times) for column, times in found if kind_of(times) != MISSING]
