"""Writes a study's report: page, tables, plots."""

from pathlib import Path

from rdslab.files import write_whole
from rdslab.report.effects import effects_csv
from rdslab.report.frame import Results
from rdslab.report.importance import importance_csv
from rdslab.report.markdown import report_md
from rdslab.report.page import Extras, page
from rdslab.report.plots import draw_plots
from rdslab.report.record import NAME, report_json
from rdslab.report.searched import SEARCH, search_csv
from rdslab.report.style import COLUMN_WIDTH, pdf, png, svg
from rdslab.report.tables import table_tex, trials_csv, trials_parquet, variants_csv
from rdslab.report.verdicts import CLAIMS, claims_csv

NO_EXTRAS = Extras()


def write_report(results: Results, out: Path, command: str, extras: Extras = NO_EXTRAS) -> list[Path]:
    """Writes page, tables and plots, and returns their paths, page first.

    `report.html`, `report.md` for a pull request, `trials.csv` (and `trials.parquet` where pyarrow is installed),
    `variants.csv`, `table.tex`, `report.json`; each plot as PNG and SVG at text width, and in `paper/` as PNG, SVG and
    PDF at the width of a paper's column.

    The same results give the same bytes. `command` is printed as what made the report, the data's place left out.
    Raises RunError when the disk refuses.
    """
    plots = {plot.name: plot for plot in draw_plots(results)}
    drawn = {name: svg(plot) for name, plot in plots.items()}
    contents: dict[str, bytes | str] = {
        "report.md": report_md(results, [*plots.values()], command, extras.verdicts),
        "trials.csv": trials_csv(results),
        "variants.csv": variants_csv(results),
        "table.tex": table_tex(results),
    }
    contents |= {"effects.csv": effects_csv(results)} if results.study.get("factors") else {}
    contents |= {"importance.csv": importance_csv(results)} if "importance" in plots else {}
    contents |= {SEARCH: search_csv(results)} if results.study.get("search") else {}
    contents |= {CLAIMS: claims_csv(extras.verdicts)} if extras.verdicts else {}
    contents[NAME] = report_json(results, contents)
    parquet = trials_parquet(results)
    contents |= {"trials.parquet": parquet} if parquet is not None else {}
    for name, plot in plots.items():
        contents |= {f"{name}.png": png(plot), f"{name}.svg": drawn[name]}
    for plot in draw_plots(results, COLUMN_WIDTH):
        place = f"paper/{plot.name}"
        contents |= {f"{place}.png": png(plot), f"{place}.svg": svg(plot), f"{place}.pdf": pdf(plot)}
    shown = {name: (plot, drawn[name]) for name, plot in plots.items()}
    contents = {"report.html": page(results, shown, list(contents), command, extras), **contents}
    for name, content in contents.items():
        write_whole(Path(out) / name, content)
    return [Path(out) / name for name in contents]
