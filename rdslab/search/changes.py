"""What differs between two documents, in words. Nothing here knows torch."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def differences(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """`recipe.epochs was 6, is 8`, one place after the other."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key), new.get(key), f"{place}.{key}" if place else key)
    elif old != new:
        yield f"{place} was {old!r}, is {new!r}"


def forced(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What a study was begun with, with those settings of its search changed that no score and no axis depends on."""
    search = new.get("search")
    if search is None or "search" not in old:
        return json.dumps(old, sort_keys=True)
    kept = {"objectives": old["search"]["objectives"]}
    return json.dumps({**old, "search": {**search, **kept}}, sort_keys=True)
