"""Where a net's nodes and maps stand in a drawing: a row a node, a lane a map. Nothing is drawn here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rdslab.spec import IMAGE, Net, Node, producer


@dataclass(frozen=True)
class Row:
    """One node, or the image, in its lane. A map keeps one lane from the row that makes it to its last reader's."""

    node: Node | None  # None: the image
    lane: int
    above: Mapping[int, str]  # the map in each lane that comes into the row
    below: Mapping[int, str]  # and that leaves it

    @property
    def id(self) -> str:
        return self.node.id if self.node else IMAGE

    @property
    def training(self) -> bool:
        return self.node is not None and self.node.training

    @property
    def reads(self) -> frozenset[int]:
        """The lanes of its inputs."""
        inputs = self.node.inputs if self.node else ()
        return frozenset(lane for lane, name in self.above.items() if name in inputs)

    @property
    def opens(self) -> frozenset[int]:
        """The lanes of its own maps."""
        return frozenset(lane for lane, name in self.below.items() if producer(name) == self.id)

    @property
    def joined(self) -> frozenset[int]:
        """All lanes that the row's line connects: what is read, the node, its maps."""
        return self.reads | self.opens | {self.lane}

    @property
    def crossed(self) -> frozenset[int]:
        """The lanes that the row's line meets on its way, without a connection."""
        between = range(min(self.joined) + 1, max(self.joined))
        return frozenset(lane for lane in between if lane in self.above and lane not in self.joined)


@dataclass(frozen=True)
class Edge:
    """A map on its way from the row that makes it to one that reads it, down its lane."""

    name: str  # `enc5`, or `enc5:indices` for a second output
    lane: int
    start: int
    end: int


@dataclass(frozen=True)
class Layout:
    """The rows from the image down, and how many lanes they need."""

    rows: tuple[Row, ...]
    lanes: int

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Every read of every map, in the order of the readers."""
        made = {row.id: number for number, row in enumerate(self.rows)}
        return tuple(
            Edge(row.above[lane], lane, made[producer(row.above[lane])], number)
            for number, row in enumerate(self.rows)
            for lane in sorted(row.reads)
        )


def is_second(name: str) -> bool:
    """Whether the map is a second output: `enc5:indices`."""
    return ":" in name


def layout(net: Net) -> Layout:
    """Every node in the leftmost lane that its inputs leave, or in the nearest free one.

    A skip so keeps the lane in which it was made, and what is read sooner stands to its right: nested skips do not
    cross. `like` reads a size and no map, and takes no lane.
    """
    nodes: tuple[Node | None, ...] = (None, *net.nodes)
    last: dict[str, int] = {}
    for number, node in enumerate(nodes):
        last |= dict.fromkeys(node.inputs if node else (), number)
    rows: list[Row] = []
    held: dict[int, str] = {}
    ended: set[int] = set()  # a node right under one that nobody reads would look like its reader
    for number, node in enumerate(nodes):
        above = dict(held)
        left = [lane for lane, name in above.items() if last[name] == number]
        held = {lane: name for lane, name in above.items() if lane not in left}
        read = [lane for lane, name in above.items() if node and name in node.inputs]
        lane = min(left) if left else _nearest(read, {*above, *ended})
        while len(read) > 1 and lane and lane - 1 not in {*held, *ended}:  # a merge closes the gap at its left
            lane -= 1
        own = node.id if node else IMAGE
        maps = sorted((name for name in last if producer(name) == own), key=lambda name: -last[name])
        for name in maps:
            held[lane if lane not in held else _nearest([lane], {*held, *read})] = name
        rows.append(Row(node, lane, above, dict(held)))
        ended = set() if maps else {lane}
    return Layout(tuple(rows), 1 + max(max([row.lane, *row.below]) for row in rows))


def _nearest(lanes: Sequence[int], taken: set[int]) -> int:
    """The free lane that is nearest to these; to the right, where there is a choice."""
    free = [lane for lane in range(len(taken) + 1) if lane not in taken]
    return min(free, key=lambda lane: (sum(abs(lane - other) for other in lanes), -lane))
