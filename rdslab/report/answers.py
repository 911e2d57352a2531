"""A study's claims with their answers, from its own results and from other studies: run here, or reported."""

from pathlib import Path
from typing import Any

from rdslab.errors import SpecError
from rdslab.report.evidence import Evidence, evidence_in, evidence_of
from rdslab.report.frame import Results
from rdslab.report.latency import TimesResults
from rdslab.report.verdicts import verdicts
from rdslab.search.claims import Claim, claims_of
from rdslab.search.ledger import open_ledger, storage_of
from rdslab.search.plan import Study
from rdslab.search.results import gather
from rdslab.search.times_results import gather_times

REPORTS = Path("reports")


def answer_claims(study: Study, results: Results | TimesResults) -> list[dict[str, Any]]:
    """A verdict for each claim of the study, its facts from `runs/` where they are, else from `reports/NAME`.

    Raises SpecError for a claim that cannot be read.
    """
    own = evidence_of(results)
    found: dict[str, Evidence | str] = {}

    def evidence(claim: Claim) -> Evidence | str:
        if claim.study.name == study.name:
            return own
        if claim.study.name not in found:
            found[claim.study.name] = _elsewhere(claim.study)
        return found[claim.study.name]

    return verdicts(study, claims_of(study), evidence)


def _elsewhere(study: Study) -> Evidence | str:
    """What another study has found, or why nothing is known of it."""
    if study.run_folder.is_dir():
        ledger = open_ledger(study, storage_of(study, None))
        try:
            found = Results(**gather(study, ledger)) if study.trains else TimesResults(**gather_times(study, ledger))
            return evidence_of(found)
        except SpecError:
            pass  # begun and not run: its report may be there
    reported = evidence_in(REPORTS / study.name)
    return reported or f"study {study.name} has not been run: rdslab run {study.source.name}"
