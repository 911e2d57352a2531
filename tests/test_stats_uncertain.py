"""Who is on the front for certain, and that such words are kept."""

import time

import numpy as np
import pytest

from rdslab.stats import front, hypervolume, pooled_spread, uncertain
from rdslab.stats.intervals import PooledSpread
from rdslab.stats.uncertain import Noisy, membership, noisy_hypervolume

SD = 0.0045
SPREAD = PooledSpread(SD, 20, 10)


def words(points: list[Noisy], spread: PooledSpread = SPREAD) -> list[str]:
    return [one.word for one in membership(points, spread)]


def test_far_points_are_told_and_near_ones_are_possible() -> None:
    points = [Noisy(0.60, 5, 10.0), Noisy(0.70, 5, 30.0), Noisy(0.701, 5, 31.0), Noisy(0.65, 5, 50.0)]
    assert words(points) == ["certain", "certain", "possible", "dominated"]


def test_a_latency_that_is_known_badly_makes_neighbours_possible() -> None:
    exact = [Noisy(0.60, 5, 30.0), Noisy(0.65, 5, 29.0)]
    assert words(exact) == ["dominated", "certain"]
    predicted = [Noisy(point.mean, 5, point.latency_ms, 22.0, 40.0) for point in exact]
    assert words(predicted)[0] == "possible"


def test_one_seed_borrows_the_spread_of_the_others() -> None:
    points = [Noisy(0.65, 1, 10.0), Noisy(0.652, 1, 11.0), Noisy(0.60, 1, 40.0)]
    assert words(points) == ["certain", "possible", "dominated"]


@pytest.mark.parametrize(
    ("point", "why"),
    [
        (Noisy(None, 0, 10.0), "no mIoU or no latency"),
        (Noisy(0.5, 3, None), "no mIoU or no latency"),
        (Noisy(float("nan"), 3, 10.0), "no mIoU or no latency"),
    ],
)
def test_a_point_without_a_place_is_left_out_and_says_why(point: Noisy, why: str) -> None:
    found = membership([Noisy(0.6, 3, 10.0), point], SPREAD)
    assert (found[1].probability, found[1].word, found[1].why) == (None, "", why)
    assert found[0].word == "certain"


def test_without_any_spread_nothing_is_told() -> None:
    found = membership([Noisy(0.6, 1, 10.0), Noisy(0.7, 1, 5.0), Noisy(None, 0, 3.0)], PooledSpread(None, 0, 0))
    assert [one.why for one in found] == [
        "no variant has two seeds that differ",
        "no variant has two seeds that differ",
        "no mIoU or no latency",
    ]
    assert membership([], SPREAD) == []
    assert noisy_hypervolume([Noisy(0.6, 1, 10.0)], PooledSpread(None, 0, 0), (0.0, 100.0)) is None


def test_equal_points_share_their_chances() -> None:
    first, second = membership([Noisy(0.6, 3, 10.0), Noisy(0.6, 3, 10.0), Noisy(0.7, 3, 20.0)], SPREAD)[:2]
    assert first.probability is not None
    assert second.probability is not None
    assert first.probability + second.probability == pytest.approx(1.0)
    assert first.probability == pytest.approx(0.5, abs=0.05)


def test_the_volume_holds_that_of_the_points_where_noise_is_small() -> None:
    points = [Noisy(0.60, 5, 10.0), Noisy(0.70, 5, 30.0), Noisy(0.65, 5, 50.0)]
    found = noisy_hypervolume(points, PooledSpread(1e-4, 20, 10), (0.5, 100.0))
    assert found is not None
    plain = [(point.mean, point.latency_ms) for point in points]
    expected = hypervolume(plain, ("maximize", "minimize"), (0.5, 100.0))
    assert found.median == pytest.approx(expected, rel=1e-3)
    assert found.low < found.median < found.high
    wide = noisy_hypervolume(points, PooledSpread(0.01, 20, 10), (0.5, 100.0))
    assert wide is not None
    assert wide.high - wide.low > 10 * (found.high - found.low)
    assert noisy_hypervolume([Noisy(0.4, 5, 10.0)], PooledSpread(1e-4, 9, 3), (0.5, 100.0)) is not None


def test_two_thousand_points_are_no_burden() -> None:
    rng = np.random.default_rng(0)
    points = [Noisy(m, 1, ms) for m, ms in zip(rng.uniform(0.5, 0.7, 2000), rng.uniform(5, 90, 2000), strict=True)]
    started = time.process_time()
    found = membership(points, SPREAD)
    assert time.process_time() - started < 20  # a second; a loop over draws and points would take minutes
    assert [one.word for one in found].count("dominated") > 1800


CASES = [  # points, how far nets differ in units of a seed's spread, seeds, slope over log latency, error of latency
    (10, 0.5, 3, 0.0, 0.0),
    (10, 2.0, 3, 0.0, 0.0),
    (10, 10.0, 3, 2.0, 0.0),
    (30, 2.0, 3, 2.0, 0.1),
    (50, 1.0, 5, 1.0, 0.15),
    (6, 2.0, 2, 1.0, 0.1),
    (20, 2.0, 3, 2.0, 0.2),
]


@pytest.mark.long
@pytest.mark.parametrize(("points", "apart", "seeds", "slope", "error"), CASES)
def test_words_and_probabilities_are_kept(
    points: int, apart: float, seeds: int, slope: float, error: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uncertain, "DRAWS", 500)  # for a thousand tables
    words: dict[str, list[bool]] = {"certain": [], "possible": [], "dominated": []}
    probabilities: list[float] = []
    for draw in range(1000):
        rng = np.random.default_rng(draw)
        latency = np.exp(rng.uniform(np.log(10), np.log(200), points))
        true = 0.6 + slope * SD * np.log(latency / 45) + rng.normal(0, apart * SD, points)
        scores = rng.normal(true[:, None], SD, (points, seeds))
        told = latency * np.exp(rng.normal(0, error, points))
        off = np.exp(1.6449 * error) if error else None
        seen = [
            Noisy(float(score.mean()), seeds, ms, off and ms / off, off and ms * off)
            for score, ms in zip(scores, told.tolist(), strict=True)
        ]
        on = front(list(zip(true.tolist(), latency.tolist(), strict=True)), ("maximize", "minimize"))
        for one, member in zip(membership(seen, pooled_spread(scores)), on, strict=True):
            words[one.word].append(member)
            probabilities.append(one.probability or 0.0)
    assert np.mean(words["certain"]) >= 0.95
    assert np.mean(words["dominated"]) <= 0.05
    whole = np.concatenate([words[word] for word in words])
    # Where nets differ by half of what seeds do, hardly anything is known of how, and the front is taken for longer.
    assert np.mean(probabilities) == pytest.approx(whole.mean(), abs=0.03 if apart > 0.5 else 0.08)
