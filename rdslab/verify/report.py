"""A report verified as a whole: which checks there are, in which order."""

from pathlib import Path
from typing import Any

from rdslab.report.frame import unique
from rdslab.report.latency import TimesResults
from rdslab.report.record import NAME
from rdslab.report.reports import Report, read_report
from rdslab.report.stored import results_in, study_in
from rdslab.report.verdicts import CLAIMS
from rdslab.verify.checks import Check, Finding, Verified, cells_agree, left_out
from rdslab.verify.claims import claims_check
from rdslab.verify.nets import CarriedNets, ids_check
from rdslab.verify.times import times_checks
from rdslab.verify.trained import trained_checks

SETTINGS = ("name", "seeds", "deploy", "threads")
NO_STUDY = "the report does not carry its study: write it anew with `rdslab report`"


def verify_report(path: str | Path) -> Verified:
    """Compute again what a report carries enough for, and name each place where it says otherwise.

    `path` is the report's folder or a file in it. Raises SpecError where there is no report, or none that can be read.
    """
    report = read_report(path)
    results, study = results_in(report), study_in(report)
    used = unique(net["net_id"] for net in (results.nets if isinstance(results, TimesResults) else results.slots))
    nets = CarriedNets(results.documents, _classes(results.study), results.profiles)
    checks = [_rows(report), _settings(report, results.study) if study else left_out("settings of the study", NO_STUDY)]
    checks.append(ids_check(nets, used, (report.record or {}).get("digests") or {}))
    if isinstance(results, TimesResults):
        checks += times_checks(report, results, study, nets)
    else:
        checks += trained_checks(report, results, study, nets)
    if CLAIMS in report.tables:
        checks.append(claims_check(report, results, study) if study else left_out("answers to claims", NO_STUDY))
    return Verified(report.folder, checks)


def _classes(study: Any) -> int:
    classes = (study.get("deploy") or {}).get("classes")
    return classes if isinstance(classes, int) else 0


def _rows(report: Report) -> Check:
    """How many rows each table has, and whether all tables are there."""
    what, known = "rows of the tables", (report.record or {}).get("rows") or {}
    if not known:
        return left_out(what, "the report does not say how many it has: write it anew with `rdslab report`")
    rows = {name: len(report.tables[name]) if name in report.tables else None for name in known}
    found = [
        Finding(n, "", "", f"{rows[n]} rows", f"{known[n]} rows") for n in known if rows[n] not in (None, known[n])
    ]
    return Check(
        what,
        len(known),
        tuple(Finding(n, "", "", "no such table", "") for n in known if rows[n] is None) + tuple(found),
    )


def _settings(report: Report, study: Any) -> Check:
    """What report.json says of the study twice."""
    said = (report.record or {}).get("study") or {}
    ours, theirs = ({key: str(one.get(key)) for key in SETTINGS} for one in (said, study))
    found = cells_agree(NAME, "study", ours, theirs, SETTINGS)
    return Check("settings of the study", len(SETTINGS), tuple(found))
