"""Whose slot it is, and whether that process still lives."""

import json
import socket

import psutil

STALE_S = 600.0  # a worker on another machine that has said nothing for so long is dead


def owner() -> str:
    """This process, so that another can tell whether it lives: host, pid and when it started."""
    me = psutil.Process()
    return json.dumps({"host": socket.gethostname(), "pid": me.pid, "started": me.create_time()})


def is_dead(owner_text: str, beat: float | None, now: float) -> bool:
    """On this host by pid and start time, elsewhere by the last sign of life."""
    who = json.loads(owner_text)
    if who["host"] != socket.gethostname():
        return beat is None or now - beat > STALE_S
    try:
        return bool(abs(psutil.Process(who["pid"]).create_time() - who["started"]) > 1.0)
    except psutil.NoSuchProcess:
        return True
