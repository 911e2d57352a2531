"""What each operator costs. COUNTED has multiply-adds, MOVED reads and writes memory only, FREE renames memory.

An operator in none of the three is taken apart into those it is made of; if it has no parts it is an error, never a
silent zero. Kinds are those of published kernel lists: conv, dwconv, gconv, deconv, mm, bn, act, pool, up, cat, elt,
copy.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from torch import Tensor

from rdslab.records import Kernel

Fields = dict[str, Any]
Handle = Callable[[Sequence[Any], Tensor], Fields]


def _pair(value: Any, default: int = 1) -> tuple[int, int]:
    if value is None or value == []:
        return default, default
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    return (items[0], items[-1])


def _argument(args: Sequence[Any], index: int, default: Any) -> Any:
    return args[index] if len(args) > index else default


def _convolution(
    x: Tensor, weight: Tensor, out: Tensor, stride: Any, dilation: Any, groups: int, transposed: bool
) -> Fields:
    channels = 1 - weight.dim()  # counted from the end, so that a map without a batch is right too
    cin, cout = x.shape[channels], out.shape[channels]
    # Every weight meets each output place once; in a transposed convolution each input place.
    places = x.numel() // cin if transposed else out.numel() // cout
    return {
        "kind": kind_of_convolution(cin, cout, groups, transposed),
        "macs": weight.numel() * places,
        "taps": prod(weight.shape[2:]),
        "groups": groups,
        "cin": cin,
        "cout": cout,
        "dilation": max(_pair(dilation)),
        "stride": max(_pair(stride)),
    }


def kind_of_convolution(cin: int, cout: int, groups: int, transposed: bool) -> str:
    """conv, dwconv (a filter sees one channel; there may be several filters a channel), gconv or deconv."""
    if transposed:
        return "deconv"
    if groups > 1:
        return "dwconv" if groups == cin and cout % cin == 0 else "gconv"
    return "conv"


def conv(args: Sequence[Any], out: Tensor) -> Fields:
    """aten.conv2d(input, weight, bias, stride, padding, dilation, groups), and its variant with padding as a word.

    Padding counts as if it were image: each output place meets the whole kernel, as papers and both audits have it.
    """
    stride, dilation, groups = _argument(args, 3, 1), _argument(args, 5, 1), _argument(args, 6, 1)
    return _convolution(args[0], args[1], out, stride, dilation, groups, transposed=False)


def conv_transpose(args: Sequence[Any], out: Tensor) -> Fields:
    """aten.conv_transpose2d(input, weight, bias, stride, padding, output_padding, groups, dilation)."""
    stride, groups, dilation = _argument(args, 3, 1), _argument(args, 6, 1), _argument(args, 7, 1)
    return _convolution(args[0], args[1], out, stride, dilation, groups, transposed=True)


def convolution(args: Sequence[Any], out: Tensor) -> Fields:
    """aten.convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)."""
    return _convolution(args[0], args[1], out, args[3], args[5], args[8], transposed=bool(args[6]))


def matrix_product(args: Sequence[Any], out: Tensor) -> Fields:
    """mm, bmm, matmul and linear: each output element sums over the first factor's last side."""
    inner = args[0].shape[-1]
    return {"kind": "mm", "macs": out.numel() * inner, "cin": inner, "cout": out.shape[-1] if out.dim() else 1}


def matrix_product_added(args: Sequence[Any], out: Tensor) -> Fields:
    """addmm(bias, a, b) and baddbmm."""
    return matrix_product(args[1:], out)


COUNTED: dict[str, Handle] = {
    "aten.conv1d": conv,
    "aten.conv2d": conv,
    "aten.conv_transpose1d": conv_transpose,
    "aten.conv_transpose2d": conv_transpose,
    "aten.convolution": convolution,
    "aten._convolution": convolution,
    "aten.linear": matrix_product,
    "aten.matmul": matrix_product,
    "aten.mm": matrix_product,
    "aten.bmm": matrix_product,
    "aten.mv": matrix_product,
    "aten.dot": matrix_product,
    "aten.addmm": matrix_product_added,
    "aten.baddbmm": matrix_product_added,
}

