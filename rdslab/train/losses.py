"""The weighted cross entropy of the seed paper. Shapes: n images, k classes, h w rows and columns."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from rdslab.data import IGNORE
from rdslab.errors import DataError, SpecError
from rdslab.train.recipe import Reduction, Shares


def class_counts(labels: Tensor) -> Tensor:
    """How often each of the 256 label values occurs (int64) in labels (uint8, n h w)."""
    return torch.bincount(labels.flatten(), minlength=256)


def class_weights(labels: Tensor, classes: int, c: float = 1.02, shares: Shares = "share") -> Tensor:
    """Eq. 11: 1 / ln(c + p) for each class (float32, k), p from the labels (uint8, n h w).

    `shares`: p is a class's share of the labelled pixels, its share of all pixels with void among them (the seed
    paper's authors on Cityscapes), or its count over the largest class's (the authors on CamVid).
    Raises DataError where no pixel is labelled.
    """
    counts = class_counts(labels).double()
    known = counts[:classes]
    if not known.sum():
        raise DataError("no pixel of the training images has a class", "all of it is void; look at the labels")
    over = {"share": known.sum(), "share_of_all": counts.sum(), "over_max": known.max()}[shares]
    return (1 / torch.log(c + known / over)).float()


def weighted_cross_entropy(logits: Tensor, labels: Tensor, weight: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Eq. 10 over the labelled pixels: logits (n k h w), labels (n h w, class index or IGNORE), one weight a class.

    `mean` divides by the sum of the pixels' weights. Without a labelled pixel the loss is 0, and so are its gradients.
    """
    if not bool((labels != IGNORE).any()):
        return logits.sum() * 0.0
    return F.cross_entropy(logits.float(), labels.long(), weight, ignore_index=IGNORE, reduction=reduction)


def total_loss(
    outputs: Sequence[Tensor], labels: Tensor, weight: Tensor, reduction: Reduction, auxiliary: float
) -> Tensor:
    """The loss of the answer plus `auxiliary` times that of each auxiliary head, which is resized to the labels.

    `weight` has the length of the answer's channels. Raises SpecError for a head with another number of channels.
    """
    answer, *heads = outputs
    loss = weighted_cross_entropy(answer, labels, weight, reduction)
    for head in heads:
        if head.shape[1] != len(weight):
            what = f"an auxiliary head gives {head.shape[1]} channels for {len(weight)} classes"
            raise SpecError(what, "write `channels: classes`")
        full = F.interpolate(head.float(), size=labels.shape[-2:], mode="bilinear", align_corners=False)
        loss = loss + auxiliary * weighted_cross_entropy(full, labels, weight, reduction)
    return loss
