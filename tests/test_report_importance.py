"""The importance of genes as the report tells it: for each objective, each kind of time apart, or why not."""

import random
from pathlib import Path

import numpy as np
import pytest

from rdslab.report import Results, write_report
from rdslab.report.importance import IMPORTANCE, _beaten_by, importance_csv, importance_frame, importance_table, why_not
from rdslab.report.importance_plot import draw_importance, importance_caption
from rdslab.report.style import COLUMN_WIDTH
from tests.fake_results import FIVE, results, times


def searched(nets: int = 120, **study: object) -> Results:
    """The block decides the mIoU and the repeats the cost; groups do nothing."""
    rng = random.Random(5)
    variants, genes = {}, {}
    for number in range(nets):
        own = {"enc3.block": rng.choice(["rds", "residual"]), "enc3.repeat": rng.randint(2, 6)}
        own |= {"enc2.groups": rng.choice([1, 2, 4]), "enc2.dilation": rng.choice([[1], [1, 2]])}
        ms = 5.0 + own["enc3.repeat"] + 0.01 * rng.random()
        variants[f"net {number}"] = (0.5 + 0.05 * (own["enc3.block"] == "residual"), ms, int(1e8 * ms))
        genes[f"net {number}"] = own
    made = results(variants, seeds=1, spread=0.01, **{"genes": genes, **study})
    for trial in made.trials:
        trial["score"] |= {"history": [], "iou": {}}  # plots that take long to draw
    return made


@pytest.fixture(scope="module")
def study() -> Results:
    return searched()


def best(made: Results, objective: str) -> str:
    frame = importance_frame(made)
    return str(frame[frame["objective"] == objective]["gene"].iloc[0])


def test_each_objective_has_its_own_importances(study):
    frame = importance_frame(study)
    assert list(frame.columns) == list(IMPORTANCE)
    assert list(dict.fromkeys(frame["objective"])) == [
        "mIoU",
        "MACs",
        "latency: jetson-tx1, predicted (disputed)",
        "front: jetson-tx1, predicted (disputed)",
        "latency: the study's machine, measured",
        "front: the study's machine, measured",
    ]
    assert best(study, "mIoU") == "enc3.block"
    assert best(study, "MACs") == best(study, "latency: jetson-tx1, predicted (disputed)") == "enc3.repeat"
    assert frame.groupby("objective")["importance"].sum().tolist() == pytest.approx([1.0] * 6)
    told = frame[frame["p"] < 0.05]
    assert set(told["gene"]) == {"enc3.block", "enc3.repeat"}
    assert dict(zip(frame["gene"], frame["values"], strict=True))["enc3.repeat"] == 5
    assert why_not(study) == ""


def test_the_front_counts_who_is_beaten_in_both():
    # the second is beaten by the first alone, the third by nobody, the last by all but has no time
    assert _beaten_by([0.0, 1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 0.5, 3.0, np.nan])[:4] == [0, 1, 0, 3]
    assert np.isnan(_beaten_by([3.0, 1.0], [np.nan, 1.0])[0])
    assert _beaten_by([1.0, 1.0], [1.0, 1.0]) == [0, 0]


def test_kinds_of_times_are_apart():
    made = searched()
    for trial in made.trials[:60]:
        trial["times"] = {
            "jetson-tx1": times("jetson-tx1", trial["times"]["jetson-tx1"]["latency_ms"], predicted=False)
        }
    frame = importance_frame(made)
    counts = dict(zip(frame["objective"], frame["n"], strict=True))
    assert counts["latency: jetson-tx1, measured"] == counts["front: jetson-tx1, predicted (disputed)"] == 60
    assert counts["mIoU"] == 120


def test_variants_of_one_net_are_one_trial():
    made = searched()
    for trial in made.trials[1:31]:
        trial["net_id"] = made.trials[0]["net_id"]
    assert set(importance_frame(made)["n"]) == {90}


def test_many_numbers_are_cut_and_places_left_alone_are_a_value_of_their_own():
    made = searched()
    genes = made.study["genes"]
    for number, own in enumerate(genes.values()):
        own["width"] = number / 100
        if number % 3 == 0:
            del own["enc2.groups"]
    values = dict(zip(*(importance_frame(made)[name] for name in ("gene", "values")), strict=True))
    assert values["width"] == 10
    assert values["enc2.groups"] == 4


@pytest.mark.parametrize(
    ("nets", "keep", "said"),
    [
        (30, 4, "It takes 40 nets and two genes"),
        (30, 4, "here are 30 nets (30 with an mIoU), and 4 genes that vary enough."),
        (60, 1, "here are 60 nets (60 with an mIoU), and 1 gene that varies enough."),
    ],
)
def test_where_it_is_not_told_the_page_says_why(nets, keep, said):
    made = searched(nets)
    for own in made.study["genes"].values():
        for place in list(own)[keep:]:
            del own[place]
    assert importance_frame(made).empty
    assert said in why_not(made)
    assert importance_table(made).rows == []


def test_a_gene_that_hardly_varies_is_left_out_and_named():
    made = searched()
    for number, own in enumerate(made.study["genes"].values()):
        own["rare"] = number < 4
    assert "rare" not in set(importance_frame(made)["gene"])
    assert why_not(made) == "Left out, as fewer than 5 nets differ in them: rare."


def test_an_objective_that_few_nets_have_is_named():
    made = searched()
    for trial in made.trials[39:]:
        trial["score"] = None
    assert "mIoU" not in set(importance_frame(made)["objective"])
    assert (
        "fewer than 40 nets have it or half of them share its best: mIoU; front: jetson-tx1, predicted (disputed)"
        in why_not(made)
    )


def test_factors_of_a_design_are_the_genes():
    made = searched()
    levels = {
        name: {"block": own["enc3.block"], "depth": str(own["enc3.repeat"])}
        for name, own in made.study["genes"].items()
    }
    designed = Results({**made.study, "levels": levels}, made.trials)
    assert set(importance_frame(designed)["gene"]) == {"block", "depth"}


def test_a_study_that_sets_nothing_has_no_such_section():
    assert why_not(results(FIVE)) == ""
    assert importance_frame(results(FIVE)).empty


def test_page_plot_and_file_hold_it(tmp_path: Path):
    study = searched(60)
    paths = {str(path.relative_to(tmp_path)) for path in write_report(study, tmp_path, "")}
    assert {"importance.png", "importance.svg", "paper/importance.pdf", "importance.csv"} <= paths
    text = (tmp_path / "report.html").read_text()
    assert '<h2 id="importance">' in text
    assert "PED-ANOVA ranks genes by how far" in text
    assert 'href="#importance"' in text
    assert importance_csv(study) == (tmp_path / "importance.csv").read_text()
    told = {row[0].text: row[-1].text for row in importance_table(study).rows if row[1].text == "mIoU"}
    assert told["enc3.block"] == "yes"
    assert told["enc2.groups"] == "no"


def test_bars_that_are_not_told_from_chance_are_hollow(study):
    frame = importance_frame(study)
    for figure in (draw_importance(frame), draw_importance(frame, COLUMN_WIDTH)):
        axes = figure.axes[0]
        bars = [bar for bar in axes.patches if bar.get_width() > 0]
        hollow = sum(bar.get_facecolor() == (1.0, 1.0, 1.0, 1.0) for bar in bars)
        assert len(bars) == len(frame)
        assert hollow == (frame["p"] >= 0.05).sum() > 0
        assert len(figure.legends[0].get_texts()) == 6
    assert "the best of 120 nets" in importance_caption(frame)
