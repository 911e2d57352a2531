"""Engines that TensorRT built, kept by what they were built from: the one thing that stays on a board.

They lie in `$XDG_CACHE_HOME/rdslab/engines` (else `~/.cache/rdslab/engines`): at most MOST of them and at most
MOST_BYTES together, those used longest ago go first.
"""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Callable, List, Optional, Tuple

from rdslab.errors import RunError

OURS = "RDSLAB_CACHE"  # names the folder to a process that gives its engines another home
MOST = 64
MOST_BYTES = 2 << 30
STALE_S = 24 * 3600.0  # a build that has not ended by then never will


def cache_folder(*below: str) -> Path:
    """A folder in rdslab's cache, made where there is none. Raises RunError where it cannot be made."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path("~").expanduser() / ".cache")
    folder = Path(os.environ.get(OURS) or base / "rdslab").joinpath(*below)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError("cannot make the cache folder: {}".format(error.strerror), where=str(folder)) from error
    return folder


def digest_of(path: str) -> str:
    """The SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()


def cached(made_from: List[object], build: Callable[[str], object]) -> Tuple[str, bool]:
    """The path of the engine made from this, and whether it was there already.

    `build` writes a missing one to the path it is given; it comes to its place whole or not at all.
    """
    folder = cache_folder("engines")
    key = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
    path = folder / (key + ".engine")
    try:
        os.utime(str(path), None)  # used now
        return str(path), True
    except OSError:
        pass
    beside = folder / "{}.{}.part".format(path.name, os.getpid())
    try:
        build(str(beside))
        beside.replace(path)
    except OSError as error:
        raise RunError("cannot keep an engine: {}".format(error.strerror or error), where=str(folder)) from error
    finally:
        if beside.exists():
            beside.unlink()
    prune(folder, keep=path)
    return str(path), False


def prune(folder: Path, keep: Optional[Path] = None, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
    """Remove what is too much, longest unused first, and what builds that were killed have left."""
    engines = []
    for path in folder.iterdir():
        try:
            known = path.stat()
            if path.suffix == ".part" and time.time() - known.st_mtime > STALE_S:
                path.unlink()
            elif path.suffix == ".engine":
                engines.append((path == keep, known.st_mtime, known.st_size, path))
        except OSError:
            continue  # another process was quicker
    engines.sort()
    total = sum(size for _, _, size, _ in engines)
    while engines and not engines[0][0] and (len(engines) > most or total > most_bytes):
        _, _, size, path = engines.pop(0)
        total -= size
        try:
            path.unlink()
        except OSError:
            continue
