"""Batch norms become part of the convolutions whose output they read, and of nothing else."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.fold import fold
from rdslab.network import load_net
from tests.fold_cases import CLOSE, Wired, apart, folded_with, lived_in

BODY = "nodes.own.body"


def norms_of(network: nn.Module) -> dict[str, int]:
    """Batch norms that stand, and their channels."""
    return {n: m.num_features for n, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}


def test_the_convolutions_half_of_a_downsampling_folds_and_the_pooled_half_stands_behind_the_pooling() -> None:
    folded = fold(lived_in(load_net("rdsnet")))
    assert folded.left == {
        f"nodes.down{i}.norm": f"its part for nodes.down{i}.pool stands there: that is no convolution"
        for i in (1, 2, 3)
    }
    assert [folded.into[f"nodes.down{i}.norm"] for i in (1, 2, 3)] == [f"nodes.down{i}.conv" for i in (1, 2, 3)]
    assert norms_of(folded.network) == {f"nodes.down{i}.pool.1": c for i, c in ((1, 3), (2, 32), (3, 64))}
    assert folded.into["nodes.enc2.0.norm1"] == "nodes.enc2.0.depthwise"
    assert folded.into["nodes.enc3.4.norm2"] == "nodes.enc3.4.dense"
    assert len(folded.into) == 3 + 16  # two in each of eight RDS blocks


def test_zeros_around_the_pooled_half_keep_it_from_folding() -> None:
    network = lived_in(load_net("rdsnet").with_value("down*.options.pad", "zero"))
    folded = fold(network)
    assert "constant_pad_nd in nodes.down1 gives" in folded.left["nodes.down1.norm"]
    assert apart(network, folded.network) < CLOSE[torch.float32]


def test_a_batch_norm_behind_several_convolutions_becomes_part_of_each() -> None:
    folded = fold(lived_in(load_net("cgnet")))
    where = "nodes.enc3.7.surroundings"
    assert folded.into[f"{where}.norm_act.norm"] == f"{where}.local, {where}.surrounding"
    assert f"{where}.norm_act.norm" not in folded.left


def conv(groups: int = 1, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(16, 16, 3, padding=1, groups=groups, bias=bias)


@pytest.mark.parametrize("groups", [1, 2, 4, 16])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "plain"])
@pytest.mark.parametrize("affine", [True, False], ids=["affine", "fixed"])
def test_a_transposed_convolution_takes_it_in_any_number_of_groups(groups: int, bias: bool, affine: bool) -> None:
    def make(i: int, o: int) -> nn.Module:
        return nn.Sequential(
            nn.ConvTranspose2d(i, 32, 3, 2, 1, groups=groups, bias=bias), nn.BatchNorm2d(32, affine=affine), conv2(o)
        )

    def conv2(o: int) -> nn.Module:
        return nn.Conv2d(32, o, 1)

    folded = folded_with(make)
    assert folded.into[f"{BODY}.1"] == f"{BODY}.0"
    assert norms_of(folded.network) == {}


def test_what_means_of_one_channel_keep_does_not_stand_between() -> None:
    def make(i: int, o: int) -> nn.Module:
        def enlarged(x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
            y = F.interpolate(conv(x), scale_factor=2.0, mode="bilinear")
            return norm(F.pad(y, (0, 1, 0, 1), mode="replicate")[:, :, 1:])  # type: ignore[no-any-return]

        return Wired(enlarged, nn.Conv2d(i, o, 1), nn.BatchNorm2d(o))

    assert folded_with(make).into[f"{BODY}.m1"] == f"{BODY}.m0"


class Normaliser(nn.BatchNorm2d):
    """Batch norm, ReLU."""

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(super().forward(input))


class Computed(nn.Conv2d):
    """A convolution whose weight is scaled each time."""

    def forward(self, input: Tensor) -> Tensor:
        return F.conv2d(input, self.weight * 2, self.bias, padding=1)


def peeking(x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
    y = conv(x)
    return norm(y) + y  # type: ignore[no-any-return]


def twice(x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
    return norm(conv(norm(conv(x))))  # type: ignore[no-any-return]


def behind_an_activation(x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
    return norm(torch.tanh(conv(x)))  # type: ignore[no-any-return]


def beside_a_function(x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
    return norm(torch.cat([conv(x)[:, :8], torch.tanh(x)[:, 8:]], dim=1))  # type: ignore[no-any-return]


def in_place(x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
    return norm(torch.relu_(conv(x)))  # type: ignore[no-any-return]


def straight(x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
    return norm(conv(x))  # type: ignore[no-any-return]


def by_size(x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
    return norm(conv(x)) if x.shape[2] % 2 else norm(conv(x).relu())  # type: ignore[no-any-return]


def one_by_size(x: Tensor, conv: nn.Module, norm: nn.Module, other: nn.Module) -> Tensor:
    return norm((conv if x.shape[2] % 2 else other)(x))  # type: ignore[no-any-return]


def test_a_convolution_that_is_read_at_some_sizes_only_is_left_alone() -> None:
    folded = folded_with(lambda i, o: Wired(one_by_size, conv(), nn.BatchNorm2d(o), conv()))  # noqa: ARG005
    assert folded.left[f"{BODY}.m1"] == "what it reads depends on the size of the image"


def looking(x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
    y = conv(x)
    norm(y)
    return y  # type: ignore[no-any-return]


def test_a_convolution_that_gives_the_answer_is_left_alone() -> None:
    folded = folded_with(lambda i, o: Wired(looking, nn.Conv2d(i, o, 1), nn.BatchNorm2d(o)), last=True)
    assert "is read elsewhere too" in folded.left[f"{BODY}.m1"]


def unused(x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:  # noqa: ARG001
    return conv(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("wiring", "modules", "reason"),
    [
        (peeking, (conv, nn.BatchNorm2d), "the output of nodes.own.body.m0 is read elsewhere too"),
        (twice, (conv, nn.BatchNorm2d), "nodes.own.body.m1 runs more than once"),
        (behind_an_activation, (conv, nn.BatchNorm2d), "it reads what tanh in nodes.own.body gives"),
        (beside_a_function, (conv, nn.BatchNorm2d), "gives, which is no convolution"),
        (in_place, (conv, nn.BatchNorm2d), "the output of nodes.own.body.m0 is read elsewhere too"),
        (straight, (conv, Normaliser), "it does more than normalise"),
        (straight, (lambda: Computed(16, 16, 3), nn.BatchNorm2d), "nodes.own.body.m0 does more than convolve"),
        (straight, (nn.ReLU, nn.BatchNorm2d), "its input is not a convolution's output"),
        (straight, (lambda: nn.BatchNorm2d(16), nn.BatchNorm2d), "it reads another batch norm, nodes.own.body.m0"),
        (straight, (conv, lambda c: nn.BatchNorm2d(c, track_running_stats=False)), "it keeps no statistics"),
        (by_size, (conv, nn.BatchNorm2d), "relu"),
        (unused, (conv, nn.BatchNorm2d), "it is not run by itself"),
    ],
)
def test_what_does_not_fold_is_named_with_its_reason(
    wiring: Callable[..., Tensor], modules: tuple[Callable[[], nn.Module], Callable[[int], nn.Module]], reason: str
) -> None:
    first, second = modules
    folded = folded_with(lambda i, o: Wired(wiring, first(), second(o)))  # noqa: ARG005
    assert reason in folded.left[f"{BODY}.m1"]
    assert f"{BODY}.m1" not in folded.into


def test_a_convolution_that_shares_its_weight_folds_by_itself() -> None:
    def make(i: int, o: int) -> nn.Module:  # noqa: ARG001
        first, second = conv(), conv()
        second.weight = first.weight
        return nn.Sequential(first, nn.BatchNorm2d(o), nn.ReLU(), second)

    assert folded_with(make).into[f"{BODY}.1"] == f"{BODY}.0"
