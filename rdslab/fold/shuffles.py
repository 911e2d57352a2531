"""Channel shuffles folded into the order of the filters around them."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from rdslab.fold.axes import Axes, Shared, parts
from rdslab.fold.observe import Call, Run
from rdslab.fold.operators import axes_of, is_shuffle, removable
from rdslab.fold.orders import Orders, most_removed, part_of
from rdslab.network import Network

AXES_OF_A_SHUFFLE = 5  # n, groups, channels of a group, h, w


def fold_shuffles(form: Network, shape: Network, runs: Sequence[Run]) -> tuple[dict[str, str], dict[str, str]]:
    """Take channel shuffles out of a network, in place: taken -> the filters in a new order, left -> why it stands.

    `shape` is the network that was observed in `runs`.
    """
    modules = removable(runs, shape)
    left = _written_out([call for run in runs for call in run.calls], modules)
    taken: dict[str, str] = {}
    orders: dict[int, np.ndarray] = {}
    if not modules:
        return taken, left
    axes = axes_of(runs, shape, modules)
    for classes in parts(axes):
        part = part_of(axes, classes)
        found, reasons = most_removed(part)
        orders.update(found)
        left |= reasons
        taken |= {name: _filters(axes, name, found) for name in part.shuffles if name not in reasons}
    _reorder(form, shape, axes, orders)
    for name in taken:
        form.set_submodule(name, nn.Identity())
    return taken, left


def _written_out(calls: Sequence[Call], modules: set[str]) -> dict[str, str]:
    """Shuffles inside the code of a module, which cannot be taken out of it."""
    left: dict[str, str] = {}
    for call in calls:
        if is_shuffle(call) and call.owner not in modules:
            left[call.owner] = (
                "its channel shuffle is written in its code; as an nn.ChannelShuffle it could be taken out"
            )
        elif call.op in ("transpose", "permute") and call.reads[0].dim() == AXES_OF_A_SHUFFLE:
            left[call.owner] = "it transposes channels in its code; as an nn.ChannelShuffle that could be taken out"
    return left


def _filters(axes: Axes, name: str, orders: Orders) -> str:
    """The modules whose filters took a new order because of this shuffle: the nearest ones, up to the next shuffle."""
    own = {axes.root(number) for link in axes.links if link.shuffle == name for number in (link.a, link.b)}
    ties = [{axes.root(link.a), axes.root(link.b)} for link in axes.links if not link.shuffle]
    while more := set().union(*(tie for tie in ties if tie & own)) - own:
        own |= more
    for near in (own, set(orders)):
        reordered = {f.module: None for f in axes.filters if axes.root(f.axis) in near and _moves(axes, f.axis, orders)}
        if reordered:
            return ", ".join(reordered)
    return "none: with the other shuffles it changes nothing"


def _moves(axes: Axes, axis: int, orders: Orders) -> bool:
    order = orders[axes.root(axis)]
    return not np.array_equal(order, np.arange(len(order)))


def _reorder(form: nn.Module, shape: nn.Module, axes: Axes, orders: Orders) -> None:
    """Put every weight into its new order."""
    weights, likes = _weights(form), _weights(shape)
    shared = {id(shared.weight): shared for shared in axes.shared if axes.root(shared.axis) in orders}
    with torch.no_grad():
        for name, like in likes.items():
            for axis in range(like.dim()):
                number = axes.known(like, axis)
                if number is not None and number in orders:
                    weights[name].copy_(weights[name].index_select(axis, torch.from_numpy(orders[number])))
            if id(like) in shared:
                _reorder_groups(weights[name], shared[id(like)], orders[axes.root(shared[id(like)].axis)])


def _reorder_groups(weight: Tensor, shared: Shared, order: np.ndarray) -> None:
    """Each group of rows of a weight takes its own channels in their new order."""
    share = weight.shape[1]
    for group, rows in enumerate(weight.chunk(shared.groups)):
        own = torch.from_numpy(order[group * share : (group + 1) * share] - group * share)
        rows.copy_(rows.index_select(1, own))


def _weights(network: nn.Module) -> dict[str, Tensor]:
    return dict(network.named_parameters()) | dict(network.named_buffers())
