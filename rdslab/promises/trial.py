"""A block as it is tried: built at some channels, given weights and inputs, and run."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, get_args, get_origin

import torch
from torch import Tensor, nn

from rdslab.blocks.registry import BLOCKS, defaults_of, needs_size, takes_size

CHANNELS = ((16, 16), (16, 32), (32, 16), (3, 16), (16, 19))
SIZES = ((24, 32), (25, 33))  # height and width, even and odd
IMAGES = 2


class Broken(Exception):
    """A promise that a block does not keep, in words."""


@dataclass(frozen=True)
class Trial:
    """A block at given channels and options."""

    name: str
    in_channels: int | tuple[int, ...]
    out_channels: int
    options: Mapping[str, Any]

    def __str__(self) -> str:
        usual = defaults_of(BLOCKS[self.name])
        plain = [f"{key}={value!r}" for key, value in self.options.items() if value != usual[key]]
        return f"{self.name}({', '.join([f'{self.in_channels} -> {self.out_channels}', *plain])})"

    def module(self, seed: int = 0) -> nn.Module:
        """A new module with first weights from the seed. Raises ValueError or TypeError where the block refuses."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return BLOCKS[self.name](self.in_channels, self.out_channels, **self.options)

    def inputs(self, height: int, width: int) -> list[Tensor]:
        """Two images' worth of maps, one map for each of `in_channels`, or what the block's `example_inputs` makes."""
        each = self.in_channels if isinstance(self.in_channels, tuple) else (self.in_channels,)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            maps = [torch.randn(IMAGES, channels, height, width) for channels in each]
            make = getattr(BLOCKS[self.name], "example_inputs", None)
            return list(make(maps, dict(self.options))) if make else maps

    def calls(self, height: int, width: int) -> list[tuple[int, int] | None]:
        """The sizes that the block is asked for: None where it may be, and for one that resizes what `like:` gives."""
        block = BLOCKS[self.name]
        if not takes_size(block):
            return [None]
        if getattr(block, "shrinks", False):
            return [(height // 2, width // 2), (height // 2 + 1, width // 2)]
        up, usual = int(self.options.get("up", 1)), defaults_of(block).get("up", 1)
        if up == 1 != usual:
            return [None, (height, width)]
        by = max(up, 2)
        return [*([] if needs_size(block) else [None]), (height * by, width * by), (height * by + 1, width * by + 1)]

    def run(self, module: nn.Module, inputs: Sequence[Tensor], size: tuple[int, int] | None = None) -> list[Tensor]:
        """The outputs, the first in front. Raises Broken for whatever the block raises."""
        if size is None and needs_size(BLOCKS[self.name]):
            size = self.calls(*inputs[0].shape[2:])[-1]
        try:
            result = module(*inputs, size=size) if size else module(*inputs)
        except Exception as error:
            sizes = " and ".join(f"{x.shape[3]}x{x.shape[2]}" for x in inputs)
            words = str(error).strip().partition("\n")[0]
            raise Broken(f"{self} fails on {sizes}: {type(error).__name__}: {words}") from error
        found = list(result) if isinstance(result, (tuple, list)) else [result]
        if not found or not all(isinstance(value, Tensor) for value in found):
            raise Broken(f"{self} must return a tensor, or tensors in a tuple")
        return found


Finding = tuple[Trial, str]


def told(promise: Callable[[str], Iterable[Finding]]) -> Callable[[str], list[str]]:
    """What a promise found, the first of each kind in words; what stopped it is the last sentence."""

    @wraps(promise)
    def sentences(name: str) -> list[str]:
        kinds: dict[str, list[str]] = {}
        last = []
        try:
            for trial, what in promise(name):
                kinds.setdefault(re.sub(r"\d+", "", what), []).append(f"{trial} {what}")
        except Broken as broken:
            last = [str(broken)]
        except Exception as error:  # in what a block says of itself: `canonical`, `example_inputs`, ...
            last = [f"{name} fails: {type(error).__name__}: {error}"]
        firsts = [f"{first}{f' (and {len(more)} more like it)' if more else ''}" for first, *more in kinds.values()]
        return [*firsts, *last]

    return sentences


def built(name: str, options: Mapping[str, Any]) -> tuple[list[Trial], str]:
    """The block at every pair of channels that it takes with these options, and what it said of the last that failed.

    Raises Broken for an error in the block other than ValueError and TypeError, by which a block refuses.
    """
    found, refusal = [], ""
    for inside, outside in _channels(name):
        trial = Trial(name, inside, outside, options)
        try:
            trial.module()
        except (ValueError, TypeError) as error:
            refusal = str(error)
            continue
        except Exception as error:
            raise Broken(
                f"{trial} cannot be built: {type(error).__name__}: {error}; a block refuses with ValueError"
            ) from error
        found.append(trial)
    return found, refusal


def trials(name: str, options: Mapping[str, Any]) -> list[Trial]:
    """The block at every pair of channels that it takes with these options. Raises Broken where it takes none."""
    found, refusal = built(name, options)
    if not found:
        raise Broken(f"{name} with {dict(options)} cannot be built at any channels that were tried: {refusal}")
    return found


def _channels(name: str) -> Iterator[tuple[int | tuple[int, ...], int]]:
    parameters = list(inspect.signature(BLOCKS[name], eval_str=True).parameters.values())
    annotation = parameters[0].annotation if parameters else int
    members = [annotation, *get_args(annotation)]
    joins = [part for part in members if get_origin(part) is tuple]
    pairs: list[tuple[int | tuple[int, ...], int]] = []
    if not joins or int in members:
        pairs += CHANNELS
    for join in joins:
        parts = get_args(join)
        for count in (2, 3) if Ellipsis in parts else (len(parts),):
            pairs += [((16,) * count, 16), ((16,) * count, 32), ((16, *(8,) * (count - 1)), 16)]
    derive = getattr(BLOCKS[name], "derive_channels", lambda channels: channels)
    for inside in list(dict.fromkeys(pair[0] for pair in pairs)):
        try:
            pairs.append((inside, int(derive(inside))))
        except (ValueError, TypeError):
            continue
    yield from dict.fromkeys(pairs)


def fill(module: nn.Module, trial: Trial, inputs: Sequence[Tensor]) -> nn.Module:
    """The module with weights that depend on a parameter's shape and place in the order of execution alone.

    Two settings of one block so have the same weights as far as their parameters agree. Vectors are positive: they are
    scales, shifts and variances, and few channels are dead behind a ReLU.
    """
    order: list[nn.Module] = []
    hooks = [m.register_forward_pre_hook(lambda m, _: order.append(m)) for m in module.modules()]
    module.eval()
    with torch.no_grad():
        trial.run(module, inputs)
    for hook in hooks:
        hook.remove()
    seen: dict[tuple[int, ...], int] = {}
    for part in dict.fromkeys([*order, *module.modules()]):
        running = [getattr(part, statistic, None) for statistic in ("running_mean", "running_var")]
        for tensor in [*part.parameters(recurse=False), *[t for t in running if t is not None]]:
            shape = tuple(tensor.shape)
            seen[shape] = seen.get(shape, -1) + 1
            draw = torch.Generator().manual_seed(hash((*shape, seen[shape])) % 2**63)
            fan_in = max(1, tensor[0].numel()) if tensor.dim() > 1 else 1
            drawn = torch.randn(shape, generator=draw) / fan_in**0.5
            tensor.data.copy_(drawn if tensor.dim() > 1 else drawn.abs() + 0.5)
    return module
