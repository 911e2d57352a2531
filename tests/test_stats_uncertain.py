"""Who is on the front for certain, and that such words are kept."""

import time

import numpy as np
import pytest

from rdslab.stats import front, hypervolume, pooled_spread, uncertain
from rdslab.stats.intervals import PooledSpread
from rdslab.stats.uncertain import NINETY, Noisy, median_ends, membership, noisy_hypervolume

SD = 0.0045
SPREAD = PooledSpread(SD, 20, 10)
WAYS = ("maximize", "minimize")


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
        (Noisy(0.5, 3, 0.0), "no mIoU or no latency"),
        (Noisy(0.5, 3, 10.0, 0.0, 12.0), "its latency's interval does not hold its latency"),
        (Noisy(0.5, 3, 10.0, 11.0, 12.0), "its latency's interval does not hold its latency"),
        (Noisy(0.5, 3, 10.0, 9.0, float("inf")), "its latency's interval does not hold its latency"),
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


def test_one_net_alone_is_on_its_front() -> None:
    assert words([Noisy(0.6, 1, 10.0)]) == ["certain"]
    assert noisy_hypervolume([Noisy(0.6, 1, 10.0)], SPREAD, (0.5, 20.0)) is not None


def test_points_that_share_a_latency_or_a_mean_are_judged() -> None:
    assert words([Noisy(m, 3, 10.0) for m in (0.5, 0.6, 0.7, 0.8)]) == ["dominated"] * 3 + ["certain"]
    # The fastest is on the front whatever its mean.
    assert words([Noisy(0.6, 3, ms) for ms in (10.0, 10.0 + 1e-9, 20.0, 30.0)]) == ["certain", *["possible"] * 3]
    assert words([Noisy(0.6, 1, ms) for ms in (10.0, 20.0, 30.0)])[0] == "certain"


def test_measured_and_predicted_latencies_make_no_front_together() -> None:
    points = [Noisy(0.6, 3, 10.0, predicted=False), Noisy(0.7, 3, 20.0, 15.0, 25.0, predicted=True)]
    with pytest.raises(ValueError, match="measured and predicted latencies make no front together"):
        membership(points, SPREAD)
    with pytest.raises(ValueError, match="measured and predicted"):
        noisy_hypervolume(points, SPREAD, (0.5, 100.0))
    assert words([points[0], Noisy(None, 0, 20.0, predicted=True)]) == ["certain", ""]


def test_errors_in_common_move_no_net_past_another_but_move_the_volume() -> None:
    points = [Noisy(0.60, 5, 30.0, 24.0, 37.5), Noisy(0.65, 5, 29.0, 23.2, 36.25)]
    assert words(points)[0] == "possible"
    assert [one.word for one in membership(points, SPREAD, common=1.0)] == ["dominated", "certain"]
    many = [Noisy(0.6 + 0.02 * i, 5, 10.0 + 5 * i, 8.0 + 4 * i, 12.5 + 6.25 * i) for i in range(10)]
    own, shared = (noisy_hypervolume(many, SPREAD, (0.55, 100.0), common) for common in (0.0, 1.0))
    assert own is not None
    assert shared is not None
    assert shared.high - shared.low > 1.5 * (own.high - own.low)
    with pytest.raises(ValueError, match=r"between 0 and 1, got 1\.5"):
        membership(points, SPREAD, common=1.5)


def test_the_ends_of_a_measured_median_are_those_of_its_error() -> None:
    ends = median_ends([10.0, 10.1, 9.9, 10.05, 9.95])
    assert ends is not None
    low, high = ends
    half = 2.132 * np.log([10.0, 10.1, 9.9, 10.05, 9.95]).std(ddof=1) / np.sqrt(5)  # t of 4 degrees at 95 %
    assert np.log(high / low) == pytest.approx(2 * half, rel=1e-3)
    assert low < 10.0 < high
    assert median_ends([10.0]) is None


def test_the_volume_holds_that_of_the_points_where_noise_is_small() -> None:
    points = [Noisy(0.60, 5, 10.0), Noisy(0.70, 5, 30.0), Noisy(0.65, 5, 50.0)]
    found = noisy_hypervolume(points, PooledSpread(1e-4, 20, 10), (0.5, 100.0))
    assert found is not None
    plain = [(point.mean, point.latency_ms) for point in points]
    expected = hypervolume(plain, WAYS, (0.5, 100.0))
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
    assert time.process_time() - started < 2  # it takes a fifth of a second
    assert [one.word for one in found].count("dominated") > 1800


CASES = [  # points, how far nets differ in units of a seed's spread, seeds, slope over log latency, error of latency
    (5, 1.0, 5, 0.0, 0.0),
    (6, 2.0, 2, 1.0, 0.1),
    (10, 0.5, 3, 0.0, 0.0),
    (10, 2.0, 3, 0.0, 0.0),
    (10, 10.0, 3, 2.0, 0.0),
    (20, 2.0, 1, 2.0, 0.2),
    (30, 2.0, 3, 2.0, 0.1),
    (50, 0.3, 1, 0.0, 0.0),
    (50, 1.0, 1, 0.0, 0.0),
    (50, 1.0, 5, 1.0, 0.15),
]


@pytest.mark.long
@pytest.mark.parametrize(("points", "apart", "seeds", "slope", "error"), CASES)
def test_words_probabilities_and_volumes_are_kept(
    points: int, apart: float, seeds: int, slope: float, error: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uncertain, "DRAWS", 500)  # for a thousand tables
    stated: list[float] = []
    member: list[bool] = []
    inside: list[bool] = []
    for number in range(1000):
        rng = np.random.default_rng(number)
        latency = np.exp(rng.uniform(np.log(10), np.log(200), points))
        true = 0.6 + slope * SD * np.log(latency / 45) + rng.normal(0, apart * SD, points)
        scores = rng.normal(true[:, None], SD, (points, seeds))
        spread = pooled_spread(scores if seeds > 1 else rng.normal(0, SD, (4, 3)))  # of one seed: that of four others
        told = latency * np.exp(rng.normal(0, error, points))
        off = float(np.exp(NINETY * error))
        seen = [
            Noisy(mean, seeds, ms, ms / off, ms * off)
            for mean, ms in zip(scores.mean(axis=1).tolist(), told.tolist(), strict=True)
        ]
        real = list(zip(true.tolist(), latency.tolist(), strict=True))
        judged = (told > told.min()) | (error > 0)  # the fastest is on the front by itself
        chances = [one.probability or 0.0 for one in membership(seen, spread)]
        stated += np.array(chances)[judged].tolist()
        member += np.array(front(real, WAYS))[judged].tolist()
        volume = noisy_hypervolume(seen, spread, (0.57, 300.0))
        assert volume is not None
        inside.append(volume.low <= hypervolume(real, WAYS, (0.57, 300.0)) <= volume.high)
    chance, on = np.array(stated), np.array(member, dtype=bool)
    certain, dominated = on[chance >= 0.95], on[chance <= 0.05]
    tenth = np.minimum((10 * chance).astype(int), 9)
    gaps = [abs(float((chance - on)[tenth == i].sum())) for i in range(10)]
    assert dominated.mean() <= 0.05
    if apart * np.sqrt(seeds) > 1:
        assert certain.mean() >= 0.95
        assert sum(gaps) / len(on) <= 0.04
        assert np.mean(inside) >= 0.85
    else:  # Truths scatter no more than their means err: little can be told, and little is.
        assert (~certain).sum() <= 0.001 * len(on)
        assert sum(gaps) / len(on) <= 0.10
        assert np.mean(inside) >= 0.70
