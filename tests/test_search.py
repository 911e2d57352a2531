"""Searches for real: proposals, limits, repeats, finals, what is told of them, and what a kill leaves."""

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from rdslab import api
from rdslab.errors import RdslabError, SpecError
from rdslab.search import budget
from rdslab.search.hours import hours_of
from rdslab.search.ledger import Ledger
from rdslab.search.plan import Study
from rdslab.search.run import Again
from rdslab.search.state import state_of
from rdslab.verify import verify_report
from tests.search_cases import SPACE, STUDY, kill_and_run_again, outcome, run, slots, write


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Study, Ledger]]:
    """A search that has ended, for tests that only look."""
    folder = tmp_path_factory.mktemp("searched")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write(folder)
        found, ledger = run()
        yield found, Ledger(f"sqlite:///{folder / 'runs/hunt/study.db'}", ledger.study)


def test_a_search_trains_its_budget_and_then_its_front_with_every_seed(searched: tuple[Study, Ledger]) -> None:
    study, ledger = searched
    rows = ledger.rows()
    own = [row for row in rows if budget.is_search_slot(row)]
    assert [row["state"] for row in own].count("done") + [row["state"] for row in own].count("pruned") == 8
    found = outcome(study, ledger)
    finals = {row["variant"] for row in rows if row["seed"] == 1 and row["variant"].startswith("s")}
    assert finals == set(found["front"]) == {name for name, line in found["found"].items() if line["repeated"]}
    assert {(row["variant"], row["seed"]) for row in rows if row["variant"] == "base"} == {("base", 0), ("base", 1)}
    volumes = [volume for _, volume in found["hypervolume"]]
    assert volumes == sorted(volumes)
    assert volumes[-1] > 0


@pytest.mark.usefixtures("here")
def test_the_same_search_again_proposes_and_finds_the_same(searched: tuple[Study, Ledger]) -> None:
    assert outcome(*run()) == outcome(*searched)


def test_hours_add_up_to_what_the_workers_spent(searched: tuple[Study, Ledger]) -> None:
    _, ledger = searched
    with ledger.change() as c:
        lines = hours_of(c, ledger.study)
    by_slot: dict[int, float] = {}
    for slot, _, seconds in lines:
        by_slot[slot] = by_slot.get(slot, 0.0) + seconds
    assert set(by_slot) == {row["number"] for row in ledger.rows()}
    assert all(seconds >= 0 for _, _, seconds in lines)
    training = sum(seconds for _, stage, seconds in lines if stage == "training")
    assert training > 0.3 * sum(by_slot.values())


def check_killed(here: Path, kills: int, epochs: int) -> None:
    write(here, STUDY.replace("epochs: 3", f"epochs: {epochs}").replace("train: 12", "train: 36"))
    first, ledger = run()
    expected = outcome(first, ledger), slots(ledger)
    (here / "runs").rename(here / "first")
    met = kill_and_run_again(here, kills)
    study, ledger = run()
    assert (outcome(study, ledger), slots(ledger)) == expected
    assert met > kills / 2
    trials = optuna.load_study(study_name="hunt", storage=ledger.url).trials
    told = [t.user_attrs["slot"] for t in trials if t.state is TrialState.COMPLETE]
    assert sorted(told) == sorted({row["number"] for row in ledger.rows() if budget.is_search_slot(row)})
    assert not [t for t in trials if t.state is TrialState.RUNNING]


def test_killed_five_times_and_run_again_it_is_the_same_search_slot_by_slot(here: Path) -> None:
    check_killed(here, kills=5, epochs=8)


@pytest.mark.long
def test_killed_fifty_times_and_run_again_it_is_the_same_search_slot_by_slot(here: Path) -> None:
    check_killed(here, kills=50, epochs=60)


@pytest.mark.usefixtures("here")
def test_two_workers_spend_one_budget_and_try_no_net_twice() -> None:
    _, ledger = run(workers=2)
    own = [row for row in ledger.rows() if budget.is_search_slot(row)]
    trained = [row for row in own if row["state"] in budget.TRAINED]
    assert len(trained) == 8
    assert len({row["net_id"] for row in trained}) == 8


@pytest.mark.parametrize("sampler", ["random", "nsga2", "tpe", "gp"])
def test_a_limit_refuses_before_training_and_the_sampler_is_told(here: Path, sampler: str) -> None:
    write(here, STUDY.replace("trials: 8", f"trials: 4, sampler: {sampler}, limits: {{macs: 3.0e+6}}"))
    study, ledger = run()
    refused = [row for row in ledger.rows() if row["state"] == "refused"]
    assert refused
    assert all("over the limit: macs at most 3e+06, and it has" in row["error"] for row in refused)
    trials = optuna.load_study(study_name="hunt", storage=ledger.url).trials
    by_slot = {t.user_attrs["slot"]: t for t in trials}
    for row in refused:
        trial = by_slot[row["number"]]
        assert trial.state is TrialState.COMPLETE
        assert trial.system_attrs["constraints"][0] > 0
        assert trial.user_attrs["imputed"] == ["miou"]
    results = api.study_results("hunt.yaml")
    assert not {f"s{row['number']}" for row in refused} & set(results.frame["variant"])
    seconds = ledger.rows()
    assert all(row["state"] != "running" for row in seconds)
    assert {t.system_attrs["constraints"][0] > 0 for t in trials} == {True, False}
    assert len(study.document.seeds) == 2


