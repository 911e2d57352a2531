"""rdslab choose: the nets within a time limit, with the risk to break it, best first."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rdslab.cli import main
from rdslab.errors import RdslabError, SpecError, UnstableTime
from rdslab.network import load_net
from rdslab.records import Published, Size
from rdslab.search.candidates import Candidate, Own
from rdslab.search.choose import PUBLISHED_ON, Choice, choose, ranked, risk_of

BOARD = ["choose", "--device", "jetson-tx1"]
BELOW = [*BOARD, "--size", "256x128", "--classes", "11"]


def answer(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        main(words)
    out, err = capsys.readouterr()
    return int(leaving.value.code or 0), out, err


def predicted(latency: float, low: float, high: float) -> dict[str, Any]:
    return {"predicted": True, "runs_ms": [], "latency_ms": latency, "low_ms": low, "high_ms": high}


# The risk


def test_the_ends_of_the_interval_are_risks_of_five_per_cent() -> None:
    times = predicted(20.0, 15.0, 40.0)
    assert risk_of(times, 40.0) == pytest.approx(0.05)
    assert risk_of(times, 15.0) == pytest.approx(0.95)
    assert risk_of(times, 20.0) == pytest.approx(0.5)
    assert 0 < risk_of(times, 80.0) < 0.01 < 0.99 < risk_of(times, 8.0) < 1


def test_a_larger_limit_is_a_smaller_risk() -> None:
    times = predicted(20.0, 15.0, 40.0)
    risks = [risk_of(times, limit) for limit in range(5, 100)]
    assert risks == sorted(risks, reverse=True)


def test_without_a_spread_the_risk_is_none_or_all() -> None:
    times = predicted(20.0, 20.0, 20.0)
    assert (risk_of(times, 20.1), risk_of(times, 20.0), risk_of(times, 19.9)) == (0.0, 0.0, 1.0)


def test_the_risk_of_a_measurement_is_the_share_of_runs_that_took_longer() -> None:
    times = {"predicted": False, "runs_ms": [9.0, 10.0, 11.0, 12.0], "latency_ms": 10.5, "low_ms": 9.5, "high_ms": 11.5}
    assert [risk_of(times, limit) for limit in (8, 10, 10.5, 12)] == [1.0, 0.5, 0.5, 0.0]


# Ranking


def choice(
    name: str, ms: float, published: float | None = None, own: Own | None = None, on: str = PUBLISHED_ON
) -> Choice:
    lines = () if published is None else (Published(published, on, "somebody"),)
    candidate = Candidate(name, load_net("rdsnet"), "zoo", lines, own)
    return Choice(candidate, None, predicted(ms, ms / 2, ms * 2), 0.1)  # type: ignore[arg-type]


def names(choices: Sequence[Choice]) -> str:
    return "".join(found.candidate.name for found in choices)


def test_own_figures_rank_where_all_are_on_the_same_images() -> None:
    own = [Own(miou, 1, "camvid, val", "cafe") for miou in (0.5, 0.6, 0.6)]
    found, by = ranked([choice("a", 5, 0.9, own[0]), choice("b", 4, 0.7, own[1]), choice("c", 3, None, own[2])])
    assert (names(found), by) == ("cba", "own mIoU on camvid, val")


@pytest.mark.parametrize("other", [None, Own(0.9, 1, "camvid, val", "beef")])
def test_own_figures_on_other_images_or_missing_ones_do_not_rank(other: Own | None) -> None:
    own = Own(0.5, 1, "camvid, val", "cafe")
    nets = [choice("a", 5, 0.6, own), choice("b", 4, 0.7, other), choice("c", 3, None, own), choice("d", 2, None, own)]
    found, by = ranked(nets)
    assert names(found) == "badc"
    assert by == "mIoU published on Cityscapes test; 2 without it stand last, by own mIoU on camvid, val"


def test_a_figure_on_another_test_set_does_not_rank() -> None:
    found, by = ranked([choice("a", 5, 0.9, on="CamVid test"), choice("b", 6, 0.5), choice("c", 4)])
    assert (names(found), by) == ("bca", "mIoU published on Cityscapes test; 2 without it stand last, by latency")
    found, by = ranked([choice("a", 5, 0.9, on="CamVid test"), choice("b", 4)])
    assert (names(found), by.partition(":")[0]) == ("ba", "latency")


# Choosing


def chosen(limit: float, times: dict[str, Any], **given: Any) -> Any:
    nets = [Candidate(name, load_net("rdsnet"), "zoo") for name in times]
    return choose(nets, Size(64, 64), 11, limit, lambda _, costs: {name: times[name] for name in costs}, **given)


def test_nets_are_within_may_be_or_are_over() -> None:
    times = {"a": predicted(20, 15, 25), "b": predicted(31, 25, 40), "c": predicted(50, 45, 60)}
    found = chosen(30.0, {**times, "d": SpecError("cannot")})
    assert [names(part) for part in (found.within, found.may_be, found.over)] == ["a", "b", "c"]
    assert found.refused == {"d": "cannot"}


@pytest.mark.parametrize(("error", "status"), [(SpecError("too small"), 2), (UnstableTime("too wild"), 1)])
def test_no_latency_at_all_is_an_error(error: RdslabError, status: int) -> None:
    with pytest.raises(RdslabError, match="none of 2 nets has a latency here") as caught:
        chosen(30.0, {"a": error, "b": error})
    assert caught.value.exit_status == status
    assert caught.value.hints[0] == f"a: {error.what}"


def test_a_smaller_risk_leaves_nets_out_that_are_only_probably_within() -> None:
    times = {"a": predicted(20, 15, 25), "b": predicted(28, 22, 35)}
    assert {c.candidate.name for c in chosen(30.0, times).within} == {"a", "b"}
    careful = chosen(30.0, times, most_risk=0.1)
    assert (names(careful.within), names(careful.may_be)) == ("a", "b")
    assert {c.candidate.name for c in chosen(27.0, times, most_risk=0.9).within} == {"a", "b"}


def test_every_net_of_the_answer_is_predicted_within_the_limit(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = answer([*BELOW, "--under", "60", "--json"], capsys)
    rows = json.loads(out)
    assert status == 0
    assert len(rows) > 3
    assert all(row["latency_ms"] <= 60 and row["low_ms"] < row["latency_ms"] < row["high_ms"] for row in rows)
    assert all(row["predicted"] is True and 0 < row["risk"] <= 0.5 for row in rows)
    _, everything, _ = answer(["time", *[row["name"] for row in rows], *BELOW[1:], "--json"], capsys)
    assert {t["name"]: t["latency_ms"] for t in json.loads(everything)} == {r["name"]: r["latency_ms"] for r in rows}
    figures = [row["published_miou"] for row in rows if row["published_on"] == PUBLISHED_ON]
    assert figures == sorted(figures, reverse=True)
    assert "over the limit: " in err


def test_nothing_within_the_limit_is_said_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = answer([*BOARD, "--under", "0.5", "--json"], capsys)
    assert (status, json.loads(out)) == (0, [])
    assert "the nearest: " in err
    assert "risk > 99 %" in err
    status, out, _ = answer([*BOARD, "--under", "0.5"], capsys)
    assert (status, "the nearest: " in out) == (0, True)


def test_tables_for_people_papers_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    words = [*BELOW, "--under", "20"]
    status, out, _ = answer(words, capsys)
    assert status == 0
    assert "ranked by mIoU published on Cityscapes test" in out
    assert "published mIoU (%)" in out
    assert "own mIoU (%)" in out
    _, out, _ = answer([*words, "--csv"], capsys)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert all(float(row["latency_ms"]) <= 20 and row["own_miou"] == "" for row in rows)
    _, out, _ = answer([*words, "--latex"], capsys)
    assert r"\begin{table}" in out
    assert r"90 \% interval" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--under", "0"], "--under: expected milliseconds above 0, got 0"),
        (["--under", "-3"], "--under: expected milliseconds above 0, got -3"),
        (["--under", "nan"], "--under: expected milliseconds above 0, got nan"),
        (["--under", "inf"], "--under: expected milliseconds above 0, got inf"),
        (["--under", "9", "--risk", "1.5"], "--risk: expected a probability between 0 and 1, got 1.5"),
        (["--under", "9", "--risk", "nan"], "--risk: expected a probability"),
        (["--under", "9", "--size", "16x16"], "none of 23 nets has a latency here\n"),
        (["--under", "9", "--size", "big"], "expected a size as width x height, got 'big'"),
        (["--under", "9", "--device", "jetson-tx"], "did you mean 'jetson-tx1'?"),
        (["--under", "9", "--device", "ssh://me@board"], "a board's times come from a study"),
        (["--under", "9", "--own"], "--own: no net of yours is named"),
        (["--under", "9", "--weights", "none.safetensors"], "none.safetensors: there is no such file"),
        (["--under", "9", "--weights", "."], "has no .safetensors and no .onnx file"),
        (["--under", "9", "--study", "none.yaml"], "none.yaml: cannot read"),
        (["--under", "9", "--json", "--csv"], "--json and --csv ask for several formats"),
    ],
)
def test_a_wrong_request_gets_one_message(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = answer([*BOARD, *words], capsys)
    assert (status, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
