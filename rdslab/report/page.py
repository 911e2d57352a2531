"""The report as one HTML file that opens offline: plots, tables and sentences, nothing fetched from anywhere."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rdslab.report import frame, variants
from rdslab.report.cells import Cell, Table, number_cell, sort_key, text_table
from rdslab.report.chosen import worth_drawing
from rdslab.report.differences import differences_frame
from rdslab.report.effects import EFFECTS, effects_frame, effects_table
from rdslab.report.examples import Seen, examples_part
from rdslab.report.facts import embedded, page_facts
from rdslab.report.frame import Results
from rdslab.report.front import bar_words
from rdslab.report.heatmap import heat_frame, heat_table
from rdslab.report.importance import IMPORTANCE, importance_table, weighed, why_not
from rdslab.report.membership import front_cell, front_sentences
from rdslab.report.notes import absent_times, compared, failures, headline, to_repeat
from rdslab.report.provenance import certificates, provenance
from rdslab.report.script import EXPLORER, scripted
from rdslab.report.searched import search_part
from rdslab.report.style import Plot, inlined
from rdslab.report.templates import template
from rdslab.report.volume import volume_sentences
from rdslab.report.words import (
    DASH,
    MINUS,
    count,
    kinds,
    known,
    latency_words,
    listed,
    milliseconds,
    percent,
    points,
    points_interval,
    probability,
    some,
    time_columns,
)

VERDICT = ("name", "says", "answer", "why", "n", "interval", "source", "plot")
CONTENTS = (
    ("claims", "Claims"),
    ("findings", "Findings"),
    ("front", "Pareto plot"),
    ("search", "The search"),
    ("variants", "Variants"),
    ("differences", "Differences"),
    ("effects", "Effects"),
    ("importance", "Importance"),
    ("curves", "Learning curves"),
    ("classes", "Classes"),
    ("examples", "Example images"),
    ("nets", "Nets"),
    ("failures", "Failures"),
    ("provenance", "Provenance"),
    ("repeat", "How to repeat it"),
)

OVER_IMAGES = "95 % over images"
IDS = ("variant", "net_id", "canonical_id", "same_function_as")
DESCRIBED = {"trials.csv": frame.COLUMNS, "variants.csv": variants.COLUMNS, "effects.csv": EFFECTS}
DESCRIBED |= {"importance.csv": IMPORTANCE}


@dataclass(frozen=True)
class Extras:
    """What a page may have besides the results: verdicts on claims, and drawings of nets as SVG by net id.

    A verdict is a mapping: name, says, answer (supported, refuted or undecided), why, n, interval, source, plot (a
    plot's name, or the id of a part of the page); what is empty is left out. `seen`: example images, None for none.
    """

    verdicts: Sequence[Mapping[str, Any]] = ()
    drawings: Mapping[str, str] = field(default_factory=dict)
    seen: Seen | None = None


def page(
    results: Results, plots: Mapping[str, tuple[Plot, str]], files: Sequence[str], command: str, extras: Extras
) -> str:
    """The page's HTML. `plots` holds each plot and its SVG by name, `files` the names of what lies beside the page."""
    facts = page_facts(results)
    figures = {name: shown(*plot, files) for name, plot in plots.items()}
    verdicts = [claimed(verdict, figures, dict(CONTENTS)) for verdict in extras.verdicts]
    there = {"claims": bool(verdicts), "examples": extras.seen is not None, "search": "search" in results.study}
    there |= {"effects": not effects_frame(results).empty, "importance": weighed(results)}
    return template("page.html.jinja").render(
        title=str(results.study.get("title") or results.name),
        compared=compared(results),
        contents=[(id_, words) for id_, words in CONTENTS if there.get(id_, True)],
        verdicts=verdicts,
        headline=findings(results),
        search=search_part(results),
        has_devices=bool(results.devices),
        choices=choices(facts["axes"]),
        start=start(facts["axes"]),
        bars=bar_words(results),
        fronts=[figure for name, figure in figures.items() if name.startswith("front_") or name == "macs"],
        plots=figures,
        summary=summary_table(results),
        differences=differences_table(results),
        effects=effects_table(results),
        importance=(importance_table(results), why_not(results)),
        classes=heat_table(heat_frame(results)),
        examples=extras.seen and examples_part(extras.seen),
        drawings=drawn_nets(results, extras.drawings),
        failures=text_table(failures(results), ("slot", "variant", "seed", "reason")),
        absent_times=text_table(absent_times(results), ("device", "variant", "reason")),
        certificates=text_table(certificates(results), ("device", "variant", "certified", "reason")),
        provenance=provenance(results, command),
        nets=text_table(frame.records(variants.variants_frame(results)), IDS),
        commands=to_repeat(results.study, command),
        files=files,
        columns={name: words for name, words in DESCRIBED.items() if name in files},
        facts=embedded(facts),
        **scripted(EXPLORER),
    )


def findings(results: Results) -> list[str]:
    """The sentences at the top."""
    return [*headline(results), *front_sentences(results), *volume_sentences(results)]


def claimed(verdict: Mapping[str, Any], figures: Collection[str], parts: Collection[str] = ()) -> dict[str, Any]:
    """A verdict for the template: what it leaves out is empty, and its plot a figure or part of the page, or ""."""
    plot = str(verdict.get("plot") or "")
    place = f"plot-{plot}" if plot in figures else plot if plot in parts else ""
    if "front" in parts and (
        plot.startswith("front_") or plot == "macs"
    ):  # drawn where there is no script, else in the plot to explore
        place = "front"
    return {**dict.fromkeys(VERDICT, ""), **verdict, "plot": place}


def choices(axes: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """The axes by group, for menus; empty where no two can be plotted."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for axis in axes:
        groups.setdefault(str(axis["group"]), []).append(axis)
    return list(groups.items()) if len(axes) > 1 else []


def start(axes: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The axes that the plot begins with: mIoU against the first latency, or what there is instead."""
    keys = [str(axis["key"]) for axis in axes] or [""]
    across = keys[0]
    return across, "miou" if "miou" in keys else keys[min(1, len(keys) - 1)]


def drawn_nets(results: Results, drawings: Mapping[str, str]) -> tuple[list[dict[str, str]], str]:
    """The drawings of what worth_drawing names, variants of one net together; and a sentence on those without."""
    ids = dict(zip(*(variants.variants_frame(results)[column] for column in ("variant", "net_id")), strict=True))
    names: dict[str, list[str]] = {}
    for variant in worth_drawing(results):
        names.setdefault(str(ids[variant]), []).append(variant)
    pictures = [
        {"net_id": net_id, "names": listed(own), "svg": drawings[net_id]}
        for net_id, own in names.items()
        if net_id in drawings
    ]
    without = [variant for net_id, own in names.items() if net_id not in drawings for variant in own]
    if not names:
        return [], "No variant has the figures to be on a front."
    return pictures, f"Without a drawing: {some(without)}." if without else ""


def shown(plot: Plot, svg: str, files: Sequence[str]) -> dict[str, Any]:
    """A plot for a template: name, title, caption, inline SVG, and the files that it is in."""
    endings = {f"{plot.name}.png": "PNG", f"{plot.name}.svg": "SVG", f"paper/{plot.name}.pdf": "PDF for one column"}
    own = [(file, words) for file, words in endings.items() if file in files]
    inside = inlined(svg, plot.name, plot.title)
    return {"name": plot.name, "title": plot.title, "caption": plot.caption, "svg": inside, "files": own}


def summary_table(results: Results) -> Table:
    """One row a variant, all that is known of it at a glance."""
    rows: list[Any] = variants.variants_frame(results).to_dict("records")
    heads = ["Variant", "mIoU (%)", "95 % interval", "n", *([OVER_IMAGES] if results.counts else [])]
    if results.base:
        heads.append("Difference to base (points)")
    heads += [
        "Parameters",
        "MACs",
        *(f"{latency_words(results, *column).removeprefix('Latency on ')}, ms" for column in time_columns(results)),
    ]
    if results.devices:
        heads.append("On the front")
    return Table(heads, [_summary_row(results, row) for row in rows])


def _summary_row(results: Results, row: Any) -> list[Cell]:
    of_base = row["variant"] in results.bases
    cells = [Cell(f"{row['variant']} (base)" if of_base else str(row["variant"]), str(row["variant"]))]
    cells += [
        number_cell(row["miou"], percent),
        _ends(row["miou_low"], row["miou_high"]),
        Cell(str(row["n"]), str(row["n"])),
    ]
    cells += [_ends(row["miou_images_low"], row["miou_images_high"])] if results.counts else []
    if results.base:
        cells.append(number_cell(row["difference"], points) if row["base"] else Cell(DASH))
    cells += [number_cell(row["params"], count), number_cell(row["macs"], count)]
    for device, kind in time_columns(results):
        own = str(row[f"latency_kind.{device}"])
        cell = number_cell(row[f"latency_ms.{device}"], milliseconds)
        cells.append(cell if own == kind else Cell(DASH if own in kinds(results, device) else frame.MISSING))
    if results.devices:
        cells.append(front_cell(results, str(row["variant"])))
    return cells


def _ends(low: Any, high: Any) -> Cell:
    return Cell(f"{percent(low)} to {percent(high)}" if known(low) else DASH, sort_key(low))


def differences_table(results: Results) -> Table:
    """One row a variant besides the base: the difference, how sure it is, and what may be said of it."""
    heads = [
        "Variant",
        "Difference (points)",
        "95 % interval",
        *([OVER_IMAGES] if results.counts else []),
        "n pairs",
        "p",
        "p, Holm",
        "p, sign flips",
        "Effect size",
        "Interval excludes 0",
        "Verdict",
    ]
    excluded = {True: "yes", False: "no", None: DASH}
    rows = []
    for row in differences_frame(results).to_dict("records"):
        cells = [Cell(str(row["variant"]), str(row["variant"])), number_cell(row["difference"], points)]
        over = row["images_low"], row["images_high"]
        cells += [
            Cell(points_interval(row["low"], row["high"]), sort_key(row["low"])),
            *([Cell(points_interval(*over), sort_key(over[0]))] if results.counts else []),
            Cell(str(row["n"]), str(row["n"])),
        ]
        cells += [number_cell(row[key], probability) for key in ("p", "p_holm", "p_permutation")]
        cells += [number_cell(row["effect_size"], lambda g: f"{g:+.2f}".replace("-", MINUS) if known(g) else DASH)]
        word = excluded[row["excludes_zero"]]
        rows.append([*cells, Cell(word, word), Cell(row["verdict"], row["verdict"])])
    return Table(heads, rows)
