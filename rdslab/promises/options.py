"""The promise that every option changes what is computed: a lost `dilation` changes no shape, no MAC, no parameter."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import torch
from torch import Tensor, nn

from rdslab.blocks.registry import BLOCKS, defaults_of
from rdslab.promises.computing import starting, weighted
from rdslab.promises.trial import SIZES, Broken, Trial, built, fill
from rdslab.promises.values import annotation_of, closed, valid, values

PAIRS_TRIED = 3  # of input and output channels


def option_names(name: str) -> list[str]:
    """Every option of a block, `stride` and `up` among them, that has more than one value."""
    return [
        option
        for option in defaults_of(BLOCKS[name])
        if not closed(annotation_of(name, option)) or len(values(name, option)) > 1
    ]


def options_act(name: str) -> list[str]:
    """Every option changes what is computed."""
    return [lost for option in option_names(name) if (lost := lost_option(name, option))]


def lost_option(name: str, option: str) -> str:
    """Why an option is lost, in words, or "" where it changes what is computed.

    Of `true/false` and of named values each has to differ from each other one; of numbers one other value has to. An
    option that acts only with another is tried with the setting that its registration names (`acts_with`).
    """
    try:
        base = {**starting(name), **BLOCKS.entry(name).acts_with.get(option, {})}
        tried = values(name, option)
        if len(tried) < 2:
            kind = annotation_of(name, option)
            return f"option {option!r} of {name}: no other value can be worked out from its type, {kind}"
        if closed(annotation_of(name, option)):
            return next(filter(None, (_compare(name, base, option, a, b) for a, b in combinations(tried, 2))), "")
        verdicts = [_compare(name, base, option, tried[0], tried[1])]
        for value in tried[2:]:
            if "" in verdicts:
                break
            verdicts.append(_compare(name, base, option, tried[0], value))
    except Broken as broken:
        return f"option {option!r} of {name}: {broken}"
    return "" if "" in verdicts else next((v for v in verdicts if "changes nothing" in v), verdicts[0])


def _compare(name: str, base: Mapping[str, Any], option: str, one: Any, other: Any) -> str:
    """ "" if two values of an option compute different things, else the words for it."""
    settings = [valid(name, {**base, option: value}) for value in (one, other)]
    if settings[0] is None or settings[1] is None:
        return f"option {option!r} of {name} cannot be tried with {base}"
    firsts, refusal = built(name, settings[0])
    seconds, refused = built(name, settings[1])
    others = {(trial.in_channels, trial.out_channels): trial for trial in seconds}
    pairs = [(a, b) for a in firsts if (b := others.get((a.in_channels, a.out_channels)))]
    if not pairs:
        return f"option {option!r} of {name}: {one!r} and {other!r} cannot be built alike: {refusal or refused}"
    failed = ""
    for a, b in pairs[:PAIRS_TRIED]:
        try:
            if _differ(a, b):
                return ""
        except Broken as broken:
            failed = f"option {option!r} of {name}: {broken}"
    return failed or f"option {option!r} of {name} changes nothing: {one!r} and {other!r} compute the same"


def _differ(a: Trial, b: Trial) -> bool:
    inputs = a.inputs(*SIZES[1])  # what acts at an even size acts at an odd one, not the other way round
    for size, ready in product(a.calls(*inputs[0].shape[2:]), (_filled, _fresh)):
        ones = _outcomes(a, ready(a, inputs), inputs, size)
        others = _outcomes(b, ready(b, inputs), inputs, size)
        if any(_unlike(x, y) for x, y in zip(ones, others, strict=True)):
            return True
    return False


def _filled(trial: Trial, inputs: Sequence[Tensor]) -> nn.Module:
    return fill(trial.module(), trial, inputs)


def _fresh(trial: Trial, inputs: Sequence[Tensor]) -> nn.Module:  # noqa: ARG001
    """The first weights as the block draws them: an option may be about these."""
    return trial.module()


def _outcomes(
    trial: Trial, module: nn.Module, inputs: Sequence[Tensor], size: tuple[int, int] | None
) -> Iterator[list[Tensor]]:
    """What is computed in evaluation, and in training with its gradients and running statistics."""
    for training in (False, True):
        module.train(training)
        given = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            outputs = trial.run(module, given, size)
        weighted(outputs)
        yield [*outputs, *[x.grad for x in given if x.grad is not None], *module.buffers()]


def _unlike(ones: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return len(ones) != len(others) or not all(map(_alike, ones, others))


def _alike(a: Tensor, b: Tensor) -> bool:
    same_kind = a.shape == b.shape and a.dtype == b.dtype
    return same_kind and torch.allclose(a.double(), b.double(), 1e-5, 1e-6, equal_nan=True)
