"""The receptive field: how many of the image's rows and columns can change one place of what a net answers.

On paper, as intervals that are read: an operator that gives rows `low..high` reads a lower and an upper row, whose
numbers follow from its kernel, stride, padding and dilation. Each distinct node is watched once on `meta` tensors and
remembered; a net's field is its nodes' readings one after another, from the answer back to the image. Borders are
left out: an image may be smaller than what could be seen.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import extra_features, extra_outputs, takes_size
from rdslab.cost.operators import tensors
from rdslab.cost.reads import WHOLE, Chain
from rdslab.cost.tape import Recorder, Tape
from rdslab.network import units_of
from rdslab.records import canonical_json
from rdslab.resolve import Unit
from rdslab.spec import IMAGE, Feature, Net, Node

SIDE = 2048  # of the image that nodes are watched on: every stride of a net divides it
MOST_PHASES = 64
MOST_REMEMBERED = 1 << 14  # nodes, and units
Paths = tuple[Chain, ...]  # all ways from an output back to one input
Places = NDArray[np.int64]  # several places of a map at once
Interval = tuple[Places, Places]


class ReceptiveField(NamedTuple):
    """Pixels of the image; infinite where the net pools over all of it."""

    height: float
    width: float

    @property
    def side(self) -> float:
        """The shorter side."""
        return min(self)


@dataclass(frozen=True)
class _Unit:
    """A unit: for rows and columns the paths of each output to each input; an output's name is "" for the first."""

    paths: tuple[Mapping[str, tuple[Paths, ...]], Mapping[str, tuple[Paths, ...]]]
    weights: bool  # whether it has any


@dataclass(frozen=True)
class _Seen:
    """A node: its units, what it gives, and whether it only resizes."""

    units: tuple[_Unit, ...]
    gives: Mapping[str, Feature]
    resizes: bool


_MEMO: dict[tuple[Any, ...], _Seen] = {}
_UNITS: dict[tuple[Any, ...], _Unit] = {}


