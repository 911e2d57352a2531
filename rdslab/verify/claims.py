"""The answers to a study's claims, given again from the tables of its own report and of the reports beside it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from rdslab.errors import SpecError
from rdslab.report.evidence import Evidence, evidence_of
from rdslab.report.frame import Results, records
from rdslab.report.latency import TimesResults
from rdslab.report.record import NAME
from rdslab.report.reports import Report, read_report
from rdslab.report.stored import results_in, study_in
from rdslab.report.verdicts import CLAIMS, REFUTED, SUPPORTED, UNDECIDED, verdicts
from rdslab.report.words import listed, plural
from rdslab.search.claims import Claim, claims_of
from rdslab.search.documents import ClaimDocument
from rdslab.search.plan import Study
from rdslab.verify.checks import Check, Finding, cells_agree, left_out, plain, tables_agree

ANSWERS = (SUPPORTED, REFUTED, UNDECIDED)
TESTED = "one-sided"  # stands in the reason of an answer that was tested together with others


def claims_check(report: Report, results: Results | TimesResults, study: Study) -> Check:
    """Every claim whose study has a report beside this one. What was tested is answered only if all that was can be."""
    what, table = "claims.csv: answers, from the reports' tables", report.tables[CLAIMS]
    beside = _beside(report)
    documents = study.document.claims
    files = {Path(one.study).name for one in documents if one.study} - {*beside}
    unknown = [one.name for one in documents if one.study and Path(one.study).name in files]
    known = [one for one in documents if one.name not in unknown]
    own = replace(study, document=study.document.model_copy(update={"claims": tuple(known)}))
    tested = {row["name"] for row in records(table) if TESTED in str(row["why"])}
    try:
        again = _answered(own, evidence_of(results), beside)
    except SpecError as error:
        return left_out(what, f"{error.where}: {error.what}")
    skipped = tested | {*unknown} if tested & {*unknown} else {*unknown}
    ours, theirs = (frame[~frame["name"].isin(skipped)] for frame in (table, again))
    missing = [Finding(CLAIMS, one, "", "no such row", "1 row") for one in unknown if one not in set(table["name"])]
    why = f"{plural(len(skipped), 'claim')} left out: no report of {listed(sorted(files))} beside it" if skipped else ""
    found = tables_agree(what, CLAIMS, ours, theirs, ["name"], why=why)
    chosen = table[table["name"].isin(skipped)]
    words = [finding for row in records(chosen) for finding in _said(row, {one.name: one for one in documents})]
    return replace(found, values=found.values + 3 * len(chosen), differ=(*found.differ, *missing, *words))


def _said(row: Any, documents: Mapping[str, ClaimDocument]) -> list[Finding]:
    """What can be seen of an answer that cannot be given again: its words, and that it is one."""
    name, document = str(row["name"]), documents[row["name"]]
    found = cells_agree(CLAIMS, name, row, {"says": document.says, "source": document.source}, ("says", "source"))
    if row["answer"] not in ANSWERS:
        found.append(Finding(CLAIMS, name, "answer", row["answer"], f"one of {', '.join(ANSWERS)}"))
    return found


def _answered(study: Study, own: Evidence, beside: Mapping[str, Report]) -> pd.DataFrame:
    others: dict[str, Evidence] = {}

    def other(file: str) -> Study:
        report = beside[Path(file).name]
        found = study_in(report)
        assert found is not None  # it was chosen for carrying one
        others[found.name] = evidence_of(results_in(report))
        return found

    def evidence(claim: Claim) -> Evidence:
        return own if claim.study.name == study.name else others[claim.study.name]

    return pd.DataFrame(verdicts(study, claims_of(study, other), evidence))


def _beside(report: Report) -> dict[str, Report]:
    """The reports beside this one that carry their study, by the name of the study's file."""
    found = {}
    for path in sorted(report.folder.resolve().parent.glob(f"*/{NAME}")):
        try:
            one = read_report(path)
        except SpecError:
            continue  # somebody else's folder
        record: Any = one.record or {}
        if record.get("document") and plain(record.get("command")):
            found[Path(str(record["command"]).removeprefix("rdslab run ")).name] = one
    return found
