"""Beside the weights: of each validation image the pixels by class, from which a score's own error is found."""

import json
from pathlib import Path
from typing import Any

from rdslab.errors import DataError
from rdslab.files import write_whole
from rdslab.records import ImageCounts

COUNTS = "val_images.json"


def save_counts(folder: Path, counts: ImageCounts) -> None:
    """Write the counts of a training's validation images. Raises RunError when the disk refuses."""
    write_whole(Path(folder) / COUNTS, json.dumps(counts.document(), separators=(",", ":")) + "\n")


def read_counts(folder: Path) -> dict[str, Any] | None:
    """The document of the counts in a training's folder; None where an earlier version left none.

    Raises DataError for a file that is broken.
    """
    path = Path(folder) / COUNTS
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return ImageCounts(**document).document()
    except (OSError, TypeError, ValueError) as error:
        raise DataError(f"is no file of counts: {error}", "remove it to do without", where=str(path)) from None
