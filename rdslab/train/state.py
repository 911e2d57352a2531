"""A training between two steps: network, optimiser, schedule, and what was found so far."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from rdslab.data import IGNORE, DataSet, Samples, augment, batches, epoch_order
from rdslab.errors import RunError
from rdslab.network import build
from rdslab.records import digest
from rdslab.spec import Net
from rdslab.train.checkpoint import CHECKPOINT
from rdslab.train.inference import as_input
from rdslab.train.losses import class_weights, total_loss
from rdslab.train.metrics import confusion, score_of
from rdslab.train.recipe import Recipe, Reduction
from rdslab.train.schedule import Schedule, make_optimiser
from rdslab.train.transfer import Start

Progress = Callable[[Mapping[str, Any]], object]
HALF_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
SHARE_OF_GPU = 0.5  # of its free memory, for images and labels; the rest is for the network's maps


class Training:
    """One training. All randomness comes from the seed and the number of the epoch, so no generator is stored."""

    def __init__(
        self, net: Net, data: DataSet, recipe: Recipe, seed: int, device: torch.device, start: Start | None = None
    ) -> None:
        self.data, self.recipe, self.seed, self.device = data, recipe, seed, device
        layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
        network = build(net, len(data.classes) + recipe.void_logit, seed)
        if start is not None:
            start.load(network)
        self.network = network.to(device=device, memory_format=layout)  # type: ignore[call-overload]
        self.samples, self.val = near(data.train, device), near(data.val, device)
        self.weight = loss_weight(recipe, data).to(device)
        self.steps = len(epoch_batches(len(data.train), recipe.batch, seed, 0))
        self.optimiser = make_optimiser(recipe, self.network.parameters())
        self.schedule = Schedule(recipe, self.optimiser, self.steps)
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
        self.at_once: int | None = None  # images of a batch, where memory does not hold them all
        self.epoch = 0  # epochs done
        self.history: list[dict[str, float]] = []
        self.matrices: Tensor | None = None  # confusion of each validation image at the last evaluation

    @property
    def done(self) -> bool:
        """Whether there is no epoch left."""
        return self.epoch >= self.recipe.epochs or self.schedule.stalled

    def run_epoch(self, progress: Progress | None) -> None:
        """Train one epoch and, where it is due, evaluate. Raises RunError when numbers stop being numbers."""
        started = time.perf_counter()
        torch.manual_seed(stream("dropout", self.seed, self.epoch))
        generator = torch.Generator().manual_seed(stream("augmentation", self.seed, self.epoch))
        self.network.train()
        total = 0.0
        for step, index in enumerate(epoch_batches(len(self.samples), self.recipe.batch, self.seed, self.epoch), 1):
            lr = self.schedule.lr
            loss = self._step(index, generator)
            if not math.isfinite(loss):
                raise self._diverged(f"the loss became {loss}", f"step {step} of {self.steps}", lr)
            total += loss * len(index)
            if progress is not None:
                now = {"epoch": self.epoch + 1, "epochs": self.recipe.epochs, "step": step, "steps": self.steps}
                progress({**now, "loss": loss})
        if not all(bool(value.isfinite().all()) for value in self.network.state_dict().values()):
            raise self._diverged("a weight stopped being a number", f"step {self.steps} of {self.steps}", lr)
        self._close_epoch(total / len(self.samples), lr, started)

    def _step(self, index: Tensor, generator: torch.Generator) -> float:
        """One step on the images `index`; the loss before it."""
        images, labels = self.samples.images[index], self.samples.labels[index]
        images, labels = augment(
            images.to(self.device),
            labels.to(self.device),
            generator,
            translate=self.recipe.translate,
            flip=self.recipe.flip,
        )
        count = parts_of(len(index), self.at_once)
        shares = part_shares(labels.tensor_split(count), self.weight, self.recipe.reduction)
        self.optimiser.zero_grad()
        total = 0.0
        for image, label, share in zip(images.tensor_split(count), labels.tensor_split(count), shares, strict=True):
            loss = self._loss(image, label) * share
            total += float(loss.detach())
            if not math.isfinite(total):
                return total
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._descend()
        return total

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        with mixed(self.recipe.precision, self.device):
            outputs = self.network.train_outputs(as_input(images, self.recipe.normalise, self.recipe.channels_last))
        return total_loss(outputs, labels, self.weight, self.recipe.reduction, self.recipe.auxiliary)

    def _descend(self) -> None:
        scale = self.scaler.get_scale()
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.scaler.get_scale() >= scale:  # else fp16 overflowed, and the optimiser's step was left out
            self.schedule.after_step()

    def _close_epoch(self, loss: float, lr: float, started: float) -> None:
        self.epoch += 1
        self.schedule.after_epoch(loss)
        row: dict[str, float] = {"epoch": self.epoch, "loss": loss, "lr": lr}
        if self.done or self.epoch % self.recipe.evaluate_every == 0:
            names = self.data.classes.names
            self.matrices = confusion(self.network, self.val, len(names), normalise=self.recipe.normalise)
            row["miou"] = score_of(self.matrices, names, self.data.split).miou
        row |= {"at_once": self.at_once} if self.at_once else {}
        self.history.append({**row, "seconds": time.perf_counter() - started})

    def _diverged(self, what: str, step: str, lr: float) -> RunError:
        kept = f"{CHECKPOINT} holds the training after epoch {self.epoch}" if self.epoch else ""
        return RunError(
            f"{what} in epoch {self.epoch + 1}, {step}, at learning rate {lr:.3g}",
            f"try a lower one: --set recipe.lr={self.recipe.lr / 4:.1e}",
            "or precision: bf16, which does not overflow where fp16 does" if self.recipe.precision == "fp16" else "",
            kept,
        )

    def state(self) -> dict[str, Any]:
        """All that the next epoch depends on, and what was found so far."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "epoch": self.epoch,
            "history": self.history,
            "matrices": self.matrices,
            "at_once": self.at_once,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state()` was taken."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
        self.epoch, self.history, self.matrices = state["epoch"], list(state["history"]), state["matrices"]
        self.at_once = state["at_once"]


def stream(use: str, seed: int, epoch: int) -> int:
    """The seed of one generator: of one use, in one epoch, of one training."""
    return int(digest([use, seed, epoch]), 16) % 2**63


def epoch_batches(n: int, batch: int, seed: int, epoch: int) -> list[Tensor]:
    """The indices of an epoch's batches. A last batch of one image joins the one before: batch norm may not take it."""
    parts = list(batches(epoch_order(n, seed, epoch), batch, drop_last_if_one=False))
    if batch > 1 and len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def loss_weight(recipe: Recipe, data: DataSet) -> Tensor:
    """A weight for each output (float32): eq. 11 or 1 for a class, 0 for void. Raises DataError without a label."""
    how = recipe.class_weights
    weight = class_weights(data.train.labels, len(data.classes), *((how.c, how.shares) if how else ()))
    if how is None:
        weight = torch.ones_like(weight)
    return torch.cat([weight, torch.zeros(int(recipe.void_logit))])


def parts_of(images: int, at_once: int | None) -> int:
    """In how many parts a batch is taken, as even as can be."""
    return math.ceil(images / at_once) if at_once else 1


def part_shares(labels: Sequence[Tensor], weight: Tensor, reduction: Reduction) -> list[float]:
    """What the loss of each part of a batch counts, so that they add up to that of the whole (eq. 10).

    `labels`: of each part (uint8, n h w). A mean over a boundary head's own weights adds up only as nearly.
    """
    if len(labels) == 1 or reduction == "sum":
        return [1.0] * len(labels)
    sums = [float(weight[part[part != IGNORE].long()].sum()) for part in labels]
    return [one / total for one in sums] if (total := sum(sums)) else [1 / len(labels)] * len(labels)


def near(samples: Samples, device: torch.device) -> Samples:
    """The samples on the device where they fit, else where they are."""
    if device.type == "cuda" and samples.bytes < SHARE_OF_GPU * torch.cuda.mem_get_info(device)[0]:
        return samples.to(device)
    return samples


def mixed(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Where the forward pass computes in half precision what bears it."""
    half = HALF_TYPES.get(precision)
    return torch.autocast(device.type, half) if half else nullcontext()
