"""Which rows or columns of its input an operator reads for those that it gives."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor


class Reads(NamedTuple):
    """Rows `a..b` of the output read rows `(a times + low) // divide .. (b times + high) // divide` of the input."""

    times: int = 1
    divide: int = 1
    low: int = 0
    high: int = 0


WHOLE = Reads(0)  # every row
Chain = tuple[Reads, ...]  # one after another, from the output back


def joined(step: Reads, chain: Chain) -> Chain:
    """The step in front of a chain: as one step where that is exact."""
    if step is WHOLE or (WHOLE in chain):
        return (WHOLE,)
    if step == Reads():
        return chain
    if chain and step.divide == 1:
        first = chain[0]
        low, high = step.low * first.times + first.low, step.high * first.times + first.high
        return (Reads(step.times * first.times, first.divide, low, high), *chain[1:])
    return (step, *chain)


def reads_of(op: str, args: Sequence[Any], source: Tensor, out: Tensor, axis: int) -> Reads:
    """What an operator reads of `source`; axis 0 is rows, 1 columns. What is not known to be local reads all."""
    if op in ("conv2d", "convolution", "_convolution"):
        if op != "conv2d" and args[6]:
            return _transposed(args, axis, padding=4, dilation=5)
        return _window(args[1].shape[2 + axis], _at(args, 3, 1, axis), _at(args, 4, 0, axis), _at(args, 5, 1, axis))
    if op == "conv_transpose2d":
        return _transposed(args, axis, padding=4, dilation=7)
    if op in ("max_pool2d", "max_pool2d_with_indices", "avg_pool2d"):
        kernel = _at(args, 1, 1, axis)
        dilation = 1 if op == "avg_pool2d" else _at(args, 4, 1, axis)
        return _window(kernel, _at(args, 2, kernel, axis), _at(args, 3, 0, axis), dilation)
    if op in ("constant_pad_nd", "replication_pad2d", "reflection_pad2d"):
        before = -args[1][2 - 2 * axis] if len(args[1]) > 2 - 2 * axis else 0
        return Reads(1, 1, before, before)
    if op == "slice" and len(args) > 1 and args[1] % source.dim() == source.dim() - 2 + axis:
        start, step = args[2] or 0, args[4] if len(args) > 4 else 1
        return Reads(step, 1, start, start)
    given, gives = int(source.shape[axis - 2]), int(out.shape[axis - 2])
    if op.startswith("upsample_") and gives != given:
        return _resized(given, gives, nearest="nearest" in op)
    if op in ("pixel_shuffle", "max_unpool2d"):
        return Reads(1, gives // given)
    if op == "pixel_unshuffle":
        return Reads(given // gives, 1, 0, given // gives - 1)
    return Reads() if given == gives and source.dim() >= 3 and not _mixes(op) else WHOLE


def _mixes(op: str) -> bool:
    """Whether an operator that keeps the size sums over places: attention."""
    return op in ("matmul", "bmm", "mm", "baddbmm", "addmm", "linear")


def _at(args: Sequence[Any], index: int, usual: int, axis: int) -> int:
    """A pair's part for the axis: one number stands for both, nothing for the usual one."""
    value = args[index] if len(args) > index else usual
    if isinstance(value, int):
        return int(value)
    return int(value[axis if len(value) > 1 else 0]) if value else usual


def _window(kernel: int, stride: int, padding: int, dilation: int) -> Reads:
    return Reads(stride, 1, -padding, dilation * (kernel - 1) - padding)


def _transposed(args: Sequence[Any], axis: int, *, padding: int, dilation: int) -> Reads:
    """Output q reads the inputs i with q = i stride - padding + t dilation for a place t of the kernel."""
    stride, padded = _at(args, 3, 1, axis), _at(args, padding, 0, axis)
    reach = (args[1].shape[2 + axis] - 1) * _at(args, dilation, 1, axis)
    return Reads(1, stride, padded - reach + stride - 1, padded)


def _resized(given: int, gives: int, *, nearest: bool) -> Reads:
    """Places between two neighbours read both; corners are not held to be aligned."""
    if gives % given:
        return Reads(given, gives, 0 if nearest else -gives, 0 if nearest else 2 * gives - 1)
    up = gives // given
    return Reads(1, up) if nearest else Reads(2, 2 * up, 1 - up, up)
