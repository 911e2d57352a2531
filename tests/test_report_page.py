"""The report as files: one page that needs nobody, tables, and studies of every odd shape."""

import copy
import importlib.util
import math
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rdslab.report import Extras, Results, nets_worth_drawing, write_report
from rdslab.report.notes import headline, without_roots
from rdslab.report.script import script_hash
from tests.fake_results import CLASSES, FIVE, TWO, forty, results

COMMAND = "rdslab report studies/made_up.yaml --root /secret/place"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    made = results(FIVE, command="rdslab run studies/made_up.yaml --set data.root='/secret place/x'")
    assert write_report(made, out, COMMAND)[0] == out / "report.html"
    return out


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


class Links(HTMLParser):
    """Everything that a browser would fetch, and the ids."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        names = ("src", "srcset", "data", "xlink:href", *(("href",) if tag != "a" else ()))
        self.fetched += [given[n] or "" for n in names if n in given]


def test_everything_is_written(written):
    plots = ["front_jetson-tx1", "front_here", "differences", "macs", "curves", "classes"]
    expected = {"report.html", "report.md", "report.json", "trials.csv", "variants.csv", "table.tex"}
    expected |= {f"{name}.{ending}" for name in plots for ending in ("png", "svg")}
    expected |= {f"paper/{name}.{ending}" for name in plots for ending in ("png", "svg", "pdf")}
    expected |= {"trials.parquet"} if importlib.util.find_spec("pyarrow") else set()
    assert {str(path.relative_to(written)) for path in files_of(written)} == expected


def test_the_page_fetches_nothing(written):
    text = (written / "report.html").read_text()
    links = Links()
    links.feed(text)
    assert [link for link in links.fetched if not link.startswith(("#", "data:"))] == []
    assert "@import" not in text
    assert set(re.findall(r"https?://[^\s\"'<>)]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_ids_are_unique_over_all_plots(written):
    links = Links()
    links.feed((written / "report.html").read_text())
    assert len(links.ids) == len(set(links.ids)) > 100


def test_the_place_of_the_data_is_nowhere(written):
    for path in files_of(written):
        assert b"secret" not in path.read_bytes(), path.name
    assert without_roots('RDSLAB_DATA=/x rdslab run a --root="/y z" --seeds 3') == (
        "RDSLAB_DATA=DIR rdslab run a --root=DIR --seeds 3"
    )


def test_the_page_runs_its_own_script_and_no_other(written):
    text = (written / "report.html").read_text()
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    assert len(scripts) == 1
    assert f"script-src '{script_hash(scripts[0])}'" in text
    assert not re.search(r"<[^>]+\son[a-z]+\s*=", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))


def test_links_of_the_page_are_files_beside_it_or_parts_of_it(written):
    text = (written / "report.html").read_text()
    links = re.findall(r'<a [^>]*href="([^"]+)"', text)
    assert len(links) > 40
    for link in links:
        assert f'id="{link[1:]}"' in text if link.startswith("#") else (written / link).is_file(), link


def test_the_page_says_where_it_comes_from(written):
    text = (written / "report.html").read_text()
    for said in ("0123456789abcdef", "A CPU at 2.0 GHz", "2 cores", "torch=2.13.0", "learning_rate=0.002", "0, 1, 2"):
        assert said in text
    assert text.count("disputed: the source") >= 2


def test_the_same_results_are_the_same_bytes(written, tmp_path):
    made = results(FIVE, command="rdslab run studies/made_up.yaml --set data.root='/secret place/x'")
    for path in write_report(made, tmp_path, COMMAND):
        assert path.read_bytes() == (written / path.relative_to(tmp_path)).read_bytes(), path.name


def test_claims_stand_first_with_their_reasons(tmp_path):
    claim = {"name": "Half the <cost>", "says": "macs of rds / residual = 0.5", "answer": "supported"}
    claim |= {"why": "0.519, within 2 %", "plot": "macs"}
    faster = {"name": "Faster", "answer": "undecided", "why": "no time", "n": 3, "plot": "nowhere"}
    extras = Extras(verdicts=[claim, faster])
    text = write_report(results(TWO), tmp_path, "", extras)[0].read_text()
    assert "Half the &lt;cost&gt;" in text
    assert text.index('id="claims"') < text.index('id="findings"')
    assert 'href="#front">The plot' in text
    assert "nowhere" not in text
    assert "**undecided**" in (tmp_path / "report.md").read_text()


def test_nets_of_the_front_are_drawn_once_for_a_net(tmp_path):
    made = results(TWO)
    ids = nets_worth_drawing(made)
    assert len(ids) == 2
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><text>the net</text></svg>'
    text = write_report(made, tmp_path, "", Extras(drawings={ids[0]: svg}))[0].read_text()
    assert text.count("<text>the net</text>") == 1
    assert "Without a drawing: residual." in text


def test_the_headline_holds_back_what_seeds_could_do():
    said = " ".join(headline(results(FIVE)))
    assert "15 of 15 trials finished with an mIoU." in said
    assert "Of 4 differences in mIoU to rds," in said
    assert "Holm's correction, n = 3 pairs of seeds each" in said
    assert "rds and rds+shuffle 0 compute the same class of functions" in said
    nothing = " ".join(headline(results(dict.fromkeys("abcd", (0.5, 10.0, 10**9)), spread=0.02)))
    assert "none is told from the seeds at 5 % for all 3 together" in nothing
    assert "higher" not in nothing


def test_trials_whose_batches_memory_did_not_hold_are_named():
    made = results(TWO)
    assert not any("Memory" in sentence for sentence in headline(made))
    for epoch, at_once in zip(made.trials[1]["score"]["history"], (4, 2), strict=False):
        epoch["at_once"] = at_once
    said = next(sentence for sentence in headline(made) if sentence.startswith("Memory did not hold a batch"))
    assert said.endswith(f"in other trials: {made.trials[1]['variant']} (seed 1, 2 at once).")


def failed(made: Results) -> None:
    made.trials[0].update(state="failed", error="<b>out of memory</b> in epoch 2", score=None)
    made.trials[4].update(state="done", score={**made.trials[4]["score"], "miou": math.nan})


def no_times(made: Results) -> None:
    for trial in made.trials:
        trial["times"] = {"jetson-tx1": {"missing": "operator aten::x is not in the profile"}}


def no_device(made: Results) -> None:
    for trial in made.trials:
        trial["times"] = {}


def no_scores(made: Results) -> None:
    for trial in made.trials:
        trial["score"] = None


def nothing_finished(made: Results) -> None:
    for trial in made.trials:
        trial.update(state="waiting", score=None, times={}, cost=None, hours=None, net_id="", canonical_id="")


def some_classes_absent(made: Results) -> None:
    for trial in made.trials:
        trial["score"]["iou"] = {name: None if name in CLASSES[7:] else 0.5 for name in CLASSES}
        trial["score"]["history"] = []


def all_equal(made: Results) -> None:
    for trial in made.trials:
        trial["score"] = made.trials[0]["score"]


ODD: dict[str, tuple[Results, Callable[[Results], None] | None, str]] = {
    "failed trials": (results(TWO), failed, "&lt;b&gt;out of memory&lt;/b&gt; in epoch 2"),
    "one trial": (results({"rds": FIVE["rds"]}, seeds=1), None, "no interval is given"),
    "one seed": (results(TWO, seeds=1), None, "it takes two seeds that both variants share"),
    "no latency": (results(TWO), no_times, "operator aten::x is not in the profile"),
    "no device": (results(TWO, deploy={}), no_device, "The study names no device"),
    "no mIoU": (results(TWO), no_scores, "There is no mIoU to compare"),
    "nothing finished": (results(TWO), nothing_finished, "No trial has finished: 6 trials planned"),
    "classes absent": (results(TWO), some_classes_absent, "Fence, Car, Pedestrian and Bicyclist"),
    "no spread": (results(TWO), all_equal, "no spread between them"),
    "another alphabet": (results({"основа": FIVE["rds"], "基準": FIVE["residual"]}), None, "基準"),
    "no trials": (Results({"name": "empty"}, []), None, "The study has no trials yet"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_studies_render_and_say_so(name, tmp_path):
    made, change, said = ODD[name]
    made = copy.deepcopy(made)
    if change is not None:
        change(made)
    paths = write_report(made, tmp_path, "")
    assert said in paths[0].read_text()
    assert all(path.stat().st_size for path in paths)


def test_forty_variants_with_long_names_render(tmp_path):
    made = results(forty(), seeds=1, deploy={})
    no_device(made)
    paths = write_report(made, tmp_path, COMMAND)
    text = paths[0].read_text()
    assert all(name in text for name in forty())
    assert len(text) < 6e6


def test_reports_and_statistics_need_no_torch():
    code = "import rdslab.report, rdslab.stats, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
