"""Searches for what only a measurement tells: latency and energy on this machine, taken before a net is trained."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rdslab.cost import count
from rdslab.errors import RdslabError, RunError, SpecError, UnstableTime
from rdslab.measure import load_profile, predict_times
from rdslab.records import Size
from rdslab.search import budget
from rdslab.search.hours import MEASURING, hours_of
from rdslab.search.meter import Meter
from rdslab.search.plan import load_study
from rdslab.search.run import start
from rdslab.search.state import state_of
from rdslab.spec import Net
from rdslab.times import Times
from tests.search_cases import STUDY, outcome, run, write
from tests.test_study_times import HOST, PROTOCOL

MEASURED = STUDY.replace("[miou, latency_ms.jetson-tx1]", "[miou, latency_ms.here]").replace(
    "devices: [jetson-tx1]", "devices: [jetson-tx1, here]"
)


class Stopwatch:
    """Stands in for `measure`: a machine twice as fast as a TX1, whose energy goes by its time."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.watts: float | None = 4.0
        self.refuses = False

    def ms(self, net: Net) -> float:
        return predict_times(count(net, Size(64, 64), 11), load_profile("jetson-tx1")).latency_ms / 2

    def __call__(
        self,
        nets: Mapping[str, Net],
        size: Size,
        classes: int,
        **more: Any,  # noqa: ARG002
    ) -> dict[str, Times | RdslabError]:
        assert (str(size), classes) == ("64x64", 11)
        self.asked += nets
        if self.refuses:
            return {name: UnstableTime("spreads over 40 % of the median") for name in nets}
        return {name: self._times(self.ms(net)) for name, net in nets.items()}

    def _times(self, ms: float) -> Times:
        more: dict[str, Any] = {"certificate": {"certified": True, "reasons": []}}
        if self.watts is not None:
            more["energy_mj"] = self.watts * ms
        return Times("here", False, (ms, ms, ms), ms, ms, ms, replace(PROTOCOL), HOST, **more)


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, MEASURED)
    made = Stopwatch()
    monkeypatch.setattr("rdslab.search.timing.measure", made)
    return made


def test_each_net_is_measured_once_before_it_is_trained_and_a_limit_holds_for_what_was_measured(
    watch: Stopwatch,
) -> None:
    study, ledger = run(["search.limits={latency_ms.here: 3.5}"])
    own = [row for row in ledger.rows() if budget.is_search_slot(row)]
    assert sum(row["state"] in budget.TRAINED for row in own) == 8
    assert sorted(watch.asked) == sorted(set(watch.asked))
    nets = {row["net_id"] for row in ledger.rows()}
    assert set(watch.asked) == nets
    found = outcome(study, ledger)
    for slot in found["slots"]:
        ms = slot["figures"]["latency_ms.here"]
        if slot["state"] == "refused":
            assert re.match(r"over the limit: latency_ms.here at most 3.5, and it has [\d.]+$", slot["why"])
            assert ms > 3.5
        else:
            assert ms <= 3.5
    front = state_of(study, ledger)["search"]["front"]
    assert {line["latency_ms.here"] for line in front} <= {
        slot["figures"]["latency_ms.here"] for slot in found["slots"]
    }
    with ledger.change() as c:
        assert {slot for slot, stage, _ in hours_of(c, "hunt") if stage == MEASURING} == {row["number"] for row in own}


@pytest.mark.usefixtures("watch")
def test_the_same_measured_search_again_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = outcome(*run())
    monkeypatch.chdir(tmp_path_of(tmp_path))
    assert outcome(*run()) == first


def tmp_path_of(folder: Path) -> Path:
    (folder / "again").mkdir()
    write(folder / "again", MEASURED)
    return folder / "again"


def test_times_of_nets_that_were_not_measured_are_expected_by_those_that_were(watch: Stopwatch) -> None:
    _, ledger = run(["search.trials=6"])
    prepared, _ = start(load_study("hunt.yaml", ["search.trials=6"]), ledger.url)
    assert prepared.genotypes is not None
    meter, space = Meter(prepared, ledger, str), prepared.genotypes.space
    before, after = meter.expected_before(0), meter.expected_before(10**6)
    rng, errors = np.random.default_rng(0), []
    for _ in range(30):
        net = space.draw(tuple(int(rng.integers(len(gene.choices))) for gene in space.genes))
        cost = space.deploy.cost(net)
        assert before(net, cost) == {"latency_ms.here": cost.macs / 1e9}
        errors.append(after(net, cost)["latency_ms.here"] / watch.ms(net) - 1)
    assert float(np.mean(np.abs(errors))) < 0.05


def test_energy_is_an_objective_where_the_machine_tells_it(watch: Stopwatch) -> None:
    study, ledger = run(["search.objectives=[miou, energy_mj.here]", "search.trials=4"])
    for slot in outcome(study, ledger)["slots"]:
        assert slot["figures"]["energy_mj.here"] > 0
    assert watch.asked


def test_where_it_tells_none_the_search_stops_in_words(watch: Stopwatch) -> None:
    watch.watts = None
    with pytest.raises(RunError, match=r"3 trials in a row failed alike.*here: has no energy"):
        run(["search.objectives=[miou, energy_mj.here]"])


def test_a_net_whose_time_is_refused_fails_its_slot(watch: Stopwatch) -> None:
    watch.refuses = True
    with pytest.raises(RunError, match=r"3 trials in a row failed alike.*here: has no time: spreads over"):
        run()


@pytest.mark.usefixtures("watch")
@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("search.objectives=[miou, energy_mj.jetson-tx1]", "no objective is called 'energy_mj.jetson-tx1'"),
        ("search.objectives=[miou, latency_ms.hree]", "did you mean 'latency_ms.here'"),
        ("search.limits={latency_ms.jetson: 4}", "no figure is called 'latency_ms.jetson'"),
    ],
)
def test_a_figure_that_there_is_not_is_refused(setting: str, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        run([setting])
