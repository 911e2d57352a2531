"""Files are written whole or not at all: beside, fsync, rename."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from rdslab.errors import RunError


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, write: bytes | str | Callable[[Path], object]) -> None:
    """Write `path` so that a kill at any moment leaves the old file or the new one, never a part.

    `write` is the content, or a function that writes the content to the path it is given.
    Raises RunError when the disk refuses.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(write):
            write(beside)
        else:
            beside.write_bytes(write.encode() if isinstance(write, str) else write)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise RunError(f"cannot write: {error.strerror or error}", where=str(path)) from error
    finally:
        beside.unlink(missing_ok=True)
