"""The promises behind a canonical id: plainer options reach as far, give the same shape and need no more parameters."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import torch
from torch import Tensor, nn

from rdslab.blocks.registry import BLOCKS, Permutation
from rdslab.promises.computing import every_setting
from rdslab.promises.trial import SIZES, Finding, Trial, fill, told
from rdslab.promises.values import valid

ALIVE = 10.0


@told
def identities(name: str) -> Iterator[Finding]:
    """`canonical` and `unpermuted` give options that can compute the same; `permutation` says one of its three words.

    That the functions are the same cannot be decided from outside. What must hold for it is tried: the output's shape,
    no more parameters, and the same pixels and as many channels of the input reached from the output.
    """
    for trial in every_setting(name):
        yield from _plainer(trial, "canonical")
        yield from _plainer(trial, "unpermuted")
        says = getattr(BLOCKS[name], "permutation", None)
        if says and says(dict(trial.options)) not in get_args(Permutation):
            yield trial, f"has a `permutation` that must say one of {', '.join(get_args(Permutation))}"


def _plainer(trial: Trial, method: str) -> Iterator[Finding]:
    plainer = getattr(BLOCKS[trial.name], method, None)
    if plainer is None:
        return
    given: Mapping[str, Any] = plainer(dict(trial.options))
    options = valid(trial.name, given)
    if options is None or set(options) != set(given):
        yield trial, f"has a `{method}` that gives options which the block does not take: {dict(given)}"
    elif plainer(dict(options)) != options:
        yield trial, f"has a `{method}` that is not at rest after one step"
    elif options != trial.options:
        plain = Trial(trial.name, trial.in_channels, trial.out_channels, options)
        wrong = _worse(trial, plain)
        if wrong:
            yield trial, f"has a `{method}` that gives {plain}, which {wrong}"


def _worse(trial: Trial, plain: Trial) -> str:
    try:
        if _parameters(plain) > _parameters(trial):
            return "has more parameters"
    except (ValueError, TypeError) as error:
        return f"cannot be built: {error}"
    same = all(torch.equal(a, b) for a, b in zip(_reach(trial), _reach(plain), strict=True))
    return "" if same else "computes something else"


def _parameters(trial: Trial) -> int:
    return sum(parameter.numel() for parameter in trial.module().parameters())


def _reach(trial: Trial) -> tuple[Tensor, Tensor, Tensor]:
    """The output's shape, the input's pixels behind its middle pixel, the input's channels behind each of its channels.

    The last are numbers, sorted: an order of channels makes no difference.
    """
    inputs = trial.inputs(*SIZES[1])
    module = fill(trial.module(), trial, inputs)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None:
            part.running_mean -= ALIVE  # a channel that is dead behind a ReLU with one setting only would look cut off
    first = inputs[0][:1].requires_grad_()
    output = trial.run(module, [first, *[x[:1] for x in inputs[1:]]])[0]
    middle = output[0, :, output.shape[2] // 2, output.shape[3] // 2].sum()
    (pixels,) = torch.autograd.grad(middle, first, retain_graph=True)
    connected = [torch.autograd.grad(channel.sum(), first, retain_graph=True)[0] for channel in output[0]]
    counts = torch.tensor([int((g != 0).any(dim=(0, 2, 3)).sum()) for g in connected])
    return torch.tensor(output.shape), (pixels != 0).any(dim=1), counts.sort().values
