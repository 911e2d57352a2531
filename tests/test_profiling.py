"""Profiles of one's own device: which nets are chosen, what comes of their times, and a real one of this machine."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from rdslab.cli import main
from rdslab.errors import RunError, SpecError
from rdslab.measure import Plan, load_profile, measure, predict_times
from rdslab.measure.fit import points_of
from rdslab.measure.profile import Profile
from rdslab.measure.profiling import Candidate, candidates, choose_nets, profile_device
from rdslab.measure.terms import Array
from rdslab.records import Size
from rdslab.spec import Net
from rdslab.times import Times

SIZES = [Size(96, 64), Size(256, 128)]
ABOUT = {"name": "mine", "precision": "fp32", "board": "a board", "framework": "torch", "source": "a test"}


@pytest.fixture(scope="module")
def among() -> list[Candidate]:
    return candidates(SIZES, 19)


def device() -> Profile:
    numbers: dict[str, object] = {"launch_us": 25.0, "flops_per_s": 9e10, "bytes_per_s": 6e9}
    numbers |= {"combine": "launch_bound", "flops_per_s_apart": {}}
    kinds = ("conv", "dilated", "dwconv", "gconv", "deconv", "mm", "bn", "act", "pool", "up", "cat", "elt", "copy")
    return load_profile("jetson-tx1").model_copy(update={**numbers, "kinds": kinds, "disputed": ""})


class Board:
    """Times nets as a device does of which every number is known; refuses those it is told to."""

    def __init__(self, among: list[Candidate], refuse: int = 0) -> None:
        self.costs = {(one.net.name, one.cost.size): one.cost for one in among}
        self.refuse, self.asked = refuse, 0

    def __call__(self, nets: Mapping[str, Net], size: Size) -> Mapping[str, Times | RunError]:
        found: dict[str, Times | RunError] = {}
        for name in nets:
            self.asked += 1
            times = predict_times(self.costs[name, size], device())
            found[name] = RunError("needs more memory than there is") if self.asked <= self.refuse else times
        return found


def information(chosen: list[Candidate]) -> float:
    terms: Array = points_of([(one.cost, 1.0) for one in chosen], "eager", "fp32").terms(())
    parts = terms * [25e-3, 1e3 / 9e10, 1e3 / 6e9]
    shares = parts / parts.sum(axis=1, keepdims=True)
    return float(np.linalg.det(shares.T @ shares))


def test_the_nets_that_are_chosen_tell_more_than_nets_drawn_by_chance(among: list[Candidate]) -> None:
    chosen, held = choose_nets(among, 10, 4, "eager", "fp32")
    chance = np.random.default_rng(0)
    drawn = [information([among[i] for i in chance.choice(len(among), 10, replace=False)]) for _ in range(50)]
    assert information(chosen) > np.quantile(drawn, 0.9)
    names = [one.net.name for one in chosen]
    assert max(map(names.count, names)) <= 2
    assert len(held) == len({one.net.name for one in held} - set(names)) == 4


def test_a_devices_numbers_are_found_and_hold_for_the_nets_held_out(among: list[Candidate]) -> None:
    board = Board(among)
    found = profile_device(board, among, number=10, held_out=4, form="eager", about=ABOUT)
    assert board.asked == 14
    for _, ms, predicted in found.held_out:
        assert predicted.latency_ms == pytest.approx(ms, rel=0.1)
        assert predicted.low_ms < ms < predicted.high_ms
    assert any("held out: " in note and "4 of 4 inside" in note for note in found.profile.notes)
    assert found.profile.board == "a board"


def test_nets_that_have_no_time_are_named_and_the_others_are_enough(among: list[Candidate]) -> None:
    found = profile_device(Board(among, refuse=2), among, number=10, held_out=2, form="eager", about=ABOUT)
    assert [reason for _, reason in found.refused] == ["needs more memory than there is"] * 2
    assert len(found.measured) + len(found.held_out) == 10
    with pytest.raises(RunError, match=r"0 of 10 nets could be measured, 3 at least[\s\S]*more memory"):
        profile_device(Board(among, refuse=99), among, number=10, held_out=2, form="eager", about=ABOUT)


def test_more_nets_than_there_are_cannot_be_asked_for(among: list[Candidate]) -> None:
    with pytest.raises(SpecError, match="give no 99 to measure\n  add a --size"):
        choose_nets(among, 99, 4, "eager", "fp32")
    with pytest.raises(SpecError, match="are left to hold out, not 30"):
        choose_nets(among, 10, 30, "eager", "fp32")


def test_a_profile_of_this_machine_is_made_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = Plan(warm_up_s=0.0, runs=10, seconds=0.05, spread=9.0, drift=9.0, busy=99.0)

    def quickly(*given, **more):  # type: ignore[no-untyped-def]
        return measure(*given, **more, plan=quick)

    monkeypatch.setattr("rdslab.measure.measure", quickly)
    out = tmp_path / "mine.yaml"
    words = ["--nets", "6", "--held-out", "2", "--size", "96x64", "--json"]
    with pytest.raises(SystemExit) as leaving:
        main(["device", "profile", "--out", str(out), *words])
    assert leaving.value.code == 0
    document = json.loads(capsys.readouterr().out)
    assert (len(document["points"]), len(document["held_out"]), document["refused"]) == (6, 2, [])
    profile = load_profile(out)
    assert (profile.name, profile.form, profile.fitted_on.points) == ("mine", "eager", 6)
    assert profile.framework.startswith("torch 2.")
    assert "1 threads, channels_first, inside the timer: network" in profile.notes[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "mine.txt"], "a profile is a YAML file, got 'mine.txt'"),
        (
            ["--out", "m.yaml", "--device", "jetson-tx1"],
            "expected `here` or ssh://[USER@]HOST[:PORT], got 'jetson-tx1'",
        ),
        (["--out", "m.yaml", "--form", "folded"], "expected a form of eager, deployed, got 'folded'"),
        (["--out", "m.yaml", "--device", "ssh://b", "--form", "eager"], "expected a form of deployed, got 'eager'"),
        (["--out", "m.yaml", "--size", "8x8"], "no net of the zoo can be measured at these sizes"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_one_message(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["device", "profile", *words])
    err = capsys.readouterr().err
    assert (leaving.value.code, said in err, "Traceback" in err) == (2, True, False), err
