"""Networks to fold: their statistics are those of no fresh one, and blocks may be planted in them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from rdslab.blocks import BLOCKS
from rdslab.fold import Folded, fold
from rdslab.netfile import net_from_document
from rdslab.network import Network, build
from rdslab.spec import Net

CLOSE = {torch.float32: 1e-5, torch.float64: 1e-12}
Make = Callable[[int, int], nn.Module]


def lived_in(net: Net, dtype: torch.dtype = torch.float32) -> Network:
    """A network whose channels all differ: folding one that is as drawn would prove little."""
    network = build(net, 5).eval()
    generator = torch.Generator().manual_seed(1)

    def draw(value: Tensor | None, low: float, high: float) -> None:
        if value is not None:
            value.copy_(low + (high - low) * torch.rand(value.shape, generator=generator))

    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                draw(module.running_mean, -0.1, 0.1)
                draw(module.running_var, 0.5, 1.5)
            if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm, nn.PReLU)):
                draw(module.weight, 0.5, 1.5)
            if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
                draw(module.bias, -0.1, 0.1)
    return network.to(dtype)


def apart(a: nn.Module, b: nn.Module, width: int = 97, height: int = 75) -> float:
    """The largest difference of two networks' answers, over the largest answer."""
    dtype = next(a.parameters()).dtype
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)).to(dtype)
    with torch.no_grad():
        expected, found = a(image), b(image)
    return float((expected - found).abs().max() / expected.abs().max())


@contextmanager
def planted(make: Make, last: bool = False) -> Iterator[Net]:
    """A net with a block of one's own, `make(in_channels, out_channels)`, between a convolution and the head.

    Or it gives the answer itself. Its modules are called `nodes.own.body`, and what is in it.
    """

    @BLOCKS.register("own_of_a_test")
    class Own(nn.Module):
        """What a test plants."""

        def __init__(self, in_channels: int, out_channels: int) -> None:
            super().__init__()
            self.body = make(in_channels, out_channels)

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.body(x)
            return result

    nodes = [
        {"id": "stem", "block": "conv_norm_act", "channels": 16, "stride": 2},
        {"id": "own", "block": "own_of_a_test", "channels": 16},
        {"id": "head", "block": "conv", "channels": "classes"},
        {"id": "up", "block": "bilinear_up", "like": "image"},
    ]
    if last:
        own = {"id": "own", "block": "own_of_a_test", "channels": "classes"}
        nodes = [{**nodes[0], "stride": 1}, own]
    try:
        yield net_from_document({"name": "planted", "nodes": nodes})
    finally:
        BLOCKS.remove("own_of_a_test")


def folded_with(make: Make, last: bool = False) -> Folded:
    """The planted net folded, after a look at its answers in both precisions."""
    with planted(make, last) as net:
        for dtype, close in CLOSE.items():
            network = lived_in(net, dtype)
            folded = fold(network)
            assert apart(network, folded.network) < close
    return folded


class Wired(nn.Module):
    """Modules `m0`, `m1`, ... and what a test does with them."""

    def __init__(self, wiring: Callable[..., Tensor], *modules: nn.Module) -> None:
        super().__init__()
        self.wiring = wiring
        for i, module in enumerate(modules):
            self.add_module(f"m{i}", module)

    def forward(self, x: Tensor) -> Tensor:
        return self.wiring(x, *self.children())
