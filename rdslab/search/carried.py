"""What a report carries besides its tables, so that it can be verified without the database. No torch here."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rdslab.records import digest
from rdslab.search.ledger import Row
from rdslab.search.plan import Study
from rdslab.search.published import points_of


def study_document(study: Study) -> dict[str, Any]:
    """The study as one document without the data's place: `extends` is resolved, published files are written out."""
    document: dict[str, Any] = study.document.model_dump(mode="json", exclude_defaults=True)
    if "data" in document:
        document["data"] = {key: value for key, value in document["data"].items() if key != "root"}
    for index, column in enumerate(document.get("published") or ()):
        if column.pop("file", None):
            ms: dict[str, dict[str, float]] = {}
            for point in points_of(study, index):
                ms.setdefault(point.variant, {})[str(point.size)] = point.latency_ms
            column["ms"] = ms
    return document


def nets_of(ids: Iterable[str], stored: Mapping[str, Row]) -> dict[str, Any]:
    """The nets' documents by id; of files of blocks the name, and not where they lie."""
    found = {net_id: dict(stored[net_id]["document"]) for net_id in sorted(set(ids))}
    for document in found.values():
        if "blocks" in document:
            document["blocks"] = [Path(file).name for file in document["blocks"]]
    return found


def profiles_of(facts: Sequence[Row], ids: Iterable[str]) -> dict[str, list[str]]:
    """By device the digests of the profiles that the predictions for these nets are of."""
    own = set(ids)
    found: dict[str, list[str]] = {}
    for fact in facts:
        if fact["kind"] == "times" and fact["net_id"] in own and fact["document"].get("predicted"):
            found.setdefault(str(fact["context"]["device"]), []).append(digest(fact["context"]["details"]))
    return {device: sorted(set(digests)) for device, digests in sorted(found.items())}
