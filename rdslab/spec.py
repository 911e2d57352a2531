"""A net as data: an ordered list of named nodes. Nothing here knows torch, and nothing computes."""

import copy
import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rdslab.errors import SpecError, did_you_mean
from rdslab.node import CLASSES, FIELDS, IMAGE, Channels, Feature, Node, changed_node, node_document, without_training
from rdslab.records import Published, Size

__all__ = ["CLASSES", "FIELDS", "IMAGE", "Channels", "Feature", "Net", "Node", "check_wiring", "producer"]

REWIRING = ("inputs", "like", "repeat")  # places of a node on which the net's wiring depends


@dataclass(frozen=True)
class Net:
    """An ordered list of nodes; the last one that is not training-only gives the answer.

    Raises SpecError for duplicate or unknown names, for a node that reads one below it (a cycle), and for a node that
    nobody reads.
    """

    name: str
    nodes: tuple[Node, ...]
    width: float = 1.0  # multiplies whole-number channels, to multiples of 8 (Howard et al. 2017)
    smallest: Size = Size(32, 32)
    blocks: tuple[str, ...] = ()  # Python files that register blocks of the user's
    paper: str = ""
    year: int | None = None
    published: tuple[Published, ...] = ()
    where: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        check_wiring(self)

    @property
    def output(self) -> Node:
        """The node that answers."""
        return next(node for node in reversed(self.nodes) if not node.training)

    def __getitem__(self, node_id: str) -> Node:
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise SpecError(
            f"net {self.name!r} has no node {node_id!r}",
            f"it has: {', '.join(n.id for n in self.nodes)}",
            did_you_mean(node_id, [n.id for n in self.nodes]),
        )

    def inference(self) -> "Net":
        """The net without what only training uses: auxiliary heads and dropout."""
        nodes = tuple(without_training(node) for node in self.nodes if not node.training)
        return replace(self, nodes=nodes)

    def scaled(self, channels: Channels) -> Channels:
        """A node's channels under the width multiplier."""
        if not isinstance(channels, int) or self.width == 1.0:
            return channels
        return max(8, int(channels * self.width / 8 + 0.5) * 8)

    def with_value(self, path: str, value: Any) -> "Net":
        """The net with one place changed: `width`, `enc3.block`, `enc*.options.dropout`, `enc3.cycle.dilation`.

        A glob changes every node that matches. A new block keeps the options it knows; the others are dropped later,
        when the block is looked at. Raises SpecError for a path that names nothing.
        """
        if path == "width":
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 16:
                raise SpecError(f"expected a width multiplier above 0 and up to 16, got {value!r}", where=path)
            return replace(self, width=float(value))
        pattern, _, rest = path.partition(".")
        matches = re.compile(fnmatch.translate(pattern)).match
        hits = [node for node in self.nodes if matches(node.id)]
        if not hits or not rest:
            ids = [node.id for node in self.nodes]
            raise SpecError(
                f"names no node of net {self.name!r}",
                "write width, NODE.FIELD, NODE.options.NAME or NODE.cycle.NAME",
                f"the nodes are: {', '.join(ids)}",
                did_you_mean(pattern, ids),
                where=path,
            )
        changed = {id(node): changed_node(node, rest, value, path) for node in hits}
        nodes = tuple([changed.get(id(node), node) for node in self.nodes])
        if rest not in REWIRING:
            net = copy.copy(self)  # who reads whom is as it was: nothing is to be checked again
            object.__setattr__(net, "nodes", nodes)
            return net
        try:
            return replace(self, nodes=nodes)
        except SpecError as error:
            raise error.at(path) from None

    def document(self) -> dict[str, Any]:
        """The net as plain data, as its YAML would have it."""
        document: dict[str, Any] = {"name": self.name, "width": self.width, "smallest": str(self.smallest)}
        document |= {"paper": self.paper} if self.paper else {}
        document |= {"year": self.year} if self.year else {}
        document |= {"published": [asdict(line) for line in self.published]} if self.published else {}
        document |= {"blocks": list(self.blocks)} if self.blocks else {}
        return document | {"nodes": [node_document(node) for node in self.nodes]}


def producer(name: str) -> str:
    """The node behind an input's name: `enc5:indices` -> `enc5`."""
    return name.partition(":")[0]


def check_wiring(net: Net) -> None:
    """Raises SpecError where nodes are named twice, read what is not above them, or are read by none."""
    if not net.nodes or all(node.training for node in net.nodes):
        raise SpecError("a net needs at least one node that is not training-only", where=net.where)
    above = {IMAGE}
    ids = [node.id for node in net.nodes]
    training = {node.id for node in net.nodes if node.training}
    read: set[str] = set()
    for node in net.nodes:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", node.id):
            raise SpecError(f"a node's id is letters, digits and _, got {node.id!r}", where=node.where)
        if node.id in above:
            what = f"duplicate node id {node.id!r}" if node.id != IMAGE else f"{IMAGE!r} is the input's name"
            raise SpecError(what, "every node needs a name of its own", where=node.where)
        for name in _reads(node):
            _check_read(node, name if name == node.like else producer(name), above, ids)
            read.add(producer(name))
            if producer(name) in training and not node.training:
                raise SpecError(
                    f"node {node.id!r} reads {producer(name)!r}, which only training has",
                    "write `training: true` here too, or remove it there",
                    where=node.where,
                )
        if node.repeat > 1 and len(node.inputs) > 1:
            raise SpecError(
                f"node {node.id!r} has several inputs and cannot repeat", "write the repeats out", where=node.where
            )
        for option in set(node.options) & set(node.cycle):
            raise SpecError(f"option {option!r} stands under options and under cycle", "keep one", where=node.where)
        above.add(node.id)
    for node in net.nodes:
        if node.id not in read and node is not net.output and not node.training:
            raise SpecError(
                f"nobody reads node {node.id!r}",
                "name it in the inputs of another node, or remove it",
                where=node.where,
            )


def _reads(node: Node) -> Iterator[str]:
    yield from node.inputs
    if node.like is not None:
        yield node.like


def _check_read(node: Node, name: str, above: set[str], ids: Sequence[str]) -> None:
    if name in above:
        return
    if name in ids:
        what = f"node {node.id!r} reads {name!r}, which does not stand above it: a net has no cycles"
        raise SpecError(what, "move the node it reads above it", where=node.where)
    raise SpecError(
        f"node {node.id!r} reads {name!r}, which is no node",
        f"above it there are: {', '.join(sorted(above))}",
        did_you_mean(name, above),
        where=node.where,
    )
