"""One study on a PostgreSQL server: several workers, kills, a restart in the middle; nothing twice, nothing lost."""

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from rdslab.search import budget
from rdslab.search.database import driven
from rdslab.search.ledger import Ledger, open_ledger
from rdslab.search.plan import load_study
from rdslab.search.run import start
from tests.search_cases import STUDY, write

USER = "nobody"
# Pools of connections end with their process, and a worker's is its own; here they end with the test.
pytestmark = pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A PostgreSQL server of the tests' own, on its own port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"postgresql://lab@127.0.0.1:{self.port}/postgres"
        self._as_user("initdb", "-D", str(folder / "data"), "-U", "lab", "-A", "trust", "--no-sync")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = str(self.folder / "log")
        self._as_user("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-w", "-o", options, "start")

    def stop(self) -> None:
        self._as_user("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def _as_user(self, *command: str) -> None:
        own = ["setpriv", f"--reuid={USER}", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
        subprocess.run([*own, *command], check=True, capture_output=True, cwd=self.folder, timeout=120)


@pytest.fixture
def server() -> Iterator[Server]:
    if not all(shutil.which(name) for name in ("postgres", "initdb", "pg_ctl", "setpriv")):
        if os.environ.get("RDSLAB_NEEDS_POSTGRES"):
            pytest.fail("PostgreSQL is not installed")
        pytest.skip("PostgreSQL is not installed")
    folder = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
    if os.getuid() == 0:
        shutil.chown(folder, USER, "nogroup")
    made = Server(folder)
    yield made
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    made.stop()
    shutil.rmtree(folder)


def worker(folder: Path, url: str, number: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rdslab", "worker", "hunt.yaml", "--storage", url]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with (folder / f"worker{number}.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


def ended(ledger: Ledger) -> int:
    return sum(row["state"] not in ("waiting", "running") for row in ledger.rows())


def until(condition: object, limit_s: float = 240.0) -> None:
    limit = time.monotonic() + limit_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < limit, "it took too long"
        time.sleep(0.2)


def check_several(folder: Path, server: Server, workers: int, trials: int, kills: int) -> None:
    study = load_study("hunt.yaml")
    start(study, server.url)
    ledger = open_ledger(study, server.url)
    running = [worker(folder, server.url, i) for i in range(workers)]
    for kill in range(kills):
        until(lambda kill=kill: ended(ledger) >= 2 * (kill + 1))
        running[kill].send_signal(signal.SIGKILL)
        running[kill].wait()
        running[kill] = worker(folder, server.url, kill)
    until(lambda: ended(ledger) >= 2 * kills + 2)
    server.stop()
    time.sleep(1.0)
    server.start()
    for number, process in enumerate(running):
        log = folder / f"worker{number}.log"
        assert process.wait(timeout=400) == 0, log.read_text()[-2000:]
    rows = ledger.rows()
    assert not [row["error"] for row in rows if row["state"] == "failed"]
    assert {row["state"] for row in rows} <= {"done", "pruned", "repeated", "refused"}
    own = [row for row in rows if budget.is_search_slot(row)]
    assert sum(row["state"] in budget.TRAINED for row in own) == trials
    trained = Counter((row["net_id"], row["seed"]) for row in rows if row["state"] == "done")
    scores = Counter((fact["net_id"], fact["seed"]) for fact in ledger.facts_of("score"))
    assert set(scores) == set(trained)
    assert set(scores.values()) == {1}
    searched = [row["net_id"] for row in own if row["state"] in ("done", "pruned")]
    assert len(set(searched)) == len(searched)
    storage = optuna.storages.RDBStorage(driven(server.url))
    found = optuna.load_study(study_name="hunt", storage=storage)
    told = Counter(t.user_attrs["slot"] for t in found.trials if t.state is TrialState.COMPLETE)
    assert told == Counter(row["number"] for row in own)
    storage.remove_session()
    storage.engine.dispose()
    ledger.engine.dispose()


def test_workers_share_a_server_that_restarts_and_one_of_them_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, STUDY.replace("trials: 8", "trials: 8, sampler: random").replace("epochs: 3", "epochs: 6"))
    check_several(tmp_path, server, workers=3, trials=8, kills=1)


@pytest.mark.long
def test_eight_workers_share_a_server_that_restarts_and_four_of_them_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, STUDY.replace("trials: 8", "trials: 30").replace("epochs: 3", "epochs: 20"))
    check_several(tmp_path, server, workers=8, trials=30, kills=4)
