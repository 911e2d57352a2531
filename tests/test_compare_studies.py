"""rdslab compare: two studies beside each other, what may stand side by side, and what is said where it may not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from rdslab.api import report_study
from rdslab.report.found import found_of
from rdslab.report.studies import StudiesBeside, compare_studies
from rdslab.search.plan import load_study
from rdslab.stats.welch import unpaired_difference
from tests.test_cli import answer
from tests.verify_cases import TIMES, entered

STUDY = """\
name: NAME
base: rdsnet
set: {width: 0.25}
variants:
  - {name: rds}
  - {name: residual, set: {"enc*.block": residual}}
data: {name: synthetic, size: 48x32, train: 12, val: 4}
recipe: {use: one_cycle, epochs: 2, batch: 4}
seeds: [0, 1, 2, 3]
deploy: {size: 64x64, classes: 11, devices: [jetson-tx1, here]}
"""
TWIN = STUDY.replace("set: {width: 0.25}", 'set: {width: 0.25, "enc*.options.shuffle": 0}')
LATER = STUDY.replace("[0, 1, 2, 3]", "[4, 5, 6]")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(name: str, text: str = STUDY, seed: int = 1, **more: Any) -> str:
    """A study that was run here; its file."""
    study, _ = entered(text.replace("NAME", name), Path("runs") / name, seed, **more)
    return study.source.name


def beside(a: str, b: str) -> StudiesBeside:
    return compare_studies(found_of(load_study(a)), found_of(load_study(b)))


def scores(file: str, variant: str) -> dict[int, float]:
    frame = found_of(load_study(file)).results.frame
    own = frame[frame["variant"] == variant]
    return dict(zip(map(int, own["seed"]), own["miou"], strict=True))


def test_nets_that_both_have_are_paired_by_the_seeds_that_both_have() -> None:
    a, b = run("a"), run("b", seed=2)
    found = beside(a, b)
    assert not any(found.apart.values())
    assert [(net.a, net.b, net.same, net.how) for net in found.nets] == [
        ("rds", "rds", "function", "paired"),
        ("residual", "residual", "function", "paired"),
    ]
    ours, theirs = scores(a, "rds"), scores(b, "rds")
    test = stats.ttest_rel([theirs[s] for s in ours], [*ours.values()])
    assert found.nets[0].estimate.mean == pytest.approx(np.mean([theirs[s] - ours[s] for s in ours]))
    assert found.nets[0].estimate.p == pytest.approx(test.pvalue)


def test_seeds_that_nothing_pairs_are_held_against_each_other_by_welch() -> None:
    a, b = run("a"), run("b", LATER, seed=2)
    net = beside(a, b).nets[0]
    test = stats.ttest_ind([*scores(b, "rds").values()], [*scores(a, "rds").values()], equal_var=False)
    ends = test.confidence_interval(0.95)
    assert (net.how, net.n_a, net.n_b) == ("Welch", 4, 3)
    assert net.estimate.p == pytest.approx(test.pvalue)
    assert (net.estimate.low, net.estimate.high) == pytest.approx((ends.low, ends.high))


def test_nobody_is_higher_without_significance_over_the_whole_table(capsys: pytest.CaptureFixture[str]) -> None:
    a, b, c = run("a"), run("b", seed=2), run("c", seed=3, better=0.3)
    assert not any(net.told for net in beside(a, b).nets)
    assert "not told" in answer(["compare", a, b], capsys)[1]
    told = beside(a, c).nets
    assert [net.told for net in told] == [True, True]
    corrected = [net.p_holm for net in told]
    least = min(net.estimate.p or 1.0 for net in told)
    assert min(p or 0.0 for p in corrected) == pytest.approx(2 * least)
    out = answer(["compare", a, c], capsys)[1]
    assert "B is higher" in out
    assert "winner" not in out


def test_nets_of_one_class_of_functions_are_marked() -> None:
    found = beside(run("a"), run("b", TWIN, seed=2))
    assert [(net.a, net.b, net.same) for net in found.nets] == [
        ("rds", "rds", "class of functions"),
        ("residual", "residual", "function"),
    ]


@pytest.mark.parametrize(
    ("text", "more", "apart", "said"),
    [
        (STUDY, {"epochs": 3}, "miou", "recipe.epochs is 2 in one and 3 in the other"),
        (STUDY.replace("64x64", "96x64"), {}, "costs", "size is 64x64 in one and 96x64 in the other"),
        (STUDY.replace("classes: 11", "classes: 12"), {}, "costs", "classes is 11 in one and 12 in the other"),
        (STUDY.replace("64x64", "96x64"), {}, "latency_ms.here", "size is 64x64 in one and 96x64 in the other"),
        (STUDY.replace(", here]", "]"), {}, "latency_ms.here", "study B has no such times"),
    ],
)
def test_what_may_not_stand_side_by_side_is_left_out_with_the_fields(
    text: str, more: dict[str, Any], apart: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = run("a"), run("b", text, 2, **more)
    found = beside(a, b)
    assert said in found.apart[apart]
    column = {"costs": "macs"}.get(apart, apart)
    assert not any(column in row for row in found.variants)
    assert bool(found.nets) == (apart != "miou")
    status, out, _ = answer(["compare", a, b], capsys)
    assert (status, said in " ".join(out.split())) == (0, True)


def test_another_version_of_a_profile_keeps_predictions_apart() -> None:
    a, b = (found_of(load_study(run(name))) for name in ("a", "b"))
    assert compare_studies(a, b).apart["latency_ms.jetson-tx1"] == []
    b.results.profiles["jetson-tx1"][:] = ["another"]  # type: ignore[index]
    (said,) = compare_studies(a, b).apart["latency_ms.jetson-tx1"]
    assert "version of jetson-tx1" in said


def test_a_report_says_what_the_database_says() -> None:
    a, b = run("a"), run("b", seed=2)
    before = beside(a, b)
    report_study(b)
    (Path("runs") / "b" / "study.db").unlink()
    after = beside(a, b)
    assert after.sources == (str(Path("runs/a/study.db")), str(Path("reports/b")))
    assert json.dumps(after.document()["nets"]) == json.dumps(before.document()["nets"])
    assert after.apart == before.apart
    assert after.variants == before.variants


def test_studies_of_times_are_compared_by_their_times(capsys: pytest.CaptureFixture[str]) -> None:
    a, b = (
        run("a", TIMES.replace("name: times", "name: a")),
        run("b", TIMES.replace("name: times", "name: b"), 2, ms=20.0),
    )
    status, out, _ = answer(["compare", a, b, "--json"], capsys)
    found = json.loads(out)
    assert (status, found["kind"], found["nets"]) == (0, "study", [])
    by_place = {(line["a"], line["device"], line["size"]): line for line in found["times"]}
    here, there = by_place["rds", "here", "64x64"], by_place["rds", "jetson-tx1", "64x64"]
    assert here["ratio"]["low"] < 2.0 < here["ratio"]["high"]
    assert (there["kind"], there["ratio"]["ratio"], there["ratio"]["low"]) == ("predicted", 1.0, None)
    assert "whose errors they share" in found["notes"][0]
    assert "Latency of nets" in answer(["compare", a, b], capsys)[1]


@pytest.mark.parametrize(
    ("b", "said"),
    [
        ("times", "trains, study 'times' is of times alone"),
        ("never", "has not been run here, and there is no report of it"),
        ("rdsnet", "is a study, rdsnet is a net"),
        ("net.yaml", "is a study, net.yaml is a net"),
    ],
)
def test_what_cannot_be_compared_is_refused(b: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    a = run("a")
    Path("net.yaml").write_text("name: x\nnodes: [{id: a, block: conv, channels: classes}]\n")
    Path("never.yaml").write_text(STUDY.replace("NAME", "never"))
    other = {"times": lambda: run("times", TIMES), "never": lambda: "never.yaml"}.get(b, lambda: b)()
    status, out, err = answer(["compare", a, other], capsys)
    assert (status, out, "Traceback" in err) == (2, "", False)
    assert said in err


def test_welch_says_why_it_has_no_interval() -> None:
    assert unpaired_difference([], [0.5]).why == "no value"
    assert unpaired_difference([0.5, None], [0.4, 0.5]).why == "one seed"
    assert unpaired_difference([0.5, 0.5], [0.4, 0.4]).why == "no spread over the seeds"
    assert unpaired_difference([0.5, 0.5], [0.4, 0.5]).low is not None
