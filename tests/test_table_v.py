"""Studies that train nothing: Table V once more, columns with few given times, ratios, and what is said of errors."""

import csv
from pathlib import Path

import pytest

from rdslab.cli import main
from rdslab.errors import SpecError
from rdslab.report import TimesResults
from rdslab.report.beside import beside_caption, draw_beside
from rdslab.report.latency import beside_frame, error_rows
from rdslab.report.latency_page import headline, write_times_report
from rdslab.search.columns import check_columns
from rdslab.search.ledger import open_ledger, storage_of
from rdslab.search.plan import load_study
from rdslab.search.prepare import prepare
from rdslab.search.run import start
from rdslab.search.times_results import gather_times

ROOT = Path(__file__).resolve().parents[1]
PAPER = {
    "RDS-Net": (41, 49, 188),
    "ESPNet": (35, 46, 180),
    "ENet": (55, 65, 253),
    "ERFNet": (99, 127, 484),
}
SIZES = ("480x320", "640x360", "1280x720")
COLUMN = """\
name: column
base: rdsnet
variants:
  - {name: RDS-Net}
  - {name: ENet, net: enet}
  - {name: half, set: {width: 0.5}}
deploy: {sizes: [128x64, 256x128]}
published:
  - device: my board
    source: made up
    file: mine.csv
    fit: {given: 4}
"""
ROWS = """\
net,size,latency_ms
rdsnet,128x64,4
enet,128x64,9
half,128x64,2.5
rds_net,256x128,11
ENet,256x128,13
half,256x128,5
"""


def begun(path: Path) -> TimesResults:
    study = load_study(path)
    _, ledger = start(study, storage_of(study, None))
    return TimesResults(**gather_times(study, ledger))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[TimesResults, Path]:
    folder = tmp_path_factory.mktemp("table_v")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for verb in ("run", "report"):
            with pytest.raises(SystemExit) as leaving:
                main([verb, str(ROOT / "studies/table_v.yaml")])
            assert leaving.value.code == 0
        study = load_study(ROOT / "studies/table_v.yaml")
        found = TimesResults(**gather_times(study, open_ledger(study, storage_of(study, None))))
    return found, folder / "reports/table_v"


@pytest.fixture(scope="module")
def table_v(written: tuple[TimesResults, Path]) -> TimesResults:
    return written[0]


def test_every_cell_of_the_table_is_predicted_beside_what_was_published(table_v: TimesResults) -> None:
    column = next(c for c in table_v.columns if c["device"] == "jetson-tx1")
    frame = beside_frame(column)
    published = {(r["variant"], r["size"]): r["published_ms"] for r in frame.to_dict("records")}
    assert published == {(net, s): ms for net, row in PAPER.items() for s, ms in zip(SIZES, row, strict=True)}
    assert (frame["low_ms"] < frame["predicted_ms"]).all()
    assert (frame["predicted_ms"] < frame["high_ms"]).all()
    assert frame["error"].abs().max() < 0.25


def test_errors_on_times_that_the_fit_has_seen_are_called_in_sample_and_stand_apart(table_v: TimesResults) -> None:
    column = next(c for c in table_v.columns if c["device"] == "jetson-tx1")
    assert set(beside_frame(column)["known"]) == {"seen"}
    rows = {row["what"]: row for row in error_rows(column)}
    assert list(rows) == [
        "in sample: nets and sizes that the fit had seen",
        "each net predicted by a fit to the other nets",
        "each size predicted by a fit to the other sizes",
    ]
    seen, new = (rows[what]["mean"] for what in list(rows)[:2])
    assert 0.01 < seen < new < 0.15
    said = " ".join(headline(table_v))
    assert f"in sample: nets and sizes that the fit had seen: mean error {100 * seen:.1f} % (n = 12)" in said
    assert "disputed" in said


def test_the_study_is_run_and_reported_from_the_command_line(written: tuple[TimesResults, Path]) -> None:
    folder = written[1]
    assert "predicted beside published" in (folder / "report.html").read_text()
    with (folder / "beside_jetson-tx1.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 12


def test_a_column_of_ones_own_is_predicted_from_few_of_its_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "column.yaml").write_text(COLUMN)
    (tmp_path / "mine.csv").write_text(ROWS)
    results = begun(Path("column.yaml"))
    (column,) = results.columns
    frame = beside_frame(column)
    assert sorted(frame["known"]) == ["given"] * 4 + ["new"] * 2
    assert list(frame["published_ms"]) == [4.0, 11.0, 9.0, 13.0, 2.5, 5.0]
    rows = {row["what"]: row["n"] for row in error_rows(column)}
    assert rows["in sample: times that the fit was given"] == 4
    assert rows["new: times that the fit had not seen"] == 2
    assert "4 given times chosen at random" in column["choices"]
    assert write_times_report(results, tmp_path / "out", "x")[0].name == "report.html"
    (tmp_path / "mine.csv").write_text(ROWS.replace("13", "14"))
    assert 14.0 in list(beside_frame(begun(Path("column.yaml")).columns[0])["published_ms"])


