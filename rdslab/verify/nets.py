"""The nets that a report carries, built on paper again: their ids, costs, and what shipped profiles predict of them."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from rdslab.cost import count
from rdslab.errors import RdslabError, SpecError
from rdslab.measure import Profile, load_profile, predict_times
from rdslab.measure.profile import profile_names
from rdslab.netfile import net_from_document
from rdslab.network import ids
from rdslab.records import Cost, Size, digest
from rdslab.report.record import NAME
from rdslab.spec import Net
from rdslab.verify.checks import Check, Finding, Row, cells_agree

OTHER_IDS = "no id is what this version of rdslab makes of its net: another version made them"
NO_NETS = "the report carries no nets: write it anew with `rdslab report`"


class CarriedNets:
    """A report's nets by id, each counted once at each size, and the profiles that predicted for them."""

    def __init__(self, documents: Mapping[str, Mapping[str, Any]], classes: int, profiles: Mapping[str, Any]) -> None:
        self.documents, self.classes, self.digests = documents, classes, profiles
        self._costs: dict[tuple[str, Size], Cost] = {}

    @cached_property
    def built(self) -> dict[str, Net | RdslabError]:
        """Each net, or why it cannot be built. No file of blocks is run: a report may be anybody's."""
        found: dict[str, Net | RdslabError] = {}
        for net_id, document in self.documents.items():
            try:
                if document.get("blocks"):
                    files = ", ".join(map(str, document["blocks"]))
                    raise _OwnBlocks(f"has blocks of its own ({files}), which are not run")
                net = net_from_document(document, f"{NAME}: net {net_id}")
                ids(net)
                found[net_id] = net
            except RdslabError as error:
                found[net_id] = error
        return found

    @cached_property
    def of_another_version(self) -> bool:
        """Whether none of the ids is what this version makes of its net."""
        built = {net_id: net for net_id, net in self.built.items() if isinstance(net, Net)}
        return bool(built) and all(ids(net)[0] != net_id for net_id, net in built.items())

    @property
    def not_built(self) -> str:
        """Which nets cannot be built because their blocks are somebody's own, in words."""
        own = [net_id for net_id, net in self.built.items() if isinstance(net, _OwnBlocks)]
        return f"{len(own)} nets have blocks of their own, which are not run: {', '.join(own)}" if own else ""

    def ids_of(self, net_id: str) -> tuple[str, str] | None:
        """Id and canonical id; None where the net cannot be built."""
        net = self.built.get(net_id)
        return ids(net) if isinstance(net, Net) else None

    def cost(self, net_id: str, size: Size | None) -> Cost | None:
        """What the net costs; None where it cannot be built, or not at this size."""
        net = self.built.get(net_id)
        if not isinstance(net, Net) or size is None:
            return None
        if (net_id, size) not in self._costs:
            try:
                self._costs[net_id, size] = count(net, size, self.classes)
            except RdslabError:
                return None
        return self._costs[net_id, size]

    def predicted(self, net_id: str, size: Size, device: str) -> dict[str, float] | None:
        """Milliseconds and their 90 % interval; None where the profile abstains or the net cannot be built."""
        cost = self.cost(net_id, size)
        try:
            times = predict_times(cost, load_profile(device)) if cost is not None else None
        except SpecError:
            return None
        return {name: getattr(times, name) for name in ("latency_ms", "low_ms", "high_ms")} if times else None

    def form(self, device: str) -> str:
        """Of the nets that a shipped profile predicts for: eager or deployed."""
        return load_profile(device).form

    def why_not(self, device: str) -> str:
        """Why the predictions for a device cannot be computed again; "" where they can."""
        if device not in profile_names():
            return f"no profile {device} is shipped"
        known = self.digests.get(device) or ()
        if digest(_plain(load_profile(device))) not in known:
            return f"the shipped profile {device} is another version" if known else f"{NO_NETS} ({device})"
        return "" if len(known) == 1 else f"the predictions for {device} are of {len(known)} versions of its profile"


class _OwnBlocks(SpecError):
    """A net whose blocks are somebody's own Python code."""


def _plain(profile: Profile) -> dict[str, Any]:
    return profile.model_dump(mode="json")


def ids_check(nets: CarriedNets, used: Iterable[str], digests: Mapping[str, Any]) -> Check:
    """Each net's id from its document; whether it is as it was written; and whether each that tables name is there.

    Where no id at all is what this version makes of its net, and no net was changed, another version made the ids.
    """
    what = "ids of nets, from their documents"
    if not nets.documents:
        return Check(what, left_out=NO_NETS)
    found = [Finding(NAME, f"net {n}", "", "no such net", "in the tables") for n in used if n not in nets.documents]
    for net_id, net in nets.built.items():
        if isinstance(net, Net):
            if not nets.of_another_version and ids(net)[0] != net_id:
                found.append(Finding(NAME, f"net {net_id}", "id", net_id, ids(net)[0]))
        elif not isinstance(net, _OwnBlocks):
            found.append(Finding(NAME, f"net {net_id}", "id", net_id, f"cannot be built: {net.what}"))
    for net_id, document in nets.documents.items():
        if digests.get(net_id) != digest(document):
            found.append(Finding(NAME, f"net {net_id}", "digest", digests.get(net_id), digest(document)))
    why = OTHER_IDS if nets.of_another_version else nets.not_built
    return Check(what, len(nets.documents), tuple(found), why)


def canonical_check(what: str, name: str, rows: Mapping[str, Row], nets: CarriedNets) -> Check:
    """The canonical ids of a table's rows; where another version made them, which nets share one."""
    found, values = [], 0
    shared: dict[str, str] = {}
    for key, row in rows.items():
        own = nets.ids_of(str(row["net_id"]))
        if own is None:
            continue
        again = shared.setdefault(own[1], str(row["canonical_id"])) if nets.of_another_version else own[1]
        values += 1
        found += cells_agree(name, key, row, {"canonical_id": again}, ["canonical_id"])
    apart = {canonical: own for own, canonical in shared.items()}
    if len(apart) < len(shared):
        found.append(Finding(name, "", "canonical_id", f"{len(apart)} classes", f"{len(shared)} classes"))
    return Check(what, values, tuple(found), OTHER_IDS if nets.of_another_version else nets.not_built)
