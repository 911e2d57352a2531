"""Receptive fields on paper, held against what can be seen: the gradient of places of the answer by the image."""

import math

import pytest
import torch
from torch import nn

from rdslab.cost.receptive import receptive_field
from rdslab.netfile import net_from
from rdslab.network import build, load_net
from rdslab.spec import Net
from rdslab.yamlio import parse_yaml

NETS = {
    "plain": """
  - {id: a, block: conv_norm_act, channels: 4, stride: 2}
  - {id: b, block: conv_norm_act, channels: 4, options: {dilation: 3}}
  - {id: head, block: conv, channels: classes}
  - {id: up, block: bilinear_up, like: image}""",
    "rows and columns apart": """
  - {id: a, block: conv_norm_act, channels: 4, options: {kernel: [3, 1], dilation: 2}}
  - {id: head, block: conv, channels: classes, options: {kernel: [1, 5]}}""",
    "a skip beside a longer path": """
  - {id: a, block: conv_norm_act, channels: 8, stride: 2}
  - {id: b, block: rds, channels: 8, repeat: 3, cycle: {dilation: [1, 2, 4]}}
  - {id: both, block: concat, inputs: [a, b]}
  - {id: head, block: conv, channels: classes, options: {kernel: 1}}
  - {id: up, block: bilinear_up, like: image}""",
    "resized in between": """
  - {id: a, block: conv_norm_act, channels: 4, stride: 2}
  - {id: b, block: avg_pool, stride: 2}
  - {id: c, block: residual, channels: 4}
  - {id: back, block: bilinear_up, like: a}
  - {id: sum, block: add, inputs: [a, back]}
  - {id: head, block: deconv, channels: classes, up: 2}""",
    "enlarged by nearest neighbours": """
  - {id: a, block: conv_norm_act, channels: 4, stride: 4}
  - {id: back, block: nearest_up, like: image}
  - {id: head, block: conv, channels: classes}""",
    "factorised, deconvolutions": """
  - {id: a, block: pool_conv_down, channels: 8}
  - {id: b, block: pool_conv_down, channels: 16}
  - {id: c, block: non_bottleneck_1d, channels: 16, repeat: 2, cycle: {dilation: [2, 4]}}
  - {id: d, block: deconv_norm_act, channels: 8, up: 2}
  - {id: e, block: deconv, channels: classes, up: 2, options: {kernel: 2}}""",
}


def net(name: str) -> Net:
    return net_from(parse_yaml(f"name: t\nnodes:{NETS[name]}\n", "t.yaml"))


def measured(spec: Net, side: int) -> tuple[int, int]:
    """Rows and columns of the image that any of the middle places of the answer depends on, all weights positive.

    A last resize is left out: the map that it reads is looked at.
    """
    network = build(spec, 2).double().eval()
    for weight in network.parameters():
        nn.init.constant_(weight, 1e-2)
    image = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    read: list[torch.Tensor] = []
    network.module_of(network.units[-1]).register_forward_pre_hook(lambda _, given: read.append(given[0]))
    answer = network(image)
    answer = read[0] if spec.output.block == "bilinear_up" else answer
    middle, widest = answer.shape[-1] // 2, (0, 0)
    for place in range(middle, middle + 4):
        (found,) = torch.autograd.grad(answer[0, :, place, place].sum(), image, retain_graph=True)
        seen = found[0].abs().sum(0) > 0
        rows, columns = seen.any(1).nonzero(), seen.any(0).nonzero()
        spans = (int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1)
        widest = (max(widest[0], spans[0]), max(widest[1], spans[1]))
    assert max(widest) < side - 2, "the image is too small to see all of it"
    return widest


@pytest.mark.parametrize("name", NETS)
def test_what_is_said_on_paper_is_what_the_gradient_shows(name: str) -> None:
    assert tuple(receptive_field(net(name), 2)) == measured(net(name), 128)


def test_the_seed_papers_net_sees_655_pixels_and_1071_with_both_convolutions_dilated() -> None:
    rdsnet = load_net("rdsnet")
    assert receptive_field(rdsnet) == (655, 655)
    assert receptive_field(rdsnet.with_value("enc3.options.dilate", "both")).side == 1071


def test_a_small_net_of_the_zoo_is_right_too() -> None:
    small = load_net("erfnet").with_value("enc3.repeat", 1).with_value("enc2.repeat", 1).with_value("width", 0.25)
    assert tuple(receptive_field(small, 2)) == measured(small, 256)


def test_a_net_that_pools_over_the_image_sees_all_of_it() -> None:
    assert receptive_field(load_net("pspnet50")).side == math.inf
    assert receptive_field(load_net("cgnet")).side == math.inf


def test_heads_of_training_and_dropout_do_not_count() -> None:
    erfnet = load_net("erfnet")
    assert receptive_field(erfnet) == receptive_field(erfnet.inference())


def test_width_and_classes_change_no_receptive_field() -> None:
    assert receptive_field(load_net("rdsnet").with_value("width", 0.5), 11) == (655, 655)
