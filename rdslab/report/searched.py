"""A study's search in its report: what was proposed and what became of it, what the front is made of, the hours."""

import csv
import io
from collections import Counter
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rdslab.report.cells import Cell, Table, number_cell
from rdslab.report.frame import Results, unique
from rdslab.report.style import BLUE, TEXT_WIDTH, canvas, nothing, styled
from rdslab.report.words import DASH, known, percent, plural
from rdslab.search.aims import ENERGY, LATENCY

SEARCH = "search.csv"
STATES = {
    "done": "trained to the end",
    "pruned": "ended early",
    "refused": "over a limit, or given up before",
    "repeated": "answered from an earlier slot",
    "failed": "failed",
    "running": "still at work",
}


def search_of(results: Results) -> Mapping[str, Any]:
    """The search's document, empty where the study has none."""
    return results.study.get("search") or {}


def search_part(results: Results) -> dict[str, Any] | None:
    """What the page shows of the search, None where there is none."""
    if not search_of(results):
        return None
    return {
        "sentences": search_sentences(results),
        "hours": hours_table(results),
        "front": genes_table(results),
        "slots": slots_table(results),
    }


def search_sentences(results: Results) -> list[str]:
    """What was searched, how, what became of it, and what it took."""
    search = search_of(results)
    if not search:
        return []
    states = Counter(slot["state"] for slot in search["slots"])
    became = ", ".join(f"{states[state]} {words}" for state, words in STATES.items() if states[state])
    wanted = " and ".join(f"{how} {figure_words(figure)}" for figure, how in search["objectives"].items())
    repeated = sum(bool(line["repeated"]) for line in search["found"].values())
    epochs = sum(slot["epochs"] for slot in search["slots"] if slot["state"] in ("done", "pruned"))
    longest = max((slot["epochs"] for slot in search["slots"] if slot["state"] == "done"), default=0)
    trained = states["done"] + states["pruned"]
    said = [
        f"The search ({search['sampler']}, seed {search['seed']}, space {search['space']}) was to {wanted}. "
        f"Of {plural(len(search['slots']), 'proposal')} {became}.",
    ]
    if longest and trained:
        share = 100 * epochs / (longest * trained)
        whole = plural(trained, "whole training")
        said.append(f"Ending trainings early ({search['pruning']}) took {share:.0f} % of the epochs of {whole}.")
    if repeated:
        nets = f"{plural(repeated, 'net')} of the search's front {'was' if repeated == 1 else 'were'}"
        said.append(
            f"{nets} trained with further seeds; the others have one training each, and nothing is claimed of them."
        )
    hours = sum(search["seconds"].values()) / 3600
    return [*said, f"All of it took {hours:.2f} hours of workers' time, the study's own variants included."]


def figure_words(figure: str) -> str:
    """`mIoU`, `latency on jetson-tx1`, `MACs`."""
    names = {"miou": "mIoU", "macs": "MACs", "params": "parameters", "receptive_field": "receptive field"}
    if figure.startswith(ENERGY):
        return f"energy of an image on {figure.removeprefix(ENERGY)}"
    return names.get(figure) or f"latency on {figure.removeprefix(LATENCY)}"


def hours_table(results: Results) -> Table:
    """Seconds by stage, and their sum."""
    seconds = search_of(results)["seconds"]
    total = sum(seconds.values())
    lines = [*seconds.items(), ("together", total)]
    rows = [
        [Cell(name, name), number_cell(took / 3600, lambda h: f"{h:.3f}"), number_cell(took / (total or 1), percent)]
        for name, took in lines
    ]
    return Table(["Stage", "Hours", "Share (%)"], rows, ("Stage",))


def genes_table(results: Results) -> Table:
    """The nets on the search's front and their genes, one column a gene."""
    search = search_of(results)
    slots = {f"s{slot['slot']}": slot for slot in search["slots"]}
    names = [name for name in search["front"] if name in slots]
    genes = unique(gene for name in names for gene in slots[name]["genes"])
    rows = [
        [
            Cell(name, name),
            number_cell(slots[name]["miou"], percent),
            *(Cell(text := str(slots[name]["genes"].get(gene, DASH)), text) for gene in genes),
        ]
        for name in names
    ]
    return Table(["Variant", "mIoU in the search (%)", *genes], rows, ("Variant", *genes))


def slots_table(results: Results) -> Table:
    """Every proposal: what became of it and why."""
    rows = [
        [
            Cell(str(slot["slot"]), str(slot["slot"])),
            Cell(STATES.get(slot["state"], slot["state"])),
            number_cell(slot["miou"], percent),
            Cell(str(slot["epochs"] or DASH), str(slot["epochs"])),
            number_cell(sum(slot["seconds"].values()), lambda s: f"{s:.1f}"),
            Cell(", ".join(f"{gene} {value}" for gene, value in slot["genes"].items())),
            Cell(slot["why"]),
        ]
        for slot in search_of(results)["slots"]
    ]
    return Table(["Slot", "Became", "mIoU (%)", "Epochs", "Seconds", "Genes", "Why"], rows, ("Became", "Genes", "Why"))


def search_csv(results: Results) -> str:
    """search.csv: one row a proposal, with its figures, its genes and its seconds by stage."""
    slots = search_of(results)["slots"]
    figures = unique(name for slot in slots for name in slot["figures"])
    stages = unique(name for slot in slots for name in slot["seconds"])
    genes = unique(name for slot in slots for name in slot["genes"])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = [*figures, *(f"seconds.{stage}" for stage in stages), *(f"gene.{gene}" for gene in genes)]
    writer.writerow(["slot", "state", "miou", "epochs", *heads, "why"])
    for slot in slots:
        parts = [("figures", figures), ("seconds", stages), ("genes", genes)]
        cells = [_plain(slot[part].get(name)) for part, names in parts for name in names]
        writer.writerow([slot["slot"], slot["state"], _plain(slot["miou"]), slot["epochs"], *cells, slot["why"]])
    return text.getvalue()


def _plain(value: Any) -> Any:
    return f"{value:.10g}" if isinstance(value, float) and known(value) else "" if not known(value) else value


@styled()
def draw_search(results: Results, width: float = TEXT_WIDTH) -> Figure:
    """The front's hypervolume as the search went on."""
    trace = search_of(results)["hypervolume"]
    if len(trace) < 2:
        return nothing(width, "the search has no two whole trainings yet")
    figure, axes = canvas(width, 0.38 * width)
    axes.step([slot for slot, _ in trace], [volume for _, volume in trace], where="post", color=BLUE)
    axes.set_xlabel("slot")
    axes.set_ylabel("hypervolume")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def search_caption(results: Results) -> str:
    """What the plot shows, in which units."""
    first, second = [*search_of(results)["objectives"], "", ""][:2]
    units = f"{figure_words(first)} x {figure_words(second)}"
    return (
        f"Hypervolume of the search's front by slot ({units}; mIoU as a share of 1, latency in milliseconds, "
        "energy in millijoules), to the worst of each that any of its whole trainings has; each net as it was trained "
        "in the search, once."
    )
