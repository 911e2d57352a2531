"""The ledger: slots change hands in one transaction, facts are entered once, nothing is lost."""

import json
import multiprocessing
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from rdslab.errors import RdslabError, RunError, SpecError
from rdslab.records import Context
from rdslab.search.database import engine_options, is_shared
from rdslab.search.ledger import Ledger, open_ledger, storage_of
from rdslab.search.owner import is_dead, owner
from rdslab.search.plan import Slot, load_study
from tests.test_plan import written

FULL, NORMAL = 2, 1  # what SQLite calls them
SLOTS = [Slot(0, "a", 0), Slot(1, "b", 0), Slot(2, "a", 1), Slot(3, "b", 1)]
PLANNED = {(slot.variant, slot.seed) for slot in SLOTS}


def wanted(row: Any) -> bool:
    return (row["variant"], row["seed"]) in PLANNED


NETS = {"a": "aaaa", "b": "bbbb"}
DEAD = json.dumps({**json.loads(owner()), "pid": 2**22 - 1})


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(f"sqlite:///{tmp_path / 'x.db'}", "study")
    made.begin({"recipe": {"epochs": 4}})
    made.enter_slots(SLOTS, NETS)
    return made


def test_slots_are_taken_in_order_and_only_once(ledger: Ledger) -> None:
    taken = [ledger.take(wanted, owner()) for _ in range(5)]
    assert [row["number"] if row else None for row in taken] == [0, 1, 2, 3, None]


def test_the_slot_of_a_dead_worker_is_free_again_and_comes_with_its_old_trial(ledger: Ledger) -> None:
    ledger.take(wanted, DEAD)
    ledger.note(0, trial=7)
    row = ledger.take(wanted, owner())
    assert row is not None
    assert (row["number"], row["trial"]) == (0, 7)


def test_a_process_is_dead_when_another_has_its_number() -> None:
    assert not is_dead(owner(), 0.0, 1e12)
    assert is_dead(json.dumps({**json.loads(owner()), "started": 1.0}), 0.0, 0.0)


def test_a_worker_elsewhere_is_dead_when_it_was_silent_for_long() -> None:
    other = json.dumps({"host": "another", "pid": 1, "started": 0.0})
    assert not is_dead(other, beat=1000.0, now=1100.0)
    assert is_dead(other, beat=1000.0, now=2000.0)


def test_failed_slots_are_left_alone_unless_asked_for(ledger: Ledger) -> None:
    row = ledger.take(wanted, owner())
    assert row is not None
    ledger.close(row["number"], "failed", error="NaN")
    assert ledger.rows()[0]["error"] == "NaN"
    second = ledger.take(wanted, owner())
    ledger.free_failed()
    again = ledger.take(wanted, owner())
    assert second is not None
    assert again is not None
    assert (second["number"], again["number"]) == (1, 0)


def test_entering_the_same_study_again_adds_only_what_is_new(ledger: Ledger) -> None:
    ledger.enter_slots([*SLOTS, Slot(4, "a", 2)], NETS)
    assert [(r["number"], r["variant"], r["seed"]) for r in ledger.rows()][-1] == (4, "a", 2)


def test_a_variant_that_now_means_another_net_is_refused(ledger: Ledger) -> None:
    with pytest.raises(SpecError, match="variant 'a' of study 'study' was another net when it was first run"):
        ledger.enter_slots(SLOTS, {**NETS, "a": "cccc"})


def test_a_changed_recipe_is_refused_with_what_changed(ledger: Ledger) -> None:
    with pytest.raises(SpecError, match=r"was begun with other settings: recipe\.epochs was 4, is 6"):
        ledger.begin({"recipe": {"epochs": 6}})


def test_facts_come_back_as_they_were_entered_and_once(ledger: Ledger) -> None:
    context = Context({"kind": "score", "data": "x"})
    for miou in (0.5, 0.6):
        ledger.close(0, "done", [("score", "aaaa", context, 0, {"miou": miou})])
    facts = ledger.facts_of("score")
    assert len(facts) == 1
    assert facts[0]["document"] == {"miou": 0.6}
    assert facts[0]["context"] == context.document


def test_two_studies_in_one_database_do_not_see_each_other(ledger: Ledger) -> None:
    other = Ledger(ledger.url, "other")
    other.begin({"recipe": {"epochs": 9}})
    other.enter_slots([Slot(0, "z", 0)], {"z": "zzzz"})
    other.put("cost", "zzzz", Context({"size": "1x1"}), -1, {})
    assert len(ledger.rows()) == 4
    assert ledger.facts_of() == []


def _take_all(url: str) -> list[int]:
    mine = Ledger(url, "study")
    found = []
    while row := mine.take(wanted, owner()):
        found.append(row["number"])
    return found


def test_workers_side_by_side_never_take_one_slot_twice(ledger: Ledger) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        taken = [number for part in pool.map(_take_all, [ledger.url] * 2) for number in part]
    assert sorted(taken) == [0, 1, 2, 3]


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(RunError, match=r"cannot open the database: file is not a database"):
        Ledger(f"sqlite:///{path}", "study")
    assert path.read_bytes().startswith(b"this is not")


def test_the_journal_lies_ahead_of_a_file_on_a_local_disk_and_only_the_ledger_waits_for_it(ledger: Ledger) -> None:
    with ledger.change() as c:
        assert c.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert c.exec_driver_sql("PRAGMA synchronous").scalar() == FULL
    engine = sa.create_engine(ledger.url, **engine_options(ledger.url, optuna=True))
    with engine.connect() as c:
        assert c.exec_driver_sql("PRAGMA synchronous").scalar() == NORMAL
    engine.dispose()


def test_a_file_on_another_machines_disk_has_its_journal_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    Ledger(url, "study").engine.dispose()
    monkeypatch.setattr("rdslab.search.database.is_shared", lambda *_: True)
    ledger = Ledger(url, "study")
    with ledger.change() as c:
        assert c.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
    engine = sa.create_engine(url, **engine_options(url, optuna=True))
    with engine.connect() as c:
        assert c.exec_driver_sql("PRAGMA synchronous").scalar() == FULL
    engine.dispose()


def test_a_folder_is_of_the_innermost_disk_it_lies_on() -> None:
    parts = [SimpleNamespace(mountpoint=at, fstype=kind) for at, kind in (("/", "ext4"), ("/home", "nfs4"))]
    parts.append(SimpleNamespace(mountpoint="/home/me/local", fstype="xfs"))
    shared = [is_shared(Path(folder), parts) for folder in ("/data/runs", "/home/me/runs", "/home/me/local/runs")]
    assert shared == [False, True, False]
    assert not is_shared(Path("/homes"), parts)


@pytest.mark.parametrize("url", ["nonsense", "mystery://x/y"])
def test_a_wrong_address_is_refused_in_words(url: str) -> None:
    with pytest.raises(RdslabError, match="database"):
        Ledger(url, "study")


def test_a_study_that_never_ran_says_so_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = load_study(written(tmp_path))
    with pytest.raises(SpecError, match="study 'small' has not been run"):
        open_ledger(study, storage_of(study, None))
    assert not (tmp_path / "runs").exists()


def test_plan_ledger_and_results_need_no_torch() -> None:
    code = (
        "import sys, rdslab.search.plan, rdslab.search.ledger, rdslab.search.results; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
