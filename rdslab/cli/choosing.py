"""choose: the nets that keep a time limit on a device, best first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdslab.cli.formats import Table, csv, latex, show
from rdslab.cli.nettable import Notes
from rdslab.cli.options import Classes, Json, SizeText, Threads, app
from rdslab.cli.output import note, print_json, progress, say
from rdslab.errors import RdslabError, SpecError
from rdslab.records import Size, human

if TYPE_CHECKING:
    from rdslab.search.candidates import Candidate
    from rdslab.search.choose import Choice, Choices, Latencies
    from rdslab.search.ledger import Ledger

HERE, BOARD = "here", "ssh:"


@app.command()
def choose(
    under: Annotated[float, typer.Option("--under", metavar="MS", help="The limit, milliseconds an image.")],
    device: Annotated[str, typer.Option("--device", help="A profile's name or YAML file, `here`, or ssh://HOST.")],
    size: SizeText = "640x360",
    classes: Classes = 19,
    weights: Annotated[
        list[Path] | None,
        typer.Option("--weights", metavar="PATH", help="Your weights or ONNX file, or a folder of such."),
    ] = None,
    study: Annotated[list[str] | None, typer.Option("--study", help="A study whose variants you trained.")] = None,
    own: Annotated[bool, typer.Option("--own", help="Only your nets, not the zoo.")] = False,
    risk: Annotated[
        float, typer.Option("--risk", help="The largest risk to break the limit that counts as within.")
    ] = 0.5,
    threads: Threads = 1,
    json: Json = False,
    csv_: Annotated[bool, typer.Option("--csv", help="Print CSV and nothing else.")] = False,
    latex_: Annotated[bool, typer.Option("--latex", help="Print a LaTeX table and nothing else.")] = False,
) -> None:
    """Choose among the zoo and your trained nets: those within a time limit, best first, with the risk to break it.

    A profile predicts. `here` measures now; with --study, it and ssh://HOST take the times that studies measured.
    """
    from rdslab.search.candidates import candidates
    from rdslab.search.choose import choose as choose_nets

    asked = [name for name, wanted in (("--json", json), ("--csv", csv_), ("--latex", latex_)) if wanted]
    if len(asked) > 1:
        raise SpecError(f"{' and '.join(asked)} ask for several formats at once", "keep one of them")
    at, ledgers = Size.parse(size), _ledgers(study or ())
    latencies = _latencies(device, ledgers, at, classes, threads)
    nets = candidates(_own(weights or (), ledgers, only=own), zoo=not own)
    found = choose_nets(nets, at, classes, under, latencies, risk)
    title = f"Within {under:g} ms on {device} at {at}, {classes} classes: {len(found.within)} of {len(nets)} nets"
    about = {"device": device, "size": str(at), "classes": classes, "limit_ms": under, "ranked_by": found.ranked_by}
    _print(found, title, about, asked[0] if asked else "")
    _rest(found, title, note if asked else say)


def _print(found: "Choices", title: str, about: Mapping[str, Any], form: str) -> None:
    """The nets within the limit, in the form that was asked for."""
    rows = [{"rank": rank, **_row(choice), **about} for rank, choice in enumerate(found.within, 1)]
    if form == "--json":
        print_json(rows)
    elif form == "--csv":
        print(csv([{**row, "notes": "; ".join(row["notes"])} for row in rows]), end="")
    elif form == "--latex":
        print(latex(_table(found.within, title, "--")), end="")
    elif rows:
        show(_table(found.within, title))
        say(f"ranked by {found.ranked_by}")


def _ledgers(studies: Sequence[str]) -> "list[Ledger]":
    from rdslab.search.ledger import open_ledger, storage_of
    from rdslab.search.plan import load_study

    found = [load_study(name) for name in studies]
    return [open_ledger(study, storage_of(study, None)) for study in found]


def _own(weights: Sequence[Path], ledgers: "Sequence[Ledger]", *, only: bool) -> "list[Candidate]":
    from rdslab.search.candidates import of_files, of_study

    files, passed = of_files(weights)
    for reason in passed:
        note(f"passed over: {reason}")
    found = [*files, *(candidate for ledger in ledgers for candidate in of_study(ledger))]
    if only and not found:
        raise SpecError("no net of yours is named", "name it with --weights or --study", where="--own")
    return found


def _latencies(device: str, ledgers: "Sequence[Ledger]", size: Size, classes: int, threads: int) -> "Latencies":
    from rdslab.measure import load_profile
    from rdslab.search.choose import measured_in, predicted_by

    if device == HERE and not ledgers:
        return lambda nets, _: _measured(nets, size, classes, threads)
    if device != HERE and not device.startswith(BOARD):
        return predicted_by(load_profile(device))
    if not ledgers:
        raise SpecError(
            "a board's times come from a study that measured them", "name it with --study", where="--device"
        )
    return measured_in(ledgers, device)


def _measured(nets: "Mapping[str, Candidate]", size: Size, classes: int, threads: int) -> dict[str, Any]:
    from rdslab.measure import machine_lock, measure

    waits = "waits until nothing trains or measures on this machine"
    with machine_lock("measure", waiting=lambda: note(waits)), progress() as bars:
        bar = bars.add_task("timing", total=None)
        times = measure(
            {name: candidate.net for name, candidate in nets.items()},
            size,
            classes,
            threads=threads,
            progress=lambda done, total: bars.update(bar, completed=done, total=total),
        )
    return {name: one if isinstance(one, RdslabError) else one.document() for name, one in times.items()}


def _row(choice: "Choice") -> dict[str, Any]:
    published, own, times = choice.published, choice.candidate.own, choice.times
    return {
        "name": choice.candidate.name,
        **{name: times[name] for name in ("latency_ms", "low_ms", "high_ms", "predicted")},
        "risk": choice.risk,
        "published_miou": published and published.miou,
        "published_on": published and published.on,
        "published_source": published and published.source,
        "own_miou": own and own.miou,
        "own_seeds": own and own.n,
        "own_on": own and own.on,
        "params": choice.cost.params,
        "macs": choice.cost.macs,
        "net_id": choice.candidate.net_id,
        "source": choice.candidate.source,
        "notes": list(times.get("notes") or ()),
    }


def _table(choices: "Sequence[Choice]", title: str, dash: str = "-") -> Table:
    notes = Notes()
    shared = _shared(choices)
    kind = "predicted" if choices and choices[0].times["predicted"] else "measured"
    interval = "90 % interval" if kind == "predicted" else "middle half"
    columns = ["net", f">{kind}\nlatency_ms{notes.mark(shared)}", f">{interval}", ">risk", ">published mIoU (%)"]
    columns += [">own mIoU (%)", ">params", ">MACs"]
    lines = []
    for choice in choices:
        own, row = choice.candidate.own, _row(choice)
        marks = notes.mark([text for text in row["notes"] if text not in shared])
        ends = f"{_ms(row['low_ms'])}{dash}{_ms(row['high_ms'])}"
        figures = [f"{_ms(row['latency_ms'])}{marks}", ends, percent(choice.risk), _published(choice, notes)]
        seeds = "" if own is None else f"{100 * own.miou:.1f} ({own.on}; n = {own.n})"
        lines.append([row["name"], *figures, seeds, human(row["params"]), human(row["macs"])])
    return Table(columns, lines, title, tuple(notes.texts))


def _shared(choices: "Sequence[Choice]") -> list[str]:
    """What is said of every latency."""
    said = [choice.times.get("notes") or () for choice in choices]
    return [text for text in said[0] if all(text in other for other in said)] if said else []


def _published(choice: "Choice", notes: Notes) -> str:
    line = choice.published
    return "" if line is None else f"{100 * line.miou:.1f} ({line.on}){notes.mark([line.source])}"


def percent(risk: float) -> str:
    """A probability: 0.1234 -> '12 %'."""
    return "< 1 %" if risk < 0.01 else "> 99 %" if risk > 0.99 else f"{100 * risk:.0f} %"


def _rest(found: "Choices", title: str, tell: Any) -> None:
    """What is not within the limit: what may be, what is nearest where nothing is, what has no latency."""
    if not found.within:
        tell(title)
    for choice in found.may_be:
        tell(f"may be within: {_line(choice)}")
    if not found.within and not found.may_be:
        nearest = min(found.over, key=lambda choice: choice.latency_ms)
        tell(f"the nearest: {_line(nearest)}")
    elif found.over:
        tell(f"over the limit: {', '.join(choice.candidate.name for choice in found.over)}")
    for name, reason in found.refused.items():
        tell(f"no latency: {name}: {reason}")


def _line(choice: "Choice") -> str:
    ends = f"{_ms(choice.times['low_ms'])} to {_ms(choice.times['high_ms'])}"
    return f"{choice.candidate.name}, {_ms(choice.latency_ms)} ms ({ends}), risk {percent(choice.risk)}"


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
