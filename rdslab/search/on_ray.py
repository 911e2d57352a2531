"""The workers of one run as tasks of a Ray cluster, which finds each a machine with its CPUs and its share of a GPU.

A task runs the same command as a process of this machine would. The study's files, its data and the folder of its runs
have to be where they are here on every machine, as on a shared disk; the database has to answer all of them.
"""

import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rdslab.errors import SpecError
from rdslab.search.fleet import broken
from rdslab.search.training import PARENT

KNOCK_S = 10.0
MEMORY = 100 * 2**20  # bytes of Ray's own store: nothing large passes through it


class Tasks:
    """Workers on a cluster at an address, or on a Ray of our own on this machine.

    Raises SpecError before anything is started where Ray is missing or answers at no such address, where the database
    is a file and the cluster has other machines, and where no machine has as many CPUs as a worker takes.
    """

    def __init__(
        self, command: Sequence[str], logs: Sequence[Path], *, address: str | None, threads: int, url: str
    ) -> None:
        self.command, self.logs, self.threads, self.url = list(command), logs, threads, url
        self.address = address
        self.ray = _ray()
        self.tasks: list[Any] = []

    def __enter__(self) -> Self:
        own: dict[str, Any] = {
            "num_cpus": max(os.cpu_count() or 1, self.threads * len(self.logs)),
            "object_store_memory": MEMORY,
            "include_dashboard": False,
        }
        try:
            _knock(self.address)
            self.ray.init(
                address=self.address or "local",
                log_to_driver=False,
                logging_level="ERROR",
                **({} if self.address else own),
            )
        except (OSError, ValueError, RuntimeError) as error:
            what = f"no Ray cluster answers at {self.address or 'this machine'}: {str(error).splitlines()[0]}"
            raise SpecError(what, "ray start --head --port 6379 starts one", where="--address") from None
        try:
            self._start()
        except BaseException:
            self.ray.shutdown()
            raise
        return self

    def _start(self) -> None:
        nodes = [node for node in self.ray.nodes() if node["Alive"]]
        others = sorted({node["NodeManagerHostname"] for node in nodes} - {socket.gethostname()})
        if others and self.url.startswith("sqlite"):
            what = f"a file cannot be the database of several machines, and the cluster has {', '.join(others)}"
            raise SpecError(what, "write --storage postgresql://USER@HOST/NAME", where="--storage")
        most = max((node["Resources"].get("CPU", 0.0) for node in nodes), default=0.0)
        if most < self.threads:
            what = f"a worker takes {self.threads} CPUs, and no machine of the cluster has more than {most:g}"
            raise SpecError(what, "set threads in the study", where="threads")
        gpus = self.ray.cluster_resources().get("GPU", 0.0)
        asked = {"num_cpus": self.threads, "num_gpus": share_of_gpu(gpus, len(self.logs)), "max_retries": 0}
        work = self.ray.remote(**asked)(_work)
        self.tasks = [work.remote(self.command, str(Path.cwd())) for _ in self.logs]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self.tasks:
            self.ray.cancel(task, force=True)  # does nothing to one that has ended
        self.ray.shutdown()

    def busy(self) -> bool:
        _, waiting = self.ray.wait(self.tasks, num_returns=len(self.tasks), timeout=0)
        return bool(waiting)

    def check(self) -> None:
        statuses = []
        for task, log in zip(self.tasks, self.logs, strict=True):
            try:
                status, said = self.ray.get(task)
            except self.ray.exceptions.RayError as error:
                status, said = 1, f"its Ray task ended: {str(error).splitlines()[0]}"
            log.write_text(said)
            statuses.append(status)
        for log, status in zip(self.logs, statuses, strict=True):
            if status:
                raise broken(log, status)


def share_of_gpu(gpus: float, workers: int) -> float:
    """What each worker asks for: a GPU of its own, or the part of one that lets all workers in at once."""
    if gpus < 1:
        return 0.0
    return 1.0 / -(-workers // int(gpus))


def _work(command: Sequence[str], folder: str) -> tuple[int, str]:
    """A worker in a process of its own, which ends with its task; its exit status and what it said."""
    environment = {**os.environ, PARENT: str(os.getpid())}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        errors="replace",
    )
    return done.returncode, done.stdout


def _knock(address: str | None) -> None:
    """Raises OSError where nothing listens: Ray itself would try for minutes."""
    host, _, port = (address or "").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=KNOCK_S).close()


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told of a run
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # a task without a GPU sees what its machine shows
    try:
        import ray
    except ImportError:
        raise SpecError("Ray is not installed", "pip install 'rdslab[cluster]'", where="--engine ray") from None
    return ray
