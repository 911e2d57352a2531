"""A net as text: rails at the left for the maps that are still to be read, then a row a node in columns."""

from rich.console import Console
from rich.text import Text

from rdslab.drawing.labels import Label, dropped_words, labels
from rdslab.drawing.lanes import Layout, Row, is_second, layout
from rdslab.identity import Resolved
from rdslab.records import Cost
from rdslab.spec import Net

# Which ways a rail goes on from where a line joins it (above, below, left, right), and what draws that.
JOINTS = {
    (1, 1, 0, 1): "├", (1, 1, 1, 0): "┤", (1, 1, 1, 1): "┼",
    (1, 0, 0, 1): "╰", (1, 0, 1, 0): "╯", (1, 0, 1, 1): "┴",
    (0, 1, 0, 1): "╭", (0, 1, 1, 0): "╮", (0, 1, 1, 1): "┬",
}  # fmt: skip
ASCII = str.maketrans("│─┊┄●○├┤┼╰╯┴╭╮┬", "|-:.*o+++''+..+")
COLOURS = ("blue", "magenta", "green", "yellow", "cyan", "red")


def draw(terminal: Console, net: Net, cost: Cost, resolved: Resolved) -> None:
    """Print the net with shapes (channels x width x height), parameters and MACs of each node's inference form.

    On a terminal a row that is too long loses its end, the options, and never its rails; a file gets all of it.
    """
    figures = f"  {cost.size}, {cost.classes} classes: {cost.params:,} parameters, {cost.macs:,} MACs"
    terminal.print(Text.assemble((net.name, "bold"), figures))
    if net.paper:
        terminal.print(Text(f"{net.paper} ({net.year})" if net.year else net.paper, style="italic"))
    terminal.print(Text(f"id {resolved.id}, canonical id {resolved.canonical_id}", style="dim"))
    for words in dropped_words(resolved.dropped):
        terminal.print(Text(words, style="yellow"))
    terminal.print()
    plain = terminal.options.ascii_only
    for row in _rows(layout(net), cost, plain):
        row.rstrip()
        if terminal.is_terminal:
            row.truncate(terminal.width, overflow="crop" if plain else "ellipsis")
        terminal.print(row, soft_wrap=True)


def _rows(drawn: Layout, cost: Cost, plain: bool) -> list[Text]:
    said = labels(drawn, cost)
    id_, block, shape, params, macs = (
        max(len(getattr(label, name)) for label in said) for name in ("id", "block", "shape", "params", "macs")
    )
    params, macs = max(params, len("params")), max(macs, len("MACs"))
    before = 2 * drawn.lanes + 1 + id_ + 2 + block + 2 + shape + 2
    rows = [Text(f"{'':{before}}{'params':>{params}}  {'MACs':>{macs}}", style="dim")]
    for row, label in zip(drawn.rows, said, strict=True):
        text = Text()
        for mark, lane in rails_of(row, drawn.lanes):
            text.append(mark.translate(ASCII) if plain else mark, style=COLOURS[lane % len(COLOURS)])
        text.append(f"  {label.id:<{id_}}", style="dim" if row.training else "bold")
        text.append(f"  {label.block:<{block}}", style="cyan")
        text.append(f"  {label.shape:>{shape}}", style="dim" if row.training else "green")
        text.append(f"  {label.params:>{params}}  {label.macs:>{macs}}", style="dim")
        rows.append(text.append_text(_rest(label)))
    return rows


def _rest(label: Label) -> Text:
    rest = Text()
    if label.reads:
        rest.append(f"  {label.reads}", style="magenta")
    if label.options:
        rest.append(f"  {label.options}")
    return rest


def rails_of(row: Row, lanes: int) -> list[tuple[str, int]]:
    """What draws a row's rails, a lane and the space behind it in turn, each with the lane whose colour it has.

    The line to the node joins the rails it reads (`├`, `┼`, `╯`) and passes under the others (`─│─`).
    """
    rails = []
    for lane in range(lanes):
        rails += [_in_lane(row, lane), _line(row, lane + 0.5)]
    return rails[:-1]


def _in_lane(row: Row, lane: int) -> tuple[str, int]:
    if lane == row.lane:
        return "○" if row.training else "●", lane
    if lane in row.joined:
        return JOINTS[lane in row.above, lane in row.below, min(row.joined) < lane, lane < max(row.joined)], lane
    if lane in row.above:
        return "┊" if is_second(row.above[lane]) else "│", lane
    return _line(row, lane)


def _line(row: Row, place: float) -> tuple[str, int]:
    """The line to the node at a place beside it, dotted where it carries second outputs alone."""
    beyond = [lane for lane in row.joined if (lane - place) * (place - row.lane) > 0]
    if not beyond:
        return " ", 0
    maps = [row.above.get(lane) or row.below[lane] for lane in beyond]
    return "┄" if all(map(is_second, maps)) else "─", min(beyond, key=lambda lane: abs(lane - place))
