"""Learning curves: validation mIoU by epoch, one line a variant, its seeds faint behind it."""

import math
from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rdslab.report.chosen import left_out, worth_showing
from rdslab.report.frame import Results, history_frame
from rdslab.report.style import BLUE, INK, LOOKS, MUTED, TEXT_WIDTH, canvas, look, nothing, shortened, styled
from rdslab.report.words import base_words, some

TOGETHER = len(LOOKS)  # more variants than looks get a panel each
LONGEST = 30


def curves_frame(results: Results) -> pd.DataFrame:
    """One row a variant, seed and epoch with a known mIoU: variant, seed, epoch, miou (per cent), mean.

    The mean is over the seeds, of those epochs that every seed of the variant has; else NaN. Of many variants those
    that are worth_showing.
    """
    history = history_frame(results)
    history = history[history["variant"].isin(worth_showing(results))]
    frame = history.loc[history["miou"].notna() & history["epoch"].notna(), ["variant", "seed", "epoch", "miou"]].copy()
    frame["miou"] *= 100
    by_epoch = frame.groupby(["variant", "epoch"])["miou"]
    complete = by_epoch.transform("count") == frame.groupby("variant")["seed"].transform("nunique")
    frame["mean"] = by_epoch.transform("mean").where(complete)
    return frame.reset_index(drop=True)


def curves_caption(results: Results, frame: pd.DataFrame) -> str:
    """What the curves show, and whose are missing."""
    shown, curved = worth_showing(results), set(frame["variant"])
    absent = [v for v in shown if v not in curved]
    text = "Validation mIoU by epoch: the mean over the seeds, each seed faint behind it."
    if len(curved) > TOGETHER:
        text += f" One panel a variant, on common axes; dashed: {base_words(results)}." if results.bases else ""
    text += f" Without a history: {some(absent)}." if absent else ""
    return text + left_out(shown, results.variants)


@styled()
def draw_curves(frame: pd.DataFrame, base_of: Mapping[str, str], width: float = TEXT_WIDTH) -> Figure:
    """All in one panel with their names at the lines' ends, or from nine variants on a panel each.

    `base_of` has every variant in the study's order with its base, "" for none.
    """
    variants = list(base_of)
    curved = set(frame["variant"])
    shown = [v for v in variants if v in curved]
    if not shown:
        return nothing(width, "no learning curves are stored")
    if len(shown) > TOGETHER:
        return _panels(frame, shown, base_of, width)
    figure, axes = canvas(width, 0.5 * width)
    axes.grid(True)
    ends = []
    for variant in shown:
        colour, marker = look(variants.index(variant))
        last = _lines(axes, frame[frame["variant"] == variant], colour, marker)
        ends.append((variant, colour, *last))
    axes.set(xlabel="Epoch", ylabel="Validation mIoU (%)")
    _tight(axes, frame)
    _end_labels(axes, ends, 0.5 * width - 0.5)
    return figure


def _lines(axes: Axes, own: pd.DataFrame, colour: str, marker: str) -> tuple[float, float]:
    """Seeds and mean; the mean's last point."""
    seeds = list(own.groupby("seed"))
    for _, one in seeds if len(seeds) > 1 else ():
        axes.plot(one["epoch"], one["miou"], color=colour, linewidth=0.6, alpha=0.35, zorder=2)
    mean = own.dropna(subset=["mean"]).drop_duplicates("epoch").sort_values("epoch")
    mean = mean if len(mean) else own.sort_values("epoch").assign(mean=lambda f: f["miou"])
    marked = list(range(len(mean) - 1, -1, -max(1, len(mean) // 6)))  # the last epoch is marked
    axes.plot(
        mean["epoch"], mean["mean"], color=colour, marker=marker, markevery=marked, ms=3.8, zorder=3, clip_on=False
    )
    return float(mean["epoch"].iloc[-1]), float(mean["mean"].iloc[-1])


def _tight(axes: Axes, frame: pd.DataFrame) -> None:
    low, high = float(frame["epoch"].min()), float(frame["epoch"].max())
    axes.set_xlim(low - 0.5, high + 0.5) if low == high else axes.set_xlim(low, high)
    room = 0.05 * float(frame["miou"].max() - frame["miou"].min()) or 1.0
    axes.set_ylim(max(0.0, float(frame["miou"].min()) - room), float(frame["miou"].max()) + room)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def _end_labels(axes: Axes, ends: list[tuple[str, str, float, float]], height: float) -> None:
    """Names right of the axes, at the heights of the lines' ends, moved apart where they would touch."""
    bottom, top = axes.get_ylim()
    line = 9.5 / 72 / max(height, 0.5) * (top - bottom)  # one line of text, in data units
    ordered = sorted(ends, key=lambda end: (end[3], end[0]))
    heights = spread([end[3] for end in ordered], line)
    names = shortened([end[0] for end in ordered], LONGEST)
    for (_, colour, x, y), name, at in zip(ordered, names, heights, strict=True):
        axes.annotate(
            name, (x, y), (1.025, (at - bottom) / (top - bottom)), textcoords="axes fraction", color=INK,
            va="center", fontsize=7.5, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.8, "shrinkA": 0, "shrinkB": 1, "relpos": (0, 0.5)},
        )  # fmt: skip


def spread(heights: list[float], gap: float) -> list[float]:
    """Rising heights, moved as little as can be until neighbours are `gap` apart.

    Least squares, by pooling adjacent violators (Ayer et al. 1955).
    """
    groups: list[tuple[float, int]] = []  # mean of height - rank * gap, and how many share it
    for rank, height in enumerate(heights):
        level, size = height - rank * gap, 1
        while groups and groups[-1][0] > level:
            mean, n = groups.pop()
            level, size = (mean * n + level * size) / (n + size), n + size
        groups.append((level, size))
    levels = [level for level, size in groups for _ in range(size)]
    return [level + rank * gap for rank, level in enumerate(levels)]


def _panels(frame: pd.DataFrame, shown: list[str], base_of: Mapping[str, str], width: float) -> Figure:
    columns = 4 if width > 5 else 2
    rows = math.ceil(len(shown) / columns)
    figure, first = canvas(width, 0.45 + rows * width / columns * 0.72)
    first.remove()
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    means = frame.dropna(subset=["mean"]).drop_duplicates(["variant", "epoch"]).sort_values("epoch")
    names = shortened(shown, int(width / columns * 14))
    for place, axes in enumerate(grid.flat):
        if place >= len(shown):
            axes.set_visible(False)
            continue
        of_base = means[means["variant"] == base_of[shown[place]]]
        if len(of_base):
            axes.plot(of_base["epoch"], of_base["mean"], color=MUTED, linewidth=0.9, linestyle=(0, (3, 2)), zorder=2)
        _lines(axes, frame[frame["variant"] == shown[place]], BLUE if base_of[shown[place]] else INK, "")
        axes.set_title(names[place], fontsize=7, loc="left", pad=3)
        axes.grid(True)
        axes.tick_params(labelsize=6.5, labelbottom=place + columns >= len(shown))
    _tight(grid[0, 0], frame)
    figure.supxlabel("Epoch", fontsize=8)
    figure.supylabel("Validation mIoU (%)", fontsize=8)
    return figure
