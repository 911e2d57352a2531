"""Orders of channels in which shuffles may be left out, or why there are none.

With the shuffles left out, links join the *stored* places of all axes to lines; with them in their place, links join
the *true* channels to lines. Orders that fit every operator at once are a matching of stored with true lines that run
through the same axes (and the same groups of them). Whatever was matched is checked link by link.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rdslab.fold.axes import Axes, Link, Places

Orders = Mapping[int, Places]  # class of axes -> the true channel that stands at each stored place
Ends = tuple[Places, Places]  # vertices of one side of a link, and those of the other
Colours = NDArray[np.uint64]
MIXERS = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # odd numbers that spread colours over 64 bits
Lines = dict[bytes, list[Places]]  # what a line runs through -> the vertices of every such line, in that order


@dataclass(eq=False)
class Part:
    """Classes of axes that depend on one another. Their places, one after the other, are the vertices of its lines."""

    classes: list[int]
    starts: dict[int, int]  # class -> its first vertex
    lengths: dict[int, int]
    links: list[Link]  # between classes
    colours: Places  # of each vertex: its axis, and what limits it
    shuffles: dict[str, int]  # module that could go -> the axis behind it
    why: list[tuple[int, int, str]]  # (step, class, in words what limits it)


@dataclass(frozen=True, eq=False)
class Clash:
    """There are no such orders: lines that end where the other kind goes on run through these classes."""

    classes: frozenset[int]


def part_of(axes: Axes, classes: set[int]) -> Part:
    """Everything that is known of some classes."""
    ordered = sorted(classes)
    lengths = {number: axes.lengths[number] for number in ordered}
    ends = np.cumsum([0, *lengths.values()])
    starts = {number: int(start) for number, start in zip(ordered, ends, strict=False)}
    links = [
        Link(axes.root(link.a), axes.root(link.b), link.at_a, link.at_b, link.shuffle)
        for link in axes.links
        if axes.root(link.a) in classes
    ]
    colours = np.repeat(ends[:-1], list(lengths.values()))
    why = []
    for limit in axes.limits:
        number = axes.root(limit.axis)
        if number in classes:
            here = slice(starts[number], starts[number] + lengths[number])
            both = np.stack([colours[here], limit.labels], axis=1)
            colours[here] = starts[number] + np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
            step = limit.axis if limit.axis < axes.second else -1  # the second run tells little more than the first
            why.append((step, number, limit.why))
    shuffles: dict[str, int] = {}
    for link in axes.links:
        if link.shuffle and axes.root(link.a) in classes:
            shuffles.setdefault(link.shuffle, link.b)
    return Part(ordered, starts, lengths, links, colours, shuffles, why)


def solve(part: Part, removed: set[str]) -> Orders | Clash:
    """Orders in which everything fits without the shuffles of these modules."""
    stored, true = (_lines(*_coloured(part, gone)) for gone in (removed, set[str]()))
    counts = {signature: len(lines) for signature, lines in true.items()}
    odd = [signature for signature in {**stored, **true} if len(stored.get(signature, ())) != counts.get(signature, 0)]
    if odd:
        vertices = np.concatenate([line for signature in odd for line in (stored.get(signature) or true[signature])])
        return Clash(frozenset(_classes(part, vertices)))
    order = np.arange(len(part.colours))
    for signature, lines in stored.items():
        for line, channels in zip(lines, true[signature], strict=True):
            order[line] = channels
    orders = {n: order[start : start + part.lengths[n]] - start for n, start in part.starts.items()}
    wrong = [link for link in part.links if not _fits(link, orders, removed, part)]
    return Clash(frozenset(n for link in wrong for n in (link.a, link.b))) if wrong else orders


def _classes(part: Part, vertices: Places) -> set[int]:
    starts = np.array(list(part.starts.values()))
    found = np.unique(np.searchsorted(starts, vertices, side="right") - 1)
    return {part.classes[int(i)] for i in found}


def _at_a(link: Link, removed: set[str]) -> Places:
    return link.at_b if link.shuffle in removed else link.at_a


def _coloured(part: Part, removed: set[str]) -> tuple[list[Ends], Colours]:
    """Links as vertices, and colours that also say what each vertex is linked with, what that is linked with, ..."""
    ends = [(part.starts[link.a] + _at_a(link, removed), part.starts[link.b] + link.at_b) for link in part.links]
    colours, known = part.colours.astype(np.uint64), 0
    while (kinds := len(np.unique(colours))) > known:
        known, finer = kinds, colours * np.uint64(MIXERS[0])
        for number, (a, b) in enumerate(ends):
            finer[a] += _mixed(colours[b], 2 * number)
            finer[b] += _mixed(colours[a], 2 * number + 1)
        colours = finer
    return ends, colours


def _mixed(colours: Colours, number: int) -> Colours:
    mixed = (colours + np.uint64(number + 1)) * np.uint64(MIXERS[1])
    return (mixed ^ (mixed >> np.uint64(29))) * np.uint64(MIXERS[2])


def _lines(ends: list[Ends], colours: Colours) -> Lines:
    """The lines, by what they run through, those with the first vertices first."""
    size = len(colours)
    a, b = (np.concatenate([end[side] for end in ends]) for side in (0, 1))
    line = connected_components(coo_array((np.ones(len(a), np.int8), (a, b)), shape=(size, size)), directed=False)[1]
    order = np.lexsort((np.arange(size), colours, line))
    cuts = np.flatnonzero(np.diff(line[order])) + 1
    lines: Lines = {}
    for vertices in sorted(np.split(order, cuts), key=lambda line: int(line.min())):
        lines.setdefault(colours[vertices].tobytes(), []).append(vertices)
    return lines


def _fits(link: Link, orders: Orders, removed: set[str], part: Part) -> bool:
    """Whether stored places that are linked hold true channels that are linked."""
    true = np.full(part.lengths[link.a], -1)
    true[link.at_a] = link.at_b
    expected = true[orders[link.a][_at_a(link, removed)]]
    return bool(np.array_equal(expected, orders[link.b][link.at_b]))


def most_removed(part: Part) -> tuple[Orders, dict[str, str]]:
    """Orders without all the shuffles that can be done without; and why the others cannot."""
    found = solve(part, set(part.shuffles))
    if not isinstance(found, Clash):
        return found, {}
    orders = solve(part, set())
    assert not isinstance(orders, Clash), "everything fits as it stands"
    removed: set[str] = set()
    left: dict[str, str] = {}
    for name in part.shuffles:
        found = solve(part, removed | {name})
        if isinstance(found, Clash):
            left[name] = _reason(part, name, found)
        else:
            orders, removed = found, removed | {name}
    return orders, left


def _reason(part: Part, name: str, clash: Clash) -> str:
    """What limits the order nearest behind the shuffle, else before it."""
    words = [(step, why) for step, number, why in part.why if number in clash.classes]
    if not words:
        return "its input is used in its own order beside the shuffled one"
    behind = [(step, why) for step, why in words if step >= part.shuffles[name]]
    return min(behind)[1] if behind else max(words)[1]