@pytest.mark.usefixtures("here")
def test_the_sampler_that_knows_costs_proposes_nothing_beyond_a_limit() -> None:
    _, ledger = run(["search.limits={macs: 3.0e+6}"])
    assert {row["state"] for row in ledger.rows()} <= {"done", "pruned"}


def test_two_studies_in_one_database_do_not_see_each_other(here: Path, searched: tuple[Study, Ledger]) -> None:
    url = f"sqlite:///{here / 'both.db'}"
    write(here, STUDY.replace("name: hunt", "name: other").replace("trials: 8", "trials: 8, seed: 5"))
    run(url=url)
    write(here)
    (here / "runs").rename(here / "others")
    assert outcome(*run(url=url)) == outcome(*searched)
    names = optuna.get_all_study_names(url)
    assert sorted(names) == ["hunt", "hunt/variants", "other", "other/variants"]


@pytest.mark.usefixtures("here")
def test_a_larger_budget_goes_on_and_a_changed_search_only_by_force() -> None:
    _, ledger = run()
    before = [row for row in slots(ledger) if row[1].startswith("s")]
    _, ledger = run(["search.trials=9"])
    after = slots(ledger)
    assert [row for row in after if row in before] == before
    assert sum(row[1] == f"s{row[0]}" for row in after) == 9
    with pytest.raises(SpecError, match=r"search\.sampler was 'known_cost', is 'random'") as told:
        run(["search.trials=10", "search.sampler=random"])
    assert "--force" in str(told.value)
    _, ledger = run(["search.trials=10", "search.sampler=random"], again=Again(force=True))
    assert sum(row[1] == f"s{row[0]}" and row[4] in budget.TRAINED for row in slots(ledger)) == 10
    with pytest.raises(SpecError, match=r"recipe\.epochs was 3, is 4") as told:
        run(["search.trials=10", "search.sampler=random", "recipe.epochs=4"], again=Again(force=True))
    assert "--force" not in str(told.value)


def test_the_state_of_a_search_says_what_is_spent_and_found(searched: tuple[Study, Ledger]) -> None:
    study, ledger = searched
    state = state_of(study, ledger)
    assert state["search"]["trained"] == state["search"]["trials"] == 8
    assert state["search"]["hours"] > 0
    assert {line["variant"] for line in state["search"]["front"]} == set(outcome(study, ledger)["front"])
    assert state["done"] + state["pruned"] == len(state["slots"])


def test_the_report_of_a_search_shows_it_and_verifies(searched: tuple[Study, Ledger], tmp_path: Path) -> None:
    study, ledger = searched
    (tmp_path / "space.yaml").write_text(SPACE)
    (tmp_path / "hunt.yaml").write_text(STUDY)
    file, out = str(tmp_path / "hunt.yaml"), tmp_path / "out"
    written = {path.name: path for path in api.report_study(file, out, storage=ledger.url, examples=0)}
    page = written["report.html"].read_text()
    assert 'id="search"' in page
    assert "Where the hours went" in page
    lines = written["search.csv"].read_text().splitlines()
    assert len(lines) == 1 + len(outcome(study, ledger)["slots"])
    checked = verify_report(out)
    assert checked.agrees


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("trials: 8", "trials: 8, sampler: tpee", "hunt.yaml:4: search.sampler: no sampler is called 'tpee'"),
        ("trials: 8", "trials: 0", "search.trials: must be >= 1"),
        ("[miou, latency_ms.jetson-tx1]", "[miou, latency_ms.jetson-tx2]", "did you mean 'latency_ms.jetson-tx1'?"),
        ("[miou, latency_ms.jetson-tx1]", "[macs, params]", "its objectives leave it out"),
        ("[miou, latency_ms.jetson-tx1]", "{miou: minimise, macs: minimise}", "mIoU is maximised"),
        ("[miou, latency_ms.jetson-tx1]", "[miou, miou]", "objective 'miou' stands twice"),
        ("space: space.yaml", "space: nowhere.yaml", "hunt.yaml:4: search.space: "),
        ("trials: 8", "trials: 8, limits: {mac: 3}", "no figure is called 'mac'"),
        (
            "base: rdsnet",
            "base: rdsnet\nvariants: [{name: s3, net: enet}]",
            "nets that a search finds are called like 's3'",
        ),
        ("pruning: {finished: 4}", "pruning: {kind: median}", "search.pruning.kind"),
    ],
)
def test_a_wrong_search_gets_one_message_with_its_place(here: Path, old: str, new: str, words: str) -> None:
    write(here, STUDY.replace(old, new))
    with pytest.raises(RdslabError) as told:
        run()
    assert words in str(told.value)
