"""Every registered block keeps its promises, and the seed paper's blocks compute what their papers say."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab import promises
from rdslab.blocks import (
    BLOCKS,
    RDS,
    Add,
    BilinearUp,
    Concat,
    Conv,
    MaxPool,
    MaxUnpool,
    PoolConvDown,
    Residual,
    Separable,
)

every_block = pytest.mark.parametrize("name", BLOCKS.names())
every_option = pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name in BLOCKS.names() for option in promises.option_names(name)]
)


@every_block
def test_output_has_the_shape_its_spec_promises(name: str) -> None:
    assert promises.shapes(name) == []


@every_block
def test_every_parameter_learns(name: str) -> None:
    assert promises.learns(name) == []


@every_block
def test_images_of_a_batch_do_not_mix(name: str) -> None:
    assert promises.images_apart(name) == []


@every_block
def test_the_same_image_gives_the_same_finite_answer(name: str) -> None:
    assert promises.steady(name) == []


@every_option
def test_option_changes_what_is_computed(name: str, option: str) -> None:
    assert promises.lost_option(name, option) == ""


@every_block
def test_canonical_options_reach_as_far_as_those_they_stand_for(name: str) -> None:
    assert promises.identities(name) == []


@every_block
def test_first_docstring_line_says_what_the_block_computes(name: str) -> None:
    own = vars(BLOCKS[name]).get("__doc__") or ""
    assert len(own.partition("\n")[0]) > 20


def _random(block: nn.Module) -> nn.Module:
    for tensor in [*block.parameters(), *block.buffers()]:
        if tensor.is_floating_point():
            tensor.data.uniform_(0.5, 1.5) if tensor.dim() == 1 else tensor.data.normal_(0, 0.2)
    return block.double().eval()


def _norm(x: Tensor, norm: nn.BatchNorm2d, eps: float = 1e-5) -> Tensor:
    mean, var, weight, bias = (v[:, None, None] for v in (norm.running_mean, norm.running_var, norm.weight, norm.bias))
    return (x - mean) / torch.sqrt(var + eps) * weight + bias


def _order(channels: int, groups: int) -> list[int]:
    """The paper's channel shuffle: 0, N/g, 2N/g, ..., 1, N/g + 1, ..."""
    return [i * (channels // groups) + j for j in range(channels // groups) for i in range(groups)]


def test_shuffle_order_is_that_of_the_paper() -> None:
    assert _order(8, 4) == [0, 2, 4, 6, 1, 3, 5, 7]
    channels = torch.arange(128.0).reshape(1, 128, 1, 1)
    assert F.channel_shuffle(channels, 4).flatten().tolist() == _order(128, 4)


@pytest.mark.parametrize("shuffle_at", ["after", "input"])
@pytest.mark.parametrize("dilate", ["dense", "depthwise", "both"])
@pytest.mark.parametrize(("dilation", "groups", "shuffle"), [(1, 1, 0), (2, 1, 4), (3, 4, 0), (2, 4, 2), (1, 2, 8)])
def test_rds_computes_what_its_figure_says(
    shuffle_at: str, dilate: str, dilation: int, groups: int, shuffle: int
) -> None:
    options = {"dilation": dilation, "groups": groups, "shuffle": shuffle, "shuffle_at": shuffle_at, "dilate": dilate}
    block = _random(RDS(16, 16, dropout=0.5, **options))
    x = torch.randn(2, 16, 9, 11, dtype=torch.float64)
    outer, inner = (dilation if dilate in (which, "both") else 1 for which in ("depthwise", "dense"))
    start = x[:, _order(16, shuffle)] if shuffle and shuffle_at == "input" else x
    y = F.conv2d(start, block.depthwise.weight, padding=outer, dilation=outer, groups=16)
    y = F.conv2d(F.relu(_norm(y, block.norm1)), block.dense.weight, padding=inner, dilation=inner, groups=groups)
    y = _norm(y, block.norm2)
    y = y[:, _order(16, shuffle)] if shuffle and shuffle_at == "after" else y
    torch.testing.assert_close(block(x), F.relu(start + y))


def test_residual_and_separable_compute_what_their_papers_say() -> None:
    x = torch.randn(2, 8, 9, 11, dtype=torch.float64)
    residual, separable = _random(Residual(8, 8, dilation=2)), _random(Separable(8, 8, dilation=3))
    y = F.relu(_norm(F.conv2d(x, residual.conv1.weight, padding=2, dilation=2), residual.norm1))
    y = _norm(F.conv2d(y, residual.conv2.weight, padding=2, dilation=2), residual.norm2)
    torch.testing.assert_close(residual(x), F.relu(x + y))
    y = F.conv2d(x, separable.depthwise.weight, padding=3, dilation=3, groups=8)
    y = _norm(F.conv2d(F.relu(_norm(y, separable.norm1)), separable.pointwise.weight), separable.norm2)
    torch.testing.assert_close(separable(x), F.relu(x + y))


@pytest.mark.parametrize("channels", [32, 64, 128, 256])
def test_weights_of_convolutions_follow_equations_7_and_8(channels: int) -> None:
    def weights(block: nn.Module) -> int:
        return sum(p.numel() for p in block.parameters() if p.dim() == 4)

    assert weights(RDS(channels, channels)) == 9 * channels + 9 * channels**2
    assert weights(Residual(channels, channels)) == 18 * channels**2
    assert weights(Separable(channels, channels)) == 9 * channels + channels**2


@pytest.mark.parametrize("block", [RDS, Residual, Separable])
def test_dropout_drops_whole_channels_of_the_branch_before_the_add(block: type[nn.Module]) -> None:
    x = torch.randn(4, 32, 8, 8, dtype=torch.float64)
    whole, dropping = _random(block(32, 32)), block(32, 32, dropout=0.25).double().eval()
    dropping.load_state_dict(whole.state_dict())
    torch.testing.assert_close(dropping(x), whole(x))
    dropping.skip.dropout.train()
    torch.manual_seed(0)
    dropped = (dropping(x) == F.relu(x)).all(dim=(2, 3))
    assert 0.1 < dropped.double().mean() < 0.45
    assert not torch.allclose(dropping(x), whole(x))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 7), (6, 7), (180, 240), (45, 61)])
