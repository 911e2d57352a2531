"""Workers side by side: processes that share the cards of a machine, tasks of a Ray cluster, jobs of Slurm."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from rdslab.errors import RdslabError, SpecError
from rdslab.search import budget
from rdslab.search.fleet import Processes, card_of, cards
from rdslab.search.run import Engine
from tests.search_cases import STUDY, outcome, run, write
from tests.test_cli import VERBS

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    if os.environ.get("RDSLAB_NEEDS_RAY") is None:
        pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *sys.path]))
    write(tmp_path, STUDY.replace("trials: 8", "trials: 4, sampler: random"))
    return Engine("ray")


@pytest.mark.parametrize(
    ("visible", "found", "shown"),
    [
        (None, 2, ["0", "1"]),
        (None, 0, []),
        ("3, 5", 2, ["3", "5"]),
        ("GPU-8f2a,MIG-1b", 2, ["GPU-8f2a", "MIG-1b"]),
        ("", 2, []),
        ("1,-1,0", 2, ["1"]),
    ],
)
def test_the_cards_that_are_shared_are_those_that_are_shown(visible: str | None, found: int, shown: list[str]) -> None:
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert cards(environment, found) == shown


def test_workers_get_a_card_in_turn_and_nothing_where_there_is_none() -> None:
    assert [card_of(worker, ["4", "6"]) for worker in range(3)] == [
        {"CUDA_VISIBLE_DEVICES": "4"},
        {"CUDA_VISIBLE_DEVICES": "6"},
        {"CUDA_VISIBLE_DEVICES": "4"},
    ]
    assert card_of(0, []) == {}


def test_each_process_sees_its_card_and_none_outlives_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    logs = [tmp_path / f"worker{index}.log" for index in range(3)]
    code = "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True); time.sleep(600)"
    with Processes([sys.executable, "-c", code], logs) as fleet:
        while not all(log.read_text() for log in logs):
            assert fleet.busy()
    assert [log.read_text().strip() for log in logs] == ["4", "6", "4"]
    assert not any(psutil.pid_exists(process.pid) for process in fleet.running)


def test_tasks_of_ray_work_off_a_search_and_try_no_net_twice(ray: Engine) -> None:
    study, ledger = run(workers=2, engine=ray)
    own = [row for row in ledger.rows() if budget.is_search_slot(row)]
    assert sum(row["state"] in budget.TRAINED for row in own) == 4
    assert {row["state"] for row in ledger.rows()} <= {"done", "pruned", "repeated"}
    trained = [row["net_id"] for row in own if row["state"] == "done"]
    assert len(set(trained)) == len(trained)
    assert outcome(study, ledger)["front"]
    assert "images to train on" in (study.run_folder / "worker0.log").read_text()


def test_what_a_task_says_of_its_end_is_told(ray: Engine) -> None:
    with pytest.raises(RdslabError, match="the data root does not exist"):
        run(["data={name: camvid, root: nowhere, size: 48x32}"], engine=ray)


@pytest.mark.usefixtures("ray")
def test_a_cluster_that_does_not_answer_is_refused() -> None:
    with pytest.raises(SpecError, match=r"--address: no Ray cluster answers at 127.0.0.1:1"):
        run(engine=Engine("ray", "127.0.0.1:1"))


def test_shares_of_gpus_let_all_workers_in() -> None:
    from rdslab.search.on_ray import share_of_gpu

    assert [share_of_gpu(gpus, workers) for gpus, workers in ((0, 4), (4, 4), (8, 4), (2, 3), (1, 3))] == [
        0.0,
        1.0,
        1.0,
        0.5,
        pytest.approx(1 / 3),
    ]


def test_the_script_for_slurm_calls_a_worker_as_there_is_one() -> None:
    script = ROOT / "studies" / "slurm_worker.sbatch"
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    text = script.read_text()
    assert 'rdslab worker "$study" --storage "$storage" "${settings[@]}"' in text
    assert {"--storage", "--set"} <= VERBS["worker"]
    assert "settings+=(--set " in text
