"""What a backend answers, held against the network in torch at fp32. Shapes: k classes, h w rows and columns."""

import torch
from torch import Tensor

from rdslab.errors import RunError

# How far the scores may be off, as a share of the largest. Half precisions and int8 round at every layer.
LARGEST = {"fp32": 1e-3, "fp16": 2e-2, "bf16": 1e-1, "int8": 0.5}


def compared(answer: Tensor, scores: Tensor, precision: str) -> dict[str, float]:
    """How far an answer (scores 1 k h w, or labels 1 h w) is off the scores (1 k h w) that were to be expected.

    `difference` is the largest between the scores, as a share of the largest score. Of labels it is the largest
    amount by which a chosen class is behind the best, which a difference of d can make 2 d. `agreement` is the share
    of pixels with the same class. Raises RunError where the difference is larger than rounding explains.
    """
    labels = answer.dim() == 3
    found = answer.long()[:, None] if labels else answer.float()
    if found.shape != (scores[:, :1].shape if labels else scores.shape):
        raise RunError(f"it answers {tuple(answer.shape)} where the net answers {tuple(scores.shape)}")
    scale = scores.abs().max().clamp_min(1e-12)
    if labels:
        off = scores.amax(1, keepdim=True) - scores.gather(1, found.clamp(0, scores.shape[1] - 1))
        same = (found[:, 0] == scores.argmax(1)).float().mean()
    else:
        off = (found - scores).abs()
        same = (found.argmax(1) == scores.argmax(1)).float().mean()
    difference = float(off.max() / scale)
    largest = LARGEST[precision] * (2 if labels else 1)
    if not difference <= largest:  # NaN is not
        raise RunError(
            f"its answer in {precision} is {difference:.1e} of the scores' scale off the net's in fp32; "
            f"rounding explains {largest:.0e}",
            "the net overflows in this precision" if torch.isnan(answer.float()).any() else "",
        )
    return {"difference": difference, "agreement": float(same)}
