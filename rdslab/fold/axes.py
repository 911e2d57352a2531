"""Which axes of a network's maps and weights must stand in one order: what a run says of them.

An axis (of a map or of a weight) has an order: stored place c holds what was at place `order[c]`. Operators link axes
place by place. Axes that are linked at every place, each with its own, share one order and are one *class* here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Places = NDArray[np.int64]
Key = tuple[int, int]  # id of a tensor, axis
BATCH, CHANNELS = 0, 1  # axes of maps
WITHIN = -1  # in a grouped convolution: the channels that its groups share out, an axis that the weight has not


@dataclass(frozen=True, eq=False)
class Link:
    """Places of two axes that hold the same channel, one to one."""

    a: int
    b: int
    at_a: Places
    at_b: Places
    shuffle: str = ""  # the module that could be taken out; `at_a` is then the order of places 0, 1, ... of b


@dataclass(frozen=True, eq=False)
class Limit:
    """Places of an axis that may only change with those of the same label."""

    axis: int
    labels: Places
    why: str


@dataclass(frozen=True, eq=False)
class Filters:
    """A weight of a convolution (or linear layer) that can take an order of this axis into itself."""

    axis: int
    module: str


@dataclass(frozen=True, eq=False)
class Shared:
    """A weight of a grouped convolution: each group has its own order of the channels it shares out."""

    weight: Tensor
    axis: int
    groups: int


@dataclass(eq=False)
class Axes:
    """Axes with their links and limits, in order of execution."""

    number: dict[Key, int] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    filters: list[Filters] = field(default_factory=list)
    shared: list[Shared] = field(default_factory=list)
    second: int = 0  # the first axis that the second run added
    seen: set[Key] = field(default_factory=set)  # axes that the present operator has spoken of

    def of(self, tensor: Tensor, axis: int, length: int | None = None) -> int:
        """The number of an axis; `length` where the tensor has it not."""
        key = (id(tensor), axis if axis == WITHIN and length else axis % tensor.dim())
        self.seen.add(key)
        if key not in self.number:
            self.number[key] = len(self.lengths)
            self.parents.append(len(self.lengths))
            self.lengths.append(length or tensor.shape[axis])
        return self.number[key]

    def known(self, tensor: Tensor, axis: int) -> int | None:
        """The class of an axis that a link has spoken of."""
        number = self.number.get((id(tensor), axis))
        return None if number is None else self.root(number)

    def root(self, number: int) -> int:
        """The class of an axis: the first that was linked."""
        while self.parents[number] != number:
            self.parents[number] = self.parents[self.parents[number]]
            number = self.parents[number]
        return number

    def free(self, tensor: Tensor, axes: Sequence[int]) -> None:
        """The operator gives the same whatever the order of these axes."""
        self.seen |= {(id(tensor), axis % tensor.dim()) for axis in axes}

    def same(self, a: int, b: int) -> None:
        """Both axes always stand in one order."""
        first, second = sorted((self.root(a), self.root(b)))
        self.parents[second] = first

    def alike(self, a: tuple[Tensor, int], b: tuple[Tensor, int]) -> None:
        """Both axes have one order. A single place has only one."""
        if a[0].shape[a[1]] > 1:
            self.same(self.of(*a), self.of(*b))

    def link(self, a: tuple[Tensor, int], b: tuple[Tensor, int], at_a: Places, at_b: Places, shuffle: str = "") -> None:
        """Some places of one axis hold the channels of some places of the other."""
        self.links.append(Link(self.of(*a), self.of(*b), at_a, at_b, shuffle))

    def limit(self, axis: int, labels: Places, why: str) -> None:
        """An axis whose places may only change with those of the same label."""
        self.limits.append(Limit(axis, labels, why))

    def fix(self, tensors: Sequence[Tensor], why: str) -> None:
        """These tensors keep the order of every axis that the operator has not spoken of."""
        for tensor in tensors:
            for axis, length in enumerate(tensor.shape):
                if length > 1 and (id(tensor), axis) not in self.seen:
                    number = self.of(tensor, axis)
                    self.seen.discard((id(tensor), axis))
                    self.limit(number, np.arange(length), why)


def shuffled(channels: int, groups: int) -> Places:
    """Where a channel shuffle takes channel 0, 1, ... of its output from (Zhang et al. 2017)."""
    return np.arange(channels).reshape(groups, channels // groups).T.reshape(-1)


def parts(axes: Axes) -> Iterator[set[int]]:
    """The classes that depend on one another and have a shuffle between them that could be taken out."""
    parents = {number: number for number in range(len(axes.lengths))}

    def root(number: int) -> int:
        while parents[number] != number:
            number = parents[number]
        return number

    first: dict[str, int] = {}  # one module may shuffle in several places: it goes from all of them or from none
    for link in axes.links:
        parents[root(axes.root(link.a))] = root(axes.root(link.b))
        if link.shuffle:
            parents[root(first.setdefault(link.shuffle, axes.root(link.a)))] = root(axes.root(link.a))
    found: dict[int, set[int]] = {root(axes.root(link.a)): set() for link in axes.links if link.shuffle}
    for number in range(len(axes.lengths)):
        top = root(axes.root(number))
        if top in found:
            found[top].add(axes.root(number))
    yield from found.values()
