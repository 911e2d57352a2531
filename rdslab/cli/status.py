"""status: what a study has done, does and has left, once or as it goes on."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdslab.cli.options import Json, Storage, StudyFile, app
from rdslab.cli.output import console, print_json, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rdslab.search.ledger import Ledger
    from rdslab.search.plan import Study

EVERY_S = 2.0
BUSY = (">number", "variant", ">seed", "state", "progress", "error", "worker")


@app.command()
def status(
    study: StudyFile,
    storage: Storage = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew every two seconds, until nothing runs.")] = False,
    json: Json = False,
) -> None:
    """What a study has done, does and has left."""
    from rdslab.search.ledger import open_ledger, storage_of
    from rdslab.search.plan import load_study

    found = load_study(study)
    ledger = open_ledger(found, storage_of(found, storage))
    if watch and not json:
        _watched(found, ledger)
    else:
        show_status(found, ledger, json)


def show_status(study: "Study", ledger: "Ledger", json: bool) -> None:
    """Print it, for people or for programs."""
    from rdslab.search.state import state_of

    state = state_of(study, ledger)
    if json:
        print_json(state)
        return
    for part in _parts(study.trains, state):
        console().print(part, markup=False, highlight=False)


def _watched(study: "Study", ledger: "Ledger") -> None:
    from rich.console import Group
    from rich.live import Live

    from rdslab.search.state import state_of

    with Live(console=console(), auto_refresh=False) as live:
        while True:
            state = state_of(study, ledger)
            live.update(Group(*_parts(study.trains, state)), refresh=True)
            if not state["running"]:
                return
            time.sleep(EVERY_S)


def _parts(trains: bool, state: dict[str, Any]) -> "list[RenderableType]":
    """Lines and tables for people."""
    from rdslab.search.state import OF_A_SEARCH, STATES

    counts = [f"{state[name]} {name}" for name in (*STATES, *OF_A_SEARCH) if state.get(name)]
    nothing = f"{len(state['slots'])} nets, nothing to train"
    parts: list[RenderableType] = [f"{state['name']}: {', '.join(counts) if trains else nothing}"]
    busy = [row for row in state["slots"] if row["state"] in ("running", "failed")]
    if busy:
        cells = [[row[name.removeprefix(">")] for name in BUSY] for row in busy]
        parts.append(table(BUSY, [["" if cell is None else cell for cell in row] for row in cells]))
    parts += _search_parts(state["search"]) if "search" in state else []
    for line in state["measuring"]:
        refused = f", {line['refused']} of them refused so far" if line["refused"] else ""
        who = f"; {line['by']} measures" if line["by"] else "; nobody measures now" if line["waiting"] else ""
        parts.append(f"{line['device']}: {line['measured']} times measured, {line['waiting']} waiting{refused}{who}")
    return parts


def _search_parts(search: dict[str, Any]) -> "list[RenderableType]":
    hours = f"{search['hours']:.2f} hours of workers' time spent"
    if search["hours_budget"] is not None:
        hours += f" of {search['hours_budget']:g}, {search['hours_left']:.2f} left"
    parts: list[RenderableType] = [f"search: {search['trained']} of {search['trials']} nets trained; {hours}"]
    if search["hypervolume"] is not None:
        parts.append(f"hypervolume of the front, to the worst of each objective: {search['hypervolume']:.4g}")
    if search["front"]:
        figures = [name for name in search["front"][0] if name not in ("variant", "miou")]
        rows = [
            [line["variant"], f"{100 * line['miou']:.2f}", *(f"{line[name]:.4g}" for name in figures)]
            for line in sorted(search["front"], key=lambda line: -line["miou"])
        ]
        parts.append(table(["front", ">mIoU (%)", *(f">{name}" for name in figures)], rows))
    return parts
