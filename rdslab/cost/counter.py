"""Counting by observation, fast by composition: each distinct node is watched once on `meta` tensors and remembered."""

import marshal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import extra_outputs
from rdslab.cost.watching import Map, forget_units, watched_unit
from rdslab.errors import SpecError
from rdslab.network import check_size, units_of
from rdslab.node import TRAINING_OPTIONS, without_training
from rdslab.records import Cost, Kernel, NodeCost, Size
from rdslab.resolve import Unit, check_classes
from rdslab.spec import IMAGE, Net, Node


@dataclass(frozen=True)
class Observed:
    """A node on given maps: its cost and the maps it gives."""

    cost: NodeCost
    sums: tuple[int, ...]  # the cost's figures in the order of SUMMED
    gives: Map
    extra: Mapping[str, Map]  # second outputs, by name


SUMMED = ("params", "macs", "activations", "elements", "bytes")
_MEMO: dict[tuple[Any, ...], dict[tuple[Any, ...], Observed]] = {}  # a table for each width and number of classes
_MEMO_VERSION = [BLOCKS.version]
MOST_TABLES, MOST_NODES = 64, 1 << 15  # remembered at most; a full memo begins anew


def count(net: Net, size: Size, classes: int, *, training: bool = False) -> Cost:
    """The cost of the net's inference form at one image of `size`. Exact: every node was observed at its real shape.

    With `training` the nodes that only training has, auxiliary heads, are counted in; dropout never costs anything. A
    node that was seen before, at the same shape, costs a look-up. Raises SpecError where the net cannot be built, is
    given too small an image, or holds an operator that nothing is known of.
    """
    check_classes(classes)
    check_size(net, size)
    memo = _memo(net.width, classes)
    maps: dict[str, Map] = {IMAGE: Map(3, size.height, size.width)}
    map_of = maps.__getitem__
    found: list[Observed] = []
    units: Mapping[str, list[Unit]] | None = None
    for node in net.nodes:
        if node.training and not training:
            continue
        try:
            given = tuple(map(map_of, node.inputs))
            like = map_of(node.like) if node.like is not None else None
        except KeyError:
            units_of(_counted(net, training), classes)  # says what is wrong with the name
            raise
        options = _options(node) if node.options or node.cycle else ()
        key = (node.id, node.block, node.channels, node.repeat, node.stride, node.up, options, given, like)
        seen = memo.get(key)
        if seen is None:
            units = units or _units_by_node(_counted(net, training), classes)
            seen = observe(node, units[node.id], given, like)
            _remember(memo, key, seen)
        maps[node.id] = seen.gives
        if seen.extra:
            maps |= {f"{node.id}:{name}": value for name, value in seen.extra.items()}
        found.append(seen)
    answer = maps[net.output.id] if training else found[-1].gives
    if answer[:3] != (classes, size.height, size.width):
        _refuse(net, answer, size, classes)
    params, macs, activations, elements, moved = map(sum, zip(*[seen.sums for seen in found], strict=True))
    parts = tuple([seen.cost for seen in found])
    return Cost(net.name, size, classes, params, macs, activations, elements, moved, parts)


def _memo(width: float, classes: int) -> dict[tuple[Any, ...], Observed]:
    if _MEMO_VERSION[0] != BLOCKS.version:  # a block was registered anew: what was seen may be of another class
        _MEMO.clear()
        forget_units()
        _MEMO_VERSION[0] = BLOCKS.version
    try:
        return _MEMO[width, classes]
    except KeyError:
        if len(_MEMO) >= MOST_TABLES:
            _MEMO.clear()
        return _MEMO.setdefault((width, classes), {})


def _remember(memo: dict[tuple[Any, ...], Observed], key: tuple[Any, ...], seen: Observed) -> None:
    if len(memo) >= MOST_NODES:
        memo.clear()
    memo[key] = seen


def _options(node: Node) -> tuple[Any, ...]:
    """The options without those of training, as what can be looked up: in bytes 0, 0.0 and False differ."""
    options, cycle = dict(node.options), dict(node.cycle)
    for name in TRAINING_OPTIONS:
        options.pop(name, None)
        cycle.pop(name, None)
    try:
        return marshal.dumps((options, cycle), 2), node.inherited
    except ValueError:  # a value that is no plain data
        return repr((options, cycle)), node.inherited


def _counted(net: Net, training: bool) -> Net:
    """The form that is counted: without dropout, and without the heads unless they are asked for."""
    return replace(net, nodes=tuple(map(without_training, net.nodes))) if training else net.inference()


def _units_by_node(net: Net, classes: int) -> dict[str, list[Unit]]:
    found: dict[str, list[Unit]] = {}
    for unit in units_of(net, classes):
        found.setdefault(unit.node.id, []).append(unit)
    return found


def _refuse(net: Net, answer: Map, size: Size, classes: int) -> None:
    units_of(net, classes)  # says it better where it can be seen on paper
    got = f"{answer.channels} x {answer.width}x{answer.height}"
    raise SpecError(
        f"answers with {got} for an image of {size}, not with {classes} x {size}",
        "end with {id: up, block: bilinear_up, like: image}",
        where=net.output.where or net.where,
    )


def observe(node: Node, units: Sequence[Unit], given: Sequence[Map], like: Map | None) -> Observed:
    """Run the units of one node on `meta` tensors and write down every operator."""
    maps = list(given)
    kernels: list[Kernel] = []
    params = 0
    for index, unit in enumerate(units):
        size = (like.height, like.width) if like is not None and index == 0 else None
        seen = watched_unit(unit, tuple(maps), size)
        params += seen.params
        kernels += seen.kernels
        maps = [seen.gives[0]]
    names = extra_outputs(units[-1].entry.value)
    gives, extra = seen.gives[0], dict(zip(names, seen.gives[1:], strict=True))
    cost = NodeCost(
        id=node.id,
        block=node.block,
        params=params,
        macs=sum(k.macs for k in kernels),
        activations=sum(k.elems_out for k in kernels if k.macs),
        elements=sum(k.elems_out for k in kernels),
        bytes=sum(k.bytes for k in kernels),
        channels=gives.channels,
        height=gives.height,
        width=gives.width,
        kernels=tuple(kernels),
    )
    return Observed(cost, tuple(getattr(cost, name) for name in SUMMED), gives, extra)
