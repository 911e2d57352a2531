"""What a study found, as plain documents for a report. Nothing here knows torch."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rdslab.errors import SpecError
from rdslab.search.budget import is_free
from rdslab.search.carried import nets_of, profiles_of, study_document
from rdslab.search.cells import Cell, TimesFacts, forms_on, side_by_side
from rdslab.search.found import with_found
from rdslab.search.ledger import IMAGES, Ledger, Row
from rdslab.search.outcome import search_document
from rdslab.search.plan import Study
from rdslab.search.variants import Variant

MOST_COUNTED = 500  # trials whose counts of images are read: a few hundred kilobytes each
NOT_MEASURED = {"missing": "not measured"}


def gather(study: Study, ledger: Ledger) -> dict[str, Any]:
    """Study, trials by slot, hosts, versions, the data's identity, nets, profiles.

    Raises SpecError for a study that never ran.
    """
    rows = ledger.rows()
    if not rows:
        raise SpecError(
            f"study {study.name!r} has not been run", f"rdslab run {study.source.name}", where=study.source.name
        )
    search = search_document(study, ledger)
    study = with_found(study, ledger)
    wanted = {(slot.variant, slot.seed) for slot in study.slots}
    rows = [row for row in rows if not is_free(row)]
    rows = [row for row in rows if (row["variant"], row["seed"]) in wanted]
    times = times_by_net(study, ledger, {row["net_id"] for row in rows})
    facts, nets = ledger.facts_of(), ledger.stored_nets()
    by_net: dict[str, list[Row]] = {}
    for fact in facts:
        by_net.setdefault(fact["net_id"], []).append(fact)
    scores = [fact for fact in facts if fact["kind"] == "score"]
    counts = {}
    if len(scores) <= MOST_COUNTED:
        counts = {(fact["net_id"], fact["seed"]): fact["document"] for fact in ledger.facts_of(IMAGES)}
    hosts = [fact["document"]["host"] for fact in facts if fact["kind"] == "effort"]
    context: Mapping[str, Any] = scores[0]["context"] if scores else {}
    versions = {name: str(context[name]) for name in ("rdslab", "torch") if name in context}
    return {
        "study": study_words(study, context) | ({"search": search} if search else {}),
        "trials": [_trial(study, row, by_net.get(row["net_id"], []), nets, times[row["net_id"]]) for row in rows],
        "hosts": [host for index, host in enumerate(hosts) if host not in hosts[:index]],
        "versions": versions | (dict(hosts[0]["versions"]) if hosts else {}),
        "data_identity": str(context.get("data", {}).get("identity", "")),
        "counts": {row["number"]: counts[key] for row in rows if (key := (row["net_id"], row["seed"])) in counts},
        "documents": nets_of(times, nets),
        "profiles": profiles_of(facts, times),
    }


def study_words(study: Study, context: Mapping[str, Any]) -> dict[str, Any]:
    """The study as its report knows it; `context` is that of its scores, empty where there is none yet."""
    document = study.document
    factors = study.design.factors if study.design else ()
    data = context.get("data") or {key: value for key, value in document.data.items() if key != "root"}
    return {
        "name": study.name,
        "title": document.title,
        "base": study.base,
        "compared": study.compared,
        "metric": "miou",
        "deploy": {
            "size": str(study.size),
            "classes": document.deploy.classes,
            "devices": list(document.deploy.devices),
        },
        "data": dict(data),
        "recipe": context.get("recipe") or document.recipe,
        "seeds": list(document.seeds),
        "variants": [variant.name for variant in study.variants],
        "genes": {variant.name: _genes(study, variant) for variant in study.variants},
        "factors": {factor.name: [level.name for level in factor.levels] for factor in factors},
        "levels": {variant.name: dict(variant.levels) for variant in study.variants if variant.levels},
        "threads": document.threads,
        "command": f"rdslab run {study.source.name}",
        "document": study_document(study),
    }


def _genes(study: Study, variant: Variant) -> dict[str, Any]:
    """What the variant sets besides what all do, by place; and its net where that is another than the base's."""
    if variant.found:
        return dict(variant.settings)
    common = tuple(study.document.set.items())
    own = variant.settings[len(common) :] if variant.settings[: len(common)] == common else variant.settings
    return {**({"net": variant.net} if variant.net != study.document.base else {}), **dict(own)}


def _trial(study: Study, row: Row, own: list[Row], nets: Mapping[str, Row], times: Mapping[str, Any]) -> dict[str, Any]:
    score = next((f for f in own if f["kind"] == "score" and f["seed"] == row["seed"]), None)
    effort = next((f for f in own if f["kind"] == "effort" and f["seed"] == row["seed"]), None)
    done = row["state"] == "done"
    return {
        "slot": row["number"],
        "variant": row["variant"],
        "seed": row["seed"],
        "state": row["state"],
        "error": row["error"],
        "net_id": row["net_id"],
        "canonical_id": nets[row["net_id"]]["canonical_id"],
        "cost": next((f["document"] for f in own if f["kind"] == "cost" and _at_deploy(f, study)), None),
        "score": score["document"] if score and done else None,
        "times": {device: dict(found) for device, found in times.items()},
        "hours": effort["document"]["hours"] if effort and done else None,
        "context_id": score["context_id"] if score and done else None,
    }


def _at_deploy(fact: Row, study: Study) -> bool:
    context = fact["context"]
    return bool(context["size"] == str(study.size) and context["classes"] == study.document.deploy.classes)


def times_by_net(study: Study, ledger: Ledger, net_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By net and device of the study its time, or why there is none: refused, not measured, or not comparable."""
    known, deploy = TimesFacts(ledger), study.document.deploy
    found: dict[str, dict[str, Any]] = {net_id: {} for net_id in net_ids}
    for device in deploy.devices:
        cells = [Cell(device, str(study.size), deploy.classes, form) for form in forms_on(study, device)]
        for net_id, by_device in found.items():
            by_device[device] = cell_times(known, net_id, cells)
    for device in deploy.devices:
        refuse_mixtures(found, device)
    return found


def cell_times(known: TimesFacts, net_id: str, cells: Sequence[Cell]) -> Mapping[str, Any]:
    """The time of the first of the cells that has one, else the reason why there is none."""
    times = next((times for cell in cells if (times := known.times(net_id, cell)) is not None), None)
    reason = next((reason for cell in cells if (reason := known.refused(net_id, cell))), "")
    return times if times is not None else {"missing": reason} if reason else NOT_MEASURED


def refuse_mixtures(found: Mapping[Any, dict[Any, Any]], column: Any) -> None:
    """Times of one column that may not stand side by side: the fewer become missing, with the field."""
    times = {name: row[column] for name, row in found.items() if "missing" not in row[column]}
    for name, reason in side_by_side(times).items():
        found[name][column] = {"missing": reason}
