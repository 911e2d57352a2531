"""Shuffles planted in blocks of one's own: they go where all that reads them can take their order, and only there."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.fold_cases import Make, Wired, folded_with

BODY = "nodes.own.body"


def dense(i: int = 16, o: int = 16, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(i, o, 3, padding=1, groups=groups)


def test_a_shuffle_between_a_convolution_and_its_batch_norm_goes_and_the_norm_folds() -> None:
    folded = folded_with(lambda i, o: nn.Sequential(dense(i, o), nn.ChannelShuffle(4), nn.BatchNorm2d(o)))
    assert folded.shuffles == {f"{BODY}.1": "nodes.head"}
    assert folded.into[f"{BODY}.2"] == f"{BODY}.0"


def through(x: Tensor, *modules: nn.Module) -> Tensor:
    for module in modules:
        x = module(x)
    return x


def skipped(x: Tensor, shuffle: nn.Module, *branch: nn.Module) -> Tensor:
    return shuffle(x) + through(x, *branch)


def read_twice(x: Tensor, conv: nn.Module, shuffle: nn.Module, one: nn.Module, other: nn.Module) -> Tensor:
    y = shuffle(conv(x))
    return one(y) + other(y)  # type: ignore[no-any-return]


def concatenated(x: Tensor, one: nn.Module, other: nn.Module, shuffle: nn.Module, act: nn.Module) -> Tensor:
    return act(shuffle(torch.cat([one(x), other(x)], dim=1)))  # type: ignore[no-any-return]


def attended(x: Tensor, shuffle: nn.Module, down: nn.Module, up: nn.Module) -> Tensor:
    y = shuffle(x)
    weights = torch.sigmoid(up(F.relu(down(F.adaptive_avg_pool2d(y, 1).flatten(1)))))
    return y * weights[:, :, None, None]


def called_twice(x: Tensor, conv: nn.Module, shuffle: nn.Module, depthwise: nn.Module) -> Tensor:
    return depthwise(shuffle(conv(depthwise(shuffle(conv(x))))))  # type: ignore[no-any-return]


def unpooled(x: Tensor, shuffle: nn.Module, conv: nn.Module) -> Tensor:
    y, indices = F.max_pool2d(shuffle(x), 2, return_indices=True)
    return F.max_unpool2d(y * 2, indices, 2, output_size=x.shape[2:]) + conv(x)  # type: ignore[no-any-return]


def shuffled_pieces(x: Tensor, shuffle: nn.Module, one: nn.Module, other: nn.Module) -> Tensor:
    a, b = x.chunk(2, dim=1)
    return torch.cat([one(shuffle(a)), other(b)], dim=1)


def both_halves(x: Tensor, fixed: nn.Module, one: nn.Module, other: nn.Module, conv: nn.Module) -> Tensor:
    a, b = fixed(x).chunk(2, dim=1)
    return conv(torch.cat([one(a), other(b)], dim=1))  # type: ignore[no-any-return]


def stack(*modules: Callable[[], nn.Module]) -> Make:
    return lambda i, o: nn.Sequential(*(module() for module in modules))  # noqa: ARG005


def wired(wiring: Callable[..., Tensor], *modules: Callable[[], nn.Module]) -> Make:
    return lambda i, o: Wired(wiring, *(module() for module in modules))  # noqa: ARG005


def shuffle() -> nn.Module:
    return nn.ChannelShuffle(4)


def two() -> nn.Module:
    return nn.ChannelShuffle(2)


class Flip(nn.Module):
    """Its input and its output must stand in their own order."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(1)


def fixed() -> nn.Module:
    return Flip()


def depthwise() -> nn.Module:
    return dense(16, 16, 16)


FOLDS = {
    "activations and norms of each channel": stack(
        shuffle, depthwise, lambda: nn.PReLU(16), lambda: nn.GroupNorm(1, 16)
    ),
    "skip": wired(skipped, shuffle, dense, nn.ReLU, dense),
    "two readers": wired(read_twice, dense, shuffle, dense, dense),
    "concatenation": wired(concatenated, lambda: dense(16, 4), lambda: dense(16, 12), shuffle, nn.Tanh),
    "channel attention": wired(attended, shuffle, lambda: nn.Linear(16, 4), lambda: nn.Linear(4, 16)),
    "modules that run twice": wired(called_twice, dense, shuffle, depthwise),
    "indices": wired(unpooled, shuffle, dense),
    "pieces": wired(shuffled_pieces, shuffle, lambda: dense(8, 8), lambda: dense(8, 8, 2)),
    "channels in front": wired(
        lambda x, *rest: through(F.pad(through(x, *rest[:2]), (0, 0, 0, 0, 4, 0)), rest[2]),
        fixed,
        shuffle,
        lambda: dense(20, 16),
    ),
    "an order for each group": wired(both_halves, fixed, two, two, lambda: dense(groups=2)),
    "transposed filters": stack(lambda: nn.ConvTranspose2d(16, 16, 3), shuffle, lambda: nn.ConvTranspose2d(16, 16, 3)),
    "several filters a channel": stack(shuffle, lambda: dense(16, 32, 16), lambda: dense(32, 16)),
    "grouped filters behind dense ones": stack(shuffle, lambda: dense(groups=4)),
    "grouped filters in front": stack(lambda: dense(groups=4), shuffle, nn.ReLU),
    "groups that are not mixed": stack(lambda: nn.ChannelShuffle(16), lambda: dense(groups=4)),
    "two that undo each other": stack(lambda: dense(groups=4), shuffle, shuffle, lambda: dense(groups=4)),
}


