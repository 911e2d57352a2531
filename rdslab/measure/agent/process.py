"""Child processes with a time limit: their output, and one message for each way they fail."""

import os
import subprocess
from pathlib import Path
from typing import List, NamedTuple

from rdslab.errors import RunError


class Ended(NamedTuple):
    """How a program ended: its exit status (negative: the signal that killed it) and all it printed."""

    status: int
    output: str


def run(argv: List[str], limit_s: float) -> Ended:
    """Run a program to its end, without a shell and with nothing to read.

    Raises RunError where it cannot be started or takes longer than `limit_s`; then it is killed.
    """
    name = Path(argv[0]).name
    try:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, LC_ALL="C"),
        )
    except OSError as error:
        raise RunError("cannot start {}: {}".format(name, error.strerror or error)) from error
    with child:
        try:
            output, _ = child.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise RunError("{} has not ended within {:g} s and was stopped".format(name, limit_s)) from None
        finally:
            child.kill()  # does nothing to a child that has ended
    return Ended(child.returncode, output.decode("utf-8", "replace"))
