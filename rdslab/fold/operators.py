"""What each operator says of the order of its axes. One that is not listed keeps every axis in its order."""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import numpy as np
from torch import Tensor, nn

from rdslab.fold.axes import BATCH, CHANNELS, Axes, Places, shuffled
from rdslab.fold.filters import convolution, product, unshared
from rdslab.fold.observe import Call, Run

Says = Callable[[Axes, Call], None]


def removable(runs: Sequence[Run], network: nn.Module) -> set[str]:
    """The modules that shuffle channels and do nothing else."""
    shuffling = {name for name, module in network.named_modules() if isinstance(module, nn.ChannelShuffle)}
    ran = {call.owner: call for run in runs for call in run.calls if is_shuffle(call)}
    others = {call.owner for run in runs for call in run.calls if not is_shuffle(call)}
    return shuffling & ran.keys() - others


def axes_of(runs: Sequence[Run], network: nn.Module, modules: set[str]) -> Axes:
    """The axes of all runs together: their weights are the same, and so must be their orders.

    `modules` are those whose shuffles may be left out.
    """
    axes = Axes()
    for run in runs:
        axes.seen = set()
        axes.fix([run.image], "the image keeps the order of its colours")
        for call in run.calls:
            axes.seen = set()
            if is_shuffle(call):
                _shuffle(axes, call, call.owner if call.owner in modules else "")
            elif call.op in SAYS:
                SAYS[call.op](axes, call)
            axes.fix(
                [*call.reads, *call.gives], f"{call.op} in {call.owner or 'the net'} sees the order of its channels"
            )
        axes.seen = set()
        axes.fix([run.answer], "the answer keeps its order")
        axes.second = axes.second or len(axes.lengths)
    unshared(axes, runs, network)
    return axes


def is_shuffle(call: Call) -> bool:
    """Whether the operator shuffles channels."""
    return call.op in ("channel_shuffle", "native_channel_shuffle")


def _shuffle(axes: Axes, call: Call, module: str) -> None:
    (x,), (y,) = call.reads, call.gives
    channels = x.shape[CHANNELS]
    order = shuffled(channels, call.arguments["groups"])
    axes.link((x, CHANNELS), (y, CHANNELS), order, np.arange(channels), module)
    _all_but(axes, x, y, CHANNELS)


def _all_but(axes: Axes, x: Tensor, y: Tensor, left_out: int) -> None:
    for axis in range(x.dim()):
        if axis != left_out:
            axes.alike((x, axis), (y, axis))


def _elementwise(axes: Axes, call: Call) -> None:
    """Number by number; shorter tensors are repeated."""
    for y in call.gives:
        for x in call.reads:
            for back in range(1, x.dim() + 1):
                if back <= y.dim() and x.shape[-back] == y.shape[-back]:
                    axes.alike((x, x.dim() - back), (y, y.dim() - back))


def _plane_by_plane(axes: Axes, call: Call) -> None:
    """Each channel of each image by itself."""
    y = call.gives[0]
    for x in (*call.reads, *call.gives[1:]):
        if x.dim() == y.dim() and x.shape[:2] == y.shape[:2]:
            axes.alike((x, BATCH), (y, BATCH))
            axes.alike((x, CHANNELS), (y, CHANNELS))


def _batch_norm(axes: Axes, call: Call) -> None:
    x, *weights = call.reads
    y = call.gives[0]
    _all_but(axes, x, y, -1)
    for weight in weights:
        axes.alike((weight, 0), (y, CHANNELS))


def _group_norm(axes: Axes, call: Call) -> None:
    _batch_norm(axes, call)
    y, groups = call.gives[0], call.arguments["group"]
    share = y.shape[CHANNELS] // groups
    if groups > 1:
        labels = np.arange(y.shape[CHANNELS]) // share
        axes.limit(axes.of(y, CHANNELS), labels, f"{call.owner} normalises {groups} groups")


def _concatenation(axes: Axes, call: Call) -> None:
    y, dim = call.gives[0], call.arguments["dim"] % call.gives[0].dim()
    maps = [x for x in call.arguments["tensors"] if x.dim() == y.dim()]
    for x, start in zip(maps, accumulate((x.shape[dim] for x in maps), initial=0), strict=False):
        _all_but(axes, x, y, dim)
        axes.link((x, dim), (y, dim), np.arange(x.shape[dim]), np.arange(x.shape[dim]) + start)


def _pieces(axes: Axes, call: Call) -> None:
    """Cut along an axis: split, chunk, unbound pieces."""
    x, dim = call.arguments["self"], call.arguments["dim"] % call.arguments["self"].dim()
    ends = accumulate((y.shape[dim] for y in call.gives), initial=0)
    for y, (start, end) in zip(call.gives, pairwise(ends), strict=True):
        _cut(axes, call, x, y, dim, np.arange(start, end))


