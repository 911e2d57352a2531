"""What a study has found, from its database where it was run here, else from its report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rdslab.errors import SpecError
from rdslab.report.frame import Results
from rdslab.report.latency import TimesResults
from rdslab.report.record import times_columns
from rdslab.report.reports import read_report
from rdslab.report.stored import results_in
from rdslab.search.ledger import open_ledger, storage_of
from rdslab.search.plan import Study
from rdslab.search.results import gather
from rdslab.search.times_results import gather_times

REPORTS = Path("reports")


@dataclass(frozen=True, eq=False)
class Found:
    """A study's results, where they are from, and by column of times the circumstances they were taken under."""

    study: Study
    results: Results | TimesResults
    times: Mapping[str, Sequence[Mapping[str, Any]]]
    source: str


def run_here(study: Study) -> Results | TimesResults | None:
    """What the study's own database in `runs/` says; None where there is none, or nothing was run yet."""
    if not study.run_folder.is_dir():
        return None
    try:
        ledger = open_ledger(study, storage_of(study, None))
        return Results(**gather(study, ledger)) if study.trains else TimesResults(**gather_times(study, ledger))
    except SpecError:
        return None  # begun and not run: its report may be there


def found_of(study: Study) -> Found:
    """What is known of a study. Raises SpecError where it was neither run here nor reported."""
    results = run_here(study)
    if results is not None:
        return Found(study, results, times_columns(results), str(study.run_folder / "study.db"))
    folder = REPORTS / study.name
    if not (folder / "report.html").is_file():
        what = f"study {study.name!r} has not been run here, and there is no report of it in {folder}"
        raise SpecError(what, f"rdslab run {study.source.name}", where=study.source.name)
    report = read_report(folder)
    results = results_in(report)
    if isinstance(results, Results) != study.trains:
        what = f"the report in {folder} is of another study"
        raise SpecError(what, f"rdslab run {study.source.name}", where=study.source.name)
    return Found(study, results, (report.record or {}).get("times") or {}, str(folder))
