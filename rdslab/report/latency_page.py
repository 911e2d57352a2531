"""The report of a study of times: its sentences, and the page with its plots and tables."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rdslab.files import write_whole
from rdslab.report.beside import beside_caption, draw_beside, draw_ratios, ratio_caption
from rdslab.report.cells import text_table
from rdslab.report.frame import unique
from rdslab.report.latency import (
    BESIDE,
    NETS,
    RATIOS,
    TIMES,
    TimesResults,
    beside_frame,
    error_rows,
    nets_frame,
    ratio_rows,
    ratios_frame,
)
from rdslab.report.latency_tables import (
    beside_table,
    costs_table,
    errors_table,
    percent_words,
    ratios_table,
    times_table,
)
from rdslab.report.notes import to_repeat, without_roots
from rdslab.report.page import claimed, shown
from rdslab.report.provenance import settings
from rdslab.report.record import NAME, report_json
from rdslab.report.script import TABLES, scripted
from rdslab.report.style import Plot, png, svg
from rdslab.report.templates import template
from rdslab.report.verdicts import CLAIMS, claims_csv
from rdslab.report.words import MINUS, listed, plural


def write_times_report(
    results: TimesResults, out: Path, command: str, verdicts: Sequence[Mapping[str, Any]] = ()
) -> list[Path]:
    """Writes page, tables and plots: `report.html`, `report.json`, `times.csv`, `nets.csv`, `ratios.csv`, `claims.csv`,
    and a CSV and a plot for each published column.

    Returns the paths, page first.

    The same results give the same bytes. Raises RunError when the disk refuses.
    """
    names = file_names([str(column["device"]) for column in results.columns])
    contents: dict[str, bytes | str] = {"times.csv": _csv(results.frame), "nets.csv": _csv(nets_frame(results))}
    plots = {}
    for column in results.columns:
        name = names[str(column["device"])]
        contents[f"{name}.csv"] = _csv(beside_frame(column))
        title = f"Predicted against published, {column['device']}"
        plots[name] = Plot(name, title, beside_caption(column), draw_beside(column))
    if results.study.get("ratios"):
        contents["ratios.csv"] = _csv(ratios_frame(results))
        plots["ratios"] = Plot("ratios", "Ratios", ratio_caption(results), draw_ratios(results))
    contents |= {CLAIMS: claims_csv(verdicts)} if verdicts else {}
    contents[NAME] = report_json(results, contents)
    drawn = {name: svg(plot) for name, plot in plots.items()}
    for name, plot in plots.items():
        contents |= {f"{name}.png": png(plot), f"{name}.svg": drawn[name]}
    inside = {name: shown(plot, drawn[name], list(contents)) for name, plot in plots.items()}
    by_column = {column: inside[name] for column, name in names.items()}
    page = _page(results, by_column, inside, list(contents), command, [claimed(one, inside) for one in verdicts])
    contents = {"report.html": page, **contents}
    for name, content in contents.items():
        write_whole(Path(out) / name, content)
    return [Path(out) / name for name in contents]


def _page(
    results: TimesResults,
    by_column: Mapping[str, Mapping[str, Any]],
    plots: Mapping[str, Mapping[str, Any]],
    files: Sequence[str],
    command: str,
    verdicts: Sequence[Mapping[str, Any]],
) -> str:
    described: dict[str, Mapping[str, str]] = {"times.csv": TIMES, "nets.csv": NETS}
    described |= {name: BESIDE for name in files if name.startswith("beside_") and name.endswith(".csv")}
    described |= {"ratios.csv": RATIOS} if "ratios.csv" in files else {}
    missing = results.frame[results.frame["kind"] == "missing"]
    columns = [
        {
            "device": column["device"],
            "about": about(column),
            "plot": by_column[str(column["device"])],
            "errors": errors_table(column),
            "table": beside_table(column),
        }
        for column in results.columns
    ]
    return template("latency.html.jinja").render(
        **scripted(TABLES),
        title=str(results.study.get("title") or results.name),
        lead=_lead(results),
        verdicts=verdicts,
        headline=headline(results),
        columns=columns,
        ratios=ratios_table(results),
        ratio_plot=plots.get("ratios"),
        ratio_note=_ratio_note(results),
        times=times_table(results),
        missing=text_table(missing.to_dict("records"), ("variant", "size", "device", "form", "reason")),
        costs=costs_table(results),
        provenance=_provenance(results, command),
        files=files,
        described_files=described,
        commands=to_repeat(results.study, command),
    )


def _csv(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(index=False, lineterminator="\n"))


def file_names(devices: Sequence[str]) -> dict[str, str]:
    """What the table and the plot of each published column are called."""
    names: dict[str, str] = {}
    for device in devices:
        name = "beside_" + (re.sub(r"[^A-Za-z0-9.-]+", "-", device).strip("-.") or "device")
        taken = sum(other == name or other.startswith(f"{name}_") for other in names.values())
        names[device] = f"{name}_{taken + 1}" if taken else name
    return names


def _lead(results: TimesResults) -> str:
    text = f"{plural(len(results.nets), 'net')} at {listed(results.sizes)}"
    text += f" with {plural(int(results.study['deploy']['classes']), 'class')}. Nothing is trained in this study."
    return text


def about(column: Mapping[str, Any]) -> str:
    """Where a column's figures come from: the source of the times, and what predicts them."""
    return f"Published: {column['source']}. Predicted: {column['fit']}."


