"""The training loop: repeats itself, goes on where it was stopped, and refuses what it cannot do."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from rdslab.errors import DataError, RunError, SpecError
from rdslab.train import CHECKPOINT, WEIGHTS, read_counts, state
from rdslab.train.counts import COUNTS
from tests.train_cases import cpu, same_bits, tiny_net, trained, weights_in, without_seconds

__all__ = ["cpu"]
pytestmark = pytest.mark.usefixtures("cpu")

SCHEDULES = [
    {"schedule": "one_cycle"},
    {"schedule": "poly", "optimiser": "adamw", "weight_decay": 0.01},
    {"schedule": "stall", "patience": 1, "optimiser": "sgd", "lr": 0.05},
    {"schedule": "constant", "void_logit": True, "reduction": "sum", "evaluate_every": 2},
]


class Killed(Exception):
    """In the role of SIGKILL: raised between two steps, it leaves what is on disk."""


def kill_at(epoch: int, step: int | None) -> Any:
    def progress(event: Mapping[str, Any]) -> None:
        if (event["epoch"], event.get("step")) == (epoch, step):
            raise Killed

    return progress


@pytest.mark.parametrize("changes", SCHEDULES, ids=lambda changes: changes["schedule"])
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path: Path, changes: dict[str, Any]) -> None:
    whole = trained(tmp_path / "whole", {"epochs": 3, **changes})
    for epoch, step in ((1, 2), (1, None), (3, 1), (3, None)):
        with pytest.raises(Killed):
            trained(tmp_path / "killed", {"epochs": 3, **changes}, progress=kill_at(epoch, step))
    (tmp_path / "killed" / f".{CHECKPOINT}.123.part.pt").write_bytes(b"killed while writing")
    again = trained(tmp_path / "killed", {"epochs": 3, **changes})
    assert without_seconds(again) == without_seconds(whole)
    assert same_bits(weights_in(tmp_path / "killed"), weights_in(tmp_path / "whole"))
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == [COUNTS, WEIGHTS]
    assert (tmp_path / "killed" / COUNTS).read_bytes() == (tmp_path / "whole" / COUNTS).read_bytes()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    torch.manual_seed(1)
    first = trained(tmp_path / "a", {"epochs": 1})
    torch.manual_seed(2)  # what the program drew before does not matter
    assert without_seconds(trained(tmp_path / "b", {"epochs": 1})) == without_seconds(first)
    trained(tmp_path / "c", {"epochs": 1}, seed=1)
    assert same_bits(weights_in(tmp_path / "a"), weights_in(tmp_path / "b"))
    assert not same_bits(weights_in(tmp_path / "a"), weights_in(tmp_path / "c"))


def test_torch_is_left_as_it_was(tmp_path: Path) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    trained(tmp_path, {"epochs": 1}, threads=2)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before[1:]


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    events: list[Mapping[str, Any]] = []
    score = trained(tmp_path, {"epochs": 1})
    assert trained(tmp_path, {"epochs": 1}, progress=events.append) == score
    assert events == []


@pytest.mark.parametrize("done", [True, False], ids=["weights", "checkpoint"])
def test_a_folder_with_another_training_is_refused(tmp_path: Path, done: bool) -> None:
    if done:
        trained(tmp_path)
    else:
        with pytest.raises(Killed):
            trained(tmp_path, progress=kill_at(1, None))
    file = WEIGHTS if done else CHECKPOINT
    with pytest.raises(SpecError, match=rf"{file}: is of another training: seed is 0 there and 1 here") as caught:
        trained(tmp_path, seed=1)
    assert "train into another folder, or remove this file" in str(caught.value)
    with pytest.raises(SpecError, match=r"recipe\.lr is 0\.002 there and 0\.001 here"):
        trained(tmp_path, {"lr": 0.001})


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"no checkpoint")
    with pytest.raises(RunError, match=f"{CHECKPOINT}: is no checkpoint of ours\n  remove it"):
        trained(tmp_path)


def test_progress_tells_steps_and_epochs(tmp_path: Path) -> None:
    events: list[Mapping[str, Any]] = []
    score = trained(tmp_path, progress=events.append)
    # Nine images in batches of four: the ninth joins the second batch.
    assert [(e["epoch"], e.get("step")) for e in events] == [(1, 1), (1, 2), (1, None), (2, 1), (2, 2), (2, None)]
    assert all(e["epochs"] == 2 and math.isfinite(e["loss"]) for e in events)
    assert [set(row) for row in score.history] == [{"epoch", "loss", "lr", "miou", "seconds"}] * 2
    assert score.history[-1]["miou"] == score.miou


def test_training_learns(tmp_path: Path) -> None:
    score = trained(tmp_path, {"epochs": 30, "batch": 3, "lr": 0.02, "evaluate_every": 30})
    losses = [row["loss"] for row in score.history]
    assert losses[-1] < 0.7 * losses[0]
    assert score.miou > 0.1
    assert ["miou" in row for row in score.history] == [False] * 29 + [True]


def test_training_ends_when_the_loss_has_stalled(tmp_path: Path) -> None:
    changes = {"epochs": 40, "schedule": "stall", "patience": 1, "lr": 1e-12, "min_lr": 0.9e-12}
    with pytest.raises(Killed):
        trained(tmp_path, changes, progress=kill_at(2, None))
    score = trained(tmp_path, {**changes, "lr": 1e-12})
    assert 3 <= len(score.history) < 40


def test_a_loss_that_is_no_number_is_told_and_the_checkpoint_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Killed):
        trained(tmp_path, progress=kill_at(1, None))
    kept = (tmp_path / CHECKPOINT).read_bytes()
    monkeypatch.setattr("rdslab.train.state.total_loss", lambda outputs, *_: outputs[0].sum() * math.nan)
    with pytest.raises(RunError) as caught:
        trained(tmp_path)
    assert "the loss became nan in epoch 2, step 1 of 2, at learning rate 0.000566" in str(caught.value)
    assert "try a lower one: --set recipe.lr=5.0e-04" in str(caught.value)
    assert f"{CHECKPOINT} holds the training after epoch 1" in str(caught.value)
    assert (tmp_path / CHECKPOINT).read_bytes() == kept


def test_weights_that_blow_up_in_the_last_step_are_never_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def blow_up(run: state.Training) -> None:
        next(run.network.parameters()).data.mul_(math.inf)

    monkeypatch.setattr(state.Training, "_descend", blow_up)
    with pytest.raises(RunError, match="a weight stopped being a number in epoch 1, step 1 of 1"):
        trained(tmp_path, {"batch": 9})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["cpu", "gpu", "python"])
def test_out_of_memory_is_told_with_batch_and_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    def full(*_: object) -> torch.Tensor:
        if kind == "gpu":
            raise torch.OutOfMemoryError("CUDA out of memory.")
        if kind == "python":
            raise MemoryError
        return torch.empty(2**55)

    monkeypatch.setattr("rdslab.train.state.total_loss", full)
    with pytest.raises(RunError, match="out of memory on the CPU with a batch of 4 images of 48x32") as it:
        trained(tmp_path)
    assert ", in as small parts as the net bears\n  try a smaller size or a narrower net" in str(it.value)


def test_half_precision_without_a_gpu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"recipe\.precision: precision bf16 needs a CUDA GPU"):
        trained(tmp_path, {"precision": "bf16"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(torch.cuda.device_count() == 0, reason="needs a CUDA GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_gpu_trains_in_every_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str) -> None:
    monkeypatch.undo()
    with pytest.raises(Killed):
        trained(tmp_path, {"precision": precision, "channels_last": True}, progress=kill_at(1, None))
    score = trained(tmp_path, {"precision": precision, "channels_last": True})
    assert score.history[1]["loss"] < score.history[0]["loss"]


def test_every_net_sees_the_same_images_in_the_same_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[torch.Tensor]] = []
    plain = state.as_input
    monkeypatch.setattr(state, "as_input", lambda images, *rest: seen[-1].append(images) or plain(images, *rest))
    for name, net in (("a", tiny_net()), ("b", tiny_net(auxiliary=True))):
        seen.append([])
        trained(tmp_path / name, net=net)
    assert all(torch.equal(one, other) for one, other in zip(*seen, strict=True))
    assert not torch.equal(seen[0][0], seen[0][2])  # another epoch, another order


def test_the_counts_of_the_images_make_up_the_score(tmp_path: Path) -> None:
    score = trained(tmp_path, {"epochs": 2})
    counts = read_counts(tmp_path)
    assert counts is not None
    assert len(counts["images"]) == len(counts["clips"]) == score.images
    right, labelled, said = (torch.tensor(counts[part]).sum(0) for part in ("right", "labelled", "said"))
    for iou, value in zip((right / (labelled + said - right)).tolist(), score.iou.values(), strict=True):
        assert (value is None and math.isnan(iou)) or value == pytest.approx(iou, abs=1e-6)
    assert score.accuracy == pytest.approx(float(right.sum() / labelled.sum()), abs=1e-6)


def test_counts_that_are_broken_are_named_and_missing_ones_are_none(tmp_path: Path) -> None:
    assert read_counts(tmp_path) is None
    (tmp_path / COUNTS).write_text('{"images": [')
    with pytest.raises(DataError, match=r"val_images\.json: is no file of counts"):
        read_counts(tmp_path)


def test_a_checkpoint_of_another_format_is_refused(tmp_path: Path) -> None:
    torch.save({"identity": {}, "state": {}}, tmp_path / CHECKPOINT)
    with pytest.raises(RunError, match="was written as format 1, this rdslab reads 3"):
        trained(tmp_path, {"epochs": 1})
