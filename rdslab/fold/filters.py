"""What convolutions and products of matrices say of the order of their channels: dense ones absorb any order."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from rdslab.fold.axes import BATCH, CHANNELS, WITHIN, Axes, Filters, Shared
from rdslab.fold.observe import Call, Run


def convolution(axes: Axes, call: Call) -> None:
    """Dense, depthwise or in groups, transposed or not."""
    told = call.arguments
    x, weight, y = told["input"], told["weight"], call.gives[0]
    axes.alike((x, BATCH), (y, BATCH))
    if told["bias"] is not None:
        axes.alike((told["bias"], 0), (y, CHANNELS))
    rows, shared = (x, y) if told["transposed"] else (y, x)  # the weight's first axis is the rows' channels
    axes.alike((weight, 0), (rows, CHANNELS))
    if told["groups"] == 1:
        axes.alike((weight, 1), (shared, CHANNELS))
        found = {axes.of(weight, 0), axes.of(weight, 1)}
        axes.filters += [Filters(axis, call.owner) for axis in found]
    elif told["groups"] == x.shape[CHANNELS]:
        _depthwise(axes, call)
    else:
        _grouped(axes, call, rows, shared)


def _depthwise(axes: Axes, call: Call) -> None:
    x, y = call.arguments["input"], call.gives[0]
    times = y.shape[CHANNELS] // x.shape[CHANNELS]
    if times == 1:
        axes.alike((x, CHANNELS), (y, CHANNELS))
        return
    channels = np.arange(x.shape[CHANNELS])
    for number in range(times):
        axes.link((x, CHANNELS), (y, CHANNELS), channels, channels * times + number)


def _grouped(axes: Axes, call: Call, rows: Tensor, shared: Tensor) -> None:
    weight, groups = call.arguments["weight"], call.arguments["groups"]
    within = axes.of(weight, WITHIN, shared.shape[CHANNELS])
    axes.same(within, axes.of(shared, CHANNELS))
    for axis, length in ((axes.of(rows, CHANNELS), rows.shape[CHANNELS]), (within, shared.shape[CHANNELS])):
        why = f"{call.owner} convolves in {groups} groups"
        axes.limit(axis, np.arange(length) // (length // groups), why)
        axes.filters.append(Filters(axis, call.owner))
    axes.shared.append(Shared(weight, within, groups))


def product(axes: Axes, call: Call) -> None:
    """Matrices, or batches of them, and what is added to them: the axis between them may have any order."""
    *added, x, other = call.reads
    y = call.gives[0]
    axes.alike((x, -1 % x.dim()), (other, other.dim() - 2))
    axes.alike((x, x.dim() - 2), (y, y.dim() - 2))
    axes.alike((other, other.dim() - 1), (y, y.dim() - 1))
    if y.dim() == 3:
        axes.alike((x, 0), (y, 0))
        axes.alike((other, 0), (y, 0))
    for bias in added:
        axes.alike((bias, bias.dim() - 1), (y, y.dim() - 1))
    axes.filters.append(Filters(axes.of(other, other.dim() - 1), call.owner))
    axes.filters.append(Filters(axes.of(other, other.dim() - 2), call.owner))


def unshared(axes: Axes, runs: Sequence[Run], network: nn.Module) -> None:
    """An order for each group is only for weights of the network that nothing but convolutions reads."""
    own = {id(weight) for weight in network.parameters()}
    others = {id(read) for run in runs for call in run.calls if call.op != "convolution" for read in call.reads}
    for shared in axes.shared:
        if id(shared.weight) not in own - others:
            length = axes.lengths[shared.axis]
            axes.limit(shared.axis, np.arange(length), "the weight of a convolution in groups is computed")
