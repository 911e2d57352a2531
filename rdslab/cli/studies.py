"""run, worker, measure, report: studies."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rdslab.cli.options import Json, Root, Set, Storage, StudyFile, app
from rdslab.cli.output import note, print_json, progress, say
from rdslab.cli.status import show_status
from rdslab.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from rdslab.search.plan import Study

MOST_EXAMPLES = 8  # with their pictures of a dozen nets some 3 MB of a page


def _study(file: str, root: str | None, settings: list[str]) -> tuple["Study", list[str]]:
    """A study and the settings that were applied to it."""
    from rdslab.search.plan import load_study

    given = [*settings, *([f"data.root={root}"] if root else [])]
    return load_study(file, given), given


@app.command()
def run(
    study: StudyFile,
    workers: Annotated[int, typer.Option("--workers", min=1, max=1024, help="Processes that train side by side.")] = 1,
    storage: Storage = None,
    engine: Annotated[
        Literal["processes", "ray"], typer.Option("--engine", help="Where workers run: here, or on a Ray cluster.")
    ] = "processes",
    address: Annotated[
        str | None, typer.Option("--address", help="The Ray cluster, as HOST:PORT or auto; default one of our own.")
    ] = None,
    root: Root = None,
    set_: Set = [],  # noqa: B006
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed trials once more.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Go on with a search whose settings have changed.")] = False,
    json: Json = False,
) -> None:
    """Run what is left of a study: train each variant with each seed, then time. Stop it, run it again: it goes on."""
    from rdslab.search.ledger import storage_of
    from rdslab.search.run import Again, Engine, Watch, run_study

    if address is not None and engine != "ray":
        raise SpecError("is of a Ray cluster, and the engine is another", "add --engine ray", where="--address")
    found, settings = _study(study, root, set_)
    url = storage_of(found, storage)
    with progress() as bars:
        watch = Watch(note, _slots_bar(bars, found), _bar(bars, "timing"))
        again = Again(retry_failed, force)
        ledger = run_study(
            found,
            url,
            workers=workers,
            settings=settings,
            watch=watch,
            again=again,
            engine=Engine(engine, address),
        )
    show_status(found, ledger, json)


@app.command()
def worker(study: StudyFile, storage: Annotated[str, typer.Option("--storage")], set_: Set = []) -> None:  # noqa: B006
    """Join a study: take trials from its database until none is left."""
    from rdslab.search.run import start
    from rdslab.search.worker import Worker

    found, _ = _study(study, None, set_)
    if not found.trains:
        raise SpecError("trains nothing, so it has no work for a worker", "rdslab run, or rdslab measure", where=study)
    prepared, ledger = start(found, storage)
    Worker(prepared, ledger, note).work()


@app.command()
def measure(
    study: StudyFile,
    storage: Storage = None,
    device: Annotated[
        list[str] | None, typer.Option("--device", help="Only these of the study's: here, ssh://USER@HOST.")
    ] = None,
    give_up: Annotated[
        float, typer.Option("--give-up", metavar="HOURS", min=0.0, help="How long a lost board is waited for.")
    ] = 24.0,
    again: Annotated[bool, typer.Option("--again", help="Measure anew what has a time.")] = False,
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Be the one process that measures a study's nets, also while it runs elsewhere. Run it again: it goes on."""
    from rdslab.search.cells import forget_times
    from rdslab.search.ledger import storage_of
    from rdslab.search.queue import Patience, work_off
    from rdslab.search.run import start

    found, _ = _study(study, None, set_)
    devices = _measured(found, device)
    prepared, ledger = start(found, storage_of(found, storage))
    if again:
        forget_times(ledger, devices)
    patience = Patience(give_up_s=3600 * give_up)
    with progress() as bars:
        work_off(prepared, ledger, devices, note, patience=patience, stay=True, progress=_bar(bars, "timing"))
    show_status(found, ledger, json)


def _slots_bar(bars: "Progress", study: "Study") -> Callable[[Sequence[dict[str, Any]]], None]:
    """A bar of the slots that have ended, with what runs now."""
    bar = bars.add_task(study.name, total=len(study.slots))

    def show(rows: Sequence[dict[str, Any]]) -> None:
        ended = sum(row["state"] not in ("waiting", "running") for row in rows)
        now = ", ".join(
            f"{row['variant']} {row['progress'] or ''}".strip() for row in rows if row["state"] == "running"
        )
        said = f"{study.name}: {now}" if now else study.name
        bars.update(bar, total=max(len(rows), len(study.slots)), completed=ended, description=said)

    return show


def _bar(bars: "Progress", name: str) -> Callable[[int, int], None]:
    """A bar that begins with its first sign."""
    task: list[TaskID] = []

    def show(done: int, total: int) -> None:
        if not task:
            task.append(bars.add_task(name, total=total))
        bars.update(task[0], completed=done, total=total)

    return show


def _measured(study: "Study", wanted: list[str] | None) -> tuple[str, ...]:
    """The devices to measure on. Raises SpecError where the study has none such."""
    if not study.measured:
        hint = "a study names them under deploy.devices: here, or ssh://user@host"
        raise SpecError("the study measures on no device", hint, where=study.source.name)
    for name in wanted or ():
        if name not in study.measured:
            hint = f"the study measures on: {', '.join(study.measured)}"
            raise SpecError(
                f"{name!r} is no device that the study measures on",
                hint,
                did_you_mean(name, study.measured),
                where="--device",
            )
    return tuple(dict.fromkeys(wanted or study.measured))


@app.command()
def report(
    study: StudyFile,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Default reports/NAME.")] = None,
    storage: Storage = None,
    root: Root = None,
    examples: Annotated[
        int, typer.Option("--examples", min=0, max=MOST_EXAMPLES, help="Validation images on the page; 0 for none.")
    ] = 3,
    json: Json = False,
) -> None:
    """Write report.html, tables and plots of a study to reports/NAME."""
    from rdslab.api import report_study

    with progress() as bars:
        advance = _bar(bars, "images")
        written = report_study(study, out, storage=storage, root=root, examples=examples, progress=advance)
    if json:
        print_json([str(path) for path in written])
        return
    say(f"wrote {len(written)} files; open {next(path for path in written if path.name == 'report.html')}")
