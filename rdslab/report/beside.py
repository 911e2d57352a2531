"""Plots of a study of times: predicted against published, and ratios by device."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from rdslab.report.frame import records, unique
from rdslab.report.latency import IN_SAMPLE, TimesResults, beside_frame, ratio_rows
from rdslab.report.style import INK, MUTED, TEXT_WIDTH, canvas, look, nothing, shortened, styled

COUNTED = "MACs, counted"


def beside_caption(column: Mapping[str, Any]) -> str:
    """What the marks and bars mean."""
    frame = beside_frame(column)
    text = (
        f"Predicted against published milliseconds on {column['device']}, both axes logarithmic; on the line they are "
        "equal. All points are predictions, and so hollow; their bars are 90 % intervals."
    )
    if set(frame["known"]) & set(IN_SAMPLE):
        text += " Faint: in sample, the fit had seen that net at that size or was given the time."
    if frame["network_ms"].notna().any():
        text += " Crosses: predicted by a fit to the other nets' times."
    return text


@styled()
def draw_beside(column: Mapping[str, Any], width: float = TEXT_WIDTH) -> Figure:
    """Predicted against published, log-log, a colour and marker for each net."""
    frame = beside_frame(column)
    frame = frame[frame["predicted_ms"].notna()]
    if frame.empty:
        return nothing(width, "nothing is predicted for this device")
    figure, axes = canvas(width, 0.62 * width)
    values = pd.concat([frame[name].dropna() for name in ("published_ms", "low_ms", "high_ms", "network_ms")])
    low, high = float(values.min()) / 1.15, float(values.max()) * 1.15
    axes.plot([low, high], [low, high], color=MUTED, linewidth=0.8, zorder=1)
    nets = unique(frame["variant"])
    names = shortened(nets, 28)
    for position, net in enumerate(nets):
        colour, marker = look(position)
        own = frame[frame["variant"] == net]
        for row in records(own):
            _point(axes, row, colour, marker)
        axes.plot(
            [], [], marker, mfc="white", mec=colour, mew=1.2, ls="", ms=5.5, label=f"{names[position]}, predicted"
        )
        left_out = own[own["network_ms"].notna()]
        axes.plot(left_out["published_ms"], left_out["network_ms"], "x", color=colour, ms=5, mew=1.1, zorder=4)
    if frame["network_ms"].notna().any():
        axes.plot([], [], "x", color=INK, ls="", ms=5, label="predicted by a fit to the other nets")
    _log(axes, low, high)
    axes.set(xlabel="Published (ms)", ylabel="Predicted (ms)")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0)
    return figure


def _point(axes: Axes, row: Any, colour: str, marker: str) -> None:
    alpha = 0.45 if row["known"] in IN_SAMPLE else 1.0
    x, y = row["published_ms"], row["predicted_ms"]
    if math.isfinite(row["low_ms"]):
        axes.plot([x, x], [row["low_ms"], row["high_ms"]], color=colour, lw=1.0, alpha=0.6 * alpha, zorder=2)
    axes.plot(x, y, marker, ms=5.5, mfc="white", mec=colour, mew=1.2, alpha=alpha, zorder=3)


def _log(axes: Axes, low: float, high: float) -> None:
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
    axes.grid(True)
    axes.set_aspect("equal")


def ratio_caption(results: TimesResults) -> str:
    """What the ratio plot shows."""
    text = "The ratios of multiply-accumulates above, below them those of times, a row a device and form."
    kinds = {kind for _, _, kind in results.places}
    if "predicted" in kinds:
        text += " Hollow: predicted."
    if "measured" in kinds:
        text += " Filled: measured, its bar from the least to the most of the ratios of single blocks of runs."
    return text


@styled()
def draw_ratios(results: TimesResults, width: float = TEXT_WIDTH) -> Figure:
    """A row for MACs and each device and form, a mark for each line of the table of ratios."""
    rows = [row for row in ratio_rows(results) if row["places"]]
    if not rows:
        return nothing(width, "no ratio has both of its times")
    places = results.places
    figure, axes = canvas(width, 1.0 + 0.2 * len(rows) + (0.12 + 0.05 * len(rows)) * (len(places) + 1))
    for index, row in enumerate(rows):
        colour, marker = look(index)
        offset = 0.7 * ((index + 0.5) / len(rows) - 0.5)
        _ratio(axes, offset, (row["macs"], math.nan, math.nan), colour, marker, hollow=False)
        for at, place in enumerate(places, 1):
            if place in row["places"]:
                _ratio(axes, at + offset, row["places"][place], colour, marker, hollow=place[2] == "predicted")
        name = row["name"] if len(results.sizes) == 1 else f"{row['name']}, {row['size']}"
        axes.plot([], [], marker, color=colour, ls="", ms=5, label=name)
    axes.set_yticks(range(len(places) + 1), shortened([COUNTED, *map(", ".join, places)], 48))
    axes.set_ylim(len(places) + 0.5, -0.5)
    axes.axhline(0.5, color=MUTED, lw=0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
    axes.axvline(1.0, color=MUTED, lw=0.8, zorder=1)
    axes.set_xlabel("Ratio")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2, fontsize=7)
    return figure


def _ratio(axes: Axes, y: float, ratio: tuple[float, float, float], colour: str, marker: str, *, hollow: bool) -> None:
    middle, low, high = ratio
    if math.isfinite(low):
        axes.plot([low, high], [y, y], color=colour, lw=1.0, alpha=0.7, zorder=2)
    axes.plot(middle, y, marker, ms=4.5, mfc="white" if hollow else colour, mec=colour, mew=1.1, zorder=3)
