"""Equations 10 and 11 of the seed paper."""

from pathlib import Path

import pytest
import torch

from rdslab.data import IGNORE, open_data
from rdslab.errors import DataError, SpecError
from rdslab.train import class_weights, weighted_cross_entropy
from rdslab.train.losses import boundaries, boundary_loss, total_loss

SHARES = [0.1754, 0.2421, 0.0102, 0.3296, 0.0467, 0.1012, 0.0122, 0.0117, 0.0611, 0.0067, 0.0030]
WEIGHTS = [5.604, 4.295, 33.57, 3.336, 15.49, 8.739, 31.54, 32.01, 12.83, 38.01, 43.91]
LABELS = torch.tensor([[[0, 0, 0, 1], [1, 2, IGNORE, IGNORE]]], dtype=torch.uint8)


def test_eq_11_gives_camvids_known_weights(shared: Path) -> None:
    data = open_data(
        {"name": "camvid", "root": str(shared / "data" / "camvid"), "size": "480x360", "split": "official"}
    )
    weights = class_weights(data.train.labels, 11)
    assert weights.tolist() == pytest.approx(WEIGHTS, rel=5e-4)
    shares = torch.bincount(data.train.labels.flatten(), minlength=256)[:11].double()
    assert (shares / shares.sum()).tolist() == pytest.approx(SHARES, abs=6e-5)


def test_the_shares_of_eq_11_are_of_what_the_recipe_says() -> None:
    def expected(p: list[float]) -> list[float]:
        return [float(1 / torch.log(torch.tensor(1.02 + q))) for q in p]

    assert class_weights(LABELS, 3).tolist() == pytest.approx(expected([3 / 6, 2 / 6, 1 / 6]))
    assert class_weights(LABELS, 3, shares="share_of_all").tolist() == pytest.approx(expected([3 / 8, 2 / 8, 1 / 8]))
    assert class_weights(LABELS, 3, shares="over_max").tolist() == pytest.approx(expected([1, 2 / 3, 1 / 3]))
    assert class_weights(LABELS, 4)[3].item() == pytest.approx(50.4983, rel=1e-4)  # a class without pixels


def test_labels_without_a_class_have_no_weights() -> None:
    with pytest.raises(DataError, match="no pixel of the training images has a class"):
        class_weights(torch.full((1, 2, 2), IGNORE, dtype=torch.uint8), 3)


