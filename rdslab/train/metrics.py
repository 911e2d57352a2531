"""How well a net segments: one confusion matrix over a whole split. Shapes: n images, k classes, h w rows, columns."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from rdslab.data import IGNORE, Samples
from rdslab.records import ImageCounts, Score
from rdslab.train.inference import predicted
from rdslab.train.recipe import Normalise

PIXELS = 2**19  # so many at once: a few images, however large they are


def confusion_of(predictions: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Pixels of each image (int64, n k k) by label, row, and prediction, column; IGNORE counts nowhere."""
    image = torch.arange(len(labels), device=labels.device).view(-1, 1, 1) * classes**2
    cell = image + labels.long() * classes + predictions.long()
    counts = torch.bincount(cell[labels != IGNORE], minlength=len(labels) * classes**2)
    return counts.view(-1, classes, classes)


def confusion(
    network: nn.Module, samples: Samples, classes: int, *, normalise: Normalise = "none", batch: int | None = None
) -> Tensor:
    """A network's confusion matrix of each sample (int64, n k k, on the CPU); it is left in the mode it was in.

    `batch`: images at once; what is counted does not depend on it.
    """
    height, width = samples.labels.shape[-2:]
    batch = batch or max(1, PIXELS // (height * width))
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    found = [torch.zeros(0, classes, classes, dtype=torch.int64, device=device)]
    was_training = network.training
    network.eval()
    for start in range(0, len(samples), batch):
        images = samples.images[start : start + batch].to(device)
        labels = samples.labels[start : start + batch].to(device)
        found.append(confusion_of(predicted(network, images, classes, normalise), labels, classes))
    network.train(was_training)
    return torch.cat(found).cpu()


def score_of(matrices: Tensor, names: Sequence[str], split: str, history: Sequence[Mapping[str, float]] = ()) -> Score:
    """The field's figures from one confusion matrix, the sum of the images' (n k k; row label, column prediction).

    A class in neither labels nor predictions has no IoU and counts in no mean, as in Cityscapes' own scripts; mean
    accuracy is over the classes that have labels. All are NaN where no pixel is labelled.
    """
    counts = matrices.sum(0).double()
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
        images=len(matrices),
        split=split,
        history=tuple(history),
    )


def image_counts(matrices: Tensor, samples: Samples) -> ImageCounts:
    """The samples' confusion matrices (n k k) as what a score needs of them."""
    counts = (matrices.diagonal(dim1=1, dim2=2), matrices.sum(2), matrices.sum(1))
    return ImageCounts(samples.names, samples.clips, *(tuple(map(tuple, part.tolist())) for part in counts))
