"""What a study's search has found, as variants of the study. Nothing here knows torch."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rdslab.search.aims import is_found
from rdslab.search.budget import is_free
from rdslab.search.courses import COURSE
from rdslab.search.ledger import Ledger
from rdslab.search.plan import Study
from rdslab.search.variants import Variant

UNTOLD = ("pruned", "waiting", "running")  # of a search slot: it has no score yet, or never will


def with_found(study: Study, ledger: Ledger) -> Study:
    """The study with every net that its search has trained to the end; as it is where it has no search."""
    if study.document.search is None:
        return study
    genes = {fact["context"]["slot"]: fact["document"]["genes"] for fact in ledger.facts_of(COURSE)}
    trained: dict[str, list[int]] = {}
    for row in ledger.rows():
        if is_found(row["variant"]) and row["net_id"] and not is_free(row) and row["state"] not in UNTOLD:
            trained.setdefault(row["variant"], []).append(row["seed"])
    genes_of = {name: genes.get(int(name[1:]), {}) for name in trained}
    return grown(study, {name: (genes_of[name], len(own) > 1) for name, own in trained.items()})


def grown(study: Study, found: Mapping[str, tuple[Mapping[str, Any], bool]]) -> Study:
    """The study with these variants: by name their genes, and whether they were trained with several seeds."""
    own = tuple(
        Variant(name, study.document.base, tuple(genes.items()), found=True, repeated=repeated)
        for name, (genes, repeated) in sorted(found.items(), key=lambda item: int(item[0][1:]))
    )
    return replace(study, variants=(*study.variants, *own))
