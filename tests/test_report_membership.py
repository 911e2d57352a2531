"""Who is on the front for certain, and who may be: as the page says it."""

import math

import pytest

from rdslab.report import write_report
from rdslab.report.chosen import nets_worth_drawing, on_fronts, worth_showing
from rdslab.report.membership import front_cell, front_sentences, front_words, memberships
from rdslab.report.tables import variants_csv
from rdslab.report.variants import COLUMNS, variants_frame
from tests.fake_results import FIVE, TWO, results, times

FAR = {"quick": (0.40, 5.0, 10**8), "good": (0.60, 30.0, 10**9), "bad": (0.20, 60.0, 2 * 10**9)}


def test_what_stands_far_apart_is_certain_and_what_is_beaten_is_not_there():
    made = results(FAR, spread=0.002)
    found = {name: told.word for name, told in memberships(made, "jetson-tx1", "predicted").items()}
    assert found == {"quick": "certain", "good": "certain", "bad": "dominated"}
    assert front_sentences(made)[0] == (
        "On the front of mIoU and predicted latency on jetson-tx1: certain: quick and good."
    )
    assert front_words(made, "bad") == []
    assert [words.split(":")[0] for words in front_words(made, "good")] == ["jetson-tx1", "here"]


def test_what_seeds_do_not_tell_apart_is_possible():
    made = results({"a": (0.500, 10.0, 10**9), "b": (0.502, 10.5, 10**9), "c": (0.3, 5.0, 10**8)}, spread=0.02)
    found = memberships(made, "jetson-tx1", "predicted")
    assert {found["a"].word, found["b"].word} == {"possible"}
    assert "possible: a and b" in " ".join(front_sentences(made))


def test_kinds_of_times_have_a_front_each():
    made = results(FAR, spread=0.002)
    for trial in made.trials[:3]:
        trial["times"]["jetson-tx1"] = times("jetson-tx1", 40.0, predicted=False)  # slower than "good", but measured
    assert list(memberships(made, "jetson-tx1", "measured")) == ["quick"]
    assert list(memberships(made, "jetson-tx1", "predicted")) == ["good", "bad"]


def test_one_seed_tells_the_front_of_the_means_alone():
    made = results(TWO, seeds=1, deploy={"devices": ["jetson-tx1"]})
    for trial in made.trials:
        del trial["times"]["here"]
    assert front_sentences(made) == []
    assert front_words(made, "rds") == ["by the means"]


def test_the_table_of_variants_has_the_probability_of_each_device():
    made = results(FIVE, spread=0.01)
    for trial in made.trials[:3]:
        trial["times"]["here"] = {"missing": "refused"}
    frame = variants_frame(made).set_index("variant")
    for device, kind in (("jetson-tx1", "predicted"), ("here", "measured")):
        found = {name: told.probability for name, told in memberships(made, device, kind).items()}
        assert frame[f"front_probability.{device}"].dropna().to_dict() == found
    assert list(frame["front_probability.here"].isna()) == [True, False, False, False, False]
    assert 0 < frame["front_probability.jetson-tx1"].min() < frame["front_probability.jetson-tx1"].max() <= 1
    assert "front_probability.<device>" in COLUMNS
    assert "on_front.here,front_probability.here" in variants_csv(made).splitlines()[0]


def test_kinds_of_times_have_a_probability_each_in_one_column():
    made = results(FAR, spread=0.002)
    for trial in made.trials[:3]:
        trial["times"]["jetson-tx1"] = times("jetson-tx1", 40.0, predicted=False)
    found = variants_frame(made)["front_probability.jetson-tx1"]
    assert list(found) == [1.0, pytest.approx(1.0), pytest.approx(0.0)]


def test_the_page_sorts_by_the_probability_and_reads_the_words():
    made = results(FIVE, spread=0.01, deploy={"devices": ["jetson-tx1"]})
    for trial in made.trials:
        del trial["times"]["here"]
    chances = variants_frame(made)["front_probability.jetson-tx1"]
    cells = [front_cell(made, name) for name in made.variants]
    assert [float(cell.key) for cell in cells] == pytest.approx(list(chances), rel=1e-5)
    assert [cell.text for cell in cells] == ["; ".join(front_words(made, name)) or "–" for name in made.variants]
    both = front_cell(results(FIVE, spread=0.01), "rds")  # of two devices it is the greater one
    each = [
        memberships(results(FIVE, spread=0.01), *key)["rds"]
        for key in (("jetson-tx1", "predicted"), ("here", "measured"))
    ]
    assert float(both.key) == pytest.approx(max(one.probability for one in each), rel=1e-5)


def test_of_one_seed_those_on_the_front_of_the_means_sort_first():
    made = results(FIVE, seeds=1)
    assert variants_frame(made)["front_probability.here"].isna().all()
    assert {name: front_cell(made, name).key for name in ("separable", "rds no dilation")} == {
        "separable": "1",
        "rds no dilation": "",
    }


def test_of_many_variants_bases_front_and_best_are_shown():
    many = {f"v{i}": (0.3 + 0.001 * (i % 90), 5.0 + i, 10**9 + i) for i in range(200)}
    made = results(many, seeds=1)
    shown = worth_showing(made)
    assert len(shown) == 60
    assert {"v0", *on_fronts(made)} <= set(shown)
    assert shown == [name for name in made.variants if name in set(shown)]
    assert worth_showing(results(FIVE)) == list(FIVE)


def test_a_study_without_anything_has_no_net_to_draw():
    made = results(TWO)
    for trial in made.trials:
        trial |= {"score": None, "times": {}, "cost": None, "net_id": ""}
    assert nets_worth_drawing(made) == []
    assert front_sentences(made) == []


@pytest.mark.parametrize("miou", [math.nan, None])
def test_a_variant_without_an_miou_is_on_no_front(miou, tmp_path):
    made = results(FIVE)
    for trial in made.trials[:3]:
        trial["score"] = {**trial["score"], "miou": miou}
    assert memberships(made, "jetson-tx1", "predicted")["rds"].word == ""
    assert "rds" not in " ".join(front_words(made, "rds"))
    assert write_report(made, tmp_path, "")[0].is_file()
