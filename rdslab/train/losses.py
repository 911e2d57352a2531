"""The weighted cross entropy of the seed paper, and the loss of boundary heads.

Shapes: n images, k classes, h w rows and columns.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from rdslab.data import IGNORE
from rdslab.errors import DataError, SpecError
from rdslab.train.recipe import Reduction, Shares

BOUNDARY_RADIUS = 2  # pixels; PIDNet widens an edge to 4


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


def boundaries(labels: Tensor, radius: int = BOUNDARY_RADIUS) -> Tensor:
    """Where another class lies within `radius` rows and columns (bool, n h w), from labels (n h w, class or IGNORE).

    Ignored pixels are no boundary and make none.
    """
    side, void = 2 * radius + 1, labels == IGNORE
    known = labels.float()
    highest = F.max_pool2d(known.masked_fill(void, -math.inf), side, stride=1, padding=radius)
    lowest = -F.max_pool2d((-known).masked_fill(void, -math.inf), side, stride=1, padding=radius)
    return (highest != lowest) & ~void


def boundary_loss(logits: Tensor, labels: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Class-balanced binary cross entropy of a boundary head (logits n h w) against the boundaries of labels (n h w).

    As PIDNet trains its boundary branch (Xu et al. 2023, the loss l1, and the authors' public code): over all labelled
    pixels of the batch a boundary pixel weighs the share of the others, and the others weigh the share of the boundary.
    Here as in eq. 10 `mean` divides by the sum of the weights, where PIDNet divides by the number of pixels and
    multiplies by 20; and boundaries are read from the labels (`boundaries`), where PIDNet widens the edges that a Canny
    filter finds.
    Labels without a boundary, or of nothing else, give a loss of 0.
    """
    known, edge = labels != IGNORE, boundaries(labels)
    share = edge.sum() / known.sum().clamp(min=1)
    weight = torch.where(edge, 1 - share, share) * known
    loss = F.binary_cross_entropy_with_logits(logits.float(), edge.float(), weight, reduction="sum")
    return loss if reduction == "sum" else loss / weight.sum().clamp(min=torch.finfo(weight.dtype).tiny)


def total_loss(
    outputs: Sequence[Tensor], labels: Tensor, weight: Tensor, reduction: Reduction, auxiliary: float
) -> Tensor:
    """The loss of the answer plus `auxiliary` times that of each auxiliary head, which is resized to the labels.

    `weight` has the length of the answer's channels. A head with as many channels says the classes, a head with one
    says where their boundaries are; SpecError for any other.
    """
    answer, *heads = outputs
    loss = weighted_cross_entropy(answer, labels, weight, reduction)
    for head in heads:
        if head.shape[1] not in (1, len(weight)):
            what = f"an auxiliary head gives {head.shape[1]} channels for {len(weight)} classes"
            raise SpecError(what, "write `channels: classes`, or `channels: 1` for a head that says boundaries")
        full = F.interpolate(head.float(), size=labels.shape[-2:], mode="bilinear", align_corners=False)
        if head.shape[1] == 1:
            loss = loss + auxiliary * boundary_loss(full[:, 0], labels, reduction)
        else:
            loss = loss + auxiliary * weighted_cross_entropy(full, labels, weight, reduction)
    return loss
