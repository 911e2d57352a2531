"""The hypervolume of a front as the report tells it: its interval, its reference, and why there is none."""

import numpy as np
import pytest

from rdslab.report import Results, write_report
from rdslab.report.volume import COMMON, reference, volume, volume_sentences
from rdslab.stats import hypervolume, pooled_spread
from rdslab.stats.uncertain import NINETY, Noisy, noisy_hypervolume
from tests.fake_results import FIVE, TWO, results, times

FAR = {"quick": (0.40, 5.0, 10**8), "good": (0.60, 30.0, 10**9), "bad": (0.20, 60.0, 2 * 10**9)}


def only(device: str, made: Results) -> Results:
    for trial in made.trials:
        trial["times"] = {device: trial["times"][device]}
    return Results({**made.study, "deploy": {"devices": [device]}}, made.trials)


def test_the_volume_is_to_the_worst_that_was_seen():
    made = only("here", results(FAR, spread=0.001))
    found, (worst, slowest), why = volume(made, "here", "measured")
    assert found is not None
    assert why == ""
    assert worst == pytest.approx(0.20, abs=0.002)
    assert slowest == 2.1 * 60.0
    by_hand = 2.1 * ((30 - 5) * 0.20 + (60 - 30) * 0.40)
    assert found.low < by_hand < found.high
    assert found.median == pytest.approx(by_hand, rel=0.02)
    (sentence,) = volume_sentences(made)
    assert sentence.startswith("The front of mIoU and measured latency on the study's machine dominates 35")
    assert "90 % interval" in sentence
    assert f"down to the worst mean mIoU seen, {100 * worst:.1f} %, and the slowest latency seen, 126 ms" in sentence


def test_errors_of_predictions_are_taken_as_common():
    made = only("jetson-tx1", results(FIVE, spread=0.001))
    found, _, _ = volume(made, "jetson-tx1", "predicted")
    points = [Noisy(m, 3, t, 0.88 * t, 1.13 * t) for m, t, _ in FIVE.values()]
    spread = pooled_spread([[0.5, 0.501, 0.499]])
    apart, common = (noisy_hypervolume(points, spread, reference(points), share) for share in (0.0, COMMON))
    assert found is not None
    assert apart is not None
    assert common is not None
    assert common.high - common.low > 1.2 * (apart.high - apart.low)
    assert found.high - found.low > 1.1 * (apart.high - apart.low)


def test_kinds_of_times_have_a_volume_each():
    made = only("jetson-tx1", results(FIVE, spread=0.002))
    for trial in made.trials[:6]:
        trial["times"]["jetson-tx1"] = times("jetson-tx1", 300.0 + trial["slot"] // 3, predicted=False)
    measured, predicted = volume_sentences(made)
    assert "measured latency" in measured
    assert "301 ms" in measured
    assert "predicted latency on jetson-tx1 (disputed)" in predicted
    assert "12.4 ms" in predicted  # the slowest of those predicted


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (results(FIVE, seeds=1), "no variant has two seeds that differ"),
        (results({"rds": FIVE["rds"]}), "fewer than two variants have an mIoU and such a latency"),
        (results({"a": (0.5, 10.0, 1), "b": (0.6, 10.0, 1)}), "all variants have one mIoU or one latency"),
    ],
    ids=["one seed", "one variant", "one latency"],
)
def test_what_cannot_be_told_says_why(made, why):
    said = volume_sentences(made)
    assert len(said) == 2
    assert all(sentence.endswith(f"dominates cannot be told: {why}.") for sentence in said)


def test_a_volume_that_may_be_nothing_says_so():
    made = results({"a": (0.5, 10.0, 1), "b": (0.5, 10.1, 1)}, spread=0.01)
    assert all("not told from nothing)" in sentence for sentence in volume_sentences(made))


def test_without_times_nothing_is_said():
    made = results(TWO)
    for trial in made.trials:
        trial["times"] = {}
    assert volume_sentences(made) == []


def test_page_and_markdown_have_the_sentence(tmp_path):
    write_report(results(TWO), tmp_path, "")
    for name in ("report.html", "report.md"):
        assert (tmp_path / name).read_text().count("points of mIoU x ms (hypervolume, 90 % interval") == 2


@pytest.mark.long
@pytest.mark.parametrize("true", [None, 0.0, 0.6, 0.9])  # None: measured, and so exact
@pytest.mark.parametrize("nets", [5, 20])
def test_the_interval_to_the_worst_seen_covers(true, nets):
    inside = []
    for draw in range(300):
        rng = np.random.default_rng(draw)
        ms = np.exp(rng.uniform(np.log(10), np.log(200), nets))
        miou = 0.6 + 0.012 * np.log(ms / 45) + rng.normal(0, 0.012, nets)
        seeds = rng.normal(miou[:, None], 0.006, (nets, 3))
        error = 0.0 if true is None else np.sqrt(true) * rng.normal() + np.sqrt(1 - true) * rng.standard_normal(nets)
        off = 1.0 if true is None else float(np.exp(0.15 * NINETY))
        said = (ms * np.exp(0.15 * error)).tolist()
        points = [Noisy(m, 3, t, t / off, t * off) for m, t in zip(seeds.mean(axis=1).tolist(), said, strict=True)]
        corner = reference(points)
        found = noisy_hypervolume(points, pooled_spread(seeds), corner, 0.0 if true is None else COMMON)
        real = hypervolume(list(zip(miou.tolist(), ms.tolist(), strict=True)), ("maximize", "minimize"), corner)
        inside.append(found is not None and found.low <= real <= found.high)
    assert np.mean(inside) >= 0.90 - 0.06