def test_the_given_times_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named = "[{net: RDS-Net, size: 128x64}, {net: ENet, size: 128x64}, {net: half, size: 256x128}]"
    (tmp_path / "column.yaml").write_text(COLUMN.replace("given: 4", f"given: {named}"))
    (tmp_path / "mine.csv").write_text(ROWS)
    frame = beside_frame(begun(Path("column.yaml")).columns[0])
    given = frame[frame["known"] == "given"]
    assert list(zip(given["variant"], given["size"], strict=True)) == [
        ("RDS-Net", "128x64"), ("ENet", "128x64"), ("half", "256x128"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ("given: 4", "given: 6"),
            r"column\.yaml:12: published\[0\]\.fit\.given: 6 times are given, and the column has 6",
        ),
        (("given: 4", "given: 2"), r"column\.yaml:12: published\[0\]\.fit\.given: must be >= 3, got 2"),
        (("given: 4", "gives: 4"), r"unknown key 'gives'[\s\S]*did you mean 'given'"),
        (("    fit: {given: 4}\n", ""), r"no device profile is called 'my board'[\s\S]*fit: \{given: 4\}"),
        (("file: mine.csv", "file: yours.csv"), r"column\.yaml:11: published\[0\]\.file: cannot read yours\.csv"),
        (("    file: mine.csv\n", ""), r"column\.yaml:9: published\[0\]: the times are missing"),
        (("file: mine.csv", "ms: {ENt: {128x64: 4}}"), r"published\[0\]\.ms\.ENt\.128x64: no variant is called 'ENt'"),
        (("file: mine.csv", "ms: {ENet: {64x64: 4}}"), r"64x64 is no size of the study"),
        (("file: mine.csv", "ms: {ENet: {128x64: 0}}"), r"ms\.ENet\.128x64: must be > 0.*, got 0"),
        (("enet,128x64,9", "enet,128x64,fast"), r"mine\.csv:3: latency_ms: expected milliseconds above 0, got 'fast'"),
        (("enet,128x64,9", "enet,wide,9"), r"mine\.csv:3: expected a size as width x height, got 'wide'"),
        (("enet,128x64,9", "rdsnet,128x64,9"), r"mine\.csv:3: RDS-Net at 128x64 stands twice"),
        (("latency_ms\n", "latency_ms,classes\n"), r"mine\.csv:2: classes: the study has 19, got 'none'"),
        (("net,size,latency_ms", "net,size,ms"), r"mine\.csv: has no column 'latency_ms'"),
        (("deploy: {sizes: [128x64, 256x128]}", "deploy: {sizes: [128x64, 128x64]}"), r"size 128x64 stands twice"),
        (("sizes: [128x64, 256x128]", "size: 1x1, sizes: [128x64]"), r"both `size` and `sizes` are given"),
        (("deploy:", "seeds: [0]\ndeploy:"), r"missing key 'data'[\s\S]*leaves out seeds too"),
        (("published:", "ratios: [{name: x, over: half, under: hlf}]\npublished:"), r"no variant is called 'hlf'"),
    ],
)
def test_a_wrong_study_of_times_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: tuple[str, str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "column.yaml").write_text(COLUMN.replace(*change))
    (tmp_path / "mine.csv").write_text(ROWS.replace(*change))
    with pytest.raises(SpecError, match=words):
        check_columns(prepare(load_study("column.yaml")))


def test_a_study_that_asks_for_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nothing.yaml").write_text("name: x\nbase: rdsnet\ndeploy: {size: 64x64}\n")
    with pytest.raises(SpecError, match="is about times, and this one asks for none"):
        load_study(tmp_path / "nothing.yaml")


def test_predicted_points_are_hollow_with_intervals_and_called_so(table_v: TimesResults) -> None:
    column = table_v.columns[0]
    axes = draw_beside(column).axes[0]
    legend = axes.get_legend()
    assert legend is not None
    words = [text.get_text() for text in legend.get_texts()]
    assert words[0] == "RDS-Net, predicted"
    marks = [line for line in axes.lines if line.get_marker() in "os^D" and len(line.get_xdata()) == 1]
    assert len(marks) == 12
    assert {line.get_markerfacecolor() for line in marks} == {"white"}
    assert "90 % intervals" in beside_caption(column)


def test_where_a_profile_abstains_the_time_is_missing_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "far.yaml").write_text(
        "name: far\nbase: rdsnet\ndeploy: {sizes: [640x360, 16384x16384], devices: [jetson-tx1]}\n"
    )
    near, far = begun(Path("far.yaml")).times
    assert near["times"]["predicted"] is True
    assert "jetson-tx1 predicts nothing at 16384x16384" in far["times"]["missing"]
