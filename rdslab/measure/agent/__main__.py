"""The entrance: `agent.pyz JOB.json` works off a job; `agent.pyz -` is sent one by the rdslab at the other end."""

import io
import json
import platform
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from rdslab.errors import RdslabError
from rdslab.measure.agent import engines, trtexec
from rdslab.measure.agent.receive import Receiver
from rdslab.measure.agent.supervise import as_document, supervise
from rdslab.measure.agent.work import work

VERSION = 1
LIMIT_S = 3600.0  # for a job that names none
FOLDER = "rdslab-"  # how the name of a work folder begins
USAGE = "usage: python3 agent.pyz JOB.json"


def main(arguments: Optional[List[str]] = None) -> int:
    """Exit status 0 when a result was printed, also where it is an error; 2 for arguments that are none."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["--work"] and len(given) == 3:
        return work(Path(given[1]), Path(given[2]))
    if len(given) != 1:
        print(USAGE, file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, _leave)
    return _serve() if given[0] == "-" else _run(Path(given[0]).absolute())


def _leave(number: int, _: Any) -> None:
    """End by way of what has to be cleaned up."""
    sys.exit(128 + number)


def _run(job_path: Path) -> int:
    try:
        result = supervise(job_path, _limit_of(job_path))
    except RdslabError as error:
        result = {"version": VERSION, "error": as_document(error)}
    print(json.dumps(result))
    return 0


def _serve() -> int:
    """Say what is here, take files and a job, and give the result."""
    folder = Path.cwd()
    try:
        _say("hello", json.dumps(_hello()))
        with io.FileIO(0, "rb", closefd=False) as stream:
            receiver = Receiver(stream, folder)
            receiver.start()
            _say("result", json.dumps(_received(receiver, folder / "job.json")))
    finally:
        # The shell that made the folder removes it too, if it lives. Never a folder that it did not make.
        if folder.name.startswith(FOLDER) and Path(sys.argv[0]).absolute().parent == folder:
            shutil.rmtree(str(folder), ignore_errors=True)
    return 0


def _received(receiver: Receiver, job_path: Path) -> Dict[str, Any]:
    try:
        receiver.wait()
        _say("received")
        return supervise(job_path, _limit_of(job_path), lambda: receiver.lost, lambda line: _say("progress", line))
    except RdslabError as error:
        return {"version": VERSION, "error": as_document(error)}


def _hello() -> Dict[str, Any]:
    lacks = engines.lacking()
    version = "" if lacks["trtexec"] else trtexec.program().version
    return {"version": VERSION, "python": platform.python_version(), "lacks": lacks, "trtexec": version}


def _limit_of(job_path: Path) -> float:
    """How long a job may take; a job that cannot be read is told of by whom it is worked off."""
    try:
        with job_path.open(encoding="utf-8") as file:
            return float(json.load(file)["limit_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return LIMIT_S


def _say(*words: str) -> None:
    print("rdslab", *words, flush=True)


if __name__ == "__main__":
    sys.exit(main())
