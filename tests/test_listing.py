"""`rdslab list`: a paper's table for people, JSON, CSV and LaTeX, and that nothing can take the table away."""

import csv
import io
import json
import re
from typing import Any

import pytest
from rich.console import Console

from rdslab.cli import formats, listing, main, output
from rdslab.cost import count
from rdslab.errors import SpecError
from rdslab.measure import load_profile, predict_times
from rdslab.network import load_net, zoo_names
from rdslab.records import Published, Size

SIZE = Size(128, 64)
AT = ["--size", str(SIZE)]
PROFILE = "jetson-tx1"


@pytest.fixture(autouse=True)
def small_zoo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three nets: two with published figures and one without; erfnet takes no image below 64x64."""
    monkeypatch.setattr("rdslab.network.zoo_names", lambda: ["erfnet", "rdsnet", "rdsnet_code"])


def answer(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        main(words)
    out, err = capsys.readouterr()
    return int(leaving.value.code or 0), out, err


def rows_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    status, out, err = answer(["list", "nets", *AT, *words, "--json"], capsys)
    assert (status, err) == (0, "")
    return {row["name"]: row for row in json.loads(out)}


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_json_has_the_cost_the_prediction_and_the_published_figures(capsys: pytest.CaptureFixture[str]) -> None:
    row = rows_of([], capsys)["erfnet"]
    net = load_net("erfnet")
    cost = count(net, SIZE, 19)
    times = predict_times(cost, load_profile(PROFILE))
    assert (row["year"], row["paper"], row["size"], row["classes"]) == (net.year, net.paper, "128x64", 19)
    assert (row["params"], row["macs"]) == (cost.params, cost.macs)
    assert set(row["latency_ms"]) == {PROFILE}
    found = row["latency_ms"][PROFILE]
    assert (found["latency_ms"], found["low_ms"], found["high_ms"]) == (times.latency_ms, times.low_ms, times.high_ms)
    assert found["predicted"] is True
    assert {"miou", "on", "source"} == set(row["published"][0])
    assert row["published"][0]["miou"] == net.published[0].miou


def test_a_net_that_is_too_small_an_image_for_says_so_and_the_others_stand(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = answer(["list", "nets", "--size", "48x48", "--json"], capsys)
    rows = {row["name"]: row for row in json.loads(out)}
    assert status == 0
    assert rows["rdsnet"]["macs"] > 0
    assert (rows["erfnet"]["macs"], rows["erfnet"]["params"]) == (None, None)
    assert rows["erfnet"]["notes"] == ["48x48 is too small for this net; the least it takes is 64x64"]
    assert rows["erfnet"]["latency_ms"][PROFILE]["latency_ms"] is None
    status, out, _ = answer(["list", "nets", "--size", "48x48"], capsys)
    (line,) = [line for line in out.splitlines() if "erfnet " in line]
    mark = re.findall(r"\[\d+\]", line)[0]
    assert f"{mark} 48x48 is too small for this net; the least it takes is 64x64" in out


def test_a_latency_that_cannot_be_predicted_says_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any, profile: Any) -> None:
        raise SpecError(f"{profile.name} predicts nothing for aten::odd", "it knows: conv")

    monkeypatch.setattr("rdslab.measure.predict_times", refuse)
    rows = rows_of([], capsys)
    assert rows["rdsnet"]["macs"] > 0
    assert rows["rdsnet"]["latency_ms"][PROFILE] == {
        "latency_ms": None,
        "low_ms": None,
        "high_ms": None,
        "predicted": True,
        "notes": ["jetson-tx1 predicts nothing for aten::odd; it knows: conv"],
    }
    status, out, _ = answer(["list", "nets", *AT], capsys)
    assert status == 0
    assert "jetson-tx1 predicts nothing for aten::odd; it knows: conv" in out


def test_csv_is_plain_data_with_one_record_a_net(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = answer(["list", "nets", *AT, "--csv"], capsys)
    assert (status, err) == (0, "")
    rows = {row["name"]: row for row in csv_rows(out)}
    assert set(rows) == {"erfnet", "rdsnet", "rdsnet_code"}
    cost = count(load_net("rdsnet"), SIZE, 19)
    assert (int(rows["rdsnet"]["params"]), int(rows["rdsnet"]["macs"])) == (cost.params, cost.macs)
    latencies = [name for name in rows["rdsnet"] if name.startswith("latency_ms.")]
    assert len(latencies) == 3 * len([PROFILE])
    assert all(".predicted" in name for name in latencies)
    assert float(rows["rdsnet"]["published_miou.Cityscapes test"]) == 0.602
    assert "Doan et al. 2018" in rows["rdsnet"]["source.Cityscapes test"]
    assert "disputed" in rows["rdsnet"]["notes"]


def test_whole_numbers_stay_whole_in_csv_where_one_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = answer(["list", "nets", "--size", "48x48", "--csv"], capsys)
    rows = {row["name"]: row for row in csv_rows(out)}
    assert rows["erfnet"]["params"] == ""
    assert rows["rdsnet"]["params"] == "927906"


def test_latex_is_a_booktabs_table_with_caption_and_notes(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = answer(["list", "nets", *AT, "--latex"], capsys)
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == r"% Needs \usepackage{booktabs}."
    assert r"\caption{Networks at 128x64, 19 classes, inference form; 1 MAC = 2 FLOPs; mIoU as published}" in out
    assert all(rule in out for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\end{tabular}", r"\end{table}"))
    assert "jetson-tx1 [1] predicted ms (90 \\% interval)" in out
    body = out[out.index(r"\midrule") : out.index(r"\bottomrule")].splitlines()[1:]
    cost = count(load_net("rdsnet_code"), SIZE, 19)
    cells = next(line for line in body if "code" in line).removesuffix(r" \\").split(" & ")
    assert cells[:4] == [r"rdsnet\_code", "Doan et al. 2018", "0.93", f"{cost.macs / 1e9:.2f}"]
    assert re.fullmatch(r"[\d.]+ \([\d.]+--[\d.]+\)( \[\d+\])*", cells[4])
    assert len({line.count("&") for line in body}) == 1
    assert r"\par\footnotesize [1] jetson-tx1: predicted, not measured; mean error 5.4 \%" in out
    assert not re.search(r"(?<!\\)[%_#]", out.split("\n", 1)[1])


@pytest.mark.parametrize("kind", ["blocks", "datasets", "devices"])
@pytest.mark.parametrize("form", ["--csv", "--latex"])
def test_other_kinds_are_written_too(kind: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = answer(["list", kind, form], capsys)
    assert (status, err) == (0, "")
    names = [row["name"] for row in getattr(listing, kind)(SIZE, 19)]
    if form == "--csv":
        assert [row["name"] for row in csv_rows(out)] == names
    else:
        assert all(f"{formats.escaped(name)} & " in out for name in names)


def test_nothing_to_list_is_no_data_and_no_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert answer(["list", "studies", "--csv"], capsys) == (0, "", "no studies here\n")
    assert answer(["list", "studies"], capsys) == (0, "no studies here\n", "")


@pytest.mark.parametrize("words", [["--json", "--csv"], ["--csv", "--latex"], ["--json", "--csv", "--latex"]])
def test_two_formats_at_once_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = answer(["list", "nets", *words], capsys)
    assert (status, out) == (2, "")
    assert err == f"{' and '.join(words)} ask for several formats at once\n  keep one of them\n"


def test_too_few_classes_are_a_wrong_request_and_no_note(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = answer(["list", "nets", "--classes", "1"], capsys)
    assert (status, out) == (2, "")
    assert "classes must be from 2 to 254, got 1" in err


def test_the_table_of_the_whole_zoo_is_readable_at_120_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rdslab.network.zoo_names", zoo_names)
    monkeypatch.setattr(output, "console", lambda: Console(width=120))
    status, out, _ = answer(["list"], capsys)
    assert status == 0
    assert max(map(len, out.splitlines())) <= 120
    assert "…" not in out
    assert all(re.search(rf"^  {name} ", out, re.MULTILINE) for name in zoo_names())
    assert out.count("predicted") >= len([PROFILE])
    assert "disputed" in out


def test_every_source_is_a_note_and_every_note_is_referred_to() -> None:
    table = listing.table("nets", listing.nets(SIZE, 19, [PROFILE]))
    text = "\n".join([*table.columns, *(cell for row in table.rows for cell in row)])
    assert {int(n) for n in re.findall(r"\[(\d+)\]", text)} == set(range(1, len(table.notes) + 1))
    sources = {line.source for name in ("erfnet", "rdsnet") for line in load_net(name).published}
    assert sources <= set(table.notes)


def test_two_sources_of_one_split_both_stand() -> None:
    rows = listing.nets(SIZE, 19, [PROFILE])
    rows[0]["published"] = [{"miou": 0.6034, "on": "X test", "source": s} for s in ("one", "two")]
    table = listing.table("nets", rows)
    cell = table.rows[0][[c.replace("\n", " ") for c in table.columns].index(">mIoU (%) X test")]
    assert re.fullmatch(r"60\.3 \[\d+\]\n60\.3 \[\d+\]", cell)
    first, other, *_ = listing.flat("nets", rows)
    assert (first["published_miou.X test"], first["source.X test"]) == (0.6034, "one")
    assert (first["published_miou.X test.2"], first["source.X test.2"]) == (0.6034, "two")
    assert other["published_miou.X test.2"] is None


def test_published_figures_of_the_zoo_are_shares_with_a_split_and_a_source() -> None:
    lines = [(name, line) for name in zoo_names() for line in load_net(name).published]
    assert lines
    for name, line in lines:
        assert isinstance(line, Published)
        assert 0.4 < line.miou < 0.9, name
        assert re.fullmatch(r"(Cityscapes|CamVid) (test|val)", line.on), name
        assert len(line.source) > 10, name
    assert [(line.miou, line.on) for name, line in lines if name == "rdsnet"] == [
        (0.602, "Cityscapes test"),
        (0.583, "CamVid test"),
    ]


def test_letters_that_latex_takes_for_commands_are_escaped() -> None:
    assert formats.escaped("a_b & 5 % of {x} #1 ~ ^ $ \\") == (
        r"a\_b \& 5 \% of \{x\} \#1 \textasciitilde{} \textasciicircum{} \$ \textbackslash{}"
    )
