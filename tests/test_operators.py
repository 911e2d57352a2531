"""What operators cost: MACs against torch's own counter, kinds, traffic, copies, and operators made of others."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from rdslab.cost.operators import COUNTED, FREE, MAYBE_COPY, MOVED
from rdslab.cost.watching import watch
from rdslab.records import Kernel
from rdslab.spec import Node

NODE = Node("layer", "tested", ("image",))


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def image(channels: int = 8) -> Tensor:
    return torch.empty(1, channels, 10, 12, device="meta")


def kernels(module, x: Tensor | None = None) -> list[Kernel]:
    module = module if isinstance(module, nn.Module) else Call(module)
    return watch(module.to("meta").eval(), [image() if x is None else x], NODE)[1]


LAYERS = {
    "3x3": (nn.Conv2d(8, 4, 3, padding=1), "conv"),
    "3x3, padding as a word": (nn.Conv2d(8, 4, 3, padding="same"), "conv"),
    "3x3, reflected": (nn.Conv2d(8, 4, 3, padding=1, padding_mode="reflect"), "conv"),
    "3x3, stride 2, dilation 2": (nn.Conv2d(8, 6, 3, 2, 2, 2), "conv"),
    "1x1 without bias": (nn.Conv2d(8, 16, 1, bias=False), "conv"),
    "3x1": (nn.Conv2d(8, 8, (3, 1), padding=(1, 0)), "conv"),
    "depthwise": (nn.Conv2d(8, 8, 3, groups=8), "dwconv"),
    "depthwise with multiplier": (nn.Conv2d(8, 24, 3, groups=8), "dwconv"),
    "grouped": (nn.Conv2d(8, 12, 3, groups=4), "gconv"),
    "transposed": (nn.ConvTranspose2d(8, 4, 3, 2, 1), "deconv"),
    "transposed with output padding": (nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1), "deconv"),
    "transposed, grouped, dilated": (nn.ConvTranspose2d(8, 4, 3, 2, 1, 1, groups=2, dilation=2), "deconv"),
    "linear": (nn.Linear(12, 5), "mm"),
    "linear without bias": (nn.Linear(12, 5, bias=False), "mm"),
    "matrix product": (lambda x: x @ x.transpose(2, 3), "mm"),
    "bmm": (lambda x: torch.bmm(x[0], x[0].transpose(1, 2)), "mm"),
    "addmm": (lambda x: torch.addmm(x[0, 1], x[0, 0], x.new_empty(12, 12)), "mm"),
    "einsum": (lambda x: torch.einsum("nchw,ndhw->ncd", x, x), "mm"),
    "functional, groups by name": (lambda x: F.conv2d(x, x.new_empty(8, 1, 3, 3), groups=8), "dwconv"),
    "an image without a batch": (lambda x: F.conv2d(x[0], x.new_empty(4, 8, 3, 3)), "conv"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_macs_are_half_of_torchs_flops(name: str) -> None:
    layer, kind = LAYERS[name]
    found = kernels(layer)
    layer = layer if isinstance(layer, nn.Module) else Call(layer)
    with torch.no_grad(), FlopCounterMode(display=False) as torchs:
        layer(image())
    assert sum(k.macs for k in found) == torchs.get_total_flops() / 2 > 0
    assert [k.kind for k in found if k.macs] == [kind]


PLAIN = {
    "bn": [nn.BatchNorm2d(8), nn.InstanceNorm2d(8), nn.GroupNorm(2, 8), nn.LayerNorm([8, 10, 12])],
    "act": [
        nn.ReLU(),
        nn.PReLU(8),
        nn.SiLU(),
        nn.ReLU6(),
        nn.Hardswish(),
        nn.GELU(),
        nn.ELU(),
        nn.LeakyReLU(0.1),
        nn.Sigmoid(),
        nn.Mish(),
        nn.Hardsigmoid(),
        nn.Softplus(),
        nn.Softmax(1),
        nn.ReLU(inplace=True),
        nn.SELU(),
    ],
    "pool": [
        nn.MaxPool2d(2),
        nn.AvgPool2d(2),
        nn.AdaptiveAvgPool2d(1),
        nn.AdaptiveAvgPool2d(3),
        nn.MaxPool2d(2, return_indices=True),
        lambda x: x.mean((2, 3), keepdim=True),
    ],
    "up": [
        nn.Upsample(scale_factor=2),
        nn.Upsample(size=(7, 9), mode="bilinear"),
        nn.PixelShuffle(2),
        lambda x: F.interpolate(x, scale_factor=2, mode="nearest-exact"),
    ],
    "cat": [lambda x: torch.cat([x, x], 1), lambda x: torch.stack([x, x])],
    "elt": [lambda x: x + x, lambda x: x * x[:, :, :1, :1], lambda x: 1 - x, lambda x: x.add_(x)],
    "copy": [
        nn.ChannelShuffle(2),
        nn.ZeroPad2d(1),
        lambda x: F.pad(x, (0, 1, 0, 1), mode="replicate"),
        lambda x: x.half(),
        lambda x: torch.zeros_like(x),
    ],
}


@pytest.mark.parametrize("kind", PLAIN)
def test_what_multiplies_nothing_is_one_kernel_without_macs(kind: str) -> None:
    for layer in PLAIN[kind]:
        assert [(k.kind, k.macs) for k in kernels(layer)] == [(kind, 0)], layer


def test_renaming_memory_costs_nothing() -> None:
    assert kernels(lambda x: x.view(1, 2, 4, 10, 12).transpose(1, 2)[:, :2].flatten(3).unsqueeze(0)) == []
    assert kernels(nn.Dropout2d(0.3)) == []
    assert kernels(lambda x: torch.chunk(x, 2, 1)[0].contiguous().reshape(1, 4, 120)) == []


def test_a_channel_shuffle_by_hand_is_one_copy_however_it_is_written() -> None:
    by_reshape = kernels(lambda x: x.view(1, 2, 4, 10, 12).transpose(1, 2).reshape(1, 8, 10, 12))
    by_view = kernels(lambda x: x.view(1, 2, 4, 10, 12).transpose(1, 2).contiguous().view(1, 8, 10, 12))
    for copy in (by_reshape, by_view):
        assert [(k.kind, k.elems_in, k.elems_out) for k in copy] == [("copy", 960, 960)]


def test_a_kernel_says_its_shape_and_what_it_reads() -> None:
    (conv,) = kernels(nn.Conv2d(8, 4, (3, 5), stride=2, padding=2, dilation=2, groups=2))
    assert (conv.taps, conv.groups, conv.stride, conv.dilation) == (15, 2, 2, 2)
    assert (conv.cin, conv.cout, conv.h, conv.w) == (8, 4, 5, 4)
    assert (conv.elems_in, conv.elems_out, conv.weights) == (960, 4 * 5 * 4, 4 * 4 * 15 + 4)
    assert conv.bytes == 4 * (conv.elems_in + conv.elems_out + conv.weights)


def test_a_gate_is_read_once_however_far_it_is_expanded() -> None:
    (broadcast,) = kernels(lambda x: x * x[:, :, :1, :1])
    (expanded,) = kernels(lambda x: x * x[:, :, :1, :1].expand_as(x))
    assert broadcast.elems_in == expanded.elems_in == 960 + 8


def test_an_operator_of_no_table_is_taken_apart() -> None:
    assert not any("aten.einsum" in table for table in (COUNTED, MOVED, FREE, MAYBE_COPY))
    parts = kernels(lambda x: torch.einsum("nchw,ndhw->ncd", x, x))
    assert [k.op for k in parts if k.macs] == ["aten.bmm"]


def test_an_operator_stands_in_one_table_only() -> None:
    tables = [set(COUNTED), set(MOVED), set(FREE), set(MAYBE_COPY)]
    assert sum(map(len, tables)) == len(set.union(*tables))
    assert {op for table in tables for op in table if not hasattr(torch.ops.aten, op.removeprefix("aten."))} == set()
