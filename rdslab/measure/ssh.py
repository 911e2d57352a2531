"""A board over the system's OpenSSH client: who it is, one connection, and its faults in words.

The client reads `~/.ssh/config`: host names there, jump hosts and keys work as they do for `ssh` itself. What runs on
the board is one constant line of shell; a request reaches it as files and as JSON, never as shell text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rdslab.errors import ConnectionLost, RunError, SpecError

SCHEME = "ssh://"
MARK = "rdslab "  # how the agent's lines begin; a login script may print others
PATTERN = re.compile(
    r"(?:(?P<user>[A-Za-z_][A-Za-z0-9_.-]{0,31})@)?"
    r"(?:(?P<host>[A-Za-z0-9_][A-Za-z0-9_.-]{0,252})|\[(?P<address>[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+)\])"
    r"(?::(?P<port>[0-9]{1,5}))?/?"
)
# What the board runs. The folder goes when the shell ends, whatever ends it; the agent ends when its input does.
COMMAND = "sh -c '{}'".format(
    "; ".join(
        (
            "umask 077",
            'd=$(mktemp -d "${TMPDIR:-/tmp}/rdslab-XXXXXXXXXX") || exit 71',
            'clean() { cd /; rm -rf -- "$d" || { sleep 1; rm -rf -- "$d"; }; }',  # while one still writes, rm fails
            "trap clean EXIT",
            'trap "exit 129" HUP INT TERM PIPE',
            'cd "$d" || exit 71',
            "command -v python3 >/dev/null 2>&1 || exit 72",
            'python3 -c "import sys; sys.exit(sys.version_info[:2] < (3, 6))" || exit 73',
            f"echo {MARK}ready",
            "read -r n || exit 75",
            'dd bs=1 count="$n" of=agent.pyz 2>/dev/null',  # one by one: what follows is the agent's to read
            'test "$(wc -c <agent.pyz)" -eq "$n" || exit 74',
            "python3 agent.pyz -",
            "exit $?",
        )
    )
)
EXITS = {
    71: ("the board gives no folder to work in", "its folder of temporary files is full, or closed to this user"),
    72: ("the board has no python3", "install Python 3.6 or newer there"),
    73: ("the board's python3 is too old", "it needs Python 3.6 or newer"),
    74: (
        "the board could not keep what it is sent: its disk is full",
        "free some space in its folder of temporary files",
    ),
}
KEY = "make one known to the board: ssh-copy-id HOST"
REFUSED = (
    ("identification has changed", "the host's key has changed", "if it was set up anew: ssh-keygen -R HOST"),
    ("host key verification failed", "the host's key is not known", "connect once by hand (ssh HOST) and accept it"),
    ("permission denied|authentication failures", "none of your keys lets you in; no password is asked", KEY),
    (
        "not known|no address associated",
        "there is no such host",
        "look for its name in ~/.ssh/config, or give its address",
    ),
    (
        "bad configuration option|bad owner or permissions|can't open user config",
        "ssh cannot use its configuration",
        "",
    ),
    ("unprotected private key", "ssh does not use a key that others may read", "chmod 600 the key"),
)
LOST = (
    "refused|timed out|timeout|no route to host|unreachable|host is down|reset by peer|connection closed|broken pipe|"
    "temporary failure|exchange_identification|banner exchange"
)


@dataclass(frozen=True)
class Board:
    """Who `ssh://[USER@]HOST[:PORT]` names. The host may be an alias of `~/.ssh/config`."""

    host: str
    user: str = ""
    port: int = 0

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises SpecError for what is no such address, anything that could be an option or shell text included."""
        found = PATTERN.fullmatch(url.removeprefix(SCHEME)) if url.startswith(SCHEME) else None
        if found is None or int(found["port"] or 1) not in range(1, 65536):
            raise SpecError(f"expected ssh://[USER@]HOST[:PORT], got {url!r}", "as ssh://nvidia@192.168.55.1")
        return cls(found["host"] or found["address"], found["user"] or "", int(found["port"] or 0))


def ssh_arguments(board: Board, connect_s: float, config: Path | None = None) -> list[str]:
    """The client's command line: it asks nobody anything, notices a lost board in half a minute, forwards nothing."""
    options = {
        "BatchMode": "yes",
        "LogLevel": "ERROR",  # no banner of the board's among the errors
        "ConnectTimeout": max(1, round(connect_s)),
        "ServerAliveInterval": 10,
        "ServerAliveCountMax": 3,
        "ClearAllForwardings": "yes",
        "ForwardX11": "no",
        "PermitLocalCommand": "no",
        "RemoteCommand": "none",
        "RequestTTY": "no",
    }
    return [
        "ssh",
        *(["-F", str(config)] if config else []),
        *(word for key, value in options.items() for word in ("-o", f"{key}={value}")),
        *(["-l", board.user] if board.user else []),
        *(["-p", str(board.port)] if board.port else []),
        "--",
        board.host,
        COMMAND,
    ]


def fault(board: Board, status: int, errors: Sequence[str], *, reached: bool) -> RunError:
    """Why the client has ended with `status` and no answer; `errors` are the lines it left on standard error."""
    lines = [line.strip() for line in errors if line.strip()]
    said = lines[-1][:300] if lines else ""
    if status in EXITS:
        return RunError(*EXITS[status], where=board.host)
    if status != 255:
        how = "was killed" if status == 137 else f"ended with status {status}"
        return RunError(f"the agent on the board {how}", said, where=board.host)
    if not reached:
        for pattern, what, hint in REFUSED:
            if re.search(pattern, " ".join(lines), re.IGNORECASE):
                return RunError(what, hint.replace("HOST", board.host), f"ssh: {said}", where=board.host)
        if not re.search(LOST, " ".join(lines), re.IGNORECASE):
            return RunError("ssh cannot connect", said, where=board.host)
        return ConnectionLost(f"cannot be reached: {said}", where=board.host)
    return ConnectionLost("the connection is lost", said, where=board.host)
