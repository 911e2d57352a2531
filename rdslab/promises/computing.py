"""Promises of what a block computes: its shape, its gradients, and images that keep apart."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, product
from typing import Any

import torch
from torch import Tensor

from rdslab.blocks.registry import BLOCKS, NODE_KEYS, defaults_of, extra_features
from rdslab.promises.trial import IMAGES, SIZES, Broken, Finding, Trial, built, fill, told, trials
from rdslab.promises.values import bases, valid, values

VALUES_TRIED = 3  # of an option, besides its default
LARGEST_STEP = 4  # of the strides and enlargements that are tried


@told
def shapes(name: str) -> Iterator[Finding]:
    """Every stride and enlargement at even and odd sizes, with the same and with other channels."""
    for trial, size in product(_node_settings(name), SIZES):
        yield from _shape(trial, *size)


def _node_settings(name: str) -> Iterator[Trial]:
    base = starting(name)
    keys = [key for key in NODE_KEYS if key in defaults_of(BLOCKS[name])]
    steps = [[value for value in values(name, key) if 1 <= value <= LARGEST_STEP] for key in keys]
    for chosen in product(*steps):
        options = valid(name, {**base, **dict(zip(keys, chosen, strict=True))})
        yield from built(name, options)[0] if options is not None else ()


def starting(name: str) -> dict[str, Any]:
    """The first options that the block can be built with. Raises Broken where there are none."""
    refusal = "no value of a required option is known"
    for base in bases(name):
        found, refusal = built(name, base)
        if found:
            return base
    raise Broken(f"{name} cannot be built at any channels that were tried: {refusal}")


def _shape(trial: Trial, height: int, width: int) -> Iterator[Finding]:
    inputs, module = trial.inputs(height, width), trial.module().eval()
    extra = extra_features(BLOCKS[trial.name], trial.in_channels, trial.out_channels)
    names = {"the output": trial.out_channels, **{f"output {name!r}": channels for name, channels in extra.items()}}
    stride, up = int(trial.options.get("stride", 1)), int(trial.options.get("up", 1))
    for size in trial.calls(*inputs[0].shape[2:]):
        with torch.no_grad():
            outputs = trial.run(module, inputs, size)
        if len(outputs) != len(names):
            yield trial, f"returns {len(outputs)} outputs, but its extra_outputs make {len(names)}"
        rows, columns = [[n] for n in size] if size else [_sides(n * up, stride) for n in inputs[0].shape[2:]]
        for (name, channels), output in zip(names.items(), outputs, strict=False):
            n, c, *sides = output.shape
            right = (n, c) == (IMAGES, channels) and len(sides) == 2
            if not right or sides[0] not in rows or sides[1] not in columns:
                promised = f"{IMAGES} x {channels} x {rows[0]} x {columns[0]}"
                got = " x ".join(map(str, output.shape))
                yield trial, f"promises n c h w {promised} for an image of {width}x{height}, but {name} is {got}"


def _sides(length: int, stride: int) -> list[int]:
    return [length // stride, -(-length // stride)]


def every_setting(name: str) -> Iterator[Trial]:
    """The block with its defaults and with each other value of each option, at the first channels that it takes."""
    base = starting(name)
    acts_with: Mapping[str, Mapping[str, Any]] = BLOCKS.entry(name).acts_with
    yield trials(name, base)[0]
    for option in base:
        others = [{**base, **acts_with.get(option, {}), option: value} for value in values(name, option)[1:]]
        settings = (options for other in others if (options := valid(name, other)) is not None)
        buildable = (built(name, options)[0][:1] for options in settings)
        yield from islice(chain.from_iterable(buildable), VALUES_TRIED)


@told
def learns(name: str) -> Iterator[Finding]:
    """Every parameter gets a gradient that is finite and not zero, whatever the options."""
    for trial in every_setting(name):
        inputs = trial.inputs(*SIZES[0])
        module = fill(trial.module(), trial, inputs)
        weighted(trial.run(module, inputs))
        for label, parameter in module.named_parameters():
            if parameter.grad is None or not parameter.grad.any():
                yield trial, f"has a parameter {label!r} that gets no gradient: it does not learn"
            elif not parameter.grad.isfinite().all():
                yield trial, f"has a parameter {label!r} whose gradient is not finite"


def weighted(outputs: Sequence[Tensor]) -> None:
    """Run backward from a fixed random weighting of the outputs: a plain sum is blind behind a normalisation."""
    draw = torch.Generator().manual_seed(1)
    floats = [value for value in outputs if value.is_floating_point() and value.requires_grad]
    losses = [(value * torch.randn(value.shape, generator=draw)).sum() for value in floats]
    if losses:
        torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]


@told
def images_apart(name: str) -> Iterator[Finding]:
    """In evaluation an image's answer does not depend on the other images of its batch."""
    for trial in every_setting(name):
        inputs = trial.inputs(*SIZES[0])
        module = fill(trial.module(), trial, inputs)
        other = [torch.cat([x[:1], x[1:].flip(3) * (-2 if x.is_floating_point() else 1)]) for x in inputs]
        with torch.no_grad():
            ones, others = trial.run(module, inputs), trial.run(module, other)
        if not all(torch.allclose(a[0], b[0], 1e-4, 1e-5) for a, b in zip(ones, others, strict=True)):
            yield trial, "mixes the images of a batch"


@told
def steady(name: str) -> Iterator[Finding]:
    """In evaluation the same image gives the same finite answer again."""
    for trial in every_setting(name):
        inputs = trial.inputs(*SIZES[0])
        module = fill(trial.module(), trial, inputs)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            first, second = trial.run(module, inputs), trial.run(module, inputs)
        if not all(output.isfinite().all() for output in first):
            yield trial, "gives numbers that are not finite"
        elif not all(torch.equal(a, b) for a, b in zip(first, second, strict=True)):
            yield trial, "gives two answers to one image in evaluation"
