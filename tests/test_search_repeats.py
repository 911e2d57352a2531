"""Nets that a search proposes once more: they are answered from what is known, and nothing is trained twice."""

import re
from pathlib import Path

import optuna
import pytest

from rdslab.search import budget, searcher
from rdslab.search.pruning import Stop
from tests.search_cases import SPACE, STUDY, outcome, run, write


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_repeats_cost_nothing_and_a_space_without_more_ends_the_search(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MOST_FREE", 6)
    genes = "genes:\n  enc2.options.shuffle: {choice: [0, 2]}\n  enc2.repeat: {whole: [1, 2]}\n"
    write(here, STUDY.replace("trials: 8", "trials: 20, sampler: random"), SPACE[: SPACE.index("genes:")] + genes)
    study, ledger = run()
    own = [row for row in ledger.rows() if budget.is_search_slot(row)]
    repeated = [row for row in own if row["state"] == "repeated"]
    assert [row["state"] for row in own].count("done") == 2  # a shuffle beside a dense convolution changes nothing
    assert len(repeated) >= 6
    assert {re.sub(r"\d+", "#", row["error"]) for row in repeated} == {
        "the same net was trained in slot #",
        "a net that computes the same was trained in slot #",
    }
    trained = {f["net_id"] for f in ledger.facts_of("score")}
    assert len(trained) <= 3  # two, and the base
    values = {t.user_attrs["slot"]: t.values for t in optuna.load_study(study_name="hunt", storage=ledger.url).trials}
    for row in repeated:
        first = int(re.findall(r"slot (\d+)", row["error"])[0])
        assert values[row["number"]][0] == values[first][0]
    assert outcome(study, ledger)["slots"]


def test_a_net_that_was_given_up_is_not_trained_again(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MOST_FREE", 6)
    monkeypatch.setattr(searcher, "to_stop", lambda own, *_: Stop("it was hopeless", own.last / 2))
    genes = "genes:\n  enc2.repeat: {whole: [1, 2]}\n"
    write(here, STUDY.replace("trials: 8", "trials: 20, sampler: random"), SPACE[: SPACE.index("genes:")] + genes)
    _, ledger = run()
    own = [row for row in ledger.rows() if budget.is_search_slot(row)]
    pruned = {row["net_id"]: row["number"] for row in own if row["state"] == "pruned"}
    refused = [row for row in own if row["state"] == "refused"]
    assert len(pruned) == 2
    assert len(own) == 2 + len(refused)
    values = {t.user_attrs["slot"]: t.values for t in optuna.load_study(study_name="hunt", storage=ledger.url).trials}
    for row in refused:
        first = pruned[row["net_id"]]
        assert row["error"] == f"the same net was given up in slot {first}: it was hopeless"
        assert values[row["number"]] == values[first]
