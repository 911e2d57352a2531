"""Nets that a search proposes once more: they are answered from what is known, and nothing is trained twice."""

import json
import re
from pathlib import Path

import optuna
import pytest

from rdslab.search import budget, searcher
from rdslab.search.documents import SearchDocument
from rdslab.search.ledger import Ledger
from rdslab.search.owner import owner
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


def test_of_two_slots_with_one_net_the_first_to_claim_it_works_on_it(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'x.db'}", "hunt")
    ledger.begin({})
    search = SearchDocument(space="x", objectives=("miou",), trials=9)
    early, late = (budget.open_slot(ledger, search, 0, 0.0, owner()) for _ in range(2))
    assert early is not None
    assert late is not None
    assert budget.claim_net(ledger, late["number"], "abc")
    assert not budget.claim_net(ledger, early["number"], "abc")
    assert [row["net_id"] for row in ledger.rows()] == [budget.UNKNOWN_NET, "abc"]
    assert budget.claim_net(ledger, early["number"], "other")
    ledger.close(late["number"], "done")
    assert budget.claim_net(ledger, early["number"], "abc")


def test_a_dead_workers_net_is_free_and_its_slot_waits_when_it_is_taken_over(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'x.db'}", "hunt")
    ledger.begin({})
    search = SearchDocument(space="x", objectives=("miou",), trials=9)
    dead = json.dumps({**json.loads(owner()), "pid": 2**22 - 1})
    first = budget.open_slot(ledger, search, 0, 0.0, dead)
    second = budget.open_slot(ledger, search, 0, 0.0, owner())
    assert first is not None
    assert second is not None
    assert budget.claim_net(ledger, first["number"], "abc")
    assert budget.claim_net(ledger, second["number"], "abc")
    ledger.note(first["number"], owner=owner())
    assert not budget.claim_net(ledger, first["number"], "abc")


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