def test_downsampling_halves_upwards_and_repeats_the_pooled_edge(height: int, width: int) -> None:
    block = _random(PoolConvDown(4, 10, bias=True))
    x = torch.randn(2, 4, height, width, dtype=torch.float64)
    rows, columns = (height + 1) // 2, (width + 1) // 2
    pooled = F.max_pool2d(x, 2)
    across = pooled[..., [min(j, width // 2 - 1) for j in range(columns)]]
    pooled = across[:, :, [min(i, height // 2 - 1) for i in range(rows)]]
    joined = torch.cat([F.conv2d(x, block.conv.weight, block.conv.bias, stride=2, padding=1), pooled], dim=1)
    torch.testing.assert_close(block(x), F.relu(_norm(joined, block.norm, 1e-3)))


def test_unpooling_puts_each_maximum_back_where_it_was() -> None:
    x = torch.rand(2, 3, 9, 11) + 0.1
    pooled, indices = MaxPool(3, 3)(x)
    back = MaxUnpool((3, 3), 3)(pooled, indices, size=(9, 11))
    assert back.shape == x.shape
    assert torch.equal(back[back != 0], x[back != 0])
    assert int((back != 0).sum()) == pooled.numel()


def test_joins_and_interpolation_are_those_of_torch() -> None:
    x, y = torch.randn(1, 4, 5, 6), torch.randn(1, 4, 5, 6)
    assert torch.equal(Add((4, 4, 4), 4)(x, y, x), x + y + x)
    assert torch.equal(Concat((4, 4), 8)(x, y), torch.cat([x, y], 1))
    up = BilinearUp(4, 4, up=2, align_corners=True)
    assert torch.equal(up(x), F.interpolate(x, size=(10, 12), mode="bilinear", align_corners=True))
    assert up(x, size=(7, 9)).shape == (1, 4, 7, 9)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: MaxPool(16, 32), "keeps its channels, but in is 16 and out is 32"),
        (lambda: RDS(16, 16, groups=3), "groups (=3) must divide the channels (=16)"),
        (lambda: RDS(16, 16, shuffle=5), "shuffle (=5) must divide the channels (=16)"),
        (lambda: Conv(16, 19, groups=2), "groups (=2) must divide the channels (=19)"),
        (lambda: Conv(16, 16, kernel=4), "kernel (=4) must be odd, so that the size is kept"),
        (lambda: PoolConvDown(16, 16), "needs more channels out than in, but in is 16 and out is 16"),
        (lambda: Add(16, 16), "reads two or more inputs: `inputs: [NODE, NODE]`"),
        (lambda: Add((16, 8), 16), "adds maps of equal channels, but in is (16, 8) and out is 16"),
        (lambda: Concat((16, 8), 16), "gives the sum of its inputs' channels, but in is (16, 8) and out is 16"),
        (lambda: MaxUnpool(16, 16), "reads two inputs, the map and the indices: `inputs: [NODE, POOL:indices]`"),
    ],
)
def test_a_block_refuses_what_it_cannot_be_with_the_values_in_words(build: object, words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared whole
        build()  # type: ignore[operator]
    assert str(caught.value) == words
