"""The measuring process, started and watched by another: it ends with its time, its caller, or its own crash."""

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional

from rdslab.errors import RdslabError, RunError

POLL_S = 0.2
RESULT, ERRORS = "result.json", "errors.txt"
OPENING = "opening "  # and a net's name: a line of progress
Result = Dict[str, Any]


def supervise(
    job_path: Path, limit_s: float, gone: Callable[[], bool] = bool, tell: Callable[[str], object] = len
) -> Result:
    """The result of a job, worked off by a process of its own; nothing of it stays in the job's folder.

    `gone` says that nobody waits any more; `tell` is given each line of progress. The process and all it started are
    killed when either ends. Raises RunError where it takes longer than `limit_s` or ends without a result.
    """
    folder: Optional[Path] = None
    try:
        folder = Path(tempfile.mkdtemp(prefix="run", dir=str(job_path.parent)))
        said = folder / ERRORS
        with said.open("wb") as errors, _worker(job_path, folder, errors) as child:
            last = _watch(child, time.monotonic() + limit_s, gone, tell)
        if last is None:
            raise RunError("the measurement has not ended within {:g} s and was stopped".format(limit_s))
        return _result(folder, child.returncode, last)
    except OSError as error:
        raise RunError("cannot work in its folder: {}".format(error.strerror or error)) from error
    finally:
        if folder is not None:
            shutil.rmtree(str(folder), ignore_errors=True)


@contextlib.contextmanager
def _worker(job_path: Path, folder: Path, errors: Any) -> Iterator[Any]:
    """The process, in a session of its own, to be killed with what it started. Its input ends when we do."""
    flags = ["-I"] * sys.flags.isolated + ["-S"] * sys.flags.no_site
    child: Any = subprocess.Popen(
        [sys.executable, *flags, str(Path(sys.argv[0]).absolute()), "--work", str(job_path), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
        env=dict(os.environ, TMPDIR=str(folder)),
    )
    try:
        yield child
    finally:
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        child.stdin.close()
        child.stdout.close()


def _watch(child: Any, end: float, gone: Callable[[], bool], tell: Callable[[str], object]) -> Any:
    """Until the process ends: its last line of progress, or None where the time is over."""
    last, rest = "", b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if gone():
                raise RunError("nobody waits for the result any more")
            if time.monotonic() > end:
                return None
            if not selector.select(POLL_S):
                continue
            part = os.read(child.stdout.fileno(), 1 << 16)
            if not part:
                child.wait()
                return last
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                last = line.decode("utf-8", "replace")
                tell(last)


def _result(folder: Path, status: int, last: str) -> Result:
    try:
        with (folder / RESULT).open(encoding="utf-8") as file:
            result = json.load(file)
        return dict(result)
    except (OSError, ValueError):
        pass
    meanwhile = " while it opened {}".format(last[len(OPENING) :]) if last.startswith(OPENING) else ""
    if status == -signal.SIGKILL:
        hints = "not enough memory is the usual reason", "try a smaller size"
        raise RunError("the measuring process was killed{}".format(meanwhile), *hints)
    with (folder / ERRORS).open(encoding="utf-8", errors="replace") as file:
        lines = [line.strip() for line in file if line.strip()]
    how = "signal {}".format(-status) if status < 0 else "status {}".format(status)
    said = lines[-1][:300] if lines else ""
    raise RunError("the measuring process ended with {} and no result{}".format(how, meanwhile), said)


def as_document(error: RdslabError) -> Result:
    """An error as part of a result."""
    hints = list(error.hints)
    what = "{}: {}".format(error.where, error.what) if error.where else error.what
    return {"kind": type(error).__name__, "what": what, "hints": hints}
