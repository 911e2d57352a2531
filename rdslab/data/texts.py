"""What text in YAML stands for: an image size, a folder. Types for the signatures of data sets."""

from pathlib import Path
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from rdslab.errors import SpecError
from rdslab.records import Size


def _size(value: object) -> Size:
    try:
        return value if isinstance(value, Size) else Size.parse(value)
    except SpecError as error:
        raise ValueError(f"{error.what}; {'; '.join(error.hints)}") from None


def _folder(value: object) -> Path:
    if not isinstance(value, str | Path):
        raise ValueError(f"expected a folder, got {value!r}")
    return Path(value).expanduser()


_AS_TEXT = PlainSerializer(str, return_type=str)
_SIZE = WithJsonSchema({"type": "string", "pattern": r"^\d{1,5}x\d{1,5}$"})
SizeText = Annotated[Size, PlainValidator(_size), _AS_TEXT, _SIZE]
FolderText = Annotated[Path, PlainValidator(_folder), _AS_TEXT, WithJsonSchema({"type": "string"})]