@pytest.mark.parametrize("make", FOLDS.values(), ids=FOLDS)
def test_a_shuffle_goes_where_all_that_reads_it_can_take_its_order(make: Make) -> None:
    folded = folded_with(make)
    assert folded.shuffles
    assert not [reason for name, reason in folded.left.items() if name not in folded.into]


class Rectified(nn.ChannelShuffle):
    """Shuffle, ReLU."""

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(super().forward(input))


def beside_itself(x: Tensor, shuffle: nn.Module, conv: nn.Module) -> Tensor:
    return conv(x) + x + shuffle(x)  # type: ignore[no-any-return]


def half_of(x: Tensor, first: nn.Module, shuffle: nn.Module, second: nn.Module) -> Tensor:
    return second(shuffle(first(x)).chunk(2, dim=1)[0])  # type: ignore[no-any-return]


class Computed(nn.Conv2d):
    """A convolution in groups whose weight is scaled each time."""

    def forward(self, input: Tensor) -> Tensor:
        return F.conv2d(input, self.weight * 2, self.bias, padding=1, groups=self.groups)


def folded_over(x: Tensor, fixed: nn.Module, shuffle: nn.Module) -> Tensor:
    n, c, h, w = x.shape
    return (shuffle(fixed(x)).reshape(n, c // 2, 2 * h, w) * 2).reshape(n, c, h, w)  # type: ignore[no-any-return]


def shared(x: Tensor, shuffle: nn.Module, conv: nn.Module, grouped: nn.Module, flip: nn.Module) -> Tensor:
    return flip(shuffle(grouped(flip(conv(shuffle(x))))))  # type: ignore[no-any-return]


def transposed(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, 4, c // 4, h, w).transpose(1, 2).reshape(n, c, h, w)


def in_groups() -> nn.Module:
    return dense(groups=4)


STANDS = {
    "grouped filters": (stack(in_groups, shuffle, depthwise, in_groups), ".1", "body.3 convolves in 4 groups"),
    "group norm": (stack(in_groups, shuffle, lambda: nn.GroupNorm(4, 16)), ".1", "body.2 normalises 4 groups"),
    "a piece": (wired(half_of, in_groups, shuffle, lambda: dense(8, 16)), ".m1", "takes a part of its channels"),
    "a map beside itself": (wired(beside_itself, shuffle, dense), ".m0", "its input is used in its own order"),
    "an operator": (stack(in_groups, shuffle, fixed), ".1", "flip in nodes.own.body.2 sees the order of its channels"),
    "a view": (wired(folded_over, fixed, shuffle), ".m1", "in nodes.own.body sees the order of its channels"),
    "a computed weight": (
        wired(both_halves, fixed, two, two, lambda: Computed(16, 16, 3, groups=2)),
        ".m1",
        "nodes.own.body.m3 convolves in 2 groups",
    ),
    "its other place": (
        wired(shared, shuffle, dense, in_groups, fixed),
        ".m0",
        "nodes.own.body.m2 convolves in 4 groups",
    ),
    "more than a shuffle": (stack(lambda: Rectified(4)), ".0", "its channel shuffle is written in its code"),
    "a function": (wired(lambda x: F.channel_shuffle(x, 4)), "", "its channel shuffle is written in its code"),
    "a transposition": (wired(transposed), "", "it transposes channels in its code"),
}


@pytest.mark.parametrize(("make", "name", "reason"), STANDS.values(), ids=STANDS)
def test_a_shuffle_that_somebody_sees_stands_and_is_named(make: Make, name: str, reason: str) -> None:
    folded = folded_with(make)
    assert not folded.shuffles
    assert reason in folded.left[f"{BODY}{name}"]


def test_a_batch_norm_behind_a_shuffle_that_stands_is_left_alone() -> None:
    folded = folded_with(stack(in_groups, shuffle, lambda: nn.BatchNorm2d(16), in_groups))
    assert set(folded.left) == {f"{BODY}.1", f"{BODY}.2"}


def entangled(x: Tensor, conv: nn.Module, shuffle: nn.Module) -> Tensor:
    y = conv(x)
    return shuffle(y + 2 * F.channel_shuffle(y, 4))  # type: ignore[no-any-return]


def test_channels_that_a_standing_shuffle_joins_are_not_mistaken_for_one_another() -> None:
    folded = folded_with(wired(entangled, dense, shuffle))
    assert not folded.shuffles
    assert folded.left["nodes.own.body.m1"] == "its input is used in its own order beside the shuffled one"


def test_the_answer_keeps_the_order_of_its_classes() -> None:
    folded = folded_with(lambda i, o: nn.Sequential(dense(i, o), nn.ChannelShuffle(o), depthwise_of(o)), last=True)
    assert folded.shuffles == {f"{BODY}.1": "none: with the other shuffles it changes nothing"}
    folded = folded_with(lambda i, o: nn.Sequential(dense(i, 2 * o), nn.ChannelShuffle(2), Halves()), last=True)
    assert folded.shuffles == {f"{BODY}.1": f"{BODY}.0"}


class Halves(nn.Module):
    """The first half of the channels less the second."""

    def forward(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, dim=1)
        return a - b


def depthwise_of(channels: int) -> nn.Module:
    return dense(channels, channels, channels)
