"""A net as a tree of text."""

from rich.text import Text
from rich.tree import Tree

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import defaults_of
from rdslab.identity import Resolved
from rdslab.options import node_options
from rdslab.records import Cost, NodeCost, human
from rdslab.spec import IMAGE, Net, Node


def tree(net: Net, cost: Cost, resolved: Resolved) -> Tree:
    """The net with shapes (channels x width x height), parameters and MACs of each node's inference form."""
    head = Text.assemble(
        (net.name, "bold"),
        f"  {cost.size}, {cost.classes} classes: {cost.params:,} parameters, {cost.macs:,} MACs",
    )
    root = Tree(head)
    if net.paper:
        root.add(Text(f"{net.paper} ({net.year})" if net.year else net.paper, style="italic"))
    root.add(Text(f"id {resolved.id}, canonical id {resolved.canonical_id}", style="dim"))
    for name in resolved.dropped:
        root.add(Text(f"dropped: {name}, an option that the new block lacks", style="yellow"))
    counted = {part.id: part for part in cost.nodes}
    wide = max(len(node.id) for node in net.nodes)
    root.add(Text(f"{IMAGE:<{wide}}  3 x {cost.size}"))
    above = IMAGE
    for node in net.nodes:
        root.add(_line(node, counted.get(node.id), above, wide))
        above = node.id
    return root


def _line(node: Node, part: NodeCost | None, above: str, wide: int) -> Text:
    times = f"{node.repeat} x " if node.repeat > 1 else ""
    text = Text.assemble((f"{node.id:<{wide}}", "bold"), "  ", (f"{times}{node.block}", "cyan"))
    said = _options(node)
    if said:
        text.append(f" ({said})")
    if node.inputs != (above,):
        text.append(f" <- {', '.join(node.inputs)}", style="magenta")
    if node.like is not None:
        text.append(f" like {node.like}", style="magenta")
    if part is None:
        text.append("  training only", style="dim")
        return text
    text.append(f"  {part.channels} x {part.width}x{part.height}", style="green")
    text.append(f"  {human(part.params)} params, {human(part.macs)} MACs", style="dim")
    return text


def _options(node: Node) -> str:
    defaults = defaults_of(BLOCKS[node.block])
    first = node_options(node)
    parts = [f"{name} {value}" for name, value in first.items() if value != defaults[name] and name not in node.cycle]
    parts += [f"{name} {', '.join(map(str, values))}" for name, values in node.cycle.items() if name in defaults]
    return "; ".join(parts)
