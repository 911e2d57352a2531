"""A network and an image for the tests of backends, and the usual way to open one."""

import torch
from torch import nn

from rdslab.fold import inference_form
from rdslab.measure.agent.clock import WallTimer
from rdslab.measure.backends import Opened, open_backend
from rdslab.network import Network, build, load_net

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
IMAGE = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(5))
USUAL = {"backend": "torch", "precision": "fp32", "layout": "channels_first", "inside": "network"}


def network() -> Network:
    return inference_form(build(load_net("rdsnet"), 11, seed=1))


def opened(net: nn.Module, **asked: object) -> Opened:
    given = {**USUAL, "threads": 1, "timer": WallTimer(), **asked}
    return open_backend(net, IMAGE, **given)  # type: ignore[arg-type]
