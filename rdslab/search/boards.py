"""One measuring process a device: a lock on this machine, and a sign of life in the database for the others."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from rdslab.errors import RunError
from rdslab.search.documents import HERE
from rdslab.search.ledger import Ledger
from rdslab.search.owner import is_dead, owner
from rdslab.search.tables import boards

BEAT_S = 30.0
WAIT = "it takes all that its study hands in; for another study wait for its end"


class DeviceTaken(RunError):
    """Another process measures on the device."""


def key_of(ledger: Ledger, device: str) -> str:
    """What is held. A board is one for all; of this machine's `here` each study has its own, as they take turns."""
    return f"{HERE} {socket.gethostname()} {ledger.study}" if device == HERE else device


def holder(ledger: Ledger, device: str) -> str:
    """The process that measures on the device: 'process 123 on HOST', or "" where there is none."""
    with ledger.change() as c:
        row = c.execute(sa.select(boards).where(boards.c.device == key_of(ledger, device))).first()
    if row is None or is_dead(row.owner, row.beat, time.time()):
        return ""
    who = json.loads(row.owner)
    return f"process {who['pid']} on {who['host']}"


@contextmanager
def hold_device(ledger: Ledger, device: str) -> Iterator[None]:
    """Be the one that measures on the device. Raises DeviceTaken where another process is."""
    from rdslab.measure.lock import device_lock  # not above: it loads torch, and `holder` needs none

    key, me = key_of(ledger, device), owner()
    _enter(ledger, device, key, me)  # its message names the other process
    with device_lock(key) as alone:  # the other may work for another database
        try:
            if not alone:
                raise DeviceTaken("another process of this machine measures there already", WAIT, where=device)
            with _beating(ledger, key, me):
                yield
        finally:
            with ledger.change() as c:
                c.execute(boards.delete().where(boards.c.device == key, boards.c.owner == me))


@contextmanager
def _beating(ledger: Ledger, key: str, me: str) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(ledger, key, me, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _enter(ledger: Ledger, device: str, key: str, me: str) -> None:
    now = time.time()
    with ledger.change() as c:
        row = c.execute(sa.select(boards).where(boards.c.device == key).with_for_update()).first()
        if row is not None and not is_dead(row.owner, row.beat, now):
            who = json.loads(row.owner)
            raise DeviceTaken(f"process {who['pid']} on {who['host']} measures there already", WAIT, where=device)
        if row is not None:
            c.execute(boards.delete().where(boards.c.device == key))
        c.execute(boards.insert().values(device=key, owner=me, beat=now))


def _beat(ledger: Ledger, key: str, me: str, stop: threading.Event) -> None:
    while not stop.wait(BEAT_S):
        try:
            with ledger.change() as c:
                c.execute(boards.update().where(boards.c.device == key, boards.c.owner == me).values(beat=time.time()))
        except RunError:  # a database that is busy or away: the next sign of life may get through
            continue
