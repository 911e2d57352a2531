"""What a search costs beside its training, and how long a long study takes to open.

The trainings are left out: a net's mIoU is a formula of its id, given at once. All the rest is real: space, sampler,
canonical ids, costs, predicted latency, ledger, Optuna, on SQLite. A trial is a slot that has ended, trained or not.

    python benchmarks/search_overhead.py [--sampler tpe] [--trials 300] [--turns 3] [--json]
    python benchmarks/search_overhead.py --sampler random --trials 5000 --turns 1 --under 1e9 --pruning none
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rdslab.network import ids
from rdslab.records import Context, Score, digest
from rdslab.search.hours import TRAINING, hours_of
from rdslab.search.ledger import Ledger
from rdslab.search.plan import load_study
from rdslab.search.run import start
from rdslab.search.training import Trainer
from rdslab.search.worker import Worker

SPACES = Path(__file__).parents[1] / "search_spaces"
EPOCHS = 6
STUDY = """\
name: overhead
base: rdsnet
search:
  space: {space}
  objectives: [miou, latency_ms.jetson-tx1]
  limits: {{latency_ms.jetson-tx1: {under}}}
  sampler: {sampler}
  trials: 1000000
  pruning: {{kind: {pruning}}}
data: {{name: synthetic, size: 64x64, train: 4, val: 2}}
recipe: {{use: one_cycle, epochs: {epochs}}}
seeds: [0]
deploy: {{size: 640x360, classes: 19, devices: [jetson-tx1]}}
"""


def curve(net_id: str) -> list[float]:
    """A net's mIoU by epoch: nearer to a last one of its own from epoch to epoch."""
    last = 0.3 + 0.3 * int(digest(net_id), 16) % 1000 / 1000
    return [last * (1 - 0.5**epoch) for epoch in range(1, EPOCHS + 1)]


def at_once(self: Trainer, row: dict[str, Any], net: Any, stages: Any, after_epoch: Any = dict) -> Any:
    """In place of a training: the epochs are reported, and nothing is trained."""
    self.data  # noqa: B018
    with stages.during(TRAINING):
        history = [{"epoch": n, "epochs": EPOCHS, "miou": miou} for n, miou in enumerate(curve(ids(net)[0]), start=1)]
    for event in history:
        self.beat(row["number"], event)
        after_epoch(event)
    miou = history[-1]["miou"]
    score = Score(miou, miou, miou, miou, {"all": miou}, 2, "val", tuple(history))
    found = {"score": score.document(), "effort": {"seconds": [0.0] * EPOCHS, "hours": 0.0, "host": {}}}
    context: Context = self.context
    return score, [(kind, row["net_id"], context, row["seed"], document) for kind, document in found.items()]


class Enough(BaseException):
    """As many slots have ended as were asked for. No Exception: those end one slot."""


def until(slots: int) -> Callable[[str], None]:
    """A worker's notices, counted: the first speaks of the data, each other one of a slot that has ended."""
    left = iter(range(slots))

    def notice(text: str) -> None:
        if text.startswith("slot ") and next(left) == slots - 1:
            raise Enough

    return notice


@dataclass(frozen=True)
class Turn:
    """One search: slots of every state, seconds by stage; then what looking at it takes, from starting Python."""

    slots: dict[str, int]
    seconds: float
    stages: dict[str, float]
    status_s: float
    front_s: float

    @property
    def ms_a_slot(self) -> float:
        return 1000 * self.seconds / sum(self.slots.values())


def turn(given: argparse.Namespace) -> Turn:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        space = (SPACES / given.space).resolve()
        text = STUDY.format(space=space, sampler=given.sampler, under=given.under, pruning=given.pruning, epochs=EPOCHS)
        (folder / "overhead.yaml").write_text(text)
        study, url = load_study(str(folder / "overhead.yaml")), f"sqlite:///{folder / 'study.db'}"
        prepared, ledger = start(study, url)
        worker = Worker(prepared, ledger, until(given.trials))
        began = time.perf_counter()
        with suppress(Enough):
            worker.work()
        seconds = time.perf_counter() - began
        return Turn(
            _by_state(ledger),
            seconds,
            _by_stage(ledger),
            _took(folder, "status", "overhead.yaml", "--storage", url, "--json"),
            _took(folder, "-c", FRONT, url),
        )


FRONT = """
import sys
from rdslab.search.ledger import open_ledger
from rdslab.search.outcome import search_document
from rdslab.search.plan import load_study
study = load_study("overhead.yaml")
print(len(search_document(study, open_ledger(study, sys.argv[1]))["front"]))
"""


def _took(folder: Path, *words: str) -> float:
    command = [sys.executable, *(("-m", "rdslab") if words[0] != "-c" else ()), *words]
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _by_state(ledger: Ledger) -> dict[str, int]:
    states = [row["state"] for row in ledger.rows()]
    return {state: states.count(state) for state in sorted(set(states))}


def _by_stage(ledger: Ledger) -> dict[str, float]:
    found: dict[str, float] = {}
    with ledger.change() as c:
        for _, stage, seconds in hours_of(c, ledger.study):
            found[stage] = found.get(stage, 0.0) + seconds
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", default="rds.yaml")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--pruning", default="dominated", choices=["dominated", "rungs", "none"])
    parser.add_argument("--under", type=float, default=50.0, help="the limit of the predicted latency in ms")
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    Trainer.train = at_once  # type: ignore[method-assign]
    turns = [turn(given) for _ in range(given.turns)]
    if given.json:
        print(json.dumps([asdict(one) | {"ms_a_slot": one.ms_a_slot} for one in turns], indent=1))
        return
    for one in turns:
        stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in one.stages.items())
        print(f"{one.slots}: {one.ms_a_slot:.0f} ms a slot; {one.seconds:.1f} s, by stage {stages}")
        print(f"  status in {one.status_s:.1f} s, the search's document with its front in {one.front_s:.1f} s")
    print(f"median of {len(turns)}: {statistics.median(one.ms_a_slot for one in turns):.0f} ms a slot")


if __name__ == "__main__":
    main()
