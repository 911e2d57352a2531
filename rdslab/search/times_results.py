"""What a study of times found, as plain documents for its report. Nothing here knows torch."""

from typing import Any

from rdslab.errors import SpecError
from rdslab.search.carried import nets_of, profiles_of, study_document
from rdslab.search.cells import Cell, TimesFacts, forms_on
from rdslab.search.documents import is_measured
from rdslab.search.ledger import Ledger, Row
from rdslab.search.plan import Study
from rdslab.search.results import NOT_MEASURED, cell_times, refuse_mixtures


def gather_times(study: Study, ledger: Ledger) -> dict[str, Any]:
    """Study, nets, times, columns, hosts, versions, the nets' documents, profiles.

    Raises SpecError for a study that never ran.
    """
    names = [variant.name for variant in study.variants]
    ids = {row["variant"]: row["net_id"] for row in ledger.rows() if row["variant"] in names}
    if not ids:
        hint = f"rdslab run {study.source.name}"
        raise SpecError(f"study {study.name!r} has not been run", hint, where=study.source.name)
    facts, nets = ledger.facts_of(), ledger.stored_nets()
    times = _times(study, TimesFacts(ledger), ids)
    found = [line["times"] for line in times if line["times"].get("host")]
    hosts = [line["host"] for line in found]
    return {
        "study": times_study_words(study, list(ids)),
        "nets": [_net(study, variant, net_id, facts, nets) for variant, net_id in ids.items()],
        "times": times,
        "columns": [_column(study, index, ids, facts) for index in range(len(study.document.published))],
        "hosts": [host for index, host in enumerate(hosts) if host not in hosts[:index]],
        "versions": dict(hosts[0]["versions"]) if hosts else {},
        "documents": nets_of(ids.values(), nets),
        "profiles": profiles_of(facts, ids.values()),
    }


def times_study_words(study: Study, names: list[str]) -> dict[str, Any]:
    """The study as its report knows it, with those of its variants that have a net."""
    document = study.document
    deploy = {key: value for key, value in document.deploy.model_dump(mode="json").items() if key != "size"}
    return {
        "name": study.name,
        "title": document.title,
        "deploy": {**deploy, "sizes": [str(size) for size in study.sizes]},
        "variants": names,
        "threads": document.threads,
        "ratios": [line.model_dump(mode="json") for line in document.ratios],
        "command": f"rdslab run {study.source.name}",
        "document": study_document(study),
    }


def _net(study: Study, variant: str, net_id: str, facts: list[Row], nets: dict[str, Row]) -> dict[str, Any]:
    own = [f for f in facts if f["kind"] == "cost" and f["net_id"] == net_id]
    own = [f for f in own if f["context"]["classes"] == study.document.deploy.classes]
    costs = {f["context"]["size"]: f["document"] for f in own}
    return {"variant": variant, "net_id": net_id, "canonical_id": nets[net_id]["canonical_id"], "costs": costs}


def _times(study: Study, known: TimesFacts, ids: dict[str, str]) -> list[dict[str, Any]]:
    """One line a net, device, size and form that the study asks for."""
    deploy = study.document.deploy
    by_variant: dict[str, dict[tuple[str, str, str], Any]] = {variant: {} for variant in ids}
    for device in deploy.devices:
        for form in forms_on(study, device):
            for size in map(str, study.sizes):
                cell = Cell(device, size, deploy.classes, form)
                for variant, net_id in ids.items():
                    by_variant[variant][device, form, size] = cell_times(known, net_id, [cell])
                refuse_mixtures(by_variant, (device, form, size))
    return [
        {"variant": variant, "device": device, "form": form, "size": size, "times": times}
        for variant, row in by_variant.items()
        for (device, form, size), times in row.items()
        if is_measured(device) or times != NOT_MEASURED  # a profile has one form
    ]


def _column(study: Study, index: int, ids: dict[str, str], facts: list[Row]) -> dict[str, Any]:
    """A published column as it was when the study ran."""
    device = study.document.published[index].device
    about = next((f["document"] for f in facts if f["kind"] == "column" and f["context"]["device"] == device), None)
    if about is None:
        where = study.source.where(("published", index))
        raise SpecError(
            f"the times of {device} are new since the study ran", f"rdslab run {study.source.name}", where=where
        )
    own = [f for f in facts if f["kind"] == "published" and f["context"]["device"] == device]
    order = {(variant, str(size)): 0 for variant in ids for size in study.sizes}
    by_place = {(f["context"]["variant"], f["context"]["size"]): f["document"] for f in own}
    points = [{"variant": v, "size": s, **by_place[v, s]} for v, s in order if (v, s) in by_place]
    return {**about, "points": points}
