"""IoU of every class for every variant, as a table of colours with its numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rdslab.report.chosen import left_out, worth_showing
from rdslab.report.frame import Results, classes_frame
from rdslab.report.style import INK, MUTED, TEXT_WIDTH, canvas, nothing, shortened, styled
from rdslab.report.words import listed, some

COLOURS = "Blues"  # one order in grey print and for every eye
LONGEST = 36


def heat_frame(results: Results) -> pd.DataFrame:
    """Scored variants x classes: mean IoU over the seeds in per cent, NaN where the class occurs in no trial.

    Of many variants those that are worth_showing.
    """
    frame = classes_frame(results)
    frame = frame[(frame["trials"] > 0) & frame["variant"].isin(worth_showing(results))]
    if frame.empty:
        return pd.DataFrame()
    wide = frame.pivot(index="variant", columns="class", values="iou") * 100
    variants = [v for v in results.variants if v in set(frame["variant"])]
    return wide.reindex(index=variants, columns=results.classes)


def heat_caption(results: Results, frame: pd.DataFrame) -> str:
    """What the cells are, and which classes and variants have none."""
    if frame.empty:
        return "No trial has an IoU of any class."
    table = classes_frame(results)
    table = table[table["variant"].isin(frame.index)]
    absent = [str(c) for c in frame.columns if frame[c].isna().all()]
    partly = [str(c) for c in frame.columns if c not in absent and frame[c].isna().any()]
    text = "IoU of each class in per cent, mean over the seeds."
    if absent:
        text += f" Absent (neither in the labels nor predicted, in no mean): {listed(absent)}."
    if partly:
        text += f" Absent for some variants: {listed(partly)}."
    fewer = table[(table["n"] > 0) & (table["n"] < table["trials"])]
    if len(fewer):
        text += f" Over fewer seeds than the rest, where some lack it: {listed(dict.fromkeys(fewer['class']))}."
    shown = worth_showing(results)
    unscored = [v for v in shown if v not in frame.index]
    text += f" Without a score: {some(unscored)}." if unscored else ""
    return text + left_out(shown, results.variants)


@dataclass(frozen=True)
class Shade:
    """A cell of the page's heat map: its number, its colour, and the ink that is read on that."""

    text: str
    background: str
    ink: str


@dataclass(frozen=True)
class HeatTable:
    """Classes as heads, a row a variant; None for a cell without an IoU."""

    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Shade | None]]]


def heat_table(frame: pd.DataFrame) -> HeatTable:
    """The heat map as a table that can be read aloud."""
    rows = [(str(name), [_shade(float(value)) for value in frame.loc[name]]) for name in frame.index]
    return HeatTable(list(map(str, frame.columns)), rows)


def _shade(value: float) -> Shade | None:
    if not math.isfinite(value):
        return None
    colour = colormaps[COLOURS](Normalize(0, 100)(value))
    return Shade(_percent(value), to_hex(colour), "#ffffff" if _luminance(colour) < 0.18 else "#000000")


def _luminance(colour: tuple[float, float, float, float]) -> float:
    """Relative luminance of an sRGB colour, 0..1 (WCAG 2)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _percent(value: float) -> str:
    return f"{value:.1f}" if value < 99.95 else "100"


@styled()
def draw_classes(frame: pd.DataFrame, width: float = TEXT_WIDTH) -> Figure:
    """The heat map, numbers in its cells; absent cells are hatched and hold a dash."""
    if frame.empty:
        return nothing(width, "no IoU of any class")
    rows, columns = frame.shape
    figure, axes = canvas(width, 1.0 + 0.2 * rows)
    values = frame.to_numpy(dtype=float)
    image = np.ma.masked_invalid(values)
    axes.pcolormesh(image, cmap=COLOURS, vmin=0, vmax=100, edgecolors="white", linewidth=1.0)
    names = shortened(map(str, frame.index), LONGEST if width > 5 else 20)
    cell = 72 * (width - 0.2 - 0.06 * max(map(len, names))) / columns  # points across
    size = min(7.0, cell / 2.6)
    for (row, column), value in np.ndenumerate(values):
        _cell(axes, row, column, float(value), size)
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    heads = shortened(map(str, frame.columns), 16)
    turn = 35 if cell > 24 else 60
    axes.set_xticks(np.arange(columns) + 0.5, heads, rotation=turn, ha="left", rotation_mode="anchor")
    axes.set_yticks(np.arange(rows) + 0.5, names)
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def _cell(axes: Axes, row: int, column: int, value: float, size: float) -> None:
    if math.isfinite(value):
        red, green, blue, _ = colormaps[COLOURS](Normalize(0, 100)(value))
        dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5
        text, colour = _percent(value), "white" if dark else INK
    else:
        axes.add_patch(
            Rectangle((column, row), 1, 1, facecolor="#f2f2f2", edgecolor="#bbbbbb", hatch="////", linewidth=0)
        )
        text, colour = "\N{EN DASH}", MUTED
    axes.text(column + 0.5, row + 0.53, text, ha="center", va="center", fontsize=size, color=colour)
