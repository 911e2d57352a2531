"""Draws a Pareto plot: points with bars, the front as steps, and labels that do not overlap."""

import math
from dataclasses import replace
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import Bbox

from rdslab.report.frame import records
from rdslab.report.front import INTERVALS, MOST_NAMED, FrontPlot
from rdslab.report.labels import Floats, Placement, Scene, place
from rdslab.report.style import (
    BLUE,
    COLUMN_WIDTH,
    INK,
    MUTED,
    TEXT_WIDTH,
    VERMILLION,
    canvas,
    nothing,
    short,
    shortened,
    styled,
)

LABEL_SIZE, KEY_SIZE, LONGEST = 7.0, 6.5, 34
LOG_FROM = 12.0  # the largest cost over the smallest, from which on the axis is logarithmic
MARKER = 5.5  # points across
MOST_LABELLED = 120
FRONT = "#a6cde6"  # the front: a light band, so that bars are seen on it


@styled()
def draw_front(plot: FrontPlot, width: float = TEXT_WIDTH) -> Figure:
    """The figure, `width` inches wide. Names stand beside the points; if they cannot, numbers do."""
    height = 0.42 * width + 1.1
    if plot.frame.empty:
        return nothing(width, "no variant has both figures")
    labelled = replace(plot, frame=_labelled(plot.frame))
    frame = labelled.frame
    named = len(frame) <= MOST_NAMED * min(width, TEXT_WIDTH) / TEXT_WIDTH
    while True:
        figure, axes = canvas(width, height)
        _scene(axes, plot, width)
        numbers = [str(i + 1) for i in range(len(frame))]
        texts = [*shortened(frame["variant"], LONGEST)] if named else numbers
        if not named:
            _key(figure, list(frame["variant"]), width, height)
        clashes = _label(figure, axes, labelled, texts)
        if not (named and clashes):
            return figure
        named = False


def _labelled(frame: pd.DataFrame) -> pd.DataFrame:
    """The points that have a label, bars and seeds: all, or of very many those on the front and the bases."""
    return frame if len(frame) <= MOST_LABELLED else frame[frame["on_front"] | frame["is_base"]]


def _scene(axes: Axes, plot: FrontPlot, width: float) -> None:
    frame = plot.frame
    axes.grid(True)
    _limits(axes, plot)
    for kind in dict.fromkeys(frame["kind"]):
        _front_line(axes, frame[(frame["kind"] == kind) & frame["on_front"]], kind)
    labelled = _labelled(frame)
    rest = frame[~frame.index.isin(labelled.index)]
    for kind, own in rest.groupby("kind"):
        face = "white" if kind == "predicted" else MUTED
        axes.plot(
            own["cost"], own["miou"], "o", ms=2.2, mfc=face, mec=MUTED, mew=0.5, alpha=0.6, zorder=1.6, rasterized=True
        )
    for row in records(labelled):
        _point(axes, row, faint=plot.crowded)
    kinds = [kind for kind in INTERVALS if kind in set(frame["kind"])]
    columns = len(kinds) if width > COLUMN_WIDTH else 1  # in a paper's column the legend stands between title and plot
    _legend(axes, kinds, columns)
    axes.set(xlabel=fill(plot.xlabel, int(14 * width)), ylabel="mIoU (%)")
    pad = 4 if width > COLUMN_WIDTH else 6 + 1.6 * KEY_SIZE * len(kinds)
    axes.set_title(fill(_counted(plot), int(17 * width)), loc="left", fontsize=6.5, color=MUTED, pad=pad)


def _counted(plot: FrontPlot) -> str:
    counts = sorted(set(plot.frame["n"]))
    n = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    return f"{n} seeds, bars: {plot.bars}" if plot.bars else f"{n} seed"


