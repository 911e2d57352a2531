"""The promises of blocks find what is broken: planted faults are named, whole blocks pass."""
# ruff: noqa: ARG002 - planted faults leave their arguments unused

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab import promises
from rdslab.blocks import BLOCKS, Residual
from rdslab.blocks.registry import Share, Whole

Plant = Callable[[type[nn.Module]], list[str]]


@pytest.fixture
def plant() -> Iterator[Plant]:
    """Registers a block and gives the promises that it breaks."""

    def planted(block: type[nn.Module]) -> list[str]:
        BLOCKS.register("planted")(block)
        return promises.check_block("planted")

    yield planted
    if "planted" in BLOCKS:
        BLOCKS.remove("planted")


def test_a_lost_option_is_caught_whatever_it_was_for(plant: Plant) -> None:
    class Lost(nn.Module):
        def __init__(
            self,
            in_channels: int,
            out_channels: int,
            *,
            dilation: Whole = 1,
            dropout: Share = 0.0,
            bias: bool = True,
            act: Literal["relu", "prelu"] = "relu",
            bins: tuple[int, ...] = (1, 2),
        ) -> None:
            super().__init__()
            self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.conv(x))

    assert plant(Lost) == [
        "option 'dilation' of planted changes nothing: 1 and 2 compute the same",
        "option 'dropout' of planted changes nothing: 0.0 and 0.5 compute the same",
        "option 'bias' of planted changes nothing: True and False compute the same",
        "option 'act' of planted changes nothing: 'relu' and 'prelu' compute the same",
        "option 'bins' of planted changes nothing: (1, 2) and (1,) compute the same",
    ]


def test_a_lost_stride_is_caught_by_the_shape_and_as_an_option(plant: Plant) -> None:
    class LostStride(nn.Module):
        def __init__(self, in_channels: int, out_channels: int, *, stride: Whole = 1) -> None:
            super().__init__()
            self.conv = nn.Conv2d(in_channels, out_channels, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x)

    shape, option = plant(LostStride)
    assert shape.startswith(
        "planted(16 -> 16, stride=2) promises n c h w 2 x 16 x 12 x 16 for an image of 32x24, "
        "but the output is 2 x 16 x 24 x 32"
    )
    assert option == "option 'stride' of planted changes nothing: 1 and 2 compute the same"


def test_one_of_three_named_values_that_does_what_another_does_is_caught(plant: Plant) -> None:
    class Twins(nn.Module):
        def __init__(
            self, in_channels: int, out_channels: int, *, act: Literal["relu", "tanh", "gelu"] = "relu"
        ) -> None:
            super().__init__()
            self.conv, self.act = nn.Conv2d(in_channels, out_channels, 1), act

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.conv(x)) if self.act == "relu" else torch.tanh(self.conv(x))

    assert plant(Twins) == ["option 'act' of planted changes nothing: 'tanh' and 'gelu' compute the same"]


def test_options_that_act_in_training_or_on_gradients_or_on_first_weights_alone_are_seen_to_act(plant: Plant) -> None:
    class Subtle(nn.Module):
        def __init__(
            self,
            in_channels: int,
            out_channels: int,
            *,
            momentum: Share = 0.1,
            detach: bool = False,
            first: Share = 0.1,
        ) -> None:
            super().__init__()
            self.conv, self.norm = (
                nn.Conv2d(in_channels, out_channels, 1),
                nn.BatchNorm2d(out_channels, momentum=momentum),
            )
            self.scale, self.detach = nn.Parameter(torch.full((out_channels, 1, 1), first)), detach

        def forward(self, x: Tensor) -> Tensor:
            return self.scale * self.norm(self.conv(x.detach() if self.detach else x))

    assert plant(Subtle) == []


def test_an_idle_parameter_a_mixed_batch_and_dropout_in_evaluation_are_caught(plant: Plant) -> None:
    class Sloppy(nn.Module):
        def __init__(self, in_channels: int, out_channels: int) -> None:
            super().__init__()
            self.conv, self.idle = nn.Conv2d(in_channels, out_channels, 1), nn.Parameter(torch.ones(2))

        def forward(self, x: Tensor) -> Tensor:
            return F.dropout(self.conv(x) - x.mean())

    learns, mixes, steady = plant(Sloppy)
    assert learns == "planted(16 -> 16) has a parameter 'idle' that gets no gradient: it does not learn"
    assert mixes == "planted(16 -> 16) mixes the images of a batch"
    assert steady == "planted(16 -> 16) gives two answers to one image in evaluation"


def test_a_canonical_form_that_computes_something_else_is_caught(plant: Plant) -> None:
    class Liar(Residual):
        @staticmethod
        def canonical(options: dict[str, object]) -> dict[str, object]:
            return {**options, "dilation": 1}

    found = plant(Liar)
    assert found[0].startswith(
        "planted(16 -> 16, dilation=2) has a `canonical` that gives planted(16 -> 16), which computes something else"
    )


def test_whatever_a_block_raises_becomes_a_sentence(plant: Plant) -> None:
    class Fails(nn.Module):
        def __init__(self, in_channels: int, out_channels: int) -> None:
            super().__init__()

        def forward(self, x: Tensor) -> Tensor:
            raise KeyError("no such thing")

    class Asserts(nn.Module):
        def __init__(self, in_channels: int, out_channels: int) -> None:
            raise AssertionError("why")

    assert plant(Fails) == ["planted(16 -> 16) fails on 32x24: KeyError: 'no such thing'"]
    BLOCKS.remove("planted")
    assert plant(Asserts) == ["planted(16 -> 16) cannot be built: AssertionError: why; a block refuses with ValueError"]
