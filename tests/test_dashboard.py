"""A study in optuna-dashboard: both of its Optuna studies are there, and what broke a limit shows it."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.search_cases import STUDY, run, write

pytest.importorskip("optuna_dashboard")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    write(tmp_path, STUDY.replace("trials: 8", "trials: 2, sampler: random, limits: {macs: 1.2e+6}"))
    return tmp_path


def dashboard(*words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "rdslab", "dashboard", "hunt.yaml", *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def asked(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return json.load(answer)


@pytest.mark.usefixtures("here")
def test_it_shows_both_studies_and_which_trials_broke_a_limit() -> None:
    _, ledger = run()
    refused = {row["trial"] for row in ledger.rows() if row["state"] == "refused"}
    assert refused
    with dashboard("--port", "0") as process:
        assert process.stderr is not None
        at = re.search(r"http://127.0.0.1:\d+/", process.stderr.readline())
        assert at is not None
        studies = {one["study_name"]: one["study_id"] for one in asked(f"{at[0]}api/studies")["study_summaries"]}
        assert set(studies) == {"hunt", "hunt/variants"}
        trials = asked(f"{at[0]}api/studies/{studies['hunt']}?after=0")["trials"]
        process.terminate()
    broken = {trial["number"] for trial in trials if max(trial["constraints"]) > 0}
    assert broken == refused


@pytest.mark.usefixtures("here")
def test_a_port_that_is_taken_and_a_study_that_never_ran_get_one_message() -> None:
    process = dashboard()
    assert process.communicate(timeout=60)[1].startswith("hunt.yaml: study 'hunt' has not been run")
    assert process.returncode == 2
    run(["search.trials=1"])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = dashboard("--port", port, "--host", "127.0.0.1")
        said = process.communicate(timeout=60)[1]
    assert said.splitlines()[0] == f"127.0.0.1:{port}: cannot be listened at: Address already in use"
    assert process.returncode == 1
