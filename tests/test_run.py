"""Running studies for real: small nets on drawn scenes, with a real database, real workers and real kills."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from rdslab.errors import RdslabError, RunError, SpecError
from rdslab.search.ledger import Ledger, open_ledger, storage_of
from rdslab.search.plan import Study, load_study
from rdslab.search.results import gather
from rdslab.search.run import Again, Watch, run_study

STUDY = """\
name: small
base: rdsnet
set: {width: 0.25}
variants:
  - {name: rds}
  - {name: residual, set: {"enc*.block": residual}}
data: {name: synthetic, size: 48x32, train: 12, val: 4}
recipe: {use: one_cycle, epochs: 2, batch: 4}
seeds: [0, 1]
deploy: {size: 64x64, classes: 11, devices: [jetson-tx1]}
"""

DIVERGES = STUDY.replace("epochs: 2,", "epochs: 2, lr: 1.0e+30,")

BROKEN_NET = """\
name: mine
blocks: [mine.py]
nodes:
  - {id: down, block: conv, channels: 8, stride: 2}
  - {id: out, block: breaks_in_training, channels: classes}
  - {id: up, block: bilinear_up, like: image}
"""
BROKEN_BLOCK = """\
from torch import nn
from rdslab import BLOCKS


@BLOCKS.register("breaks_in_training")
class Breaks(nn.Conv2d):
    def __init__(self, in_channels: int, out_channels: int, *, bad: bool = False) -> None:
        super().__init__(in_channels, out_channels, 1)
        self.bad = bad

    def forward(self, x):
        return [super().forward(x)][int(self.bad and self.training)]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(STUDY)
    return tmp_path


def run(settings: list[str] | None = None, workers: int = 1, **more: Any) -> tuple[Study, Ledger]:
    study = load_study("small.yaml", settings or [])
    url = storage_of(study, None)
    return study, run_study(study, url, workers=workers, settings=settings or [], watch=Watch(), **more)


def table(study: Study, ledger: Ledger) -> list[Any]:
    """What was found, slot by slot, without what no run repeats: hours."""
    trials = gather(study, ledger)["trials"]
    return [{key: value for key, value in trial.items() if key != "hours"} for trial in trials]


def test_each_variant_and_seed_is_a_finished_trial_with_its_facts(here: Path) -> None:
    study, ledger = run()
    found = table(study, ledger)
    assert [(t["variant"], t["seed"], t["state"]) for t in found] == [
        ("rds", 0, "done"),
        ("residual", 0, "done"),
        ("rds", 1, "done"),
        ("residual", 1, "done"),
    ]
    assert all(t["cost"]["macs"] > 0 and 0 <= t["score"]["miou"] <= 1 for t in found)
    assert all(t["times"]["jetson-tx1"]["predicted"] for t in found)
    trials = optuna.load_study(study_name="small", storage=ledger.url).trials
    assert [(t.user_attrs["slot"], t.values[0]) for t in trials] == [(t["slot"], t["score"]["miou"]) for t in found]
    assert (here / "runs/small/slots/0/weights.safetensors").is_file()


def test_the_same_study_gives_the_same_facts_to_the_last_bit_with_one_worker_or_two(here: Path) -> None:
    first = table(*run())
    (here / "runs").rename(here / "first")
    assert table(*run(workers=2)) == first


def test_a_finished_study_does_nothing_when_it_is_run_again(here: Path) -> None:
    study, ledger = run()
    before = table(study, ledger)
    weights = here / "runs/small/slots/0/weights.safetensors"
    changed = weights.stat().st_mtime_ns
    assert table(*run()) == before
    assert weights.stat().st_mtime_ns == changed
    assert len(optuna.load_study(study_name="small", storage=ledger.url).trials) == 4


@pytest.mark.usefixtures("here")
def test_more_seeds_go_on_from_what_is_there() -> None:
    study, ledger = run(["seeds=[0]"])
    before = table(study, ledger)
    after = table(*run(["seeds=[0, 1]"]))
    assert after[:2] == before
    assert len(after) == 4


def kill_and_run_again(folder: Path, kills: int) -> int:
    """Start the study and kill it with SIGKILL at a random moment, again and again; how often it was still at work."""
    chance, met = random.Random(kills), 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "rdslab", "run", "small.yaml"]
    for _ in range(kills):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, cwd=folder, env=environment, **quiet)
        time.sleep(chance.uniform(2.0, 6.0))
        met += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    return met


def check_killed(here: Path, kills: int, epochs: int) -> None:
    (here / "small.yaml").write_text(STUDY.replace("epochs: 2", f"epochs: {epochs}").replace("train: 12", "train: 36"))
    first = table(*run())
    (here / "runs").rename(here / "first")
    met = kill_and_run_again(here, kills)
    assert table(*run()) == first
    assert met > kills / 2
    trials = optuna.load_study(study_name="small", storage="sqlite:///runs/small/study.db").trials
    assert sorted(t.user_attrs["slot"] for t in trials if t.state == TrialState.COMPLETE) == [0, 1, 2, 3]
    assert not [t for t in trials if t.state == TrialState.RUNNING]


