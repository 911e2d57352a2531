"""The forest plot: each variant's mean difference to its base, with its interval and its n."""

import math
from textwrap import fill
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rdslab.report.chosen import left_out, worth_showing
from rdslab.report.frame import Results, records, unique
from rdslab.report.style import BLUE, MUTED, TEXT_WIDTH, canvas, nothing, short, shortened, styled
from rdslab.report.variants import variants_frame
from rdslab.report.words import base_words, points, points_interval

LEVEL = 0.05  # of the whole table, after Holm's correction
LONGEST = 44
IMAGES = ("images_low", "images_high")  # 95 %, over the validation images
BESIDE = ("p_permutation", "effect_size")
HIGHER, LOWER, UNTOLD, TWINS, UNKNOWN = "higher", "lower", "not told apart", "seeds only", "no interval"


def differences_frame(results: Results) -> pd.DataFrame:
    """One row a variant that has a base, in the study's order; differences of mIoU as shares of 1.

    Columns: variant, base, n (pairs), difference, low, high (95 %, uncorrected), images_low, images_high, p, p_holm,
    p_permutation, effect_size, excludes_zero, verdict:
    `higher` or `lower` only where Holm's p is below 5 %; `seeds only` for a variant that computes the base's class of
    functions; `no interval` where there are too few pairs; else `not told apart`.
    """
    frame = variants_frame(results)
    columns = [
        "variant",
        "base",
        "n",
        "difference",
        "low",
        "high",
        *IMAGES,
        "p",
        "p_holm",
        *BESIDE,
        "excludes_zero",
        "verdict",
    ]
    rows = []
    twins = {base: _twins(frame, base) for base in unique(frame["base"]) if base}
    for r in records(frame[frame["base"] != ""]):
        low, high = r["difference_low"], r["difference_high"]
        excludes = None if math.isnan(low) else bool(low > 0 or high < 0)
        row = {"variant": r["variant"], "base": r["base"], "n": r["n_pairs"], "difference": r["difference"]}
        row |= {"low": low, "high": high}
        twin = r["variant"] in twins[r["base"]]
        verdict = TWINS if twin else _verdict(r["difference"], r["p_holm"])
        row |= {"images_low": r["difference_images_low"], "images_high": r["difference_images_high"]}
        row |= {name: r[name] for name in ("p", "p_holm", *BESIDE)}
        rows.append(row | {"excludes_zero": excludes, "verdict": verdict})
    return pd.DataFrame(rows, columns=columns).astype({"excludes_zero": "object"})


def _twins(frame: pd.DataFrame, base: str) -> set[str]:
    own = frame.loc[frame["variant"] == base, "canonical_id"].iloc[0]
    return set(frame.loc[(frame["canonical_id"] == own) & (own != ""), "variant"])


def _verdict(difference: float, p_holm: float) -> str:
    if math.isnan(p_holm):
        return UNKNOWN
    if p_holm >= LEVEL:
        return UNTOLD
    return HIGHER if difference > 0 else LOWER


def differences_caption(results: Results, frame: pd.DataFrame) -> str:
    """What the forest plot shows and what its marks mean."""
    if frame.empty:
        return "The study names no base among its variants, so there are no differences."
    shown, every = drawn_differences(results, frame), list(frame["variant"])
    known = frame[frame["n"] > 0]
    counts = sorted({int(n) for n in known["n"]}) or [0]
    pairs = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return (
        f"Difference of mIoU to {base_words(results)}, in percentage points: mean over n = {pairs} pairs "
        "of the same seed, with the paired 95 % t interval (each on its own, not corrected for their number). Filled: "
        "below 5 % for the whole table (paired t test, Holm's correction); hollow: not told from the seeds."
        f"{left_out(list(shown['variant']), every)}"
    )


def drawn_differences(results: Results, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the forest plot: all, or of many those of the variants that are worth_showing."""
    return frame[frame["variant"].isin(worth_showing(results))]


@styled()
def draw_differences(frame: pd.DataFrame, width: float = TEXT_WIDTH) -> Figure:
    """The forest plot, in the study's order from above; figures at the right."""
    if frame.empty or frame["difference"].isna().all():
        return nothing(width, "no differences to show")
    figure, axes = canvas(width, 0.75 + 0.185 * max(len(frame), 3))
    axes.axvline(0, color=MUTED, linewidth=0.8, zorder=1)
    for place, row in enumerate(records(frame)):
        _line(axes, place, row["difference"], row["low"], row["high"], filled=row["verdict"] in (HIGHER, LOWER))
    axes.set_yticks(range(len(frame)), shortened(frame["variant"], LONGEST if width > 5 else 22))
    axes.set_ylim(len(frame) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")
    bases = unique(frame["base"])
    base = short(bases[0], LONGEST) if len(bases) == 1 else "its base"
    axes.set_xlabel(fill(f"mIoU minus that of {base} (percentage points)", int(14 * width)))
    _figures(axes, frame, with_interval=width > 5)
    return figure


def _line(axes: Axes, place: int, mean: float, low: float, high: float, *, filled: bool) -> None:
    colour = BLUE if filled else MUTED
    if math.isfinite(low):
        axes.plot([100 * low, 100 * high], [place, place], color=colour, linewidth=1.2, solid_capstyle="butt", zorder=2)
    if math.isfinite(mean):
        face = colour if filled else "white"
        axes.plot(100 * mean, place, "o", markersize=4.6, mfc=face, mec=colour, mew=1.1, zorder=3)


def _figures(axes: Axes, frame: pd.DataFrame, *, with_interval: bool) -> None:
    """Difference, interval and n in columns right of the axes, where no mark can lie under them."""
    heads = {"difference": 46, "95 % interval": 118, "n": 134}  # points right of the axes
    if not with_interval:  # in a paper's column the bars must say it
        heads = {"difference": 42, "n": 56}
    side: Any = axes.get_yaxis_transform()
    for head, x in heads.items():
        axes.annotate(head, (1, -1), (x, 0), side, "offset points", ha="right", va="center", fontsize=6.5, color=MUTED)
    for place, row in enumerate(records(frame)):
        interval = points_interval(row["low"], row["high"])
        cells = {"difference": points(row["difference"]), "95 % interval": interval, "n": str(row["n"])}
        for head, x in heads.items():
            axes.annotate(cells[head], (1, place), (x, 0), side, "offset points", ha="right", va="center", fontsize=7)
