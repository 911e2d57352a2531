"""mIoU's own error: what is drawn anew, and how often the interval holds the mIoU of all images there could be."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from rdslab.records import ImageCounts
from rdslab.stats.images import over_images

SHARES = np.array([0.4, 0.3, 0.15, 0.1, 0.04, 0.01])  # of the pixels, by class
EASE = np.array([2.5, 2.0, 1.5, 1.0, 0.5, 0.0])  # log odds that a pixel of a class is right
BETTER = 0.1  # of the second net
REPETITIONS = 300


def drawn(
    rng: np.random.Generator, clips: int, images: int, clip_sd: float, image_sd: float, alike: float
) -> list[ImageCounts]:
    """Two nets on the same images: clips differ in what they show and how hard it is, neighbours less so."""
    k, names, rows = len(SHARES), [], []
    for clip in range(clips):
        share, of_clip = rng.dirichlet(30 * SHARES) if clip_sd else SHARES, rng.normal(0, clip_sd, k)
        of_image = rng.normal(0, image_sd, k)
        for _ in range(images):
            of_image = alike * of_image + math.sqrt(1 - alike**2) * rng.normal(0, image_sd, k)
            labelled = np.round(10_000 * rng.dirichlet(20 * share + 1e-3))
            odds = [EASE + better + of_clip + of_image + rng.normal(0, 0.2, k) for better in (0.0, BETTER)]
            right = [np.round(labelled / (1 + np.exp(-one))) for one in odds]
            said = [one + np.round(((labelled - one).sum() - (labelled - one)) / (k - 1)) for one in right]
            names.append(f"clip{clip}")
            rows.append((labelled, right, said))
    images_of = tuple(map(str, range(len(names))))
    nets = []
    for n in (0, 1):
        parts = ([right[n] for _, right, _ in rows], [row[0] for row in rows], [said[n] for *_, said in rows])
        nets.append(ImageCounts(images_of, tuple(names), *map(_plain, parts)))
    return nets


def _plain(rows: list[NDArray[np.float64]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(value) for value in row) for row in rows)


@pytest.mark.long
@pytest.mark.parametrize(
    ("clips", "images", "clip_sd", "image_sd", "alike"),
    [
        (12, 8, 0.5, 0.5, 0.0),
        (6, 15, 0.5, 0.5, 0.0),
        (1, 62, 0.0, 0.7, 0.0),
        (1, 62, 0.0, 0.7, 0.6),
        (3, 20, 0, 0.7, 0.3),
    ],
)
def test_intervals_over_images_hold_the_truth(
    clips: int, images: int, clip_sd: float, image_sd: float, alike: float
) -> None:
    many = drawn(np.random.default_rng(99), 3000, 10, clip_sd, image_sd, 0.0)
    truth = [over_images([net]).mean for net in many]
    assert truth[0] is not None
    assert truth[1] is not None
    rng, inside, told = np.random.default_rng(1), 0, 0
    for _ in range(REPETITIONS):
        base, better = drawn(rng, clips, images, clip_sd, image_sd, alike)
        mean, difference = over_images([base]), over_images([better], [base])
        assert mean.low is not None
        assert mean.high is not None
        assert difference.low is not None
        assert difference.high is not None
        inside += mean.low <= truth[0] <= mean.high
        told += difference.low <= truth[1] - truth[0] <= difference.high
    assert min(inside, told) >= 0.90 * REPETITIONS
    assert max(inside, told) <= 0.985 * REPETITIONS


def two() -> list[ImageCounts]:
    return drawn(np.random.default_rng(0), 6, 4, 0.5, 0.5, 0.0)


def test_the_mean_is_the_miou_of_the_whole_split_averaged_over_the_nets() -> None:
    nets = two()
    each = []
    for net in nets:
        right, labelled, said = (np.array(part).sum(axis=0) for part in (net.right, net.labelled, net.said))
        each.append(float((right / (labelled + said - right)).mean()))
    assert over_images(nets).mean == pytest.approx(sum(each) / 2, abs=1e-12)
    assert over_images(nets[1:], nets[:1]).mean == pytest.approx(each[1] - each[0], abs=1e-12)


def test_a_net_against_itself_differs_by_nothing_on_any_images() -> None:
    found = over_images(two()[:1], two()[:1])
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)


def test_a_difference_is_surer_than_either_mean() -> None:
    base, better = two()
    found = [over_images([base]), over_images([better], [base])]
    widths = [(one.high or 0) - (one.low or 0) for one in found]
    assert 0 < widths[1] < widths[0] / 2


def images_in(*clips: str) -> ImageCounts:
    rows = tuple((10 + i, 5) for i in range(len(clips)))
    return ImageCounts(tuple(map(str, range(len(clips)))), clips, rows, tuple((r[0] + 3, r[1] + 2) for r in rows), rows)


def test_whole_clips_are_drawn_where_there_are_five_else_stretches_of_neighbours() -> None:
    assert over_images([images_in(*"aabbccddee")]).units == "5 clips"
    assert over_images([images_in(*("a" * 36))]).units == "6 stretches of 6 images"
    assert over_images([images_in(*("a" * 30), *("b" * 6))]).units == "6 stretches of 6 images"


def test_the_order_of_the_images_does_not_matter_to_clips() -> None:
    rows = dict(zip(range(10), images_in(*"aabbccddee").labelled, strict=True))
    order = (0, 2, 4, 6, 8, 9, 7, 5, 3, 1)  # the last image is of the first clip
    labelled, right = (tuple(rows[i] for i in order), tuple((rows[i][0] - 3, rows[i][1] - 2) for i in order))
    mixed = ImageCounts(tuple(map(str, order)), tuple("aabbccddee"[i] for i in order), right, labelled, right)
    found, sorted_by_clip = over_images([mixed]), over_images([images_in(*"aabbccddee")])
    assert (found.units, found.mean) == (sorted_by_clip.units, pytest.approx(sorted_by_clip.mean))
    assert (found.low, found.high) == (pytest.approx(sorted_by_clip.low), pytest.approx(sorted_by_clip.high))


def test_what_cannot_be_told_says_why() -> None:
    few = over_images([images_in("a", "a", "b")])
    assert (few.low, few.mean is None) == (None, False)
    assert "too few" in few.why
    assert over_images([]).why == "no counts of single images are stored"
    assert (
        over_images([images_in(*"aabb"), images_in(*"aaab"), images_in("a")]).why
        == "the nets were scored on different images"
    )
    void = ImageCounts(("0",), ("a",), ((0, 0),), ((0, 0),), ((0, 0),))
    assert over_images([void]).why == "no pixel is labelled"
    nothing = ImageCounts((), (), (), (), ())
    assert over_images([nothing]).why == "no image was scored"


def test_a_class_that_no_image_has_counts_in_no_mean() -> None:
    def without(counts: ImageCounts, change: Callable[[tuple[int, ...]], tuple[int, ...]]) -> ImageCounts:
        parts = (tuple(map(change, part)) for part in (counts.right, counts.labelled, counts.said))
        return ImageCounts(counts.images, counts.clips, *parts)

    known = images_in(*"abcdef")
    absent = without(known, lambda row: (*row, 0))
    assert over_images([absent]) == over_images([known])
