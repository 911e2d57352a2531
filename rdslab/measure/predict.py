"""Latency predicted from a net's kernels and a device profile, with its interval, and where it knows less, a mark."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from rdslab.errors import SpecError
from rdslab.measure.profile import Interval, Profile
from rdslab.measure.terms import COLUMNS, COUNT, Array, column_of, tally, tally_nodes
from rdslab.records import Cost, NodeCost, Size
from rdslab.times import Protocol, Times

# A kind that a profile has not seen takes the rate of the first of these that it has. Kinds that compute borrow from
# kinds that compute, kinds that only move memory from each other; any other kind is refused.
COMPUTING = ("conv", "dilated", "gconv", "dwconv", "deconv", "mm")
MOVING = ("elt", "act", "copy", "cat", "bn", "pool", "up")
# How far a borrowed rate may be off, both ways. An assumption: no data of the profile speaks about it.
BORROWED = 3.0
# Leaving a resolution out asks for a prediction at up to this multiple of the pixels that were seen; beyond it the
# interval grows with the logarithm of the distance.
REACH = 4.0
# No prediction beyond this multiple of the pixels that were seen, or below its inverse.
FARTHEST, FARTHEST_UNKNOWN = 256.0, 64.0


def predict_times(cost: Cost, profile: Profile) -> Times:
    """The latency of one image in ms, with its 90 % interval; `notes` say what it rests on and what it lacks.

    A kernel of a kind that the profile's data never had borrows the nearest kind's rate; its node is named and the
    interval wider. So it is at a size outside the fitted ones. Raises SpecError, naming the node, for a kernel that
    nothing is known of, and for a size too far from the fitted ones.
    """
    interval, size_note = _interval_at(cost.size, profile)
    table = tally(cost, profile.form)
    parts = table * profile.costs_ms
    own = _launches_and_work(parts[profile.seen])
    latency = low = high = profile.together(*own)
    borrowed: dict[str, list[str]] = {}
    if table[~profile.seen, COUNT].any():
        borrowed = _borrowed(cost, profile)
        lent = _launches_and_work(parts[~profile.seen])
        latency, low, high = (
            profile.together(own[0] + factor * lent[0], own[1] + factor * lent[1])
            for factor in (1.0, 1 / BORROWED, BORROWED)
        )
    return Times(
        device=profile.name,
        predicted=True,
        runs_ms=(),
        latency_ms=latency,
        low_ms=low * interval.low,
        high_ms=high * interval.high,
        protocol=_protocol(cost, profile),
        host=None,
        notes=_notes(profile, borrowed, size_note),
    )


def _launches_and_work(parts: Array) -> tuple[float, float]:
    """Milliseconds of both, from rows of launch, FLOPs and numbers."""
    launches, flops, numbers = parts.sum(axis=0).tolist()
    return launches, flops + numbers


def _borrowed(cost: Cost, profile: Profile) -> dict[str, list[str]]:
    """What is said of kernels of unseen kinds -> the nodes that have them."""
    found: dict[str, list[str]] = {}
    unseen = (tally_nodes(cost, profile.form)[..., COUNT] > 0) & ~profile.seen
    for row, column in np.argwhere(unseen):
        node = cost.nodes[row]
        found.setdefault(_mark(COLUMNS[column], node, profile), []).append(node.id)
    return found


def _mark(kind: str, node: NodeCost, profile: Profile) -> str:
    """What is said of a kernel of an unseen kind. Raises SpecError where there is nothing to borrow from."""
    family = next((kinds for kinds in (COMPUTING, MOVING) if kind in kinds), ())
    nearest = next((other for other in family if other in profile.kinds), None)
    if nearest is None:
        kernel = next(k for k in node.kernels if column_of(k) == kind)
        raise SpecError(
            f"{profile.name} predicts nothing for {kernel.op.replace('.', '::')} (kind {kernel.kind!r}) "
            f"in node {node.id!r} (block {node.block!r})",
            f"it knows: {', '.join(profile.kinds)}",
        )
    return f"{profile.name} has timed no {kind} kernel and borrows the rate of {nearest}"


def _interval_at(size: Size, profile: Profile) -> tuple[Interval, str]:
    """The interval at a size, and what is to be said of it. Raises SpecError where the size is too far away."""
    least, most = profile.pixels
    pixels = size.width * size.height
    if least <= pixels <= most:
        return profile.interval, ""
    distance = max(least / pixels, pixels / most)
    unknown = profile.errors.leave_one_resolution_out is None
    sizes = sorted(map(Size.parse, profile.fitted_on.sizes), key=lambda s: s.width * s.height)
    span = str(sizes[0]) if least == most else f"{sizes[0]} to {sizes[-1]}"
    farthest = FARTHEST_UNKNOWN if unknown else FARTHEST
    if distance > farthest:
        raise SpecError(
            f"{profile.name} predicts nothing at {size}, {distance:.0f} times the pixels away from {span}, "
            "which it was fitted on",
            f"it reaches {farthest:g} times the pixels; measure there, or fit a profile to times nearer by",
        )
    power = max(1.0, math.log(distance) / math.log(REACH))
    ends = profile.interval_outside
    wider = Interval(low=ends.low**power, high=ends.high**power)
    words = f"{size} is outside {span}, which {profile.name} was fitted on: wider interval"
    return wider, f"{words}, resolution error unknown" if unknown else words


def _notes(profile: Profile, borrowed: Mapping[str, Sequence[str]], size_note: str) -> tuple[str, ...]:
    error = profile.errors.leave_one_network_out
    mean = "error on a new network unknown" if error is None else f"mean error {100 * error:.1f} %"
    notes = [f"predicted, not measured; {mean}{'' if error is None else ' on networks that the fit had not seen'}"]
    notes += [f"disputed: {profile.disputed}"] if profile.disputed else []
    for mark, nodes in borrowed.items():
        word = "node" if len(nodes) == 1 else "nodes"
        named = ", ".join(repr(node) for node in nodes)
        notes.append(f"{word} {named}: {mark}; wider interval, from 1/{BORROWED:g} to {BORROWED:g} times their time")
    return (*notes, size_note) if size_note else tuple(notes)


def _protocol(cost: Cost, profile: Profile) -> Protocol:
    return Protocol(
        size=str(cost.size),
        classes=cost.classes,
        batch=1,
        precision=profile.precision,
        backend=profile.framework,
        threads=0,  # not known
        layout="channels_first",
        inside="network",
        form=profile.form,
        allocator="",  # not known
    )
