"""Latency predicted from a net's kernels and a device profile, with its interval, and where it knows less, a mark."""

import math
from collections.abc import Mapping, Sequence

from rdslab.errors import SpecError
from rdslab.measure.profile import Interval, Profile
from rdslab.records import Cost, Kernel, NodeCost, Size
from rdslab.times import Protocol, Times

# A kind that a profile has not seen takes the rate of the first of these that it has. Kinds that compute borrow from
# kinds that compute, kinds that only move memory from each other; any other kind is refused.
COMPUTING = ("conv", "gconv", "dwconv", "deconv", "mm")
MOVING = ("elt", "act", "copy", "cat", "bn", "pool", "up")
# How far a borrowed rate may be off, both ways. An assumption: no data of the profile speaks about it.
BORROWED = 3.0
# Leaving a resolution out asks for a prediction at up to this multiple of the pixels that were seen; beyond it the
# interval grows with the logarithm of the distance.
REACH = 4.0


def predict_times(cost: Cost, profile: Profile) -> Times:
    """The latency of one image in ms, with its 90 % interval; `notes` say what it rests on and what it lacks.

    A kernel of a kind that the profile's data never had borrows the nearest kind's rate; its node is named and the
    interval wider. So it is at a size outside the fitted ones. Raises SpecError, naming the node, for a kernel that
    nothing is known of.
    """
    seen = frozenset(profile.kinds)
    latency = low = high = 0.0
    borrowed: dict[str, list[str]] = {}
    for node in cost.nodes:
        own = lent = 0.0
        for kernel in node.kernels:
            ms = _kernel_ms(kernel, profile)
            if kernel.kind in seen:
                own += ms
            else:
                lent += ms
                nodes = borrowed.setdefault(_mark(kernel, node, profile), [])
                if node.id not in nodes:
                    nodes.append(node.id)
        latency += own + lent
        low += own + lent / BORROWED
        high += own + lent * BORROWED
    interval, size_note = _interval_at(cost.size, profile)
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


def _kernel_ms(kernel: Kernel, profile: Profile) -> float:
    seconds = 2 * kernel.macs / profile.flops_per_s + kernel.bytes / profile.bytes_per_s
    return 1e3 * seconds + 1e-3 * profile.launch_us


def _mark(kernel: Kernel, node: NodeCost, profile: Profile) -> str:
    """What is said of a kernel of an unseen kind. Raises SpecError where there is nothing to borrow from."""
    family = next((kinds for kinds in (COMPUTING, MOVING) if kernel.kind in kinds), ())
    nearest = next((kind for kind in family if kind in profile.kinds), None)
    if nearest is None:
        raise SpecError(
            f"{profile.name} predicts nothing for {kernel.op.replace('.', '::')} (kind {kernel.kind!r}) "
            f"in node {node.id!r} (block {node.block!r})",
            f"it knows: {', '.join(profile.kinds)}",
        )
    return f"{profile.name} has timed no {kernel.kind} kernel and borrows the rate of {nearest}"


def _interval_at(size: Size, profile: Profile) -> tuple[Interval, str]:
    least, most = profile.pixels
    pixels = size.width * size.height
    if least <= pixels <= most:
        return profile.interval, ""
    distance = max(least / pixels, pixels / most)
    power = max(1.0, math.log(distance) / math.log(REACH))
    ends = profile.interval_outside
    wider = Interval(low=ends.low**power, high=ends.high**power)
    sizes = sorted(map(Size.parse, profile.fitted_on.sizes), key=lambda s: s.width * s.height)
    return wider, f"{size} is outside {sizes[0]} to {sizes[-1]}, which {profile.name} was fitted on: wider interval"


def _notes(profile: Profile, borrowed: Mapping[str, Sequence[str]], size_note: str) -> tuple[str, ...]:
    error = profile.errors.leave_one_network_out
    notes = [f"predicted, not measured; mean error {100 * error:.1f} % on networks that the fit had not seen"]
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
