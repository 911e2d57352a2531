"""One lock for the machine, so that no time is taken while another process measures or trains on it."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from rdslab.errors import RunError
from rdslab.records import digest

Kind = Literal["measure", "train"]


@contextmanager
def machine_lock(kind: Kind, waiting: Callable[[], object] = int, folder: Path | None = None) -> Iterator[None]:
    """Hold the machine: "measure" alone, "train" beside others that train.

    `waiting` is called once, if somebody else has to end first. The lock is a file in the folder of temporary files;
    the kernel frees it when its process ends, however that happens. Who waits to measure is let in before those that
    come later to train. Not to be taken twice by one process. Raises RunError where no lock can be made.
    """
    wanted = fcntl.LOCK_EX if kind == "measure" else fcntl.LOCK_SH
    told = False

    def take(descriptor: int, how: int) -> None:
        nonlocal told
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                told = True
                waiting()
            fcntl.flock(descriptor, how)

    with ExitStack() as opened:
        # All pass the gate one by one: while a measurement waits in it for the training to end, no new one begins.
        gate, machine = (_open(name, folder or Path(tempfile.gettempdir()), opened) for name in ("gate", "machine"))
        take(gate, fcntl.LOCK_EX)
        take(machine, wanted)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield


@contextmanager
def device_lock(device: str, folder: Path | None = None) -> Iterator[bool]:
    """Whether this process is the only one of this machine that measures on the device: a board has room for one.

    Nobody waits; the kernel frees the lock when its process ends. Raises RunError where no lock can be made.
    """
    with ExitStack() as opened:
        descriptor = _open(f"device-{digest(device)}", folder or Path(tempfile.gettempdir()), opened)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _open(name: str, folder: Path, opened: ExitStack) -> int:
    """A descriptor of the lock file that all users of the machine share, or of our own where theirs is closed to us."""
    reason = ""
    for path in (folder / f"rdslab-{name}.lock", folder / f"rdslab-{name}-{os.getuid()}.lock"):
        try:
            descriptor = _open_or_create(path)
        except OSError as error:
            reason = error.strerror or str(error)
            continue
        opened.callback(os.close, descriptor)
        return descriptor
    raise RunError(f"cannot open a lock: {reason}", "set TMPDIR to a folder that you may write to", where=str(folder))


def _open_or_create(path: Path) -> int:
    # Reading is enough to lock. Opened without O_CREAT first: in a sticky folder the kernel refuses even root to
    # "create" what another user made. O_NOFOLLOW and O_NONBLOCK: the folder is open to all, and so to links and pipes.
    look = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, look)
    except FileNotFoundError:
        try:
            descriptor = os.open(path, look | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:  # another process was quicker
            return os.open(path, look)
        os.fchmod(descriptor, 0o666)  # whatever the umask says: the machine is everybody's
        return descriptor
