"""The nets that one may choose from: the zoo, files, folders and studies, own figures and published ones apart."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from rdslab.data import CAMVID_CLASSES
from rdslab.network import build, ids, load_net
from rdslab.records import Context, Size
from rdslab.search.candidates import Candidate, candidates, of_files
from rdslab.search.cells import Cell, TimesFacts
from rdslab.search.choose import choose, measured_in
from rdslab.search.ledger import Ledger, storage_of
from rdslab.search.plan import load_study
from rdslab.train import describe_input, save_weights
from tests.test_choose import BELOW, answer
from tests.test_comparable import PROTOCOL_HERE, measured

STUDY = """\
name: mine
base: rdsnet
variants: [{name: half, set: {width: 0.5}}]
data: {name: synthetic, size: 64x64, train: 2, val: 1}
recipe: one_cycle
seeds: [0, 1]
deploy: {size: 64x64, classes: 11, devices: [here]}
"""


def weights(path: Path, *, net: str = "rdsnet", width: float = 1.0, miou: float | None = 0.4, **about: Any) -> Path:
    spec = load_net(net).with_value("width", width)
    on = {"name": "synthetic", "split": "val", "identity": "cafe", "size": "64x64", "images": 4}
    metadata = {
        **describe_input(spec, CAMVID_CLASSES, Size(64, 64)),
        "miou": miou,
        "miou_on": on,
        "recipe": {},
        **about,
    }
    save_weights(path, build(spec, 11), metadata)
    return path


def test_own_and_published_figures_stand_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights(tmp_path / "a.safetensors")
    status, out, _ = answer([*BELOW, "--under", "99", "--weights", str(tmp_path), "--json"], capsys)
    rows = {row["name"]: row for row in json.loads(out)}
    assert status == 0
    own = rows["rdsnet"]
    assert (own["own_miou"], own["own_seeds"], own["own_on"]) == (0.4, 1, "synthetic, val")
    assert own["published_miou"] == load_net("rdsnet").published[0].miou
    assert own["source"].endswith("a.safetensors")
    assert rows["enet"]["own_miou"] is None


def test_what_was_published_of_a_net_is_not_said_of_a_variant(tmp_path: Path) -> None:
    found, _ = of_files([weights(tmp_path / "half.safetensors", width=0.5)])
    named = candidates(found)
    assert len(named) == 24
    assert named[0].name == f"rdsnet ({tmp_path.name}/half.safetensors)"
    assert named[0].published == ()
    assert {c.name for c in candidates(found, zoo=False)} == {"rdsnet"}


def test_seeds_of_one_net_are_one_candidate_and_their_mean(tmp_path: Path) -> None:
    for seed, miou in enumerate((0.3, 0.4, 0.8)):
        (tmp_path / str(seed)).mkdir()
        weights(tmp_path / str(seed) / "w.safetensors", miou=miou, seed=seed)
    weights(tmp_path / "other.safetensors", seed=0, recipe={"epochs": 3})
    weights(tmp_path / "silent.safetensors", seed=0, miou=None, net="enet")
    (tmp_path / "broken.safetensors").write_bytes(b"x")
    found, passed = of_files([tmp_path])
    assert [(c.name, c.own.n if c.own else 0) for c in found] == [("rdsnet", 3), ("rdsnet", 1), ("enet", 0)]
    assert found[0].own is not None
    assert math.isclose(found[0].own.miou, 0.5)
    assert len(passed) == 1
    assert "broken.safetensors: is no weights file" in passed[0]


def test_only_own_nets_rank_by_own_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights(tmp_path / "a.safetensors", miou=0.3)
    weights(tmp_path / "b.safetensors", width=0.5, miou=0.4)
    words = [*BELOW, "--under", "99", "--own", "--weights", str(tmp_path)]
    _, out, _ = answer([*words, "--json"], capsys)
    rows = json.loads(out)
    assert [row["own_miou"] for row in rows] == [0.4, 0.3]
    assert {row["ranked_by"] for row in rows} == {"own mIoU on synthetic, val"}


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(STUDY)
    study = load_study("mine.yaml")
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    found = Ledger(storage_of(study, None), study.name)
    found.begin(study.fixed())
    nets = {"base": load_net("rdsnet"), "half": load_net("rdsnet").with_value("width", 0.5)}
    found.enter_slots(study.slots, {name: ids(net)[0] for name, net in nets.items()})
    for net in nets.values():
        found.put_net(*ids(net), net.document())
    context = Context({"kind": "score", "data": {"name": "synthetic", "split": "val", "identity": "cafe"}})
    for seed, miou in ((0, 0.4), (1, 0.6)):
        found.put("score", ids(nets["half"])[0], context, seed, {"miou": miou})
    return found


def test_a_studys_variants_stand_with_their_mean_over_seeds(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    assert ledger.study == "mine"
    status, out, _ = answer([*BELOW, "--under", "99", "--study", "mine.yaml", "--own", "--json"], capsys)
    (row,) = json.loads(out)
    assert status == 0
    assert (row["name"], row["own_miou"], row["own_seeds"], row["source"]) == ("half", 0.5, 2, "mine")
    assert row["published_miou"] is None


def test_times_that_a_study_measured_are_taken_and_mixtures_refused(ledger: Ledger) -> None:
    known, cell = TimesFacts(ledger), Cell("here", "64x64", 11, "eager")
    half = load_net("rdsnet").with_value("width", 0.5)
    odd = {**vars(PROTOCOL_HERE), "threads": 2}
    for name, net in (("half", half), ("full", load_net("rdsnet")), ("odd", load_net("enet"))):
        document = measured() if name != "odd" else {**measured(), "protocol": odd}
        known.put(ids(net)[0], cell, {"n": name}, document)
    nets = [Candidate("half", half, "mine"), Candidate("full", load_net("rdsnet"), "zoo")]
    nets += [Candidate("odd", load_net("enet"), "zoo"), Candidate("none", load_net("erfnet"), "zoo")]
    found = choose(nets, Size(64, 64), 11, 10.25, measured_in([ledger], "here"))
    assert {c.candidate.name: c.risk for c in found.within} == {"half": 0.25, "full": 0.25}
    assert "threads is 2, of the others 1" in found.refused["odd"]
    assert found.refused["none"] == "no study has measured it on here at this size"
