"""Augmentation, orders and batches: image and label move together, and the seed decides everything."""

import pytest
import torch
from torch import Tensor

from rdslab.data import IGNORE, augment, batches, epoch_order, to_float


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Images whose three channels are the label, so that both can be compared after moving; labels from 1."""
    labels = torch.randint(1, 250, (16, 9, 11), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return labels[:, None].repeat(1, 3, 1, 1), labels


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_image_and_label_move_together(batch: tuple[Tensor, Tensor]) -> None:
    images, labels = augment(*batch, generator())
    inside = labels != IGNORE
    for channel in range(3):
        assert torch.equal(images[:, channel][inside], labels[inside])


def test_translation_uncovers_black_in_the_image_and_ignore_in_the_label(batch: tuple[Tensor, Tensor]) -> None:
    images, labels = augment(*batch, generator(), translate=2, flip=False)
    assert (labels == IGNORE).any()
    assert (images.permute(0, 2, 3, 1)[labels == IGNORE] == 0).all()


def test_each_image_is_shifted_by_its_own_0_to_2_pixels(batch: tuple[Tensor, Tensor]) -> None:
    _, before = batch
    _, after = augment(*batch, generator(), translate=2, flip=False)
    found = set()
    for old, new in zip(before, after, strict=True):
        shifts = [
            (down, right)
            for down in range(3)
            for right in range(3)
            if torch.equal(new[down:, right:], old[: 9 - down, : 11 - right])
            and (new[:down] == IGNORE).all()
            and (new[:, :right] == IGNORE).all()
        ]
        assert len(shifts) == 1
        found.add(shifts[0])
    assert len(found) > 4


def test_about_half_of_the_images_are_mirrored(batch: tuple[Tensor, Tensor]) -> None:
    _, before = batch
    _, after = augment(*batch, generator(), translate=0, flip=True)
    mirrored = [torch.equal(new, old.flip(1)) for old, new in zip(before, after, strict=True)]
    same = [torch.equal(new, old) for old, new in zip(before, after, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 3 <= sum(mirrored) <= 13


def test_nothing_asked_for_changes_nothing(batch: tuple[Tensor, Tensor]) -> None:
    images, labels = augment(*batch, generator(), translate=0, flip=False)
    assert torch.equal(images, batch[0])
    assert torch.equal(labels, batch[1])


def test_the_generator_decides_and_the_input_stays(batch: tuple[Tensor, Tensor]) -> None:
    kept = batch[0].clone()
    one, two, other = (augment(*batch, generator(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(batch[0], kept)


def test_bytes_become_numbers_from_0_to_1_and_are_normalised_by_channel() -> None:
    images = torch.tensor([0, 255, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    assert to_float(images).flatten().tolist() == pytest.approx([0, 1, 0.2])
    shifted = to_float(images, mean=(0.5, 0.5, 0.2), std=(0.5, 0.25, 1.0))
    assert shifted.flatten().tolist() == pytest.approx([-1, 2, 0], abs=1e-6)


def test_each_epoch_and_seed_has_its_own_order_of_all_images() -> None:
    orders = [epoch_order(50, seed, epoch).tolist() for seed in range(3) for epoch in range(3)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 9
    assert epoch_order(50, 2, 1).tolist() == orders[7]


@pytest.mark.parametrize(("n", "sizes"), [(8, [4, 4]), (10, [4, 4, 2]), (9, [4, 4]), (1, [1])])
def test_a_last_batch_of_one_is_dropped_where_there_are_others(n: int, sizes: list[int]) -> None:
    assert [len(part) for part in batches(torch.arange(n), 4)] == sizes


def test_no_image_is_lost_when_every_one_counts() -> None:
    assert torch.cat(list(batches(torch.arange(9), 4, drop_last_if_one=False))).tolist() == list(range(9))
