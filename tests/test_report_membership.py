"""Who is on the front for certain, and who may be: as the page says it."""

import math

import pytest

from rdslab.report import write_report
from rdslab.report.chosen import nets_worth_drawing, on_fronts, worth_showing
from rdslab.report.membership import front_sentences, front_words, memberships
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
