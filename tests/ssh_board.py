"""A board for tests: a real sshd on a port of this machine, with keys made for the test and a home of its own."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rdslab.errors import RunError
from rdslab.measure.agent.plan import Plan
from rdslab.measure.remote import measure_remote
from rdslab.measure.session import Limits
from rdslab.network import load_net
from rdslab.records import Size
from rdslab.times import Times

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
SIZE = Size(64, 64)
# No test depends on how even this machine runs.
QUICK = Plan(warm_up_s=0.0, blocks=3, runs=12, seconds=0.05, spread=1e9, drift=1e9, busy=1e9)
LIMITS = Limits(connect_s=10, hello_s=60, wait_s=30, job_s=120)
NEEDED = "RDSLAB_NEEDS_SSHD"  # where it is set, these tests must not be left out


def skip_without_sshd() -> None:
    """Leave the test out where there is no OpenSSH server, unless this machine promised one."""
    if SSHD is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
        if os.environ.get(NEEDED):
            pytest.fail(f"{NEEDED} is set, and there is no sshd")
        pytest.skip("needs the OpenSSH server and client: apt-get install openssh-server openssh-client")


class SshBoard:
    """The server and what is around it. What a session runs finds `bin` first on its PATH, and has `home` and `tmp`.

    `config` is the client's configuration, in which the board is called `board`; `log` is the server's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin, self.tmp, self.home = (folder / name for name in ("bin", "tmp", "home"))
        for made in (self.bin, self.tmp, self.home):
            made.mkdir()
        self.config, self.log = folder / "config", folder / "sshd.log"
        for name in ("host", "key", "other"):
            keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)]
            subprocess.run(keygen, check=True, stdin=subprocess.DEVNULL)
        self.put("python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        (folder / "authorized").write_text((folder / "key.pub").read_text())
        self.trust("host")
        self.write_config()

    def put(self, name: str, text: str) -> None:
        """A program on the board's PATH."""
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def trust(self, key: str) -> None:
        """Which host key the client takes for the board's."""
        public = (self.folder / f"{key}.pub").read_text()
        (self.folder / "known").write_text(f"[127.0.0.1]:{self.port} {public}")

    def write_config(self, key: str = "key", *more: str) -> None:
        """The client's configuration: with which key it comes."""
        lines = [
            "Host board",
            "  HostName 127.0.0.1",
            f"  Port {self.port}",
            f"  User {getpass.getuser()}",
            f"  IdentityFile {self.folder / key}",
            "  IdentitiesOnly yes",
            "  IdentityAgent none",
            f"  UserKnownHostsFile {self.folder / 'known'}",
            "  GlobalKnownHostsFile /dev/null",
            "  StrictHostKeyChecking yes",
            *more,
        ]
        self.config.write_text("\n".join(lines) + "\n")

    def start(self, login: str = "") -> None:
        """Bring the server up, or up again; each session runs the lines of shell of `login` first."""
        self.stop()
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # it insists on that
        (self.folder / "login").write_text(
            "#!/bin/sh\n"
            f"export PATH={self.bin}:/usr/bin:/bin TMPDIR={self.tmp} HOME={self.home}\n"
            "unset XDG_CACHE_HOME PYTHONPATH PYTHONHOME PYENV_ROOT\n"
            f'cd "$HOME"\n{login}\nexec sh -c "$SSH_ORIGINAL_COMMAND"\n'
        )
        (self.folder / "login").chmod(0o755)
        settings = {
            "Port": self.port,
            "ListenAddress": "127.0.0.1",
            "HostKey": self.folder / "host",
            "PidFile": "none",
            "AuthorizedKeysFile": self.folder / "authorized",
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "ForceCommand": self.folder / "login",
        }
        text = "".join(f"{key} {value}\n" for key, value in settings.items())
        (self.folder / "sshd_config").write_text(text)
        assert SSHD is not None
        command = [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, start_new_session=True)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail(f"sshd does not listen: {self.log.read_text()}")

    def cut(self) -> None:
        """Break every connection, as when the board loses its power: those that serve them are killed."""
        assert self._process is not None
        for pid in _descendants(self._process.pid):
            if "sshd" in _command(pid):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """Take the server down, and all connections with it."""
        if self._process is not None:
            self.cut()
            self._process.kill()
            self._process.wait()
            self._process = None

    def processes(self) -> list[str]:
        """The command lines of all that runs out of the board's folders."""
        here = str(self.folder)
        found = [_command(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [line for line in found if f"{here}/tmp" in line or f"{here}/bin" in line]

    def kill(self, *ending: str) -> None:
        """Kill the processes of the board's whose command line has these words behind the name of the agent's file."""
        for path in Path("/proc").iterdir():
            words = _command(int(path.name)).split() if path.name.isdigit() else []
            if "python" in " ".join(words[:1]) and any(
                words[i].endswith("agent.pyz") and words[i + 1 :][: len(ending)] == list(ending)
                for i in range(len(words))
            ):
                with contextlib.suppress(OSError):
                    if self.tmp in (path / "cwd").readlink().parents:
                        os.kill(int(path.name), signal.SIGKILL)

    def rest(self, within_s: float = 20.0) -> list[str]:
        """What is left on the board, once what was told to go has had time to: files, folders and processes.

        The cache of engines and its lock are meant to stay.
        """
        end = time.monotonic() + within_s
        while (found := self._rest()) and time.monotonic() < end:
            time.sleep(0.1)
        return found

    def _rest(self) -> list[str]:
        kept = self.home / ".cache"
        files = [path for path in [*self.tmp.rglob("*"), *self.home.rglob("*")] if kept not in (path, *path.parents)]
        beside = [path for path in kept.glob("**/*") if path.is_file() and path.name != "board.lock"]
        beside = [path for path in beside if path.suffix != ".engine"]
        return [*map(str, files), *map(str, beside), *self.processes()]


def measured(board: SshBoard, names: tuple[str, ...] = ("rdsnet",), **asked: Any) -> dict[str, Times | RunError]:
    """Times of nets of the zoo on the board, over the connection that its configuration describes."""
    given = {"device": "ssh://board", "plan": QUICK, "limits": LIMITS, "ssh_config": board.config, **asked}
    return measure_remote({name: load_net(name) for name in names}, SIZE, 11, **given)


def one(found: dict[str, Times | RunError]) -> Times:
    """The only time among them."""
    (times,) = found.values()
    assert isinstance(times, Times), times
    return times


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            parents.setdefault(parent, []).append(int(path.name))
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found
