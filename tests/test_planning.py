"""`rdslab plan` on the command line, with a real probe."""

import json
from pathlib import Path

import pytest
import torch

from rdslab.search.plan import load_study
from rdslab.search.prepare import prepare
from rdslab.search.probe import STEPS, probe
from tests.test_cli import answer
from tests.test_designs import STUDY as DESIGNED
from tests.test_plan import written

STUDY = DESIGNED.replace("size: 64x48", "size: 48x32, train: 10, val: 3").replace(
    "recipe: one_cycle", "recipe: {use: one_cycle, epochs: 4, batch: 4, evaluate_every: 2}"
)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RDSLAB_DATA", raising=False)
    return str(written(tmp_path, STUDY))


def test_a_plan_says_trials_hours_effects_and_what_is_vacuous(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = answer(["plan", study, "--spread", "0.5", "--effect", "1"], capsys)
    assert status == 0
    assert "designed: 8 variants x 2 seeds = 16 trials: 16 waiting" in out
    assert "design: factorial, 8 runs of shuffle (0, 4) x dilation (none, growing) x unit (rds, residual)" in out
    assert f"{STEPS} training steps of 'shuffle 0, dilation none, unit rds' at 48x32" in out
    assert "'shuffle 0, dilation none, unit rds', 'shuffle 4, dilation none, unit rds' compute the same class" in out
    assert "'shuffle 4, dilation none, unit residual' are one net: with one seed they give one score" in out
    assert "smallest difference to the base: " in out
    assert "over 7 comparisons, n = 2" in out
    assert "a difference of 1 point needs " in out
    assert "times a few training steps" in err


def test_a_plan_as_json_is_one_document(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = answer(["plan", study, "--no-probe", "--json"], capsys)
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert (found["trials"], found["comparisons"], found["hours"]) == (16, 7, None)
    assert [one["spread"] for one in found["findings"]] == [0.0025, 0.005, 0.01, 0.02]
    assert found["design"]["factors"]["unit"] == ["rds", "residual"]


def test_an_unknown_spread_is_said_with_a_table(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = answer(["plan", study, "--no-probe"], capsys)
    assert "the spread over seeds is not known: give --spread POINTS or --spread-from STUDY" in out
    assert "main effect, interaction" in out


def test_a_probe_is_of_the_base_and_counts_steps_and_scoring(study: str) -> None:
    threads = torch.get_num_threads()
    pace = probe(prepare(load_study(study)))
    assert set(pace.seconds) == {"shuffle 0, dilation none, unit rds"}
    assert not pace.per_image
    assert "4 epochs of 3 steps" in pace.how
    assert 0 < pace.seconds["shuffle 0, dilation none, unit rds"] < 60
    assert torch.get_num_threads() == threads


def test_without_its_data_a_study_is_probed_on_noise(study: str) -> None:
    away = load_study(study, ["data={name: camvid, size: 48x32, root: nowhere}"])
    pace = probe(prepare(away))
    assert pace.per_image
    assert pace.how.startswith("on noise, since the data are not here (")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--spread", "-1"], "--spread: expected percentage points above 0 and below 100, got -1"),
        (["--effect", "0"], "--effect: expected percentage points above 0"),
        (["--power", "1"], "--power: must be 0.5 to 0.99, got 1"),
        (["--spread", "1", "--spread-from", "x.yaml"], "--spread: is one spread too many beside --spread-from"),
        (["--spread-from", "x.yaml"], "x.yaml: cannot read"),
        (["--set", "design.kind=factorail"], "--set design.kind: expected 'one_at_a_time'"),
    ],
)
def test_a_wrong_plan_is_one_message(
    study: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = answer(["plan", study, "--no-probe", *words], capsys)
    assert (status, out) == (2, "")
    assert err.startswith(message)


def test_a_study_of_times_has_nothing_to_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "name: times\nbase: rdsnet\ndeploy: {size: 64x64, classes: 11, devices: [jetson-tx1]}\n"
    status, _, err = answer(["plan", str(written(tmp_path, text, "times.yaml"))], capsys)
    assert status == 2
    assert "trains nothing, so there are no seeds to plan" in err
