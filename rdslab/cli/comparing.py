"""compare: two nets, two time files, two reports or two studies beside each other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdslab.cli.options import Classes, Json, app
from rdslab.cli.output import print_json, print_table, say
from rdslab.errors import SpecError
from rdslab.records import Size, human

if TYPE_CHECKING:
    from rdslab.cost.pair import Pair
    from rdslab.report.reports import ReportsBeside
    from rdslab.report.studies import StudiesBeside
    from rdslab.report.timefiles import TimesBeside

SIZES = ["1024x512", "640x360"]
Thing = Annotated[str, typer.Argument(help="A net, a file of times, a report's folder, or a study's file.")]
STUDY = {"base", "extends", "variants", "seeds"}  # keys that no net has
KINDS = {"net": "a net", "times": "a file of times", "report": "a report", "study": "a study"}


@app.command()
def compare(
    a: Thing,
    b: Thing,
    size: Annotated[list[str], typer.Option("--size", help="Of nets: input sizes of the costs.")] = SIZES,
    classes: Classes = 19,
    without_times: Annotated[
        bool, typer.Option("--without-times", help="Of reports: leave out what is a matter of times.")
    ] = False,
    json: Json = False,
) -> None:
    """Put two nets, two time files, two reports or two studies side by side.

    Times that were not taken alike are refused, with the fields in which they differ. Of studies what may not stand
    side by side is left out, and said.
    """
    kind, other = kind_of(a), kind_of(b)
    if kind != other:
        hint = "compare two nets, two files of times, two reports, or two studies"
        raise SpecError(f"{a} is {KINDS[kind]}, {b} is {KINDS[other]}", hint)
    if without_times and kind != "report":
        raise SpecError("is for reports", f"{a} is {KINDS[kind]}", where="--without-times")
    found = _beside(kind, a, b, times=not without_times, sizes=size, classes=classes)
    if json:
        print_json({"kind": kind, "a": a, "b": b} | found.document())
    else:
        _show(found)


def _beside(
    kind: str, a: str, b: str, *, times: bool, sizes: list[str], classes: int
) -> "TimesBeside | ReportsBeside | StudiesBeside | Pair":
    if kind == "times":
        from rdslab.report.timefiles import compare_times, read_times

        return compare_times(read_times(a), read_times(b))
    if kind == "report":
        from rdslab.report.reports import compare_reports, read_report

        return compare_reports(read_report(a), read_report(b), times=times)
    if kind == "study":
        from rdslab.report.found import found_of
        from rdslab.report.studies import compare_studies
        from rdslab.search.plan import load_study

        return compare_studies(*(found_of(load_study(file)) for file in (a, b)))
    from rdslab.cost.pair import compare_nets
    from rdslab.network import load_net

    return compare_nets(load_net(a), load_net(b), [Size.parse(text) for text in sizes], classes)


def kind_of(name: str) -> str:
    """net, times, report or study. Raises SpecError for a file that is none of them."""
    path = Path(name)
    if path.is_dir() or path.name in ("report.html", "report.json"):
        return "report"
    if path.suffix in (".yaml", ".yml") and path.is_file():
        from rdslab.yamlio import read_yaml

        keys = set(read_yaml(path).data)
        return "study" if keys & STUDY and "nodes" not in keys else "net"
    if path.suffix != ".json":
        return "net"
    from rdslab.report.timefiles import is_times, read_json

    if is_times(read_json(path)):
        return "times"
    hint = "give what `rdslab time NET... --json` printed, a report's folder, or a net"
    raise SpecError("holds no times", hint, where=name)


def _show(found: "TimesBeside | ReportsBeside | StudiesBeside | Pair") -> None:
    from rdslab.report.reports import ReportsBeside
    from rdslab.report.studies import StudiesBeside
    from rdslab.report.timefiles import TimesBeside

    if isinstance(found, TimesBeside):
        _show_times(found)
    elif isinstance(found, ReportsBeside):
        _show_reports(found)
    elif isinstance(found, StudiesBeside):
        from rdslab.cli.comparing_studies import show_studies

        show_studies(found)
    else:
        _show_nets(found)


def _show_nets(pair: "Pair") -> None:
    print_table(
        ["size", "figure", f">{pair.a['name']}", f">{pair.b['name']}", ">ratio"],
        [[row["size"], row["figure"], human(row["a"]), human(row["b"]), _ratio(row["ratio"])] for row in pair.costs],
        f"{pair.b['name']} beside {pair.a['name']}, inference form; 1 MAC = 2 FLOPs",
    )
    if pair.changed:
        rows = [[line.node, line.what, _plain(line.a), _plain(line.b)] for line in pair.changed]
        print_table(["node", "place", pair.a["name"], pair.b["name"]], rows)
    said = {
        "function": "both compute the same, with the same weights: their ids are equal",
        "class of functions": "both compute the same class of functions: no training can tell them apart but by chance",
        "": "they compute different classes of functions",
    }
    say(said[pair.same])


def _show_times(found: "TimesBeside") -> None:
    rows = []
    for pair in found.pairs:
        ratio = pair.ratio
        ends = f"{ratio.low:.3f} to {ratio.high:.3f}" if ratio.low is not None else "-"
        name = pair.a if pair.a == pair.b else f"{pair.b} over {pair.a}"
        rows.append([name, f"{pair.a_ms:.3f}", f"{pair.b_ms:.3f}", f"{ratio.ratio:.3f}", ends])
    kind = "predicted" if found.pairs[0].predicted else "measured"
    print_table(["net", ">A, ms", ">B, ms", ">B / A", "95 % interval"], rows, f"Latency, {kind}")
    for name, reason in found.unpaired.items():
        say(f"  {name}: {reason}")
    for line in dict.fromkeys([*(pair.ratio.why for pair in found.pairs if pair.ratio.why), *found.notes]):
        say(f"  {line}")


def _show_reports(found: "ReportsBeside") -> None:
    for line in found.settings:
        say(f"  {line}")
    for name in found.unpaired:
        say(f"  only one of them has {name}")
    rows = [
        [c.table, c.row, c.column or "the row", _plain(c.a), _plain(c.b), _signed(c.difference)] for c in found.cells
    ]
    if rows:
        print_table(["table", "row", "column", ">A", ">B", ">B - A"], rows)
    say(f"{len(rows)} cells differ in {', '.join(found.tables) or 'no table that both have'}")


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.6g}"


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
