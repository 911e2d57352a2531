"""What a net is, however it is written: the id of what is computed, and the canonical id of its class of functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import defaults_of
from rdslab.records import digest
from rdslab.resolve import Unit, units_of
from rdslab.spec import IMAGE, Net


@dataclass(frozen=True)
class Resolved:
    """A net with all defaults filled in, and its two ids."""

    units: tuple[Unit, ...]
    id: str  # of what is computed: names, defaults and the way of writing do not change it
    canonical_id: str  # nets that compute the same class of functions share it
    dropped: tuple[str, ...]  # options that a new block lacks: "enc2.shuffle"


def resolve(net: Net) -> Resolved:
    """Fill in all defaults and give both ids. Raises SpecError as `units_of` does."""
    dropped = tuple(
        f"{node.id}.{name}"
        for node in net.nodes
        for name in sorted(node.inherited)
        if name not in defaults_of(BLOCKS[node.block])
    )
    # Channels may depend on the number of classes; two numbers of classes tell on paper how.
    low, high = units_of(net, 2), units_of(net, 3)
    plain = tuple(replace(unit, options=_canonical_options(unit)) for unit in low)
    absorbed = _absorbed(plain)
    canonical = tuple(replace(u, options=_unshuffled(u)) if u.name in absorbed else u for u in plain)
    return Resolved(low, _identity(low, high), _identity(canonical, high), dropped)


def _canonical_options(unit: Unit) -> Mapping[str, Any]:
    plainer = getattr(unit.entry.value, "canonical", None)
    return plainer(dict(unit.options)) if plainer else unit.options


def _unshuffled(unit: Unit) -> Mapping[str, Any]:
    """The options without a shuffle whose permutation is absorbed by all that reads it."""
    unpermuted = getattr(unit.entry.value, "unpermuted", None)
    if unpermuted is None:
        return unit.options
    return _canonical_options(replace(unit, options=unpermuted(dict(unit.options))))


def _absorbed(units: Sequence[Unit]) -> set[str]:
    """The units whose readers all take a reordering of its channels into their own weights, at once or later."""
    readers: dict[str, list[Unit]] = {unit.name: [] for unit in units}
    for unit in units:
        for name in {read.partition(":")[0] for read in unit.inputs} - {IMAGE}:
            readers[name].append(unit)
    absorbed: set[str] = set()
    for unit in reversed(units):  # readers stand below what they read
        becomes = [_of_a_reordering(reader) for reader in readers[unit.name]]
        taken = [
            what == "absorbs" or (what == "carries" and reader.name in absorbed)
            for what, reader in zip(becomes, readers[unit.name], strict=True)
        ]
        if taken and all(taken):
            absorbed.add(unit.name)
    return absorbed


def _of_a_reordering(unit: Unit) -> str:
    says = getattr(unit.entry.value, "permutation", None)
    return str(says(dict(unit.options))) if says else "sees"


def _identity(units: Sequence[Unit], other: Sequence[Unit]) -> str:
    number = {IMAGE: -1} | {unit.name: i for i, unit in enumerate(units)}

    def reads(name: str) -> list[Any]:
        source, _, output = name.partition(":")
        return [number[source], output]

    return digest(
        [
            [
                unit.entry.name,
                unit.entry.origin,
                [unit.out.channels, twin.out.channels],
                _told(unit),
                [reads(name) for name in unit.inputs],
                number[unit.like] if unit.like else None,
                unit.node.training,
            ]
            for unit, twin in zip(units, other, strict=True)
        ]
    )


def _told(unit: Unit) -> dict[str, Any]:
    """The options that are not at their default: so a block may get a new option, and ids stay."""
    usual = defaults_of(unit.entry.value)
    return {name: value for name, value in unit.options.items() if value != usual[name]}


def ids(net: Net) -> tuple[str, str]:
    """(id, canonical id), remembered until a block is registered anew: a user's file may have been edited."""
    return _ids(net, BLOCKS.version)


@lru_cache(maxsize=4096)
def _ids(net: Net, version: int) -> tuple[str, str]:  # noqa: ARG001
    resolved = resolve(net)
    return resolved.id, resolved.canonical_id
