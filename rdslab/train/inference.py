"""From images as bytes to class indices. Shapes: n images, k classes, h w rows and columns."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rdslab.data import to_float
from rdslab.train.recipe import Normalise

# Mean and standard deviation of each channel, of values in 0..1.
CHANNELS: Mapping[Normalise, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "none": ((), ()),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


def the_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def as_input(images: Tensor, normalise: Normalise, channels_last: bool = False) -> Tensor:
    """Bytes (n 3 h w, red green blue) as a network's input, float32."""
    mean, std = CHANNELS[normalise]
    scaled = to_float(images, mean=mean, std=std)
    return scaled.contiguous(memory_format=torch.channels_last) if channels_last else scaled


@torch.inference_mode()
def predicted(network: nn.Module, images: Tensor, classes: int, normalise: Normalise) -> Tensor:
    """The class (int64, n h w) with the largest logit at each pixel of images (uint8, n 3 h w).

    Where a net has a logit for void, after those of the classes, and it wins, the pixel counts as class 0.
    """
    best: Tensor = network(as_input(images, normalise)).argmax(1)
    return best.masked_fill_(best >= classes, 0)
