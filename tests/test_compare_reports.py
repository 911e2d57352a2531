"""rdslab compare: reports side by side, and what is refused: other circumstances, mixed kinds."""

import json
from pathlib import Path
from typing import Any

import pytest

from rdslab.report import Results, TimesResults, write_report, write_times_report
from tests.fake_results import results
from tests.test_comparable import measured
from tests.test_compare import answer, saved, times


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "a"
    write_report(made(), folder, "rdslab report a")
    return folder


def made(better: float = 0.0, **changes: Any) -> Results:
    found = results({"base": (0.5, 40.0, 10**9), "small": (0.4 + better, 20.0, 10**8)})
    for trial in found.trials:
        for document in trial["times"].values():
            document["protocol"] |= changes
    return found


def test_reports_show_the_cells_that_differ(report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_report(made(better=0.1), tmp_path / "b", "rdslab report b")
    status, out, _ = answer(["compare", str(report), str(tmp_path / "b" / "report.html"), "--json"], capsys)
    found = json.loads(out)
    assert (status, found["kind"], found["unpaired"]) == (0, "report", [])
    cells = {(c["table"], c["row"], c["column"]): c["difference"] for c in found["cells"]}
    assert cells["variants.csv", "small", "miou"] == pytest.approx(0.1)
    assert not any(row == "base" and column == "miou" for _, row, column in cells)
    assert not any(column.startswith("latency_") for _, _, column in cells)
    status, out, _ = answer(["compare", str(report), str(report)], capsys)
    assert (status, "0 cells differ in trials.csv, variants.csv" in out) == (0, True)


def test_reports_whose_times_were_not_taken_alike_are_refused(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(made(threads=2), tmp_path / "b", "rdslab report b")
    words = ["compare", str(report), str(tmp_path / "b")]
    status, out, err = answer(words, capsys)
    assert (status, out) == (2, "")
    assert "here: threads is 1 in one and 2 in the other" in err
    status, out, _ = answer([*words, "--without-times"], capsys)
    assert (status, "0 cells differ" in out) == (0, True)


def test_a_report_that_does_not_say_how_its_times_were_taken_is_refused(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(made(), tmp_path, "rdslab report b")
    (tmp_path / "report.json").unlink()
    status, _, err = answer(["compare", str(report), str(tmp_path)], capsys)
    assert status == 2
    assert "has no report.json that says how its times were taken" in err


def times_report(folder: Path, ms: float, **changes: Any) -> str:
    document = measured(latency_ms=ms, low_ms=ms - 1, high_ms=ms + 1)
    document["protocol"] |= changes
    line = {"variant": "x", "device": "here", "size": "64x64", "form": "eager", "times": document}
    study = {
        "name": "t",
        "title": "T",
        "deploy": {"sizes": ["64x64"], "classes": 11, "devices": ["here"]},
        "threads": 1,
    }
    net = {"variant": "x", "net_id": "a", "canonical_id": "a", "costs": {"64x64": {"params": 1, "macs": 2, "bytes": 3}}}
    write_times_report(TimesResults(study, [net], [line]), folder, "rdslab report t")
    return str(folder)


def test_reports_of_times_compare_where_they_were_taken_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = times_report(tmp_path / "a", 10.0), times_report(tmp_path / "b", 12.0)
    status, out, _ = answer(["compare", a, b, "--json"], capsys)
    (latency,) = (cell for cell in json.loads(out)["cells"] if cell["column"] == "latency_ms")
    assert (status, latency["a"], latency["b"], latency["difference"]) == (0, 10.0, 12.0, 2.0)
    c = times_report(tmp_path / "c", 12.0, backend="tensorrt")
    status, out, err = answer(["compare", a, c], capsys)
    assert (status, out) == (2, "")
    assert "here, 64x64, eager: backend is torch in one and tensorrt in the other" in err
    status, out, _ = answer(["compare", a, c, "--without-times"], capsys)
    assert (status, "0 cells differ in nets.csv" in out) == (0, True)


def test_mixed_kinds_are_refused(report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = saved(tmp_path / "a.json", times("x"))
    for words, said in (
        (["rdsnet", file], "rdsnet is a net, "),
        ([file, str(report)], "is a file of times, "),
        (["rdsnet", str(report)], "is a report"),
        (["rdsnet", "rdsnt"], "did you mean 'rdsnet'?"),
        (["rdsnet", "enet", "--without-times"], "--without-times: is for reports"),
        ([str(tmp_path), str(report)], "is no folder of a report"),
        (["rdsnet", "enet", "--size", "8x8"], "8x8 is too small"),
    ):
        status, out, err = answer(["compare", *words], capsys)
        assert (status, out) == (2, "")
        assert said in err