def headline(results: TimesResults) -> list[str]:
    """The error of each column, in-sample figures named so; and what could not be measured."""
    said = []
    for column in results.columns:
        parts = [f"{r['what']}: mean error {percent_words(r['mean'])} (n = {r['n']})" for r in error_rows(column)]
        parts += [str(column["choices"])] if column.get("choices") else []
        said.append(f"{column['device']}: {'; '.join(parts) if parts else 'nothing is predicted'}.")
        said += [f"{column['device']}: {note}." for note in column.get("notes") or () if "disputed" in note]
    for row in ratio_rows(results):
        at = f" at {row['size']}" if len(results.sizes) > 1 else ""
        said.append(f"{row['name']}{at}: {row['macs']:.2f} in MACs; {_ratio_words(row['places'])}.")
    missing = results.frame[results.frame["kind"] == "missing"]
    if len(missing):
        devices = listed(unique(missing["device"]))
        said.append(f"{plural(len(missing), 'time')} of {len(results.frame)} on {devices} cannot be shown; see below.")
    kinds = results.frame["kind"].value_counts()
    counted = [f"{kinds[kind]} {kind}" for kind in ("measured", "predicted") if kind in kinds]
    return said + ([f"Of the times here, {listed(counted)}."] if counted else [])


def _ratio_words(places: Mapping[tuple[str, str, str], tuple[float, float, float]]) -> str:
    """Each measured ratio, and the range of those predicted."""
    parts = [f"{', '.join(p)} {ratio[0]:.2f}" for p, ratio in places.items() if p[2] == "measured"]
    predicted = [ratio[0] for p, ratio in places.items() if p[2] == "predicted"]
    if predicted:
        ends = f"{min(predicted):.2f} to {max(predicted):.2f}" if len(predicted) > 1 else f"{predicted[0]:.2f}"
        parts.append(f"predicted for {plural(len(predicted), 'profile')} {ends}")
    return "; ".join(parts) or "no times to compare"


def _ratio_note(results: TimesResults) -> str:
    sides = []
    for line in results.study.get("ratios") or ():
        over, under = (_side(line[key]) for key in ("over", "under"))
        sides.append(f"{line['name']}: {over} / {under}")
    note = (
        "A difference of two nets is what the deeper one has more, and nothing else: what both have cancels. In "
        "brackets: the least and the most of the ratios of single blocks of runs; nets that were measured in one go "
        "were taken in turn, block by block. Predicted ratios have no interval: how a profile errs above and below the "
        "line is related in a way that its data do not tell; see the intervals of the times themselves."
    )
    return "; ".join(sides) + f". {note}"


def _side(side: Any) -> str:
    return str(side) if isinstance(side, str) else f"({side[0]} {MINUS} {side[1]})"


def _provenance(results: TimesResults, command: str) -> list[tuple[str, str]]:
    pairs = [
        ("Times made by", without_roots(str(results.study.get("command") or ""))),
        ("Report made by", without_roots(command)),
        ("Deployment", settings(results.study["deploy"])),
        ("Threads", str(results.study.get("threads") or "")),
        ("Versions", settings(results.versions)),
        *(("Machine", settings(host)) for host in results.hosts),
        *((f"Times on {column['device']}", about(column)) for column in results.columns),
    ]
    for device in unique(line["device"] for line in results.times):
        said = unique(n for line in results.times if line["device"] == device for n in line["times"].get("notes") or ())
        how = unique(_how(line["times"]) for line in results.times if line["device"] == device)
        pairs.append((f"Times on {device}", "; ".join(part for part in [*how, *said] if part)))
    return [(term, text) for term, text in pairs if text]


def _how(times: Mapping[str, Any]) -> str:
    protocol = {key: value for key, value in (times.get("protocol") or {}).items() if key not in ("size", "form")}
    return settings(protocol)
