"""What a board is sent: files into its work folder, then signs of life for as long as somebody waits for the result.

The stream is lines and bytes: `file NAME SIZE` and then so many bytes, `go` when all have come, `ping` now and then.
"""

import errno
import re
import threading
import time
from pathlib import Path
from typing import Any, Callable

from rdslab.errors import RunError

NAME = re.compile(r"[a-z0-9]{1,64}\.[a-z0-9]{1,16}")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SILENCE_S = 90.0  # the sender gives a sign every few seconds
LONGEST = 200  # bytes of a line


class Receiver(threading.Thread):
    """Reads a stream of bytes into `folder`. `wait` returns when all has come; `lost` says that the sender is gone."""

    def __init__(self, stream: Any, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(daemon=True)
        self._stream, self._folder, self._clock = stream, folder, clock
        self._heard = clock()
        self._ended = False
        self._complete = threading.Event()
        self._settled = threading.Event()  # complete, failed or lost
        self._error: Any = None

    @property
    def lost(self) -> bool:
        """Whether the stream has ended, or has been silent for too long."""
        return self._ended or self._clock() - self._heard > SILENCE_S

    def wait(self, poll_s: float = 0.5) -> None:
        """Raises RunError where the files cannot be kept, or the sender is gone before all have come."""
        while not self._settled.wait(poll_s) and not self.lost:
            pass
        if self._error is not None:
            raise self._error
        if not self._complete.is_set():
            raise RunError("the connection was lost while files were copied")

    def run(self) -> None:
        """Read until the stream ends."""
        try:
            while self._frame():
                self._heard = self._clock()
        except OSError as error:
            full = error.errno in FULL
            reason = "the disk is full" if full else error.strerror or str(error)
            where = "free some space on the board" if full else ""
            self._error = RunError("cannot keep what it is sent: {}".format(reason), where)
        except RunError as error:
            self._error = error
        finally:
            self._ended = self._error is None
            self._settled.set()

    def _frame(self) -> bool:
        """Take one frame; False at the end of the stream."""
        line = self._stream.readline(LONGEST).decode("ascii", "replace")
        if not line.endswith("\n"):
            return False
        words = line.split()
        if words == ["go"]:
            self._complete.set()
            self._settled.set()
        elif len(words) == 3 and words[0] == "file" and NAME.fullmatch(words[1]) and words[2].isdigit():
            return self._keep(words[1], int(words[2]))
        elif words != ["ping"]:
            raise RunError(
                "it is sent {!r}, which it does not know".format(line[:40]), "both ends need the same rdslab"
            )
        return True

    def _keep(self, name: str, size: int) -> bool:
        with (self._folder / name).open("wb") as file:
            while size:
                part = self._stream.read(min(size, 1 << 16))
                if not part:
                    return False
                file.write(part)
                size -= len(part)
                self._heard = self._clock()
        return True
