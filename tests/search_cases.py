"""A search small enough for tests: nets of a few thousand weights on drawn scenes of 48x32."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rdslab.search.ledger import Ledger, storage_of
from rdslab.search.outcome import search_document
from rdslab.search.plan import Study, load_study
from rdslab.search.run import Watch, run_study

SPACE = """\
name: tiny
base: rdsnet
set: {width: 0.25, "enc*.options.dropout": 0.0, "enc*.options.shuffle": 0}
genes:
  enc2.block: {choice: [rds, residual, separable]}
  enc2.repeat: {whole: [1, 2]}
  enc3.block: {choice: [rds, residual, separable]}
  enc3.repeat: {whole: [1, 4]}
  enc3.options.groups: {choice: [1, 2, 4]}
"""
STUDY = """\
name: hunt
base: rdsnet
set: {width: 0.25, "enc*.options.dropout": 0.0}
search: {space: space.yaml, objectives: [miou, latency_ms.jetson-tx1], trials: 8, pruning: {finished: 4}}
data: {name: synthetic, size: 48x32, train: 12, val: 4}
recipe: {use: one_cycle, epochs: 3, batch: 4}
seeds: [0, 1]
deploy: {size: 64x64, classes: 11, devices: [jetson-tx1]}
"""


def write(folder: Path, study: str = STUDY, space: str = SPACE) -> None:
    (folder / "space.yaml").write_text(space)
    (folder / "hunt.yaml").write_text(study)


def run(
    settings: list[str] | None = None, workers: int = 1, url: str | None = None, **more: Any
) -> tuple[Study, Ledger]:
    study = load_study("hunt.yaml", settings or [])
    at = storage_of(study, url)
    return study, run_study(study, at, workers=workers, settings=settings or [], watch=Watch(), **more)


def slots(ledger: Ledger) -> list[tuple[Any, ...]]:
    """Every slot: number, variant, seed, net, state, reason."""
    return [
        tuple(row[key] for key in ("number", "variant", "seed", "net_id", "state", "error")) for row in ledger.rows()
    ]


def outcome(study: Study, ledger: Ledger) -> dict[str, Any]:
    """What became of the search, without what no run repeats: seconds."""
    found = search_document(study, ledger)
    return {
        **{key: value for key, value in found.items() if key != "seconds"},
        "slots": [{key: value for key, value in slot.items() if key != "seconds"} for slot in found["slots"]],
    }


def kill_and_run_again(folder: Path, kills: int, low_s: float = 1.5, high_s: float = 5.0) -> int:
    """Start the study and kill it with SIGKILL at a random moment, again and again; how often it was still at work."""
    chance, met = random.Random(kills), 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "rdslab", "run", "hunt.yaml"]
    for _ in range(kills):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, cwd=folder, env=environment, **quiet)
        time.sleep(chance.uniform(low_s, high_s))
        met += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    return met
