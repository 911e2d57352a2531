"""The score: one confusion matrix over a data set, the same as Cityscapes' own scripts give."""

import contextlib
import importlib
import io
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rdslab.data import CITYSCAPES_CLASSES, IGNORE
from rdslab.data.cityscapes import TRAINED
from rdslab.network import build
from rdslab.train import confusion, score_of
from rdslab.train.inference import predicted
from rdslab.train.metrics import confusion_of
from tests.train_cases import tiny_data, tiny_net

NAMES = ("road", "car", "train")


def test_the_figures_of_a_small_matrix_by_hand() -> None:
    of_each = torch.tensor([[[4, 0, 0], [1, 0, 0], [0, 0, 0]], [[2, 2, 0], [0, 3, 0], [0, 0, 0]]])
    score = score_of(of_each, NAMES, "by hand")
    assert score.iou == {"road": pytest.approx(6 / 9), "car": pytest.approx(3 / 6), "train": None}
    assert score.miou == pytest.approx((6 / 9 + 3 / 6) / 2)
    assert score.accuracy == pytest.approx(9 / 12)
    assert score.mean_accuracy == pytest.approx((6 / 8 + 3 / 4) / 2)
    assert score.fw_iou == pytest.approx(8 / 12 * 6 / 9 + 4 / 12 * 3 / 6)
    assert (score.images, score.split) == (2, "by hand")


def test_a_class_that_is_only_predicted_counts_as_wrong() -> None:
    score = score_of(torch.tensor([[6, 0, 2], [0, 4, 0], [0, 0, 0]])[None], NAMES, "")
    assert score.iou["train"] == 0
    assert score.miou == pytest.approx((6 / 8 + 1 + 0) / 3)
    assert score.mean_accuracy == pytest.approx((6 / 8 + 1) / 2)


def test_labels_that_are_all_void_give_no_number() -> None:
    score = score_of(torch.zeros(1, 3, 3, dtype=torch.int64), NAMES, "")
    assert all(math.isnan(v) for v in (score.miou, score.accuracy, score.mean_accuracy, score.fw_iou))
    assert set(score.iou.values()) == {None}


def test_the_score_does_not_depend_on_the_batch_and_leaves_the_mode() -> None:
    network = build(tiny_net(), 11, seed=1).train()
    found = [confusion(network, tiny_data().train, 11, batch=batch) for batch in (None, 1, 2, 4, 9, 100)]
    assert network.training
    assert all(torch.equal(found[0], other) for other in found[1:])
    assert int(found[0].sum()) == int((tiny_data().train.labels != IGNORE).sum())
    assert found[0].dtype == torch.int64


def test_a_pixel_where_void_wins_counts_as_class_0() -> None:
    class Four(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.eye(4)[None, :, :, None].expand(len(x), 4, 4, 1)  # row r answers class r

    image = torch.zeros(1, 3, 4, 1, dtype=torch.uint8)
    assert predicted(Four(), image, 3, "none").flatten().tolist() == [0, 1, 2, 0]


def judged(folder: Path, labels: np.ndarray, predictions: np.ndarray) -> Mapping[str, Any]:
    """What cityscapesscripts says of predictions and labels, both n h w of ids."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["judge"])
        judge = importlib.import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    truth, said = [], []
    for i, (label, prediction) in enumerate(zip(labels, predictions, strict=True)):
        truth.append(str(folder / f"bonn_{i:06d}_000019_gtFine_labelIds.png"))
        said.append(str(folder / f"bonn_{i:06d}_000019_prediction.png"))
        Image.fromarray(label.astype(np.uint8)).save(truth[-1])
        Image.fromarray(prediction.astype(np.uint8)).save(said[-1])
    args = judge.args
    args.evalInstLevelScore, args.evalPixelAccuracy, args.JSONOutput, args.quiet = False, False, False, True
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return dict(judge.evaluateImgLists(said, truth, args))


@pytest.mark.parametrize("absent", [(), (16,), (0, 9, 18)], ids=["all classes", "no train", "three absent"])
def test_the_score_equals_cityscapesscripts(tmp_path: Path, absent: tuple[int, ...]) -> None:
    draw = np.random.default_rng(len(absent))
    present = [i for i in range(19) if i not in absent]
    labels = draw.choice([*present, IGNORE], size=(3, 24, 32))
    wrong = draw.random(labels.shape) < 0.4
    predictions = np.where(wrong | (labels == IGNORE), draw.choice(present, size=labels.shape), labels)
    ids = np.zeros(256, np.uint8)  # id 0 is "unlabeled", which is ignored
    ids[:19] = [row[0] for row in TRAINED]
    theirs = judged(tmp_path, ids[labels], ids[predictions])
    matrix = confusion_of(torch.from_numpy(predictions), torch.from_numpy(labels), 19)
    ours = score_of(matrix, CITYSCAPES_CLASSES.names, "drawn")
    assert ours.miou == pytest.approx(theirs["averageScoreClasses"], abs=1e-12)
    for name, iou in ours.iou.items():
        expected = theirs["classScores"][name]
        assert (iou is None and math.isnan(expected)) or iou == pytest.approx(expected, abs=1e-12)
    assert [name for name, iou in ours.iou.items() if iou is None] == [CITYSCAPES_CLASSES.names[i] for i in absent]
