"""How a trained net sees an image and what its scores mean, as weights files and ONNX files say it of themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from rdslab.data import Classes
from rdslab.errors import DataError, SpecError
from rdslab.records import Size
from rdslab.train.inference import CHANNELS
from rdslab.train.recipe import Normalise

NEEDED = ("classes", "colours", "size", "normalise", "void_logit")
RANGE = [0.0, 1.0]


@dataclass(frozen=True)
class Seeing:
    """What is needed beside a network to evaluate it and to predict with it."""

    classes: Classes
    size: Size  # that it was trained at, or of an ONNX file that it takes
    normalise: Normalise
    void_logit: bool  # whether a score for void stands after those of the classes

    @property
    def scores(self) -> int:
        """How many scores a pixel has."""
        return len(self.classes) + self.void_logit


def seeing(metadata: Mapping[str, Any], where: str) -> Seeing:
    """What a file's metadata say. Raises DataError, naming the entry, where they are not what they should be."""
    try:
        names = [str(name) for name in _list(metadata, "classes")]
        colours = [tuple(int(value) for value in colour) for colour in _list(metadata, "colours")]
        if len(colours) != len(names) or any(len(c) != 3 or not all(0 <= v <= 255 for v in c) for c in colours):
            raise ValueError(f"colours must be a red, green and blue from 0 to 255 for each of {len(names)} classes")
        size = Size.parse(metadata["size"])
        if metadata["normalise"] not in CHANNELS:
            raise ValueError(f"normalise must be {' or '.join(CHANNELS)}, got {metadata['normalise']!r}")
        if not isinstance(metadata["void_logit"], bool):
            raise ValueError(f"void_logit must be true or false, got {metadata['void_logit']!r}")
        for key, wanted in (("channels", "RGB"), ("value_range", RANGE)):
            if metadata.get(key, wanted) != wanted:
                raise ValueError(f"{key} must be {wanted}, got {metadata[key]!r}: images of others are not read")
    except (TypeError, ValueError, SpecError) as error:
        words = error.what if isinstance(error, SpecError) else str(error)
        raise DataError(f"its description is broken: {words}", where=where) from None
    triples = cast(tuple[tuple[int, int, int], ...], tuple(colours))
    return Seeing(Classes(tuple(names), triples), size, metadata["normalise"], metadata["void_logit"])


def _list(metadata: Mapping[str, Any], key: str) -> list[Any]:
    if not isinstance(metadata[key], list) or not metadata[key]:
        raise ValueError(f"{key} must be a list with entries, got {metadata[key]!r}")
    return list(metadata[key])
