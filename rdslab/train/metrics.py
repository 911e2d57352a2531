"""How well a net segments: one confusion matrix over a whole split. Shapes: n images, k classes, h w rows, columns."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from rdslab.data import IGNORE, Samples
from rdslab.records import Score
from rdslab.train.inference import predicted
from rdslab.train.recipe import Normalise

PIXELS = 2**19  # so many at once: a few images, however large they are


def confusion_of(predictions: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Pixels (int64, k k) by label, row, and prediction, column; IGNORE counts nowhere."""
    counted = labels != IGNORE
    pairs = labels[counted].long() * classes + predictions[counted].long()
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def confusion(
    network: nn.Module, samples: Samples, classes: int, *, normalise: Normalise = "none", batch: int | None = None
) -> Tensor:
    """The confusion matrix (int64, k k, on the CPU) of a network over samples; it is left in the mode it was in.

    `batch`: images at once; what is counted does not depend on it.
    """
    height, width = samples.labels.shape[-2:]
    batch = batch or max(1, PIXELS // (height * width))
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    matrix = torch.zeros(classes, classes, dtype=torch.int64, device=device)
    was_training = network.training
    network.eval()
    for start in range(0, len(samples), batch):
        images = samples.images[start : start + batch].to(device)
        labels = samples.labels[start : start + batch].to(device)
        matrix += confusion_of(predicted(network, images, classes, normalise), labels, classes)
    network.train(was_training)
    return matrix.cpu()


def score_of(
    matrix: Tensor,
    names: Sequence[str],
    images: int,
    split: str,
    history: Sequence[Mapping[str, float]] = (),
) -> Score:
    """The field's figures from a confusion matrix (k k; row label, column prediction).

    A class in neither labels nor predictions has no IoU and counts in no mean, as in Cityscapes' own scripts; mean
    accuracy is over the classes that have labels. All are NaN where no pixel is labelled.
    """
    counts = matrix.double()
    hits, labelled, said = counts.diag(), counts.sum(1), counts.sum(0)
    union = labelled + said - hits
    iou = hits / union  # 0/0 is NaN
    seen = union > 0
    share = labelled / labelled.sum()
    return Score(
        miou=float(iou[seen].mean()),
        accuracy=float(hits.sum() / labelled.sum()),
        mean_accuracy=float((hits / labelled)[labelled > 0].mean()),
        fw_iou=float((share * iou)[seen].sum()) if bool(seen.any()) else float("nan"),
        iou={name: float(iou[i]) if bool(seen[i]) else None for i, name in enumerate(names)},
        images=images,
        split=split,
        history=tuple(history),
    )
