"""Optimisers and learning rate schedules: torch's own, by the names a recipe has for them."""

from collections.abc import Iterable
from typing import Any

from torch import nn, optim
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, PolynomialLR, ReduceLROnPlateau

from rdslab.train.recipe import Recipe

POLY_POWER = 0.9
HALF = 0.5


def make_optimiser(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
    """The recipe's optimiser; weight decay is an L2 term with adam and sgd, decoupled with adamw."""
    if recipe.optimiser == "sgd":
        return optim.SGD(parameters, lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay)
    kind = optim.AdamW if recipe.optimiser == "adamw" else optim.Adam
    return kind(parameters, lr=recipe.lr, weight_decay=recipe.weight_decay)


class Schedule:
    """When the learning rate changes: after a step or after an epoch."""

    def __init__(self, recipe: Recipe, optimiser: optim.Optimizer, steps: int) -> None:
        """`steps`: those of one epoch."""
        self.recipe, self.optimiser = recipe, optimiser
        self.rates: LRScheduler | None = None
        if recipe.schedule == "stall":
            self.rates = ReduceLROnPlateau(optimiser, factor=HALF, patience=recipe.patience, eps=0.0)
        elif recipe.schedule == "poly":
            self.rates = PolynomialLR(optimiser, total_iters=recipe.epochs, power=POLY_POWER)
        elif recipe.schedule == "one_cycle":
            cycle = recipe.optimiser != "sgd"  # of SGD the recipe gives the momentum itself
            self.rates = OneCycleLR(optimiser, recipe.lr, total_steps=recipe.epochs * steps, cycle_momentum=cycle)

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return float(self.optimiser.param_groups[0]["lr"])

    @property
    def stalled(self) -> bool:
        """Whether the rate has fallen so low that training ends."""
        return self.recipe.schedule == "stall" and self.lr < self.recipe.min_lr

    def after_step(self) -> None:
        if isinstance(self.rates, OneCycleLR):
            self.rates.step()

    def after_epoch(self, loss: float) -> None:
        """`loss`: the epoch's mean training loss."""
        if isinstance(self.rates, ReduceLROnPlateau):
            self.rates.step(loss)
        elif isinstance(self.rates, PolynomialLR):
            self.rates.step()

    def state_dict(self) -> dict[str, Any]:
        return self.rates.state_dict() if self.rates else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.rates:
            self.rates.load_state_dict(state)