_KINDS = {
    "bn": """batch_norm native_batch_norm _native_batch_norm_legit_no_training instance_norm layer_norm
        native_layer_norm group_norm native_group_norm rms_norm""",
    "act": """relu relu_ relu6 relu6_ prelu _prelu_kernel leaky_relu leaky_relu_ elu elu_ selu selu_ celu celu_ gelu
        silu silu_ hardswish hardswish_ hardsigmoid hardsigmoid_ hardtanh hardtanh_ sigmoid sigmoid_ tanh tanh_ mish
        mish_ softmax _softmax log_softmax _log_softmax log_sigmoid softplus threshold threshold_ glu clamp clamp_
        clamp_min clamp_min_ clamp_max""",
    "pool": """max_pool2d max_pool2d_with_indices avg_pool2d adaptive_avg_pool2d _adaptive_avg_pool2d
        adaptive_max_pool2d mean sum amax amin max min argmax var std linalg_vector_norm max_unpool2d""",
    "up": """upsample_bilinear2d upsample_nearest2d _upsample_nearest_exact2d upsample_bicubic2d _upsample_bilinear2d_aa
        grid_sampler grid_sampler_2d pixel_shuffle pixel_unshuffle""",
    "cat": "cat concat stack",
    "elt": """add add_ sub sub_ mul mul_ div div_ rsub pow sqrt rsqrt exp log neg sign abs square maximum minimum where
        masked_fill gt ge lt le eq ne addcmul""",
    "copy": """channel_shuffle native_channel_shuffle clone copy_ pad constant_pad_nd replication_pad2d reflection_pad2d
        roll flip repeat _to_copy index_select gather im2col col2im zeros zeros_like ones ones_like full full_like
        new_zeros new_ones new_full arange""",
}
MOVED: dict[str, str] = {f"aten.{name}": kind for kind, names in _KINDS.items() for name in names.split()}

_VIEWS = """
    view _unsafe_view transpose permute t expand slice select unsqueeze squeeze unflatten detach alias chunk split
    split_with_sizes narrow unbind view_as expand_as as_strided movedim swapaxes dropout feature_dropout lift_fresh
    empty empty_like empty_strided new_empty
"""
FREE: frozenset[str] = frozenset(f"aten.{name}" for name in _VIEWS.split())
MAYBE_COPY: frozenset[str] = frozenset({"aten.reshape", "aten.contiguous", "aten.flatten", "aten.to"})


def tensors(values: Any) -> list[Tensor]:
    """Every tensor in nested arguments, in order."""
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, (list, tuple)):
        return [t for value in values for t in tensors(value)]
    if isinstance(values, dict):
        return tensors(list(values.values()))
    return []


def kernel_of(op: str, args: Sequence[Any], out: Any, parameters: set[int]) -> Kernel | None:
    """The kernel that one call launches; None where it only renames memory; KeyError for an unknown operator.

    `parameters` are the `id`s of tensors that are weights: they are read as weights, not as input.
    """
    outs = tensors(out)
    if op in FREE:
        return None
    if op in MAYBE_COPY:
        if not outs or any(_same_memory(outs[0], t) for t in tensors(args)):
            return None
        fields: Fields = {"kind": "copy", "macs": 0}
    elif op in COUNTED:
        fields = COUNTED[op](args, outs[0])
    else:
        fields = {"kind": MOVED[op], "macs": 0}
    return Kernel(op=op, **(_traffic(args, outs, parameters) | fields))


def _same_memory(a: Tensor, b: Tensor) -> bool:
    return bool(a.untyped_storage()._cdata == b.untyped_storage()._cdata)


def _traffic(args: Sequence[Any], outs: Sequence[Tensor], parameters: set[int]) -> Fields:
    read = tensors(args)
    shape = outs[0].shape
    return {
        "elems_in": sum(_elements(t) for t in read if id(t) not in parameters),
        "elems_out": sum(t.numel() for t in outs),
        "weights": sum(t.numel() for t in read if id(t) in parameters),
        "cin": read[0].shape[1] if read and read[0].dim() > 1 else 0,
        "cout": shape[1] if len(shape) > 1 else 0,
        "h": shape[-2] if len(shape) > 2 else 1,
        "w": shape[-1] if len(shape) > 2 else 1,
    }


def _elements(t: Tensor) -> int:
    """Numbers in memory: a side that `expand` repeats has stride 0 and is read once."""
    return prod(side for side, stride in zip(t.shape, t.stride(), strict=True) if stride)
