"""What a worker of a study does beside others that begin at the same time."""

from pathlib import Path
from typing import Any

import pytest

from rdslab.errors import RunError
from rdslab.search.ledger import open_ledger, storage_of
from rdslab.search.owner import owner
from rdslab.search.plan import load_study
from rdslab.search.run import start
from rdslab.search.trials import close_stale_trials, open_optuna
from tests.test_run import DIVERGES, STUDY, run


def test_a_trial_that_begins_while_stale_ones_are_looked_for_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(STUDY)
    study = load_study("small.yaml")
    prepared, ledger = start(study, storage_of(study, None))
    optuna_study = open_optuna(prepared, ledger.url)
    rows = ledger.rows

    def rows_and_then_another_worker_begins() -> list[Any]:
        found = rows()
        assert ledger.take(lambda _: True, owner()) is not None
        optuna_study.ask()
        return found

    optuna_study.ask()  # of a worker that is gone: it has no slot
    monkeypatch.setattr(ledger, "rows", rows_and_then_another_worker_begins)
    close_stale_trials(optuna_study, ledger)
    assert [trial.state.name for trial in optuna_study.get_trials()] == ["FAIL", "RUNNING"]


@pytest.mark.parametrize("workers", [1, 2])
def test_three_trials_that_fail_alike_stop_a_study_with_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(DIVERGES.replace("seeds: [0, 1]", "seeds: [0, 1, 2, 3]"))
    with pytest.raises(RunError, match="3 trials in a row failed alike, so no other was begun") as told:
        run(workers=workers)
    assert "rdslab run small.yaml --retry-failed" in str(told.value)
    study = load_study("small.yaml")
    states = [row["state"] for row in open_ledger(study, storage_of(study, None)).rows()]
    assert states == ["failed"] * 3 * workers + ["waiting"] * (8 - 3 * workers)
