"""A profile of one's own device: the nets whose times tell most, their times, the fit, and nets held out of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rdslab.cost import count
from rdslab.errors import RdslabError, RunError, SpecError
from rdslab.measure.fit import FEWEST, fit_with_points, points_of, shipped_prior
from rdslab.measure.predict import predict_times
from rdslab.measure.profile import Profile
from rdslab.measure.solve import BASE
from rdslab.measure.terms import Array
from rdslab.network import check_size, load_net, zoo_names
from rdslab.records import Cost, Size
from rdslab.spec import Net
from rdslab.times import Times

Measure = Callable[[Mapping[str, Net], Size], Mapping[str, Times | RunError]]
MOST_MACS = 12e9  # of a candidate: larger nets take long and tell what a smaller one tells
OFTEN = 2  # a net at no more sizes than this: a fit is to be of many nets
LITTLE = 1e-3  # what is known of each number before any time, so that the first choice has a volume to enlarge


@dataclass(frozen=True)
class Candidate:
    """A net at a size that may be measured."""

    net: Net
    cost: Cost


@dataclass(frozen=True)
class Profiled:
    """A device's profile and the times that it was made from and held against."""

    profile: Profile
    measured: tuple[tuple[Cost, float], ...]  # that the profile was fitted to
    left_out: tuple[float, ...]  # log(predicted / measured) of each by a fit without its network
    held_out: tuple[tuple[Cost, float, Times], ...]  # measured, and predicted by the profile
    refused: tuple[tuple[Cost, str], ...]  # without a time, and why


def candidates(sizes: Sequence[Size], classes: int) -> list[Candidate]:
    """The nets of the zoo at each size, but for the largest and those that a size is too small for."""
    found = []
    for name in zoo_names():
        net = load_net(name)
        for size in sizes:
            try:
                check_size(net, size)
            except SpecError:
                continue
            cost = count(net, size, classes)
            if cost.macs <= MOST_MACS:
                found.append(Candidate(net, cost))
    return found


def choose_nets(
    among: Sequence[Candidate], number: int, held_out: int, form: str, precision: str
) -> tuple[list[Candidate], list[Candidate]]:
    """Those to fit to, and those to hold out: other nets, spread over the expected times.

    The first are a D-optimal design, chosen one by one: the next is whose time says most about launch, FLOP and byte
    beside those chosen, for a device as the shipped profiles of this form are on average. Raises SpecError where the
    candidates are too few.
    """
    if not among:
        raise SpecError(f"no net of the zoo can be measured at these sizes, let alone {number}", "add a --size")
    points = points_of([(one.cost, 1.0) for one in among], form, precision)
    parts = points.terms(()) * np.exp(shipped_prior(form, "", "").mean)
    shares = parts / parts.sum(axis=1, keepdims=True)  # d log time / d log number
    chosen: list[int] = []
    known: Array = LITTLE * np.eye(BASE)
    while len(chosen) < number:
        used = [among[i].net.name for i in chosen]
        free = [i for i, one in enumerate(among) if i not in chosen and used.count(one.net.name) < OFTEN]
        if not free:
            raise SpecError(f"{len(among)} nets at these sizes give no {number} to measure", "add a --size")
        best = max(free, key=lambda i: float(np.linalg.det(known + np.outer(shares[i], shares[i]))))
        chosen.append(best)
        known = known + np.outer(shares[best], shares[best])
    names = {among[i].net.name for i in chosen}
    others = sorted((i for i, one in enumerate(among) if one.net.name not in names), key=lambda i: parts[i].sum())
    if len(others) < held_out:
        raise SpecError(f"{len(others)} nets are left to hold out, not {held_out}", "measure fewer --nets")
    places = [others[int((k + 0.5) * len(others) / held_out)] for k in range(held_out)]
    return [among[i] for i in chosen], [among[i] for i in places]


def profile_device(
    measure: Measure, among: Sequence[Candidate], *, number: int, held_out: int, form: str, about: Mapping[str, Any]
) -> Profiled:
    """Choose nets, measure them, fit a profile to some and hold it against the others.

    `about` is what the profile says of itself: name, precision, and board, source and framework where the times do not
    tell. Raises RunError where fewer than three times came of it.
    """
    fitted, held = choose_nets(among, number, held_out, form, about["precision"])
    times, refused = _measured(measure, [*fitted, *held])
    points = [(one.cost, times[id(one)].latency_ms) for one in fitted if id(one) in times]
    if len(points) < FEWEST:
        reasons = list(dict.fromkeys(reason for _, reason in refused))
        raise RunError(f"{len(points)} of {number} nets could be measured, {FEWEST} at least are needed", *reasons[:3])
    some = next(iter(times.values()))
    profile, found = fit_with_points(points, **{**_described(some), **about, "form": form})
    beside = tuple(
        (one.cost, times[id(one)].latency_ms, predict_times(one.cost, profile)) for one in held if id(one) in times
    )
    profile = profile.model_copy(update={"notes": (*profile.notes, *_notes(some, beside))})
    return Profiled(profile, tuple(points), tuple(map(float, found.by_network)), beside, tuple(refused))


def _measured(measure: Measure, wanted: Sequence[Candidate]) -> tuple[dict[int, Times], list[tuple[Cost, str]]]:
    """All times, size by size; and what has none."""
    times: dict[int, Times] = {}
    refused: list[tuple[Cost, str]] = []
    for size in dict.fromkeys(one.cost.size for one in wanted):
        here = {one.net.name: one for one in wanted if one.cost.size == size}
        for name, found in measure({name: one.net for name, one in here.items()}, size).items():
            if isinstance(found, RdslabError):
                refused.append((here[name].cost, str(found)))
            else:
                times[id(here[name])] = found
    return times, refused


def _described(times: Times) -> dict[str, str]:
    """Board, framework and source as the times themselves say."""
    host, backend = times.host, times.protocol.backend
    board = (host.gpu or host.cpu) if host else times.device
    version = host.versions.get(backend) or host.versions.get("torch", "") if host else ""
    return {"board": board, "framework": f"{backend} {version}".strip(), "source": "rdslab device profile"}


def _notes(times: Times, held: Sequence[tuple[Cost, float, Times]]) -> list[str]:
    protocol = times.protocol
    said = [f"measured with {protocol.threads} threads, {protocol.layout}, inside the timer: {protocol.inside}"]
    if held:
        errors = [abs(predicted.latency_ms / ms - 1) for _, ms, predicted in held]
        inside = sum(predicted.low_ms <= ms <= predicted.high_ms for _, ms, predicted in held)
        named = ", ".join(f"{cost.name} at {cost.size}" for cost, _, _ in held)
        mean = 100 * sum(errors) / len(errors)
        said.append(f"held out: {named}; mean error {mean:.1f} %, {inside} of {len(held)} inside their interval")
    return said
