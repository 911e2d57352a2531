"""The command line: parses, calls, prints. It loads torch only where a command computes."""

import os
import sys
from collections.abc import Sequence

from rdslab.errors import RdslabError

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit status: 0 done, 1 failed, 2 the request was wrong."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    sys.exit(_run(words, debug))


def _run(words: Sequence[str], debug: bool) -> int:
    from rdslab.cli.app import app

    try:
        app(args=list(words), prog_name="rdslab")
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:  # typer has taken the KeyboardInterrupt
            return _say("stopped; the same command goes on where this one was", INTERRUPTED)
        return leaving.code if isinstance(leaving.code, int) else _say(str(leaving.code), 1)
    except RdslabError as error:
        if debug:
            raise
        return _say(str(error), error.exit_status)
    except BrokenPipeError:  # somebody read enough: `rdslab list nets | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        return _say(f"rdslab failed unexpectedly: {type(error).__name__}: {error}\n  --debug shows where", 1)
    return 0


def _say(text: str, status: int) -> int:
    print(text, file=sys.stderr)
    return status