def _slice(axes: Axes, call: Call) -> None:
    x, y = call.arguments["self"], call.gives[0]
    dim = call.arguments["dim"] % x.dim()
    start, end, step = slice(*(call.arguments[name] for name in ("start", "end", "step"))).indices(x.shape[dim])
    _cut(axes, call, x, y, dim, np.arange(start, end, step))


def _cut(axes: Axes, call: Call, x: Tensor, y: Tensor, dim: int, places: Places) -> None:
    _all_but(axes, x, y, dim)
    if len(places) == x.shape[dim]:
        axes.alike((x, dim), (y, dim))
        return
    axes.link((x, dim), (y, dim), places, np.arange(len(places)))
    axes.limit(
        axes.of(y, dim), np.zeros(len(places), np.int64), f"{call.owner or 'the net'} takes a part of its channels"
    )


def _padding(axes: Axes, call: Call) -> None:
    x, y = call.reads[0], call.gives[0]
    pads = [*call.arguments["pad"], *[0] * (2 * x.dim() - len(call.arguments["pad"]))]
    for axis in range(x.dim()):
        before, after = pads[2 * (x.dim() - 1 - axis) : 2 * (x.dim() - axis)]
        if before == after == 0:
            axes.alike((x, axis), (y, axis))
        else:
            kept = np.arange(max(0, -before), x.shape[axis] - max(0, -after))
            axes.link((x, axis), (y, axis), kept, kept + before)


def _view(axes: Axes, call: Call) -> None:
    """The first axes stay as they are as long as their lengths agree; single places come and go."""
    x, y = call.reads[0], call.gives[0]
    old, new = ([(axis, n) for axis, n in enumerate(t.shape) if n > 1] for t in (x, y))
    for (a, n), (b, m) in zip(old, new, strict=False):
        if n != m:
            return
        axes.alike((x, a), (y, b))


def _permutation(axes: Axes, call: Call) -> None:
    x, y, told = call.reads[0], call.gives[0], call.arguments
    dims = list(range(x.dim()))
    if call.op == "permute":
        dims = [dim % x.dim() for dim in told["dims"]]
    else:
        first, second = (told.get(name, default) % x.dim() for name, default in (("dim0", 0), ("dim1", -1)))
        dims[first], dims[second] = dims[second], dims[first]
    for axis, dim in enumerate(dims):
        axes.alike((x, dim), (y, axis))


def _reduction(axes: Axes, call: Call) -> None:
    x, y = call.reads[0], call.gives[0]
    dims = {dim % x.dim() for dim in call.arguments.get("dim") or range(x.dim())}
    axes.free(x, sorted(dims))
    kept = [axis for axis in range(x.dim()) if axis not in dims]
    places = kept if y.dim() == x.dim() else range(len(kept))
    for axis, place in zip(kept, places, strict=True):
        axes.alike((x, axis), (y, place))


def _table(words: dict[Says, str]) -> dict[str, Says]:
    return {name: says for says, names in words.items() for name in names.split()}


SAYS = _table(
    {
        _elementwise: """add add_ sub sub_ rsub mul mul_ div div_ pow neg abs exp log sqrt rsqrt reciprocal square
        maximum minimum clamp clamp_ clamp_min clamp_max where
        relu relu_ relu6 leaky_relu leaky_relu_ elu elu_ celu selu
        hardtanh hardtanh_ hardsigmoid hardswish hardswish_ silu silu_ gelu mish sigmoid sigmoid_ tanh tanh_ softplus
        _prelu_kernel _softmax _log_softmax alias detach clone contiguous _to_copy expand lerp addcmul dropout
        zeros_like ones_like empty_like full_like""",
        _plane_by_plane: """max_pool2d_with_indices avg_pool2d adaptive_max_pool2d _adaptive_avg_pool2d max_unpool2d
        upsample_nearest2d _upsample_nearest_exact2d upsample_bilinear2d _upsample_bilinear2d_aa upsample_bicubic2d
        replication_pad2d reflection_pad2d""",
        _batch_norm: "native_batch_norm _native_batch_norm_legit_no_training cudnn_batch_norm batch_norm",
        _group_norm: "native_group_norm",
        convolution: "convolution",
        _concatenation: "cat",
        _pieces: "split split_with_sizes chunk",
        _slice: "slice",
        _padding: "constant_pad_nd",
        _view: "view _unsafe_view reshape unsqueeze squeeze",
        _permutation: "t transpose permute",
        product: "mm addmm bmm baddbmm",
        _reduction: "sum mean amax amin var std",
    }
)
