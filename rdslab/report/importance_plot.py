"""The bar plot of importances: a group of bars a gene, a bar an objective."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rdslab.report.frame import records, unique
from rdslab.report.importance import LIMITS, TOLD
from rdslab.report.style import INK, LOOKS, TEXT_WIDTH, canvas, nothing, shortened, styled
from rdslab.stats.importance import SHUFFLES

MOST_GENES = 20
# On black no line is seen, and a dark page's blue is the light one.
COLOURS = [colour for colour, _ in LOOKS if colour not in ("#000000", "#56B4E9")]
BAR, GAP = 0.085, 0.11  # inches: of a bar, and between genes


def importance_caption(frame: pd.DataFrame) -> str:
    """What the bars are, which of them may be read, and what they cannot say."""
    counts = sorted(set(frame["n"]))
    nets = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    every = len(_genes(frame, len(frame)))
    left_out = f" Shown: {MOST_GENES} of {every} genes; the table holds all." if every > MOST_GENES else ""
    return (
        "Each gene's share of the importance of all genes, for an objective at a time: the best of "
        f"{nets} nets against all of them (PED-ANOVA, Watanabe et al. 2023; the best: a tenth of them, or ten). "
        "Front: the best are those that fewest nets beat in both. Filled: told from chance (p below "
        f"{100 * TOLD:.0f} % over all genes of the objective, by {SHUFFLES} shuffled orders); hollow: not told from "
        f"it. Lines: 90 % intervals, by leaving a twentieth of the nets out at a time. {LIMITS}{left_out}"
    )


def _genes(frame: pd.DataFrame, most: int) -> list[str]:
    """The genes, those of the greatest mean importance first."""
    means = frame.groupby("gene", sort=False)["importance"].mean()
    return [str(gene) for gene in means.sort_values(ascending=False, kind="stable").index[:most]]


@styled()
def draw_importance(frame: pd.DataFrame, width: float = TEXT_WIDTH) -> Figure:
    """Importance in per cent, the most important gene on top."""
    if frame.empty:
        return nothing(width, "no importance to show")
    genes, objectives = _genes(frame, MOST_GENES), unique(frame["objective"])
    names = shortened(objectives, 60 if width > 5 else 42)
    group = BAR * len(objectives) + GAP
    figure, axes = canvas(width, 0.6 + 0.16 * len(objectives) + group * len(genes))
    for place, objective in enumerate(objectives):
        colour = COLOURS[place % len(COLOURS)]
        own = {str(row["gene"]): row for row in records(frame[frame["objective"] == objective])}
        for at, gene in enumerate(genes):
            if gene in own:
                _bar(axes, at * group + place * BAR, own[gene], colour)
        axes.barh([0], [0], BAR, facecolor=colour, edgecolor=colour, label=names[place])
    middle = BAR * (len(objectives) - 1) / 2
    axes.set_yticks([at * group + middle for at in range(len(genes))], shortened(genes, 44 if width > 5 else 22))
    axes.set_ylim(group * len(genes) - (BAR + GAP) / 2, -(BAR + GAP) / 2)
    axes.set_xlim(left=0)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
    axes.set_xlabel("Share of the importance of all genes (%)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left")
    return figure


def _bar(axes: Axes, y: float, row: Any, colour: str) -> None:
    face = colour if row["p"] < TOLD else "white"
    axes.barh(y, 100 * row["importance"], 0.8 * BAR, facecolor=face, edgecolor=colour, linewidth=0.8, zorder=2)
    axes.plot([100 * row["low"], 100 * row["high"]], [y, y], color=INK, lw=0.7, solid_capstyle="butt", zorder=3)
