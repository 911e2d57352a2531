"""What a latency model reads of a net: kernels, their FLOPs, and the numbers they move, by kind of kernel."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rdslab.blocks import BLOCKS
from rdslab.records import Cost, Kernel, NodeCost

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

KINDS = ("conv", "dilated", "dwconv", "gconv", "deconv", "mm", "bn", "act", "pool", "up", "cat", "elt", "copy")
FOLDED = "shuffle"  # a channel shuffle that the deployed form has folded away; as trained it is a copy
UNKNOWN = "unknown"  # a kind that no model knows of
COLUMNS = (*KINDS, FOLDED, UNKNOWN)
COUNT, FLOPS, NUMBERS = range(3)
NUMBER_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 1}
FUSED = ("bn", "act", "cat")  # no kernels of their own in an engine that fuses
# Kernels of a fused kind that engines leave standing; they count as elementwise kernels.
STANDING = ("softmax", "layer_norm", "group_norm", "instance_norm", "rms_norm")

_INDEX = {kind: i for i, kind in enumerate(COLUMNS)}
_MOST = 1 << 16
Forms = dict[str, Array]
_MEMO: dict[int, tuple[NodeCost, Forms]] = {}  # by id, with the node itself, so that no id can stand for another node


def tally(cost: Cost, form: str) -> Array:
    """Sums over a net's kernels in a form: a row for each of COLUMNS; kernels, FLOPs, numbers read or written."""
    return np.asarray(np.add.reduce([_of_node(node)[form] for node in cost.nodes]))


def tally_nodes(cost: Cost, form: str) -> Array:
    """The same for each node: nodes x COLUMNS x 3."""
    return np.array([_of_node(node)[form] for node in cost.nodes])


def column_of(kernel: Kernel, folds: bool = False) -> str:
    """The row that a kernel counts in; `folds`: a channel shuffle of this node is folded in the deployed form."""
    if kernel.kind == "conv" and kernel.dilation > 1:
        return "dilated"
    if kernel.kind in FUSED and any(word in kernel.op for word in STANDING):
        return "elt"
    if folds and "channel_shuffle" in kernel.op:
        return FOLDED
    return kernel.kind if kernel.kind in KINDS else UNKNOWN


def _of_node(node: NodeCost) -> Forms:
    known = _MEMO.get(id(node))
    if known is None:
        if len(_MEMO) >= _MOST:
            _MEMO.clear()
        known = _MEMO[id(node)] = node, tally_kernels(node.kernels, _folds(node))
    return known[1]


def tally_kernels(kernels: Iterable[Kernel], folds: bool = False) -> Forms:
    """COLUMNS x 3 of a list of kernels, by form: deployed, batch norms, activations and joins are part of others."""
    table = np.zeros((len(COLUMNS), 3))
    for kernel in kernels:
        moved = kernel.elems_in + kernel.elems_out + kernel.weights
        table[_INDEX[column_of(kernel, folds)]] += (1, 2 * kernel.macs, moved)
    eager, deployed = table, table.copy()
    deployed[[_INDEX[kind] for kind in (*FUSED, FOLDED)]] = 0.0
    eager[_INDEX["copy"]] += eager[_INDEX[FOLDED]]
    eager[_INDEX[FOLDED]] = 0.0
    return {"eager": eager, "deployed": deployed}


def _folds(node: NodeCost) -> bool:
    """Whether the block's shuffle is only an order of its filters; beside a grouped convolution it mixes the groups."""
    block = BLOCKS[node.block] if node.block in BLOCKS.names() else None
    return hasattr(block, "unpermuted") and all(kernel.kind != "gconv" for kernel in node.kernels)