def receptive_field(net: Net, classes: int = 19) -> ReceptiveField:
    """The widest receptive field of any place of the net's answer, of the inference form.

    A last node that only resizes is left out, as in papers: it spreads the answer and sees nothing anew. Joins count
    by their longest path. Raises SpecError where the net cannot be built.
    """
    nodes = [node for node in net.nodes if not node.training]
    seen = _seen(net, nodes, classes)
    answer, last = nodes[-1].inputs[0] if seen[nodes[-1].id].resizes else nodes[-1].id, seen[nodes[-1].id]
    source, _, name = answer.partition(":")
    at = seen[source].gives[name].stride if source in seen else 1
    strides = [one.stride for node in seen.values() if node is not last for one in node.gives.values()]
    phases = min(MOST_PHASES, max(1, math.lcm(at, *strides) // at))
    return ReceptiveField(*[_side(nodes, seen, (source, name), phases, axis) for axis in (0, 1)])


def _seen(net: Net, nodes: Sequence[Node], classes: int) -> dict[str, _Seen]:
    """What each node reads, remembered by node and by what it is given. Raises SpecError as `units_of` does."""
    features = {IMAGE: Feature(3, 1)}
    found: dict[str, _Seen] = {}
    units: tuple[Unit, ...] | None = None
    for node in nodes:
        given = tuple(features.get(name) for name in node.inputs)
        like = features.get(node.like) if node.like else None
        key = (node.key, given, like, net.width, classes, BLOCKS.version)
        seen = _MEMO.get(key) if None not in given else None
        if seen is None:
            units = units or units_of(net, classes)
            seen = _watched_node([u for u in units if u.node.id == node.id], [f for f in given if f], like)
            if len(_MEMO) >= MOST_REMEMBERED:
                _MEMO.clear()
            _MEMO[key] = seen
        features |= {f"{node.id}:{name}" if name else node.id: one for name, one in seen.gives.items()}
        found[node.id] = seen
    return found


def _watched_node(units: Sequence[Unit], given: Sequence[Feature], like: Feature | None) -> _Seen:
    watched = [
        _watched_unit(unit, given if index == 0 else [units[index - 1].out], like if index == 0 else None)
        for index, unit in enumerate(units)
    ]
    last = units[-1]
    extra = extra_features(last.entry.value, last.in_channels, last.out.channels)
    gives = {"": last.out} | {name: Feature(channels, last.out.stride) for name, channels in extra.items()}
    resizes = takes_size(last.entry.value) and not any(unit.weights for unit in watched)
    return _Seen(tuple(watched), gives, resizes)


def _watched_unit(unit: Unit, given: Sequence[Feature], like: Feature | None) -> _Unit:
    """What a unit reads, remembered: repeats with one dilation are watched once."""
    key = (
        unit.entry.name,
        unit.in_channels,
        unit.out,
        canonical_json(unit.options),
        tuple(given),
        like,
        BLOCKS.version,
    )
    if key not in _UNITS:
        if len(_UNITS) >= MOST_REMEMBERED:
            _UNITS.clear()
        _UNITS[key] = _watch(unit, given, like)
    return _UNITS[key]


def _watch(unit: Unit, given: Sequence[Feature], like: Feature | None) -> _Unit:
    with torch.device("meta"):
        module = unit.module().eval()
        maps = [torch.empty(1, f.channels, SIDE // f.stride, SIDE // f.stride) for f in given]
    maps = [m.long() if ":" in name else m for m, name in zip(maps, unit.inputs, strict=True)]  # indices
    size = (SIDE // like.stride, SIDE // like.stride) if like is not None else None
    tape = Tape(maps)
    with torch.inference_mode(), Recorder(tape):
        out = tensors(module(*maps, size=size) if size else module(*maps))
    names = ["", *extra_outputs(unit.entry.value)]
    return _Unit((_paths(tape, names, out, 0), _paths(tape, names, out, 1)), any(True for _ in module.parameters()))


def _paths(tape: Tape, names: Sequence[str], out: Sequence[Tensor], axis: int) -> dict[str, tuple[Paths, ...]]:
    return {
        name: tuple(tuple(chains) for chains in tape.chains[id(t)][axis]) for name, t in zip(names, out, strict=True)
    }


def _side(nodes: Sequence[Node], seen: Mapping[str, _Seen], answer: tuple[str, str], phases: int, axis: int) -> float:
    """The longest of the intervals that places side by side read of the image."""
    places = np.arange(phases)
    wanted: dict[tuple[str, str], Interval] = {answer: (places, places)}
    for node in reversed(nodes):
        for name in seen[node.id].gives:
            if (node.id, name) not in wanted:
                continue
            read = _read(seen[node.id].units, name, wanted[node.id, name], axis)
            if read is None:
                return math.inf
            for source, interval in zip(node.inputs, read, strict=True):
                if interval is not None:
                    key = source.partition(":")[::2]
                    wanted[key] = _around([interval, wanted.get(key, interval)])
    low, high = wanted.get((IMAGE, ""), (places + 1, places))
    return float((high - low + 1).max())


def _read(units: Sequence[_Unit], name: str, interval: Interval, axis: int) -> list[Interval | None] | None:
    """What a node reads of each of its inputs, None of one that it does not look at; None for a whole image."""
    found: list[Interval | None] = [interval]
    for unit in reversed(units):
        assert found[0] is not None  # only the first unit may have several inputs
        outcome: list[Interval | None] = []
        for paths in unit.paths[axis][name]:
            if (WHOLE,) in paths:
                return None
            outcome.append(_around([_followed(chain, *found[0]) for chain in paths]) if paths else None)
        found, name = outcome, ""
    return found


def _followed(chain: Chain, low: Places, high: Places) -> Interval:
    for step in chain:
        low, high = low * step.times + step.low, high * step.times + step.high
        if step.divide > 1:
            low, high = low // step.divide, high // step.divide
    return low, high


def _around(intervals: Sequence[Interval]) -> Interval:
    """The least interval with all of these in it."""
    low, high = intervals[0]
    for other in intervals[1:]:
        low, high = np.minimum(low, other[0]), np.maximum(high, other[1])
    return low, high
