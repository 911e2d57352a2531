"""Two nets beside each other: what both cost, in which nodes they differ, and whether they compute the same."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rdslab.cost.counter import count
from rdslab.identity import ids
from rdslab.options import node_options
from rdslab.records import Size
from rdslab.spec import Net, Node

FIGURES = ("params", "macs", "activations", "elements", "bytes")
FIELDS = ("block", "channels", "repeat", "like", "inputs", "training")


@dataclass(frozen=True)
class Changed:
    """A place in which two nets differ. Of a node that one of them lacks, `what` is 'node'."""

    node: str
    what: str
    a: Any
    b: Any


@dataclass(frozen=True)
class Pair:
    """Two nets beside each other."""

    a: Mapping[str, Any]  # name, id, canonical_id
    b: Mapping[str, Any]
    costs: Sequence[Mapping[str, Any]]  # size, figure, a, b, and ratio: b / a, None where a is 0
    changed: Sequence[Changed]

    @property
    def same(self) -> str:
        """What both compute alike: 'function', 'class of functions', or nothing."""
        if self.a["id"] == self.b["id"]:
            return "function"
        return "class of functions" if self.a["canonical_id"] == self.b["canonical_id"] else ""

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "same": self.same}


def compare_nets(a: Net, b: Net, sizes: Sequence[Size], classes: int) -> Pair:
    """Both nets' costs at each size, of the inference form, and their differences, of the whole nets.

    Raises SpecError where one of them cannot be built, or takes no image of a size.
    """
    costs = []
    for size in sizes:
        ours, theirs = (count(net, size, classes).document() for net in (a, b))
        for name in FIGURES:
            ratio = theirs[name] / ours[name] if ours[name] else None
            costs.append({"size": str(size), "figure": name, "a": ours[name], "b": theirs[name], "ratio": ratio})
    return Pair(_head(a), _head(b), costs, tuple(_changed(a, b)))


def _head(net: Net) -> dict[str, Any]:
    own, canonical = ids(net)
    return {"name": net.name, "id": own, "canonical_id": canonical}


def _changed(a: Net, b: Net) -> Iterator[Changed]:
    ours, theirs = ({node.id: node for node in net.nodes} for net in (a, b))
    for name in dict.fromkeys([*ours, *theirs]):
        if name not in ours or name not in theirs:
            sides = [_words(net, nodes[name]) if name in nodes else None for net, nodes in ((a, ours), (b, theirs))]
            yield Changed(name, "node", *sides)
            continue
        one, other = _places(a, ours[name]), _places(b, theirs[name])
        for place in dict.fromkeys([*one, *other]):
            if one.get(place) != other.get(place):
                yield Changed(name, place, one.get(place), other.get(place))


def _places(net: Net, node: Node) -> dict[str, Any]:
    """All that is said of a node, defaults filled in; an option that changes from repeat to repeat as a list."""
    places = {name: getattr(node, name) for name in FIELDS}
    places |= {"channels": net.scaled(node.channels), "inputs": list(node.inputs)}
    options = node_options(node)
    cycles = {name: list(values) for name, values in node.cycle.items() if name in options}
    return places | options | cycles


def _words(net: Net, node: Node) -> str:
    times = f"{node.repeat} x " if node.repeat > 1 else ""
    channels = net.scaled(node.channels)
    return f"{times}{node.block}" + (f", {channels} channels" if channels is not None else "")