def test_eq_10_is_what_its_formula_says() -> None:
    logits, weight = torch.randn(1, 3, 2, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([1.0, 2.0, 5.0])
    total = over = 0.0
    for row in range(2):
        for column in range(4):
            target = int(LABELS[0, row, column])
            if target != IGNORE:
                p = logits[0, :, row, column]
                total += float(weight[target] * (-p[target] + torch.log(torch.exp(p).sum())))
                over += float(weight[target])
    assert weighted_cross_entropy(logits, LABELS, weight, "sum").item() == pytest.approx(total, rel=1e-5)
    assert weighted_cross_entropy(logits, LABELS, weight, "mean").item() == pytest.approx(total / over, rel=1e-5)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_void_teaches_nothing(reduction: str) -> None:
    logits = torch.randn(1, 3, 2, 4, requires_grad=True)
    void = torch.full_like(LABELS, IGNORE)
    loss = weighted_cross_entropy(logits, void, torch.ones(3), reduction)  # type: ignore[arg-type]
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_half_precision_logits_are_summed_in_full_precision() -> None:
    logits = torch.full((1, 3, 200, 200), 2.0, dtype=torch.float16)
    labels = torch.zeros(1, 200, 200, dtype=torch.uint8)
    assert weighted_cross_entropy(logits, labels, torch.ones(3), "sum").item() == pytest.approx(43944.5, rel=1e-4)


def test_auxiliary_heads_count_by_their_weight_at_the_labels_size() -> None:
    answer, head, weight = torch.randn(1, 3, 2, 4), torch.zeros(1, 3, 1, 2), torch.ones(3)
    plain = total_loss([answer], LABELS, weight, "mean", 0.4)
    both = total_loss([answer, head], LABELS, weight, "mean", 0.4)
    assert (both - plain).item() == pytest.approx(0.4 * torch.log(torch.tensor(3.0)).item(), rel=1e-5)
    with pytest.raises(SpecError, match="an auxiliary head gives 5 channels for 3 classes"):
        total_loss([answer, torch.zeros(1, 5, 1, 2)], LABELS, weight, "mean", 0.4)


def slow_boundaries(labels: torch.Tensor, radius: int) -> torch.Tensor:
    """Pixel by pixel, as the words have it."""
    edge = torch.zeros_like(labels, dtype=torch.bool)
    images, height, width = labels.shape
    for n, row, column in torch.cartesian_prod(*(torch.arange(side) for side in (images, height, width))).tolist():
        rows = slice(max(0, row - radius), row + radius + 1)
        near = labels[n, rows, max(0, column - radius) : column + radius + 1]
        own = labels[n, row, column]
        edge[n, row, column] = own != IGNORE and bool(((near != own) & (near != IGNORE)).any())
    return edge


@pytest.mark.parametrize("radius", [1, 2])
def test_a_boundary_is_where_another_class_is_near_and_void_makes_none(radius: int) -> None:
    generator = torch.Generator().manual_seed(radius)
    labels = torch.randint(0, 3, (2, 3, 4), generator=generator).repeat_interleave(5, 1).repeat_interleave(4, 2)
    labels[torch.rand(labels.shape, generator=generator) < 0.3] = IGNORE
    edge = boundaries(labels.byte(), radius)
    assert torch.equal(edge, slow_boundaries(labels, radius))
    assert 0 < edge.sum() < edge.numel() / 2
    line = torch.tensor([[[0, 0, 0, IGNORE, 1, 1, 1]]], dtype=torch.uint8)
    assert boundaries(line, 2)[0, 0].tolist() == [False, False, True, False, True, False, False]


def test_the_loss_of_a_boundary_head_balances_boundary_and_rest() -> None:
    labels = torch.tensor([[[0] * 6 + [1] * 3 + [IGNORE]] * 4], dtype=torch.uint8)  # 4 of 9 columns are boundary
    logits = torch.randn(1, 4, 10, generator=torch.Generator().manual_seed(0))
    edge = torch.tensor([4, 5, 6, 7])
    rest = torch.tensor([0, 1, 2, 3, 8])
    says_edge, says_rest = -torch.log(torch.sigmoid(logits)), -torch.log(1 - torch.sigmoid(logits))
    total = 5 / 9 * says_edge[..., edge].sum() + 4 / 9 * says_rest[..., rest].sum()
    assert boundary_loss(logits, labels, "sum").item() == pytest.approx(total.item(), rel=1e-5)
    mean = (says_edge[..., edge].mean() + says_rest[..., rest].mean()) / 2
    assert boundary_loss(logits, labels).item() == pytest.approx(mean.item(), rel=1e-5)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("label", [0, IGNORE])
def test_labels_without_a_boundary_teach_a_boundary_head_nothing(label: int, reduction: str) -> None:
    logits = torch.randn(1, 4, 4, requires_grad=True)
    loss = boundary_loss(logits, torch.full((1, 4, 4), label, dtype=torch.uint8), reduction)  # type: ignore[arg-type]
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_a_head_with_one_channel_counts_as_a_boundary_head_by_the_same_weight() -> None:
    labels = torch.tensor([[[0] * 4 + [1] * 8] * 4], dtype=torch.uint8)
    answer, head, weight = torch.randn(1, 2, 4, 12), torch.randn(1, 1, 4, 12), torch.ones(2)
    plain, both = (total_loss(outputs, labels, weight, "mean", 0.4) for outputs in ([answer], [answer, head]))
    assert (both - plain).item() == pytest.approx(0.4 * boundary_loss(head[:, 0], labels).item(), rel=1e-4)
    small = total_loss([answer, head[..., ::2, ::2]], labels, weight, "mean", 0.4)  # resized to the labels
    assert small.isfinite()
    assert small != both
