"""What lies beside the page, and what its script is given: tables, Parquet, LaTeX, Markdown, paper figures, facts."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from rdslab.report import write_report
from rdslab.report.facts import embedded, page_facts
from rdslab.report.page import summary_table
from rdslab.report.style import COLUMN_WIDTH
from rdslab.report.tables import table_tex
from rdslab.report.variants import variants_frame
from tests.fake_results import FIVE, TWO, results, times

COMMAND = "rdslab report studies/made_up.yaml --root /secret/place"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    write_report(results(FIVE), out, COMMAND)
    return out


def test_tables_read_back(written):
    trials, variants = (pd.read_csv(written / f"{name}.csv") for name in ("trials", "variants"))
    assert (len(trials), len(variants)) == (15, 5)
    assert trials["params"].dtype.kind == "i"
    means = trials.groupby("variant", sort=False)["miou"].mean()
    assert list(variants["miou"]) == pytest.approx(list(means))


def test_parquet_holds_what_the_csv_holds(written):
    pytest.importorskip("pyarrow")
    parquet, csv = pd.read_parquet(written / "trials.parquet"), pd.read_csv(written / "trials.csv")
    assert list(parquet.columns) == list(csv.columns)
    assert list(parquet["miou"]) == pytest.approx(list(csv["miou"]))
    assert str(parquet["params"].dtype) == "Int64"


def test_without_pyarrow_there_is_no_parquet_and_the_page_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    paths = write_report(results(TWO, seeds=2), tmp_path, "")
    assert "trials.parquet" not in {path.name for path in paths}
    assert "where pyarrow is installed; it was not" in paths[0].read_text()


def test_paper_figures_have_a_column_s_width_and_embedded_fonts(written):
    for path in (written / "paper").glob("*.pdf"):
        content = path.read_bytes()
        width = float(re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+)", content)[1])
        assert width == pytest.approx(72 * COLUMN_WIDTH), path.name
        assert b"/Type3" not in content
        assert b"/FontFile2" in content


def test_markdown_keeps_names_as_they_are(tmp_path):
    name = "a|b*c*_d_<script>[x](y)`z`"
    write_report(results({"rds": FIVE["rds"], name: FIVE["residual"]}), tmp_path, COMMAND)
    text = (tmp_path / "report.md").read_text()
    assert r"a\|b\*c\*\_d\_\<script\>\[x\](y)\`z\`" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert all((tmp_path / link).is_file() for link in re.findall(r"\]\(([\w./-]+)\)", text.replace(r"\](y)", "")))
    assert "/secret" not in text


def test_latex_is_escaped_and_says_what_is_predicted():
    made = results({"rds_base": FIVE["rds"], "50% {a} & b#1 ~^\\x $y$": FIVE["residual"]})
    text = table_tex(made)
    assert r"50\% \{a\} \& b\#1 \textasciitilde \textasciicircum \textbackslash x \$y\$" in text
    assert r"rds\_base &" in text
    assert r"\toprule" in text
    assert r"predicted (disputed) (ms)" in text
    assert r"12.5$\textsuperscript{pred.}" in text
    assert "bf" not in text
    assert {line.count(" & ") for line in text.splitlines() if line.endswith(r"\\")} == {8}


def test_measured_and_predicted_times_of_one_device_have_a_column_each():
    made = results({name: FIVE[name] for name in ("rds", "residual")})
    for trial in made.trials[3:]:
        trial["times"]["jetson-tx1"] = times("jetson-tx1", 99.0, predicted=False)
    table = summary_table(made)
    measured, predicted = (
        next(i for i, head in enumerate(table.heads) if head.startswith(f"jetson-tx1 at 640x360, {kind}"))
        for kind in ("measured", "predicted")
    )
    assert [[row[i].text for i in (measured, predicted)] for row in table.rows] == [["–", "12.5"], ["99.0", "–"]]
    heads = table_tex(made).split(r"\midrule")[0]
    assert "measured (disputed) (ms) & jetson-tx1 at 640x360, predicted" in heads


def test_facts_end_no_script_and_read_back():
    made = results(
        {"rds": FIVE["rds"], "</script><b>": FIVE["residual"]}, genes={"</script><b>": {"enc3.repeat": [1, 2]}}
    )
    text = embedded(page_facts(made))
    assert "<" not in text
    facts = json.loads(text)
    assert facts["names"] == ["rds", "</script><b>"]
    assert facts["genes"] == [[], [["enc3.repeat", "1 and 2"]]]
    by_key = {axis["key"]: axis for axis in facts["axes"]}
    assert by_key["params"]["values"] == [0.22, 0.424]
    assert by_key["time0"]["kind"] == "predicted"
    assert by_key["miou"]["values"] == pytest.approx([100 * m for m in variants_frame(made)["miou"]], rel=1e-4)
    assert by_key["difference"]["values"][0] is None
    assert [len(curves) for curves in facts["curves"]] == [3, 3]


def test_long_curves_keep_their_ends_and_few_points():
    made = results({"rds": FIVE["rds"]}, seeds=1)
    made.trials[0]["score"]["history"] = [{"epoch": e, "miou": e / 1000} for e in range(1, 501)]
    facts = page_facts(made)
    epochs = facts["epochs"][facts["curves"][0][0][1]]
    assert len(epochs) <= 60
    assert epochs[-1] == 500
    assert facts["curves"][0][0][2][-1] == 50.0
