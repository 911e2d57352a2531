"""run, worker, status, report: studies."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdslab.cli.options import Json, Root, Set, Storage, StudyFile, app
from rdslab.cli.output import note, print_json, print_table, progress, say

if TYPE_CHECKING:
    from rdslab.search.plan import Study

STATES = ("waiting", "running", "done", "failed")


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
    root: Root = None,
    set_: Set = [],  # noqa: B006
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed trials once more.")] = False,
    json: Json = False,
) -> None:
    """Run what is left of a study: train each variant with each seed, then time. Stop it, run it again: it goes on."""
    from rdslab.search.ledger import storage_of
    from rdslab.search.run import Watch, run_study

    found, settings = _study(study, root, set_)
    url = storage_of(found, storage)
    with progress() as bars:
        bar = bars.add_task(found.name, total=len(found.slots))

        def slots(rows: Sequence[dict[str, Any]]) -> None:
            ended = sum(row["state"] in ("done", "failed") for row in rows)
            now = ", ".join(
                f"{row['variant']} {row['progress'] or ''}".strip() for row in rows if row["state"] == "running"
            )
            bars.update(bar, completed=ended, description=f"{found.name}: {now}" if now else found.name)

        ledger = run_study(
            found, url, workers=workers, settings=settings, watch=Watch(note, slots), retry_failed=retry_failed
        )
    _status(found, ledger.rows(), json)


@app.command()
def worker(study: StudyFile, storage: Annotated[str, typer.Option("--storage")], set_: Set = []) -> None:  # noqa: B006
    """Join a study: take trials from its database until none is left."""
    from rdslab.search.run import start
    from rdslab.search.worker import Worker

    found, _ = _study(study, None, set_)
    prepared, ledger = start(found, storage)
    Worker(prepared, ledger, note).work()


@app.command()
def status(study: StudyFile, storage: Storage = None, json: Json = False) -> None:
    """What a study has done, does and has left."""
    from rdslab.search.ledger import open_ledger, storage_of

    found, _ = _study(study, None, [])
    _status(found, open_ledger(found, storage_of(found, storage)).rows(), json)


@app.command()
def report(
    study: StudyFile,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Default reports/NAME.")] = None,
    storage: Storage = None,
    json: Json = False,
) -> None:
    """Write report.html, tables and plots of a study to reports/NAME."""
    from rdslab.report import Results, write_report
    from rdslab.search.ledger import open_ledger, storage_of
    from rdslab.search.results import gather

    found, _ = _study(study, None, [])
    results = Results(**gather(found, open_ledger(found, storage_of(found, storage))))
    written = write_report(results, out or Path("reports") / found.name, f"rdslab run {study} && rdslab report {study}")
    if json:
        print_json([str(path) for path in written])
        return
    say(f"wrote {len(written)} files; open {next(path for path in written if path.name == 'report.html')}")


def _status(study: "Study", rows: Sequence[dict[str, Any]], json: bool) -> None:
    wanted = {(slot.variant, slot.seed) for slot in study.slots}
    own = [row for row in rows if (row["variant"], row["seed"]) in wanted]
    counts = {state: sum(row["state"] == state for row in own) for state in STATES}
    shown = [{key: row[key] for key in ("number", "variant", "seed", "state", "progress", "error")} for row in own]
    if json:
        print_json({"name": study.name, **counts, "slots": shown})
        return
    say(f"{study.name}: " + ", ".join(f"{number} {state}" for state, number in counts.items() if number))
    busy = [row for row in shown if row["state"] in ("running", "failed")]
    if busy:
        print_table(
            [">number", "variant", ">seed", "state", "progress", "error"],
            [["" if v is None else v for v in r.values()] for r in busy],
        )
