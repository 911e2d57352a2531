"""mIoU's own error in a report: how far a variant's nets would score elsewhere, and how far a difference would move."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from rdslab.records import ImageCounts
from rdslab.report.frame import Results, unique
from rdslab.report.words import points
from rdslab.stats.images import OverImages, over_images

SENTENCES = ("On other images of the kind", "How far an mIoU is off by the choice of images")  # how they begin
COLUMNS = (
    "miou_images_low",
    "miou_images_high",
    "difference_images_low",
    "difference_images_high",
    "drawn_images",
)


@lru_cache(maxsize=512)
def variant_over_images(results: Results, variant: str) -> OverImages:
    """The variant's mean mIoU with its interval over the validation images, its nets as they are trained."""
    return over_images([*_counts(results, variant).values()])


@lru_cache(maxsize=512)
def difference_over_images(results: Results, variant: str) -> OverImages:
    """The mean difference to the variant's base over the seeds that both have, with its interval over the images."""
    base = results.base_of(variant)
    ours, theirs = _counts(results, variant), _counts(results, base)
    shared = sorted(ours.keys() & theirs.keys())
    if not base:
        return OverImages(why="the variant has no base")
    return over_images([ours[seed] for seed in shared], [theirs[seed] for seed in shared])


@lru_cache(maxsize=512)
def _counts(results: Results, variant: str) -> dict[int, ImageCounts]:
    """By seed, of finished trials."""
    own = [t for t in results.by_variant.get(variant, ()) if t.get("state") == "done" and t["slot"] in results.counts]
    return {int(trial["seed"]): ImageCounts(**results.counts[trial["slot"]]) for trial in own}


def image_columns(results: Results, variant: str) -> dict[str, Any]:
    """The variant's cells of variants.csv that are a matter of images."""
    mean, difference = variant_over_images(results, variant), difference_over_images(results, variant)
    return dict(zip(COLUMNS, (mean.low, mean.high, difference.low, difference.high, mean.units), strict=True))


def image_sentences(results: Results) -> list[str]:
    """How far mIoU is off by the choice of images, and how far differences are; none without counts of images."""
    if not results.counts:
        return []
    found = [variant_over_images(results, variant) for variant in results.variants]
    widths = _half_widths(found)
    if not widths:
        return [f"{SENTENCES[1]} cannot be told: {_reasons(found)}."]
    units = unique(one.units for one in found if one.low is not None)
    said = f"{SENTENCES[0]} a variant's nets would score within {_span(widths)} of what they do (95 %, "
    said += f"bootstrap over {' or '.join(units)}"
    said += "; other clips may differ more)." if all("clips" not in unit for unit in units) else ")."
    differences = _half_widths(difference_over_images(results, variant) for variant in results.variants)
    if differences:
        said += f" Differences to the base, of the same images for both, would lie within {_span(differences)}."
    return [said]


def _half_widths(found: Any) -> list[float]:
    return [(one.high - one.low) / 2 for one in found if one.low is not None and one.high is not None]


def _span(widths: Sequence[float]) -> str:
    ends = unique(points(width, sign=False) for width in (min(widths), max(widths)))
    return f"{' to '.join(ends)} points"


def _reasons(found: Sequence[OverImages]) -> str:
    return "; ".join(unique(one.why for one in found if one.why))