def _legend(axes: Axes, kinds: list[str], columns: int) -> None:
    """Above the plot: what a hollow mark is and what a filled one, and what their bars."""
    for kind in kinds:
        face = "white" if kind == "predicted" else MUTED
        words = f"{kind}, bar: {INTERVALS[kind]}"
        axes.errorbar([], [], xerr=[], fmt="o", color=MUTED, lw=0.8, mfc=face, mew=1.2, ms=MARKER, label=words)
    if kinds:
        axes.legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2, ncols=columns, fontsize=KEY_SIZE,
            labelcolor=MUTED, handletextpad=0.4,
        )  # fmt: skip


def _limits(axes: Axes, plot: FrontPlot) -> None:
    frame = plot.frame
    low, high = frame["cost_low"].fillna(frame["cost"]), frame["cost_high"].fillna(frame["cost"])
    least, most = float(low.min()), float(high.max())
    if least > 0 and most / least > LOG_FROM:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        room = (most / least) ** 0.1
        axes.set_xlim(least / room, most * room)
    else:
        room = 0.1 * (most - least) or 0.1 * abs(most) or 1.0
        axes.set_xlim(least - room, most + room)
    seeds = [v for row in frame["seeds"] for v in row]
    bars = [*frame["bar_low"].dropna(), *frame["bar_high"].dropna()]
    bottom, top = min([*seeds, *bars, *frame["miou"]]), max([*seeds, *bars, *frame["miou"]])
    room = 0.1 * (top - bottom) or 1.0
    axes.set_ylim(bottom - room, top + room)


def _front_line(axes: Axes, members: pd.DataFrame, kind: str) -> None:
    """From each member rightwards to the next, then up: what is best for a given cost."""
    if members.empty:
        return
    by_cost = members.sort_values(["cost", "miou"])
    x = [by_cost["cost"].iloc[0], *by_cost["cost"], axes.get_xlim()[1]]
    y = [axes.get_ylim()[0], *by_cost["miou"], by_cost["miou"].iloc[-1]]
    axes.step(x, y, where="post", color=FRONT, linewidth=2.0, zorder=1.5, gid=f"front-{kind}")


def _point(axes: Axes, row: Any, *, faint: bool) -> None:
    colour = VERMILLION if row["is_base"] else BLUE if row["on_front"] else MUTED
    if math.isfinite(row["bar_low"]):
        axes.plot(
            [row["cost"]] * 2, [row["bar_low"], row["bar_high"]], color=colour, linewidth=0.8, alpha=0.55, zorder=3
        )
    if math.isfinite(row["cost_low"]):
        alpha = 0.25 if faint else 0.45
        axes.plot([row["cost_low"], row["cost_high"]], [row["miou"]] * 2, color=colour, lw=0.8, alpha=alpha, zorder=2)
    if row["n"] > 1:
        axes.plot(
            [row["cost"]] * row["n"], row["seeds"], "_", color=colour, markersize=4.5, mew=0.8, alpha=0.6, zorder=3
        )
    face = "white" if row["kind"] == "predicted" else colour
    shape = "D" if row["is_base"] else "o"
    size = MARKER - 0.7 * row["is_base"]
    axes.plot(
        row["cost"], row["miou"], shape, ms=size, mfc=face, mec=colour, mew=1.2, zorder=4.5 if row["is_base"] else 4
    )


def _key(figure: Figure, names: list[str], width: float, height: float) -> None:
    """The names by number below the axes, in as many columns as their lengths allow; the figure grows by their rows."""
    longest = max(len(name) for name in names)
    letters = int((width - 0.2) * 72 / (0.57 * KEY_SIZE))  # of one full line
    columns = max(1, min(3, letters // (min(longest, letters - 5) + 6)))
    rows = math.ceil(len(names) / columns)
    foot = (rows + 1) * 1.2 * KEY_SIZE / 72
    figure.set_size_inches(width, height + foot)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0, foot / (height + foot), 1, height / (height + foot)))  # type: ignore[call-arg]
    for column in range(columns):
        lines = enumerate(names[column * rows : (column + 1) * rows], column * rows + 1)
        text = "\n".join(f"{number: >2}  {short(name, letters // columns - 5)}" for number, name in lines)
        figure.text(0.02 + 0.97 * column / columns, (foot - 0.04) / (height + foot), text, va="top", fontsize=KEY_SIZE)


