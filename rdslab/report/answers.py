"""A study's claims with their answers, from its own results and from other studies: run here, or reported."""

from typing import Any

from rdslab.report.evidence import Evidence, evidence_in, evidence_of
from rdslab.report.found import REPORTS, run_here
from rdslab.report.frame import Results
from rdslab.report.latency import TimesResults
from rdslab.report.verdicts import verdicts
from rdslab.search.claims import Claim, claims_of
from rdslab.search.plan import Study


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
    found = run_here(study)
    if found is not None:
        return evidence_of(found)
    reported = evidence_in(REPORTS / study.name)
    return reported or f"study {study.name} has not been run: rdslab run {study.source.name}"
