"""The deployment form: the same answers with fewer operators, for every net of the zoo."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from rdslab.cost import count
from rdslab.fold import fold
from rdslab.network import Network, build, load_net, zoo_names
from rdslab.records import Size

BIG = 10_000_000  # parameters
NETS = [
    pytest.param(name, marks=pytest.mark.long if count(load_net(name), Size(64, 64), 5).params > BIG else ())
    for name in zoo_names()
]
CLOSE = {torch.float32: 1e-5, torch.float64: 1e-12}


def lived_in(name: str, dtype: torch.dtype = torch.float32) -> Network:
    """A net whose batch norms have seen something: folding one that is as drawn would prove little."""
    network = build(load_net(name), 5).eval()
    generator = torch.Generator().manual_seed(1)

    def drawn(like: Tensor) -> Tensor:
        return torch.rand(like.shape, generator=generator)

    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.copy_(0.2 * drawn(module.running_mean) - 0.1)
                module.running_var.copy_(0.5 + drawn(module.running_var))
                module.weight.copy_(0.5 + drawn(module.weight))
                module.bias.copy_(0.2 * drawn(module.bias) - 0.1)
    return network.to(dtype)


def apart(a: nn.Module, b: nn.Module, dtype: torch.dtype) -> float:
    image = torch.rand(1, 3, 75, 97, generator=torch.Generator().manual_seed(0)).to(dtype)
    with torch.no_grad():
        expected, found = a(image), b(image)
    return float((expected - found).abs().max() / expected.abs().max())


@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@pytest.mark.parametrize("name", NETS)
def test_the_deployment_form_answers_as_the_net_does(name: str, dtype: torch.dtype) -> None:
    network = lived_in(name, dtype)
    folded = fold(network)
    assert apart(network, folded.network, dtype) < CLOSE[dtype]
    norms = {name: module for name, module in folded.network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert set(norms) == set(folded.left)
    assert not set(folded.left) & set(folded.into)


def test_the_net_itself_is_left_as_it_was() -> None:
    network = lived_in("rdsnet")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fold(network)
    assert list(before) == list(network.state_dict())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_what_does_not_fold_is_named_with_its_reason() -> None:
    folded = fold(lived_in("rdsnet"))
    assert folded.left == {f"nodes.down{i}.norm": "its input is not a convolution's output" for i in (1, 2, 3)}
    assert folded.into["nodes.enc2.0.norm1"] == "nodes.enc2.0.depthwise"
    assert folded.into["nodes.enc3.4.norm2"] == "nodes.enc3.4.dense"
    assert len(folded.into) == 16  # two in each of eight RDS blocks


class Peeking(nn.Module):
    """3x3, batch norm, and the 3x3 itself added."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return self.norm(y) + y


class Twice(Peeking):
    """3x3, batch norm, and the same two again."""

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(self.norm(self.conv(x))))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("block", "reason"), [(Peeking, "is read elsewhere too"), (Twice, "runs more than once")], ids=["peeking", "twice"]
)
def test_a_convolution_whose_output_others_need_is_left_alone(
    block: type[nn.Module], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = lived_in("rdsnet")
    channels = 128  # of the map that the head reads
    planted = nn.Sequential(block(channels, channels), nn.Conv2d(channels, 5, 1)).eval()
    network.nodes["head"] = planted

    def with_planted(*_: object) -> Network:
        made = Network(network.net, 5)
        made.nodes["head"] = deepcopy(planted)
        return made

    monkeypatch.setattr("rdslab.fold.build", with_planted)
    folded = fold(network)
    assert reason in folded.left["nodes.head.0.norm"]
    assert apart(network, folded.network, torch.float32) < CLOSE[torch.float32]
