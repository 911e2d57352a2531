"""The sentinel: a small net that is always the same, timed first, between and last, to tell the machine's drift."""

import torch
from torch import Tensor, nn

from rdslab.records import Size

SIZE = Size(256, 256)
CHANNELS, LAYERS = 32, 3


class Sentinel(nn.Sequential):
    """What a message calls the sentinel."""


def sentinel() -> Sentinel:
    """3x3 to 32 with stride 4, three of 3x3 to 32, each with ReLU: 117 million MACs at 256x256.

    The seed is fixed, and torch's random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers: list[nn.Module] = [nn.Conv2d(3, CHANNELS, 3, stride=4, padding=1), nn.ReLU()]
        for _ in range(LAYERS):
            layers += [nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), nn.ReLU()]
    return Sentinel(*layers).eval()


def sentinel_image() -> Tensor:
    """An image for it: 1 3 256 256."""
    return torch.rand(1, 3, SIZE.height, SIZE.width, generator=torch.Generator().manual_seed(0))