def _label(figure: Figure, axes: Axes, plot: FrontPlot, texts: list[str]) -> int:
    """Writes the labels; the number of those that overlap something."""
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    scene = _obstacles(figure, axes, plot, texts)
    placement = place(scene)
    _write(axes, plot.frame, texts, placement, scene)
    return placement.clashes


def _obstacles(figure: Figure, axes: Axes, plot: FrontPlot, texts: list[str]) -> Scene:
    """What stands in the way of labels, in pixels; `texts` are measured as they will be drawn."""
    frame, point = plot.frame, figure.dpi / 72
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    sizes = []
    for text in texts:
        drawn = axes.text(0, 0, text, fontsize=LABEL_SIZE)
        box = drawn.get_window_extent(renderer)
        drawn.remove()
        sizes.append((box.width + 3 * point, box.height))
    to_pixels = axes.transData.transform
    anchors = to_pixels(frame[["cost", "miou"]].to_numpy(dtype=float))
    half = (MARKER / 2 + 1.0) * point
    bars = [
        _thin(to_pixels([(r["cost"], r["bar_low"]), (r["cost"], r["bar_high"])])) for r in records(frame) if r["n"] > 1
    ]
    if not plot.crowded:
        wide = frame[frame["cost_low"].notna()]
        bars += [_thin(to_pixels([(r["cost_low"], r["miou"]), (r["cost_high"], r["miou"])])) for r in records(wide)]
    lines = [to_pixels(line.get_xydata()) for line in axes.lines if str(line.get_gid()).startswith("front")]
    corners = [_corners(line) for line in lines]
    segments = [np.hstack([c[:-1], c[1:]]) for c in corners]
    box = axes.get_window_extent(renderer)
    inner = Bbox.from_extents(box.x0 + point, box.y0 + 2 * point, box.x1 - point, box.y1)
    return Scene(
        anchors,
        np.array(sizes),
        (inner.x0, inner.y0, inner.x1, inner.y1),
        np.hstack([anchors - half, anchors + half]),
        np.array(bars).reshape(-1, 4),
        np.vstack(segments) if segments else np.empty((0, 4)),
        point,
    )


def _thin(ends: Floats) -> Floats:
    return np.array([*(ends.min(axis=0) - 0.5), *(ends.max(axis=0) + 0.5)])


def _corners(points: Floats) -> Floats:
    """The corners of a line drawn with steps after each point."""
    turns = np.stack([points[1:, 0], points[:-1, 1]], axis=1)
    corners = np.empty((2 * len(points) - 1, 2))
    corners[0::2], corners[1::2] = points, turns
    return corners


def _write(axes: Axes, frame: pd.DataFrame, texts: list[str], placement: Placement, scene: Scene) -> None:
    offsets = (placement.centres - scene.anchors) / scene.point
    for i, row in enumerate(records(frame)):
        at, colour = (row["cost"], row["miou"]), INK if row["on_front"] or row["is_base"] else "#4a4a4a"
        if np.isfinite(placement.leaders[i]).all():
            end = (placement.leaders[i, 2:] - scene.anchors[i]) / scene.point
            line = {"arrowstyle": "-", "color": MUTED, "lw": 0.5, "shrinkA": 0, "shrinkB": MARKER / 2, "alpha": 0.8}
            axes.annotate("", at, tuple(end), textcoords="offset points", arrowprops=line, zorder=3)
        axes.annotate(
            texts[i], at, tuple(offsets[i]), textcoords="offset points", ha="center", va="center",
            fontsize=LABEL_SIZE, color=colour, gid=f"label-{i}", zorder=5, backgroundcolor="none",
        )  # fmt: skip