def test_killed_once_and_run_again_it_gives_the_same_table(here: Path) -> None:
    check_killed(here, kills=1, epochs=6)


def test_an_interrupted_run_says_that_it_goes_on(here: Path) -> None:
    command = [sys.executable, "-c", "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "]
    command[2] += "from rdslab.cli import main; main(['run', 'small.yaml'])"
    (here / "small.yaml").write_text(STUDY.replace("epochs: 2", "epochs: 400"))
    process = subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    while not list(here.glob("runs/small/slots/0/*")):
        assert process.poll() is None, "it ended before it was stopped"
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130
    assert said.strip().splitlines()[-1] == "stopped; the same command goes on where this one was"


@pytest.mark.long
def test_killed_ten_times_and_run_again_it_gives_the_same_table(here: Path) -> None:
    check_killed(here, kills=10, epochs=40)


def test_a_failed_trial_says_why_and_does_not_stop_the_others(here: Path) -> None:
    (here / "small.yaml").write_text(DIVERGES)
    study, ledger = run(["seeds=[0]"])
    found = gather(study, ledger)["trials"]
    assert {t["state"] for t in found} == {"failed"}
    assert all("learning rate" in t["error"] for t in found)
    states = [t.state for t in optuna.load_study(study_name="small", storage=ledger.url).trials]
    assert states == [TrialState.FAIL] * 2
    run(["seeds=[0]"])
    assert len(optuna.load_study(study_name="small", storage=ledger.url).trials) == 2
    run(["seeds=[0]"], again=Again(retry_failed=True))
    assert len(optuna.load_study(study_name="small", storage=ledger.url).trials) == 4


@pytest.mark.usefixtures("here")
def test_a_changed_recipe_is_refused_and_nothing_is_lost() -> None:
    before = table(*run(["seeds=[0]"]))
    with pytest.raises(SpecError, match=r"was begun with other settings: recipe\.epochs was 2, is 3"):
        run(["seeds=[0]", "recipe.epochs=3"])
    assert table(*run(["seeds=[0]"])) == before


def test_wrong_data_stop_the_study_before_any_trial(here: Path) -> None:
    with pytest.raises(SpecError, match=r"small\.yaml:7: data"):
        run(["data.train=many"])
    assert not list(here.glob("runs/small/slots/*"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_missing_data_folder_is_told_whoever_met_it(here: Path, workers: int) -> None:
    (here / "small.yaml").write_text(
        STUDY.replace("{name: synthetic, size: 48x32, train: 12, val: 4}", "{name: camvid}")
    )
    with pytest.raises(RdslabError, match=r"small\.yaml:7: data: the data root does not exist") as told:
        run(["data.root=/nowhere"], workers=workers)
    assert told.value.exit_status == 2
    assert not list(here.glob("runs/small/slots/*"))


def test_an_error_in_a_users_block_fails_its_trials_only(here: Path) -> None:
    (here / "mine.py").write_text(BROKEN_BLOCK)
    (here / "mine.yaml").write_text(BROKEN_NET)
    line = '  - {name: broken, net: mine.yaml, set: {"out.options.bad": true}}\n'
    text = STUDY.replace("variants:\n", "variants:\n" + line).replace("set: {width: 0.25}\n", "")
    (here / "small.yaml").write_text(text)
    trials = gather(*run(["seeds=[0, 1, 2]", "recipe.epochs=1"]))["trials"]
    assert [t["state"] for t in trials] == ["failed", "done", "done"] * 3, "three that fail alike, but not in a row"
    states = {(t["variant"], t["state"]): t["error"] for t in trials}
    assert states.pop(("broken", "failed")) == "IndexError: list index out of range"
    assert set(states) == {("rds", "done"), ("residual", "done")}


def test_a_variant_that_cannot_be_built_stops_the_study_with_its_line(here: Path) -> None:
    (here / "small.yaml").write_text(STUDY.replace('block": residual', 'options.groups": 3'))
    with pytest.raises(SpecError, match=r"small\.yaml:6: variants\[1\] \(residual\): .*groups \(=3\) must divide"):
        run()
    assert not (here / "runs").exists()


@pytest.mark.usefixtures("here")
def test_a_broken_worker_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDSLAB_PARENT", "1")
    monkeypatch.setattr("rdslab.search.fleet.PARENT", "UNUSED")
    with pytest.raises(RunError, match=r"a worker ended before its work was done[\s\S]*is gone"):
        run(workers=2)


def test_status_and_report_speak_of_a_study_that_ran(here: Path) -> None:
    run(["seeds=[0]"])
    from rdslab.cli import main

    for words in (["status", "small.yaml", "--json"], ["report", "small.yaml"]):
        with pytest.raises(SystemExit) as leaving:
            main(words)
        assert leaving.value.code == 0
    assert (here / "reports/small/report.html").is_file()
    ledger = open_ledger(load_study("small.yaml"), "sqlite:///runs/small/study.db")
    assert json.dumps(ledger.facts_of()).find(str(here)) == -1
