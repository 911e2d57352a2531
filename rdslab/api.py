"""The verbs of the command line for a notebook: they return tables instead of printing them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from rdslab.cost import count
from rdslab.data.pairs import Progress
from rdslab.errors import DataError, SpecError
from rdslab.network import load_net
from rdslab.records import Size
from rdslab.report import (
    Extras,
    Results,
    Seen,
    TimesResults,
    example_images,
    example_trials,
    nets_worth_drawing,
    write_report,
    write_times_report,
)
from rdslab.report.answers import answer_claims
from rdslab.search.ledger import open_ledger, storage_of
from rdslab.search.pictures import draw_nets
from rdslab.search.plan import Study, load_study
from rdslab.search.results import gather
from rdslab.search.run import Watch
from rdslab.search.run import run_study as run_slots
from rdslab.search.seen import see
from rdslab.search.times_results import gather_times
from rdslab.spec import Net


def costs(nets: Iterable[str | Net], size: str | Size, classes: int = 19) -> pd.DataFrame:
    """One row a net: parameters, MACs, activations, elements and bytes of its inference form at `size`."""
    at = size if isinstance(size, Size) else Size.parse(size)
    specs = [net if isinstance(net, Net) else load_net(net) for net in nets]
    return pd.DataFrame([count(net, at, classes).document() for net in specs])


def run_study(
    study: str | Path, *, workers: int = 1, settings: Sequence[str] = (), storage: str | None = None
) -> Results:
    """Run what is left of a study, as `rdslab run` does, and return what it found.

    `settings` are those of `--set`: `["data.root=/data/camvid"]`. Raises SpecError before any work where the study is
    wrong.
    """
    found = load_study(study, settings)
    url = storage_of(found, storage)
    run_slots(found, url, workers=workers, settings=settings, watch=Watch())
    return study_results(study, settings=settings, storage=storage)


def study_results(study: str | Path, *, settings: Sequence[str] = (), storage: str | None = None) -> Results:
    """What a study has found so far. Raises SpecError for one that has not been run."""
    found = load_study(study, settings)
    return Results(**gather(found, open_ledger(found, storage_of(found, storage))))


def report_study(
    study: str | Path,
    out: str | Path | None = None,
    *,
    storage: str | None = None,
    root: str | Path | None = None,
    examples: int = 3,
    progress: Progress | None = None,
) -> list[Path]:
    """Write the report of a study to `out`, by default reports/NAME; the files written, the page first.

    The page shows `examples` validation images where the data are here (`root`, or as the study was run) and the
    weights too. `progress` is told how many images were read, of how many. Raises DataError where `root` is given and
    does not hold the data of the study.
    """
    found = load_study(study, [f"data.root={root}"] if root is not None else [])
    ledger = open_ledger(found, storage_of(found, storage))
    folder = Path(out) if out is not None else Path("reports") / found.name
    command = f"rdslab run {study} && rdslab report {study}"
    if not found.trains:
        times = TimesResults(**gather_times(found, ledger))
        return write_times_report(times, folder, command, answer_claims(found, times))
    results = Results(**gather(found, ledger))
    drawings = draw_nets(found, ledger, nets_worth_drawing(results))
    seen = _seen(found, results, examples, root is not None, progress)
    return write_report(results, folder, command, Extras(answer_claims(found, results), drawings, seen))


def _seen(study: Study, results: Results, most: int, must: bool, progress: Progress | None) -> Seen | None:
    """Example images, None where none are wanted. Without the data the page says why, unless they `must` be there."""
    if not most:
        return None
    trials = example_trials(results)
    if not trials:
        return Seen(why="No trial is done, so no net can be shown an image.")
    images, identity = example_images(results, trials, most), results.data_identity
    try:
        seen = see(study, trials, images, most=most, identity=identity, progress=progress)
        return Seen(**seen, ranked=bool(images))
    except (DataError, SpecError) as error:
        if must:
            raise
        return Seen(why=f"None: {error.what} (rdslab report {study.source.name} --root DIR).")
