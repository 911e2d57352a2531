"""Writes a study's report: page, tables, plots."""

from pathlib import Path

from rdslab.files import write_whole
from rdslab.report.frame import Results
from rdslab.report.page import page
from rdslab.report.plots import draw_plots
from rdslab.report.record import NAME, report_json
from rdslab.report.style import png, svg
from rdslab.report.tables import table_tex, trials_csv, variants_csv


def write_report(results: Results, out: Path, command: str) -> list[Path]:
    """Writes `report.html`, `trials.csv`, `variants.csv`, `table.tex`, `report.json`, and each plot as PNG and SVG.

    Returns the paths, page first.

    The same results give the same bytes. `command` is printed as what made the report, the data's place left out.
    Raises RunError when the disk refuses.
    """
    plots = {plot.name: plot for plot in draw_plots(results)}
    drawn = {name: svg(plot) for name, plot in plots.items()}
    contents: dict[str, bytes | str] = {
        "trials.csv": trials_csv(results),
        "variants.csv": variants_csv(results),
        "table.tex": table_tex(results),
        NAME: report_json(results),
    }
    for name, plot in plots.items():
        contents |= {f"{name}.png": png(plot), f"{name}.svg": drawn[name]}
    shown = {name: (plot, drawn[name]) for name, plot in plots.items()}
    contents = {"report.html": page(results, shown, list(contents), command), **contents}
    for name, content in contents.items():
        write_whole(Path(out) / name, content)
    return [Path(out) / name for name in contents]
