"""A net as SVG: the lanes of the text's drawing, with rounded lines for what goes on beside."""

from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

from rdslab.drawing.labels import Label, labels
from rdslab.drawing.lanes import Edge, Layout, Row, is_second, layout
from rdslab.errors import SpecError
from rdslab.files import write_whole
from rdslab.records import Cost
from rdslab.spec import Net

ROW, LANE, EDGE, TOP = 26, 22, 24, 84  # pixels: between rows and lanes, around, above the image's row
BEND, DOT = 12, 5  # radii
LETTER = 7.3  # width of a monospaced letter at 12 pixels, rounded up
INK, MUTED, GRID = "#1a1a1a", "#6b6b6b", "#e8e8e8"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito (2008)
COLUMNS = (("id", False), ("block", False), ("shape", True), ("params", True), ("macs", True), ("rest", False))


def write_svg(file: str, net: Net, cost: Cost) -> Path:
    """Write the drawing, whole or not at all. Raises SpecError where no file can be."""
    path = Path(file)
    if path.is_dir():
        raise SpecError(f"{file} is a folder", "name a file in it", where="--svg")
    if not path.parent.is_dir():
        raise SpecError(f"there is no folder {path.parent}", where="--svg")
    write_whole(path, svg(net, cost))
    return path


def svg(net: Net, cost: Cost) -> str:
    """The net with the image on top; hovering over a line tells the map and its readers."""
    drawn = layout(net)
    said = labels(drawn, cost)
    figures = f"{cost.size}, {cost.classes} classes: {cost.params:,} parameters, {cost.macs:,} MACs"
    paper = f"{net.paper} ({net.year})" if net.paper and net.year else net.paper
    stops = _stops(drawn, said)
    wide = EDGE + max(stops["end"], EDGE + LETTER * max(len(paper), len(figures) + 1.3 * len(net.name) + 4))
    high = TOP + len(said) * ROW + EDGE / 2
    font = {"font-family": "DejaVu Sans Mono, Menlo, Consolas, monospace", "font-size": "12"}
    about = {"viewBox": f"0 0 {wide:g} {high:g}", "width": f"{wide:g}", "height": f"{high:g}"}
    root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **about, **font})
    ET.SubElement(root, "title").text = net.name
    ET.SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": "white"})
    _heading(root, net.name, figures, paper, stops)
    for number, row in enumerate(drawn.rows):
        ends = {"x1": f"{_x(row.lane)}", "x2": f"{stops['id'] - 6:g}"}
        ET.SubElement(root, "line", {**ends, "y1": f"{_y(number)}", "y2": f"{_y(number)}", "stroke": GRID})
    for _, edges in groupby(sorted(drawn.edges, key=lambda e: (e.start, e.name)), key=lambda e: (e.start, e.name)):
        _map(root, drawn, list(edges))
    for number, row in enumerate(drawn.rows):
        _crossings(root, row, _y(number))
    for number, (row, label) in enumerate(zip(drawn.rows, said, strict=True)):
        _node(root, row, label, _y(number), stops)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _x(lane: int) -> int:
    return EDGE + lane * LANE


def _y(row: int) -> int:
    return TOP + row * ROW


def _colour(lane: int) -> str:
    return COLOURS[lane % len(COLOURS)]


def _words(label: Label, column: str) -> str:
    return "; ".join(filter(None, (label.reads, label.options))) if column == "rest" else str(getattr(label, column))


def _stops(drawn: Layout, said: list[Label]) -> dict[str, float]:
    """Where each column's words begin, or end if they stand right."""
    at = _x(drawn.lanes) + 6.0
    stops = {}
    for column, right in COLUMNS:
        wide = LETTER * max(len(column), *(len(_words(label, column)) for label in said))
        stops[column] = at + wide if right else at
        at += wide + 2 * LETTER
    return {**stops, "end": at - 2 * LETTER}


def _text(parent: ET.Element, words: str, x: float, y: float, **style: str) -> None:
    if words:
        named = {name.replace("_", "-"): value for name, value in {"fill": INK, **style}.items()}
        ET.SubElement(parent, "text", {"x": f"{x:g}", "y": f"{y:g}", **named}).text = words


def _heading(root: ET.Element, name: str, figures: str, paper: str, stops: dict[str, float]) -> None:
    _text(root, name, EDGE - DOT, 26, font_size="15", font_weight="bold")
    _text(root, figures, EDGE - DOT + 1.3 * LETTER * (len(name) + 2), 26)
    _text(root, paper, EDGE - DOT, 45, fill=MUTED)
    for column, heading in (("params", "params"), ("macs", "MACs")):
        _text(root, heading, stops[column], TOP - 15, fill=MUTED, text_anchor="end")


def _map(root: ET.Element, drawn: Layout, edges: list[Edge]) -> None:
    """A map's line to all its readers; dotted if it is a second output."""
    readers = ", ".join(drawn.rows[edge.end].id for edge in edges)
    path = {"d": " ".join(_path(edge, drawn) for edge in edges), "fill": "none"}
    line = ET.SubElement(root, "path", {**path, **_stroke(edges[0].lane, edges[0].name)})
    ET.SubElement(line, "title").text = f"{edges[0].name} -> {readers}"


def _stroke(lane: int, name: str) -> dict[str, str]:
    dots = {"stroke-dasharray": "3 3"} if is_second(name) else {}
    return {"stroke": _colour(lane), "stroke-width": "2", **dots}


def _crossings(root: ET.Element, row: Row, y: int) -> None:
    """The lanes under which the row's line passes, once more, with a gap at both sides."""
    for lane in sorted(row.crossed):
        path = {"d": f"M{_x(lane)} {y - 6} v12"}
        ET.SubElement(root, "path", {**path, "stroke": "white", "stroke-width": "7"})
        ET.SubElement(root, "path", {**path, **_stroke(lane, row.above[lane])})


def _path(edge: Edge, drawn: Layout) -> str:
    start, lane, end = _x(drawn.rows[edge.start].lane), _x(edge.lane), _x(drawn.rows[edge.end].lane)
    top, bottom = _y(edge.start), _y(edge.end)
    path = f"M{start} {top}"
    if start != lane:
        side = BEND if start < lane else -BEND
        path += f" H{lane - side} Q{lane} {top} {lane} {top + BEND}"
    if end == lane:
        return f"{path} V{bottom}"
    side = BEND if end > lane else -BEND
    return f"{path} V{bottom - BEND} Q{lane} {bottom} {lane + side} {bottom} H{end}"


def _node(root: ET.Element, row: Row, label: Label, y: int, stops: dict[str, float]) -> None:
    colour = _colour(row.lane)
    dot = {"fill": "white" if row.training else colour, "stroke": colour, "stroke-width": "2"}
    ET.SubElement(root, "circle", {"cx": f"{_x(row.lane)}", "cy": f"{y}", "r": f"{DOT}", **dot})
    for column, right in COLUMNS:
        style = {"fill": INK if column in ("id", "block", "shape") and not row.training else MUTED}
        style |= {"text_anchor": "end"} if right else {}
        style |= {"font_weight": "bold"} if column == "id" else {}
        _text(root, _words(label, column), stops[column], y + 4, **style)
