"""What a search measures of a net before it trains it, and what it expects of nets that were not measured yet.

A measured time is a fact like any other of the study: the queue of its device takes it, and whoever measures there
already takes it for us. Samplers that rank thousands of candidates need figures of all of them: those come from a
profile fitted to what the search has measured, an energy from the power that those nets took.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from statistics import median

from rdslab.cost import count
from rdslab.errors import RunError, SpecError
from rdslab.measure import predict_times
from rdslab.measure.fit import FEWEST, fit_profile
from rdslab.measure.profile import Profile
from rdslab.netfile import net_from_document
from rdslab.network import ids
from rdslab.records import Cost
from rdslab.search.aims import ENERGY, device_of
from rdslab.search.boards import DeviceTaken
from rdslab.search.budget import is_search_slot
from rdslab.search.cells import DEPLOYED, Cell, TimesFacts, forms_on
from rdslab.search.genotypes import Expected
from rdslab.search.ledger import Ledger, Row
from rdslab.search.prepare import Prepared
from rdslab.search.queue import ONCE, Notice, work_off
from rdslab.spec import Net

BEAT_S, POLL_S = 1.0, 1.0
MACS_PER_MS = 1e9  # before anything is measured: only the order of nets matters then


class Meter:
    """Takes the figures of a study's search that no paper tells, one net at a time."""

    def __init__(self, prepared: Prepared, ledger: Ledger, notice: Notice) -> None:
        self.prepared, self.ledger, self.notice = prepared, ledger, notice
        self.figures = prepared.genotypes.measured if prepared.genotypes else ()
        self.devices = tuple(dict.fromkeys(map(device_of, self.figures)))
        self._beaten = 0.0

    def cell(self, device: str) -> Cell:
        """Where the times on a device are looked up: the deployed form's where it has several."""
        deploy = self.prepared.study.document.deploy
        forms = forms_on(self.prepared.study, device)
        form = DEPLOYED if DEPLOYED in forms else forms[0]
        return Cell(device, str(self.prepared.study.size), deploy.classes, form)

    def measure(self, row: Row) -> dict[str, float]:
        """A slot's figures, measured where they are not known. Raises RunError where a device gives none."""
        for device in self.devices:
            self._time(row, device)
        times = self._times(TimesFacts(self.ledger), row["net_id"])
        assert times is not None
        return self._values(times)

    def _time(self, row: Row, device: str) -> None:
        """Have the slot's net timed, by this process or by the one that measures there."""
        cell, net_id = self.cell(device), row["net_id"]

        def sign(*_: object) -> None:
            self._beat(row["number"], device)

        def sleep(seconds: float) -> None:
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0:
                sign()
                time.sleep(min(left, BEAT_S))

        patience = replace(ONCE, sleep=sleep)
        tried = False
        while (known := TimesFacts(self.ledger)).times(net_id, cell) is None:
            if tried:
                raise RunError(f"has no time: {known.refused(net_id, cell)}", where=device)
            try:
                work_off(
                    self.prepared, self.ledger, [device], self.notice, patience=patience, progress=sign, only=net_id
                )
                tried = True
            except DeviceTaken:
                sleep(POLL_S)

    def _beat(self, number: int, device: str) -> None:
        now = time.monotonic()
        if now - self._beaten >= BEAT_S:
            self._beaten = now
            self.ledger.note(number, beat=time.time(), progress=f"is measured on {device}")

    def _times(self, known: TimesFacts, net_id: str) -> dict[str, Row] | None:
        """A net's times by device, None where one was not measured."""
        found = {device: known.times(net_id, self.cell(device)) for device in self.devices}
        return {device: times for device, times in found.items() if times} if all(found.values()) else None

    def _values(self, times: Mapping[str, Row]) -> dict[str, float]:
        """The figures. Raises RunError where a machine tells no energy."""
        found = {}
        for figure in self.figures:
            own = times[device_of(figure)]
            value = own[figure.partition(".")[0]]
            if value is None:
                why = (own.get("certificate") or {}).get("no_energy") or "the machine does not tell its power"
                raise RunError(f"has no energy: {why}", where=device_of(figure))
            found[figure] = float(value)
        return found

    def expected_before(self, slot: int) -> Expected:
        """What the figures are expected to be, by the search's slots below one; of nets measured there, what they are.

        A function of slots and facts alone, so that a search that goes on proposes what it would have proposed.
        """
        known = TimesFacts(self.ledger)
        rows = [row for row in self.ledger.rows() if is_search_slot(row) and row["number"] < slot]
        read = {row["net_id"]: self._times(known, row["net_id"]) for row in rows if row["net_id"]}
        measured = {net_id: times for net_id, times in read.items() if times is not None}
        costs = {net_id: self._cost(net_id) for net_id in measured}
        profiles = {
            device: _fitted(device, [(costs[net_id], times[device]) for net_id, times in measured.items()])
            for device in self.devices
        }
        watts = {device: _watts([times[device] for times in measured.values()]) for device in self.devices}

        def expected(net: Net, cost: Cost) -> Mapping[str, float]:
            own = measured.get(ids(net)[0])
            if own is not None:
                with suppress(RunError):  # it has no energy, and was refused for that
                    return self._values(own)
            found = {}
            for figure in self.figures:
                device = device_of(figure)
                ms = _predicted(profiles[device], cost)
                found[figure] = ms * watts[device] if figure.startswith(ENERGY) else ms
            return found

        return expected

    def _cost(self, net_id: str) -> Cost:
        study = self.prepared.study
        net = net_from_document(self.ledger.stored_net(net_id), where=f"net {net_id}")
        return count(net, study.size, study.document.deploy.classes)


def _fitted(device: str, measured: Sequence[tuple[Cost, Row]]) -> Profile | None:
    """A profile of what was measured, None where that is too little."""
    if len(measured) < FEWEST:
        return None
    protocol = measured[0][1]["protocol"]
    try:
        return fit_profile(
            [(cost, float(times["latency_ms"])) for cost, times in measured],
            name=device,
            board=device,
            source="the search",
            framework=protocol["backend"],
            precision=protocol["precision"],
            form=protocol["form"],
        )
    except SpecError:  # a net has a kernel that no model knows of
        return None


def _predicted(profile: Profile | None, cost: Cost) -> float:
    """Milliseconds; without a profile in the order of MACs, which is all that the first proposals ask for."""
    if profile is not None:
        with suppress(SpecError):
            return predict_times(cost, profile).latency_ms
    return cost.macs / MACS_PER_MS


def _watts(measured: Sequence[Row]) -> float:
    """Millijoules a millisecond; 1 where no machine told its power."""
    known = [times["energy_mj"] / times["latency_ms"] for times in measured if times["energy_mj"] is not None]
    return float(median(known)) if known else 1.0
