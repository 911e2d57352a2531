"""The phase of a study in which nets are timed on this machine, after the training and never beside it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict

from rdslab.errors import RdslabError
from rdslab.measure import host, machine_lock, measure
from rdslab.search.ledger import Ledger
from rdslab.search.prepare import HERE, Prepared, times_context
from rdslab.spec import Net
from rdslab.times import Times


def time_variants(prepared: Prepared, ledger: Ledger, notice: Callable[[str], object]) -> int:
    """Time every variant that has no time yet on this machine, interleaved; the number of refused ones.

    A refused time is written down with its reason and tried again by the next run.
    """
    study = prepared.study
    facts = [f for f in ledger.facts_of("times") if f["context"]["device"] == HERE]
    known = {
        f["net_id"]
        for f in facts
        if f["context"]["size"] == str(study.size) and f["context"]["classes"] == study.document.deploy.classes
    }
    wanted: dict[str, Net] = {}
    for variant, net in prepared.nets.items():
        net_id = prepared.net_id(variant)
        if net_id not in known:
            wanted[net_id] = net
    if not wanted:
        return 0
    notice(f"timing {len(wanted)} nets on this machine at {study.size}, {study.document.deploy.classes} classes")
    with machine_lock("measure", waiting=lambda: notice("waits until nothing trains on this machine")):
        found = measure(
            wanted, study.size, study.document.deploy.classes, threads=study.document.threads, device_name=HERE
        )
    return sum(not _enter(prepared, ledger, net_id, result, notice) for net_id, result in found.items())


def _enter(
    prepared: Prepared, ledger: Ledger, net_id: str, result: Times | RdslabError, notice: Callable[[str], object]
) -> bool:
    names: Mapping[str, str] = {prepared.net_id(name): name for name in prepared.nets}
    if isinstance(result, RdslabError):
        context = times_context(prepared.study, HERE, {"host": asdict(host())})
        ledger.put("refused", net_id, context, -1, {"reason": str(result)})
        notice(f"the time of {names[net_id]} is refused: {result}")
        return False
    details = {"protocol": asdict(result.protocol), "host": asdict(result.host) if result.host else {}}
    ledger.put("times", net_id, times_context(prepared.study, HERE, details), -1, result.document())
    return True
