"""A net on paper: repeats unrolled, channels and strides worked out without a tensor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from torch import nn

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import extra_features, needs_size, resizes_inputs, takes_size
from rdslab.errors import SpecError, UnknownName, did_you_mean
from rdslab.options import node_options
from rdslab.registry import Entry
from rdslab.spec import CLASSES, IMAGE, Feature, Net, Node

MOST_UNITS = 4096  # more than any net has; a typing mistake in `repeat` must not eat the memory
TAKEN = frozenset(dir(nn.ModuleDict()))
FEWEST_CLASSES, MOST_CLASSES = 2, 254  # 255 is the label that is ignored


@dataclass(frozen=True)
class Unit:
    """One module of a net: a node, or one repeat of it."""

    name: str  # enc3.0 of a repeated node, else the node's id
    node: Node
    entry: Entry[nn.Module]
    in_channels: int | tuple[int, ...]
    out: Feature
    options: Mapping[str, Any]  # every option, defaults filled in
    inputs: tuple[str, ...]  # names of units, `image`, or `unit:output`
    like: str | None  # a unit's name or `image`

    def module(self) -> nn.Module:
        """A new module. Raises SpecError where the block cannot be built so."""
        try:
            return self.entry.value(self.in_channels, self.out.channels, **self.options)
        except Exception as error:  # ValueError is how a block refuses; a user's may fail otherwise
            words = str(error) if isinstance(error, ValueError) else f"failed: {type(error).__name__}: {error}"
            where = self.node.where or f"node {self.node.id!r}"
            raise SpecError(f"block {self.entry.name!r} {words}", where=where) from error


def check_classes(classes: int) -> None:
    """Raises SpecError unless there is something to tell apart and a label free for `ignore`."""
    if not FEWEST_CLASSES <= classes <= MOST_CLASSES:
        raise SpecError(f"classes must be from {FEWEST_CLASSES} to {MOST_CLASSES}, got {classes}")


def units_of(net: Net, classes: int) -> tuple[Unit, ...]:
    """The net unrolled, with features. Raises SpecError where it cannot be, with the node's file and line."""
    check_classes(classes)
    features: dict[str, Feature] = {IMAGE: Feature(3, 1)}
    last = {IMAGE: IMAGE}  # node -> name of the unit that answers for it
    units: list[Unit] = []
    for node in net.nodes:
        if node.id in TAKEN or iskeyword(node.id):
            # torch's exporters write Python code with the names of nodes
            keeper = "torch.nn.ModuleDict" if node.id in TAKEN else "Python"
            what = f"a node cannot be called {node.id!r}: {keeper} keeps that name for itself"
            raise SpecError(what, "choose another id", where=node.where)
        if len(units) + node.repeat > MOST_UNITS:
            raise SpecError(f"has more than {MOST_UNITS:,} units after repeating; no net is as deep", where=node.where)
        for unit in _units_of_node(net, node, features, last, classes):
            units.append(unit)
            features[unit.name] = unit.out
            extra = extra_features(unit.entry.value, unit.in_channels, unit.out.channels)
            for name, channels in extra.items():
                features[f"{unit.name}:{name}"] = Feature(channels, unit.out.stride)
        last[node.id] = units[-1].name
    _check_answer(net, units, last, classes)
    return tuple(units)


def features(net: Net, classes: int) -> dict[str, Feature]:
    """Channels and stride behind every node, on paper."""
    return {unit.node.id: unit.out for unit in units_of(net, classes)}


def _check_answer(net: Net, units: Sequence[Unit], last: Mapping[str, str], classes: int) -> None:
    answer = next(u for u in units if u.name == last[net.output.id])
    where = net.output.where or net.where
    if answer.out.channels != classes:
        raise SpecError(
            f"the last node answers with {answer.out.channels} channels, not one for each of {classes} classes",
            "write `channels: classes`",
            where=where,
        )
    if answer.out.stride != 1:
        raise SpecError(
            f"the last node answers at 1/{answer.out.stride} of the image's size",
            "end with {id: up, block: bilinear_up, like: image}",
            where=where,
        )


def _units_of_node(
    net: Net, node: Node, known: Mapping[str, Feature], last: Mapping[str, str], classes: int
) -> list[Unit]:
    try:
        entry = BLOCKS.entry(node.block)
    except UnknownName as error:
        raise error.at(node.where) if node.where else error from None
    reads = tuple(_read(name, last, known, node) for name in node.inputs)
    like = last[node.like] if node.like is not None else None
    _check_like(node, entry.value)
    units: list[Unit] = []
    for index in range(node.repeat):
        sources = reads if index == 0 else (units[-1].name,)
        given = tuple(known[name] if index == 0 else units[-1].out for name in sources)
        options = node_options(node, index)
        out = _out_feature(net, node, entry, given, options, known[like] if like else None, classes)
        channels = given[0].channels if len(given) == 1 else tuple(f.channels for f in given)
        name = node.id if node.repeat == 1 else f"{node.id}.{index}"
        units.append(Unit(name, node, entry, channels, out, options, sources, like if index == 0 else None))
    return units


def _read(name: str, last: Mapping[str, str], known: Mapping[str, Feature], node: Node) -> str:
    source, colon, output = name.partition(":")
    unit = last[source] + colon + output
    if unit not in known:
        there = [k.partition(":")[2] for k in known if k.startswith(f"{last[source]}:")]
        hint = f"its second outputs are: {', '.join(there)}" if there else "it has no second output"
        raise SpecError(
            f"node {source!r} has no output {output!r}", hint, did_you_mean(output, there), where=node.where
        )
    return unit


def _check_like(node: Node, block: type[nn.Module]) -> None:
    if node.like is None and needs_size(block):
        raise SpecError(
            f"block {node.block!r} needs to know to which size",
            "write `like: NODE`, or `like: image`",
            where=node.where,
        )
    if node.like is not None and not takes_size(block):
        takers = [name for name in BLOCKS.names() if takes_size(BLOCKS[name])]
        raise SpecError(
            f"block {node.block!r} does not resize, so it takes no `like`",
            f"blocks that do: {', '.join(takers)}",
            where=node.where,
        )


def _out_feature(
    net: Net,
    node: Node,
    entry: Entry[nn.Module],
    given: tuple[Feature, ...],
    options: Mapping[str, Any],
    like: Feature | None,
    classes: int,
) -> Feature:
    channels = classes if node.channels == CLASSES else net.scaled(node.channels)
    if channels is None:
        derive = getattr(entry.value, "derive_channels", None)
        if derive is None:
            raise SpecError(
                f"node {node.id!r} needs channels", "write `channels: 64` or `channels: classes`", where=node.where
            )
        try:
            channels = derive(given[0].channels if len(given) == 1 else tuple(f.channels for f in given))
        except ValueError as error:
            raise SpecError(f"block {node.block!r} {error}", where=node.where) from None
    if like is not None:
        return Feature(int(channels), like.stride)
    strides = {feature.stride for feature in (given[:1] if resizes_inputs(entry.value) else given)}
    if len(strides) > 1:
        raise SpecError(
            f"node {node.id!r} joins maps at 1/{' and 1/'.join(map(str, sorted(strides)))} of the image's size",
            where=node.where,
        )
    stride, up = strides.pop() * int(options.get("stride", 1)), int(options.get("up", 1))
    if stride % up:
        raise SpecError(f"node {node.id!r} enlarges 1/{stride} by {up}, beyond the image's size", where=node.where)
    return Feature(int(channels), stride // up)
