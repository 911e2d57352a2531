"""What is written beside a node, in a drawing of any kind."""

from collections.abc import Sequence
from dataclasses import dataclass

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import defaults_of
from rdslab.drawing.lanes import Layout, Row
from rdslab.options import node_options
from rdslab.records import Cost, NodeCost, human
from rdslab.spec import IMAGE, Node


@dataclass(frozen=True)
class Label:
    """The words of one row. Training-only nodes are not counted: the place of their shape says so."""

    id: str
    block: str  # "3 x rds"
    reads: str  # "<- back2, pool2:indices; like enc1": what does not go without saying
    options: str  # those that are not at their default
    shape: str  # channels x width x height
    params: str
    macs: str


def labels(drawn: Layout, cost: Cost) -> list[Label]:
    """A label for each row."""
    counted = {part.id: part for part in cost.nodes}
    above = ["", *(row.id for row in drawn.rows)]
    return [_label(row, before, counted.get(row.id), cost) for row, before in zip(drawn.rows, above, strict=False)]


def _label(row: Row, above: str, part: NodeCost | None, cost: Cost) -> Label:
    node = row.node
    if node is None:
        return Label(IMAGE, "", "", "", f"3 x {cost.size}", "", "")
    times = f"{node.repeat} x " if node.repeat > 1 else ""
    said = (f"{times}{node.block}", _reads(node, above), _options(node))
    if part is None:
        return Label(node.id, *said, "training only", "", "")
    shape = f"{part.channels} x {part.width}x{part.height}"
    return Label(node.id, *said, shape, human(part.params), human(part.macs))


def _reads(node: Node, above: str) -> str:
    parts = [f"<- {', '.join(node.inputs)}"] if node.inputs != (above,) else []
    parts += [f"like {node.like}"] if node.like is not None else []
    return "; ".join(parts)


def _options(node: Node) -> str:
    defaults = defaults_of(BLOCKS[node.block])
    first = node_options(node)
    parts = [f"{name} {value}" for name, value in first.items() if value != defaults[name] and name not in node.cycle]
    parts += [f"{name} {', '.join(map(str, values))}" for name, values in node.cycle.items() if name in defaults]
    return "; ".join(parts)


def dropped_words(options: Sequence[str]) -> list[str]:
    """What of `enc2.eps`, `enc2.act`, `enc3.act` was dropped: a line for all of it, by option; none for nothing."""
    nodes: dict[str, list[str]] = {}
    for place in options:
        node, _, option = place.partition(".")
        nodes.setdefault(option, []).append(node)
    each = [f"{option} ({', '.join(where)})" for option, where in nodes.items()]
    return [f"dropped {', '.join(each)}, which the new block lacks"] if each else []
