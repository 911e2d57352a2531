"""The timing phase of a study: after the training, each net once, a refused time shown as missing and tried again."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rdslab.errors import RdslabError, UnstableTime
from rdslab.records import Size
from rdslab.search.cells import forget_times
from rdslab.search.ledger import Ledger, storage_of
from rdslab.search.plan import load_study
from rdslab.search.queue import work_off
from rdslab.search.results import gather
from rdslab.search.run import start
from rdslab.spec import Net
from rdslab.times import Host, Protocol, Times
from tests.test_run import STUDY

HERE = STUDY.replace("devices: [jetson-tx1]", "devices: [jetson-tx1, here]")
PROTOCOL = Protocol("64x64", 11, 1, "fp32", "torch", 1, "channels_first", "network", "eager", "default")
HOST = Host("cpu", 2, 8.0, "", "Linux", {"torch": "2"})
MEANWHILE: dict[str, Any] = {"energy_mj": 12.5, "certificate": {"certified": True, "reasons": []}}


class Stopwatch:
    """Stands in for `measure`: refuses the nets it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.refuse: set[int] = set()
        self.threads: dict[int, int] = {}

    def __call__(
        self, nets: Mapping[str, Net], size: Size, classes: int, **more: Any
    ) -> dict[str, Times | RdslabError]:
        self.asked.append(list(nets))
        assert (str(size), classes, more["threads"], more["form"]) == ("64x64", 11, 1, "eager")
        found: dict[str, Times | RdslabError] = {}
        for index, name in enumerate(nets):
            protocol = replace(PROTOCOL, threads=self.threads.get(index, 1))
            good = Times("here", False, (2.0, 2.1, 2.2), 2.1, 2.0, 2.2, protocol, HOST, **MEANWHILE)
            found[name] = UnstableTime("spreads over 40 % of the median") if index in self.refuse else good
        return found


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(HERE)
    made = Stopwatch()
    monkeypatch.setattr("rdslab.search.timing.measure", made)
    return made


def timed() -> tuple[int, list[Any]]:
    study = load_study("small.yaml")
    prepared, ledger = start(study, storage_of(study, None))
    refused = work_off(prepared, ledger, ["here"], str)
    return refused, [trial["times"] for trial in gather(study, ledger)["trials"]]


def test_every_net_is_timed_once_and_never_again(watch: Stopwatch) -> None:
    refused, times = timed()
    assert refused == 0
    assert all(t["here"]["latency_ms"] == 2.1 and not t["here"]["predicted"] for t in times)
    assert all(t["jetson-tx1"]["predicted"] for t in times)
    assert timed() == (0, times)
    assert [len(names) for names in watch.asked] == [2]


def test_a_refused_time_is_missing_with_its_reason_and_tried_again(watch: Stopwatch) -> None:
    watch.refuse = {1}
    refused, times = timed()
    assert refused == 1
    missing = [t["here"]["missing"] for t in times if "missing" in t["here"]]
    assert missing == ["spreads over 40 % of the median"] * 2  # one variant, two seeds
    watch.refuse = set()
    refused, times = timed()
    assert refused == 0
    assert not any("missing" in t["here"] for t in times)
    assert [len(names) for names in watch.asked] == [2, 1]


@pytest.mark.usefixtures("watch")
def test_a_time_keeps_its_certificate_and_its_energy() -> None:
    here = timed()[1][0]["here"]
    assert (here["energy_mj"], here["certificate"]) == (12.5, {"certified": True, "reasons": []})


def test_times_of_another_protocol_are_not_shown_beside_the_others(watch: Stopwatch) -> None:
    (here,) = Path().glob("small.yaml")
    here.write_text(HERE.replace("data:", "  - {name: narrow, set: {width: 0.5}}\ndata:", 1))
    watch.threads = {2: 2}
    by_variant = {}
    study = load_study("small.yaml")
    prepared, ledger = start(study, storage_of(study, None))
    work_off(prepared, ledger, ["here"], str)
    for trial in gather(study, ledger)["trials"]:
        by_variant[trial["variant"]] = trial["times"]["here"]
    assert [by_variant[name]["latency_ms"] for name in ("rds", "residual")] == [2.1, 2.1]
    assert "not comparable with the others" in by_variant["narrow"]["missing"]
    assert "threads" in by_variant["narrow"]["missing"]
    forget_times(ledger, ["here"])
    assert gather(study, ledger)["trials"][0]["times"]["here"] == {"missing": "not measured"}


def test_before_the_timing_phase_times_are_missing_not_zero(watch: Stopwatch) -> None:
    study = load_study("small.yaml")
    _, ledger = start(study, storage_of(study, None))
    assert isinstance(ledger, Ledger)
    assert [t["times"]["here"] for t in gather(study, ledger)["trials"]] == [{"missing": "not measured"}] * 4
    assert watch.asked == []
