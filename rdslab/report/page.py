"""The report as one HTML file that opens offline: plots, tables and sentences, nothing fetched from anywhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from rdslab.report import frame, variants
from rdslab.report.differences import differences_frame
from rdslab.report.frame import Results
from rdslab.report.notes import absent_times, compared, failures, headline, without_roots
from rdslab.report.provenance import provenance
from rdslab.report.style import Plot, inlined
from rdslab.report.words import (
    DASH,
    count,
    kinds,
    known,
    latency_words,
    milliseconds,
    percent,
    points,
    points_interval,
    probability,
    time_columns,
)


@dataclass(frozen=True)
class Cell:
    """A table's cell: what is read, and what is sorted by ("" sorts last)."""

    text: str
    key: str = ""


@dataclass(frozen=True)
class Table:
    """Heads, rows, and the heads of the columns that hold text; the others are numbers, set to the right."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    texts: Sequence[str] = ("Variant", "Front", "Verdict", "Interval excludes 0")


def page(results: Results, plots: Mapping[str, tuple[Plot, str]], files: Sequence[str], command: str) -> str:
    """The page's HTML. `plots` holds each plot and its SVG by name, `files` the names of what lies beside the page."""
    return template("page.html.jinja").render(
        title=str(results.study.get("title") or results.name),
        compared=compared(results),
        headline=headline(results),
        fronts=[shown(*plot) for name, plot in plots.items() if name.startswith("front_")],
        plots={name: shown(*plot) for name, plot in plots.items()},
        summary=summary_table(results),
        differences=differences_table(results),
        failures=text_table(failures(results), ("slot", "variant", "seed", "reason")),
        absent_times=text_table(absent_times(results), ("device", "variant", "reason")),
        provenance=provenance(results, command),
        nets=text_table(
            variants.variants_frame(results).to_dict("records"),
            ("variant", "net_id", "canonical_id", "same_function_as"),
        ),
        commands=[without_roots(c) for c in (str(results.study.get("command") or ""), command) if c],
        files=files,
        columns={"trials.csv": frame.COLUMNS, "variants.csv": variants.COLUMNS},
    )


def template(name: str) -> jinja2.Template:
    """A page's template from this folder; a name that it is not given is an error."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


def shown(plot: Plot, svg: str) -> dict[str, str]:
    return {"name": plot.name, "title": plot.title, "caption": plot.caption, "svg": inlined(svg, plot.name, plot.title)}


def summary_table(results: Results) -> Table:
    """One row a variant, all that is known of it at a glance."""
    rows: list[Any] = variants.variants_frame(results).to_dict("records")
    heads = ["Variant", "mIoU (%)", "95 % interval", "n"]
    if results.base:
        heads.append("Difference to base (points)")
    heads += [
        "Parameters",
        "MACs",
        *(f"{latency_words(results, *column).removeprefix('Latency on ')}, ms" for column in time_columns(results)),
    ]
    if results.devices:
        heads.append("Front")
    return Table(heads, [_summary_row(results, row) for row in rows])


def _summary_row(results: Results, row: Any) -> list[Cell]:
    of_base = row["variant"] in results.bases
    cells = [Cell(f"{row['variant']} (base)" if of_base else str(row["variant"]), str(row["variant"]))]
    ends = f"{percent(row['miou_low'])} to {percent(row['miou_high'])}" if known(row["miou_low"]) else DASH
    cells += [
        number_cell(row["miou"], percent),
        Cell(ends, sort_key(row["miou_low"])),
        Cell(str(row["n"]), str(row["n"])),
    ]
    if results.base:
        cells.append(number_cell(row["difference"], points) if row["base"] else Cell(DASH))
    cells += [number_cell(row["params"], count), number_cell(row["macs"], count)]
    for device, kind in time_columns(results):
        own = str(row[f"latency_kind.{device}"])
        cell = number_cell(row[f"latency_ms.{device}"], milliseconds)
        cells.append(cell if own == kind else Cell(DASH if own in kinds(results, device) else frame.MISSING))
    if results.devices:
        fronts = [d for d in results.devices if known(row[f"on_front.{d}"]) and row[f"on_front.{d}"]]
        cells.append(Cell(", ".join(fronts) or DASH, ", ".join(fronts)))
    return cells


def differences_table(results: Results) -> Table:
    """One row a variant besides the base: the difference, how sure it is, and what may be said of it."""
    heads = [
        "Variant",
        "Difference (points)",
        "95 % interval",
        "n pairs",
        "p",
        "p, Holm",
        "Interval excludes 0",
        "Verdict",
    ]
    excluded = {True: "yes", False: "no", None: DASH}
    rows = []
    for row in differences_frame(results).to_dict("records"):
        cells = [Cell(str(row["variant"]), str(row["variant"])), number_cell(row["difference"], points)]
        cells += [
            Cell(points_interval(row["low"], row["high"]), sort_key(row["low"])),
            Cell(str(row["n"]), str(row["n"])),
        ]
        cells += [number_cell(row["p"], probability), number_cell(row["p_holm"], probability)]
        word = excluded[row["excludes_zero"]]
        rows.append([*cells, Cell(word, word), Cell(row["verdict"], row["verdict"])])
    return Table(heads, rows)


def number_cell(value: Any, write: Callable[[Any], str]) -> Cell:
    return Cell(write(value), sort_key(value))


def sort_key(value: Any) -> str:
    return repr(float(value)) if not pd.isna(value) else ""


def text_table(rows: Sequence[Mapping[Any, Any]], columns: Sequence[str]) -> Table:
    heads = [column.replace("_", " ").capitalize() for column in columns]
    return Table(heads, [[Cell(str(row[c]), str(row[c])) for c in columns] for row in rows], heads)
