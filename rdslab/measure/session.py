"""One connection to a board, with the agent at its other end."""

import contextlib
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from rdslab.errors import ConnectionLost, RunError
from rdslab.measure.bundle import agent_bundle
from rdslab.measure.ssh import MARK, Board, fault, ssh_arguments

PING_S = 5.0
GRACE_S = 15.0  # for logging in, after the connection stands


@dataclass(frozen=True)
class Limits:
    """How long each step may take, in seconds."""

    connect_s: float = 20.0
    hello_s: float = 90.0  # until the agent has looked at what the board has
    wait_s: float = 600.0  # for another measurement on the same board
    job_s: float = 3600.0  # copying and measuring, with the engines that are built for it


class Session:
    """A context manager: the end of it ends the agent, and leaves its board clean.

    Each method raises ConnectionLost where the board cannot be reached or no longer, RunError for every other fault.
    """

    def __init__(self, board: Board, limits: Limits, config: Path | None = None) -> None:
        self.board, self.limits = board, limits
        self._arguments = ssh_arguments(board, limits.connect_s, config)
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._outgoing: queue.Queue[bytes | None] = queue.Queue()
        self._errors: deque[str] = deque(maxlen=50)
        self._reached = self._started = False

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        try:
            # A session of its own: Ctrl-C is ours to answer, by an end that leaves nothing on the board.
            self._ssh = subprocess.Popen(self._arguments, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        except OSError as error:
            raise RunError(f"cannot start ssh: {error.strerror}", "install the OpenSSH client") from error
        self._error_reader = threading.Thread(target=self._read_errors, daemon=True)
        for thread in (
            self._error_reader,
            *(threading.Thread(target=t, daemon=True) for t in (self._read, self._write)),
        ):
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._outgoing.put(None)
        try:
            self._ssh.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._ssh.kill()
            self._ssh.wait()

    def hello(self) -> str:
        """Start the agent; the JSON in which it says what the board has."""
        self._wait("ready", self.limits.connect_s + GRACE_S)
        self._reached = True
        bundle = agent_bundle()
        self._outgoing.put(b"%d\n" % len(bundle) + bundle)
        return self._wait("hello", self.limits.hello_s)

    def send(self, name: str, content: bytes) -> None:
        """Put a file into the agent's folder. What is wrong with that is told by `result`."""
        self._outgoing.put(f"file {name} {len(content)}\n".encode() + content)

    def result(self, told: Callable[[str], object]) -> str:
        """Let the agent work; the JSON of what it found. `told` is given each line of its progress."""
        self._outgoing.put(b"go\n")
        return self._wait("result", self.limits.wait_s + self.limits.job_s + self.limits.hello_s, told)

    def _wait(self, kind: str, limit_s: float, told: Callable[[str], object] = len) -> str:
        """What follows the word `kind` in the line of the agent's that begins with it."""
        end = time.monotonic() + limit_s
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                what = f"it gave no answer within {limit_s:g} s"
                raise ConnectionLost(what, where=self.board.host) from None
            if line is None:
                raise self._ended()
            found, _, rest = line.removeprefix(MARK).partition(" ")
            if line.startswith(MARK) and found == kind:
                return rest
            if line.startswith(MARK) and found == "progress":
                told(rest)

    def _ended(self) -> RunError:
        """Why the client has ended without an answer."""
        try:
            status = self._ssh.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return ConnectionLost("it has closed the connection", where=self.board.host)
        self._error_reader.join(timeout=1)  # a connection that others share may keep its end open
        return fault(self.board, status, list(self._errors), reached=self._reached)

    def _write(self) -> None:
        """The only one that writes. Why a pipe is broken is told by how the client ends."""
        pipe = self._pipe("stdin")
        try:
            while (content := self._next()) is not None:
                pipe.write(content)
                pipe.flush()
                self._started = True  # the first it is sent is the agent; then signs of life may follow
        except OSError:
            return
        finally:
            with contextlib.suppress(OSError):
                pipe.close()

    def _next(self) -> bytes | None:
        """What is to be sent, or a sign of life after a while without."""
        while True:
            try:
                return self._outgoing.get(timeout=PING_S)
            except queue.Empty:
                if self._started:
                    return b"ping\n"

    def _read(self) -> None:
        with self._pipe("stdout") as pipe:
            for line in pipe:
                self._lines.put(line.decode("utf-8", "replace").rstrip("\r\n"))
        self._lines.put(None)

    def _read_errors(self) -> None:
        with self._pipe("stderr") as pipe:
            for line in pipe:
                self._errors.append(line.decode("utf-8", "replace"))

    def _pipe(self, name: str) -> IO[bytes]:
        pipe: IO[bytes] = getattr(self._ssh, name)
        return pipe
