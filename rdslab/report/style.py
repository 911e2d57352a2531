"""How every figure looks: a paper's widths, fonts that survive print, colours that the colour-blind tell apart."""

import io
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMN_WIDTH = 3.4  # inches: one column of a two-column paper
TEXT_WIDTH = 7.0  # inches: both columns
DPI = 200

INK, MUTED, GRID = "#1a1a1a", "#6b6b6b", "#e4e4e4"
BLUE, VERMILLION = "#0072B2", "#D55E00"
# Okabe and Ito (2008), without the yellow that paper swallows, and a grey; markers differ as well.
LOOKS = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#E69F00", "v"),
    ("#000000", "P"),
    ("#56B4E9", "X"),
    ("#7f7f7f", "h"),
)

# What stands for them in a page's own CSS, as SVG has them: in style attributes, small letters.
PAGE_COLOURS = {
    INK: "var(--ink)",
    "#000000": "var(--ink)",
    MUTED: "var(--muted)",
    "#4a4a4a": "var(--muted)",
    GRID: "var(--grid)",
    "#ffffff": "var(--paper)",
    BLUE.lower(): "var(--blue)",
    VERMILLION.lower(): "var(--red)",
    "#009e73": "var(--green)",
    "#a6cde6": "var(--band)",
}

STYLE: Any = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same letters, and so the same layout, everywhere
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 8.5,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.3,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "text.parse_math": False,  # a variant may be called a$b$
    "text.hinting": "none",
    "pdf.fonttype": 42,  # journals refuse Type 3
    "svg.fonttype": "path",
    "svg.hashsalt": "rdslab",
    "axes.formatter.useoffset": False,
    "figure.constrained_layout.w_pad": 0.05,
    "figure.constrained_layout.h_pad": 0.05,
}


@dataclass(frozen=True, eq=False)
class Plot:
    """A figure with its file name (without ending), its title, and a caption that says what the eye cannot see."""

    name: str
    title: str
    caption: str
    figure: Figure


@contextmanager
def styled() -> Iterator[None]:
    """The style, for drawing as for saving; nothing of it is left behind. Usable as a decorator.

    A letter that the font lacks is drawn as a box and not reported: names may be in any script.
    """
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def look(position: int) -> tuple[str, str]:
    """Colour and marker of the variant at that position of the study."""
    return LOOKS[position % len(LOOKS)]


@styled()
def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of that size in inches, and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


@styled()
def settle(figure: Figure) -> None:
    """Lay the figure out once for all files it is written to: finding its layout takes as long as drawing it."""
    figure.draw_without_rendering()
    figure.set_layout_engine(None)  # not "none", which still has every file drawn twice


def nothing(width: float, words: str) -> Figure:
    """A figure that says why there is none."""
    figure, axes = canvas(width, 1.2)
    axes.text(0.5, 0.5, words, ha="center", va="center", color=MUTED, transform=axes.transAxes)
    axes.set_axis_off()
    return figure


def short(name: str, letters: int) -> str:
    """The name, its middle left out when it is longer than that: both ends of a variant's name tell it from others."""
    if len(name) <= letters:
        return name
    tail = (letters - 1) // 2
    return f"{name[: letters - 1 - tail]}…{name[len(name) - tail :]}"


def shortened(names: Iterable[str], letters: int) -> list[str]:
    """The names, shortened; a number tells those apart that the cut made equal."""
    cut = [short(name, letters) for name in names]
    seen: dict[str, int] = {}
    result = []
    for name in cut:
        seen[name] = seen.get(name, 0) + 1
        result.append(f"{short(name, letters - 4)} ({seen[name]})" if cut.count(name) > 1 else name)
    return result


@styled()
def png(plot: Plot) -> bytes:
    """The figure at 200 dpi, the caption in its metadata; the same bytes for the same plot."""
    stream = io.BytesIO()
    about = {"Title": plot.title, "Description": plot.caption, "Software": None}
    plot.figure.savefig(stream, format="png", dpi=DPI, metadata=about)
    return stream.getvalue()


@styled()
def svg(plot: Plot) -> str:
    """The figure as SVG without date, letters as outlines; the same text for the same plot."""
    stream = io.StringIO()
    about = {"Title": plot.title, "Description": plot.caption, "Date": None, "Creator": None}
    plot.figure.savefig(stream, format="svg", metadata=about)
    return stream.getvalue()


@styled()
def pdf(plot: Plot) -> bytes:
    """The figure as PDF without date, its letters as embedded TrueType; the same bytes for the same plot."""
    stream = io.BytesIO()
    about = {"Title": plot.title, "Subject": plot.caption, "CreationDate": None, "Creator": None, "Producer": None}
    plot.figure.savefig(stream, format="pdf", metadata=about)
    return stream.getvalue()


def inlined(text: str, prefix: str, label: str) -> str:
    """An SVG to stand inside a page: no prologue, no fixed size, a spoken label, and ids that no other plot has.

    Its greys and first colours become the page's own, which a dark page has its own values for.
    """
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{prefix}-\1"', body)
    body = re.sub(r'\s(?:width|height)="[^"]*pt"', "", body, count=2)
    body = re.sub(r"(?<=: )#[0-9a-f]{6}\b", lambda match: PAGE_COLOURS.get(match[0], match[0]), body)
    return body.replace("<svg", f'<svg role="img" aria-label="{_attribute(label)}"', 1).strip()


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
