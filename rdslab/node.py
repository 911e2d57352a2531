"""One line of a net, and how a place in it is changed. Nothing here knows torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from rdslab.errors import SpecError, did_you_mean
from rdslab.records import canonical_json

IMAGE = "image"
CLASSES = "classes"
TRAINING_OPTIONS = frozenset({"dropout"})  # what a block does in training only
Channels = int | Literal["classes"] | None
FIELDS = ("block", "channels", "repeat", "stride", "up", "like", "inputs")


@dataclass(frozen=True)
class Feature:
    """What flows between nodes: channels, and how often the image's side was halved (stride 8 is 1/8)."""

    channels: int
    stride: int = 1


@dataclass(frozen=True, eq=False)
class Node:
    """One line of a net: a block, its channels and options, and what it reads. Where it was written does not count."""

    id: str
    block: str
    inputs: tuple[str, ...]
    channels: Channels = None  # None: the block derives them from its inputs
    repeat: int = 1
    stride: int | None = None  # None: the block's default
    up: int | None = None
    like: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    cycle: Mapping[str, Sequence[Any]] = field(
        default_factory=dict
    )  # an option's values, one a repeat, from the start again
    training: bool = False  # dropped by inference()
    inherited: frozenset[str] = frozenset()  # options that were written for an earlier block
    where: str = ""
    places: Mapping[str, str] = field(default_factory=dict, repr=False)  # of options.NAME, cycle.NAME

    @cached_property
    def key(self) -> str:
        """All that decides the node's computation, as one text: names of nodes do not."""
        return canonical_json(
            [
                self.block,
                self.channels,
                self.repeat,
                self.stride,
                self.up,
                self.options,
                self.cycle,
                sorted(self.inherited),
            ]
        )

    def place(self, name: str) -> str:
        """Where `options.NAME`, `cycle.NAME` or a field of the node was written."""
        return self.places.get(name) or f"{self.where or self.id}.{name}"

    def option_names(self) -> set[str]:
        return {*self.options, *self.cycle}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self._told() == other._told()

    def __hash__(self) -> int:
        return hash(self._told())

    def _told(self) -> tuple[object, ...]:
        return self.id, self.key, self.inputs, self.like, self.training


def changed_node(node: Node, rest: str, value: Any, path: str) -> Node:
    """The node with the place `rest` (`block`, `options.groups`, ...) changed."""
    head, _, option = rest.partition(".")
    if head in ("options", "cycle") and option:
        other = node.cycle if head == "options" else node.options
        if option in other:
            stands = "cycle" if head == "options" else "options"
            raise SpecError(
                f"{node.id}.{stands}.{option} stands there already", f"set {node.id}.{stands}.{option}", where=path
            )
        if head == "cycle" and not (isinstance(value, (list, tuple)) and value):
            raise SpecError(f"expected a list with at least one value, got {value!r}", where=path)
        return replace(
            node,
            **{head: {**getattr(node, head), option: value}},  # type: ignore[arg-type]
            inherited=node.inherited - {option},
            places={**node.places, f"{head}.{option}": path},
        )
    if head == "block" and not option:
        return _with_block(node, value, path)
    if head not in FIELDS or option:
        raise SpecError(
            f"a node has no {rest!r}",
            f"it has: {', '.join(FIELDS)}, options.NAME, cycle.NAME",
            did_you_mean(head, FIELDS),
            where=path,
        )
    _check_field(head, value, path)
    if head == "inputs":
        value = tuple(value)
    return replace(node, **{head: value}, places={**node.places, head: path})


def _check_field(name: str, value: Any, path: str) -> None:
    number = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65536
    if name in ("repeat", "stride", "up") and not number:
        raise SpecError(f"expected a whole number from 1 to 65536, got {value!r}", where=path)
    if name == "channels" and not (number or value == CLASSES):
        raise SpecError(f"expected a whole number or 'classes', got {value!r}", where=path)
    if name == "like" and not isinstance(value, str):
        raise SpecError(f"expected a node's name or 'image', got {value!r}", where=path)
    if name == "inputs" and not (isinstance(value, (list, tuple)) and value and all(isinstance(v, str) for v in value)):
        raise SpecError(f"expected a list of names, got {value!r}", where=path)


def _with_block(node: Node, value: Any, path: str) -> Node:
    if isinstance(value, Mapping):
        extra = set(value) - {"block", "options"}
        if extra or not isinstance(value.get("block"), str) or not isinstance(value.get("options", {}), Mapping):
            raise SpecError(
                f"expected a block's name or {{block: NAME, options: {{...}}}}, got {dict(value)!r}", where=path
            )
        named = dict(value.get("options", {}))
        cycle = {k: v for k, v in node.cycle.items() if k not in named}
        kept = {**node.options, **named}
        places = {**node.places, **{f"options.{name}": path for name in named}}
        inherited = frozenset({*kept, *cycle} - set(named))
        return replace(node, block=value["block"], options=kept, cycle=cycle, inherited=inherited, places=places)
    if not isinstance(value, str):
        raise SpecError(f"expected a block's name, got {value!r}", where=path)
    if value == node.block:
        return node
    return replace(node, block=value, inherited=frozenset(node.option_names()))


def without_training(node: Node) -> Node:
    if not node.option_names() & TRAINING_OPTIONS:
        return node
    return replace(
        node,
        options={k: v for k, v in node.options.items() if k not in TRAINING_OPTIONS},
        cycle={k: v for k, v in node.cycle.items() if k not in TRAINING_OPTIONS},
        inherited=node.inherited - TRAINING_OPTIONS,
    )


def node_document(node: Node) -> dict[str, Any]:
    document: dict[str, Any] = {"id": node.id, "block": node.block, "inputs": list(node.inputs)}
    for name in ("channels", "stride", "up", "like"):
        if getattr(node, name) is not None:
            document[name] = getattr(node, name)
    if node.repeat != 1:
        document["repeat"] = node.repeat
    if node.training:
        document["training"] = True
    # An option that its new block may lack is marked, so that a stored net is read back as it was.
    document |= {"inherited": sorted(node.inherited)} if node.inherited else {}
    document |= {"options": dict(node.options)} if node.options else {}
    return document | ({"cycle": {k: list(v) for k, v in node.cycle.items()}} if node.cycle else {})
