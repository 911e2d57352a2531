"""The registry of blocks, and what a block may say of itself beside its signature.

A block is an `nn.Module` called as `(in_channels, out_channels, *, options)`; its keyword-only signature is its YAML
schema. `stride` and `up` are node keys, given to blocks that declare them. A block may further have

- `forward(x, size)`: it resizes to the real size (height, width) of the node that `like:` names; where `size` has no
  default, `like:` must be written,
- `shrinks`: true where `like:` asks it for a smaller map, not for a larger one,
- `resizes_inputs`: true where its inputs may come at several sizes; its output has the first one's,
- `extra_outputs`: names of second outputs, returned after the first in a tuple,
- `extra_channels(in_channels, out_channels)`: the channels of each, where they are not those of the first output,
- `derive_channels(in_channels)`: its channels where the net leaves them out; several inputs make a tuple,
- `example_inputs(maps, options)`: the inputs that its promises are tried on (rdslab/promises), where random maps, one
  for each of its in_channels, will not do: indices, or maps of different sizes,
- `canonical(options)`: the plainest options that compute the same class of functions,
- `unpermuted(options)`: options that compute the same up to the order of the output's channels,
- `permutation(options)`: what becomes of a reordering of its input's channels: it `"absorbs"` it into its weights,
  `"carries"` it on to its output, or `"sees"` it, because the order decides what is computed.
"""

import inspect
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import nn

from rdslab.registry import Registry
from rdslab.yamlio import options_model

BLOCKS: Registry[nn.Module] = Registry("block")

Whole = Annotated[int, Field(ge=1, le=1024)]
WholeOrNone = Annotated[int, Field(ge=0, le=1024)]  # 0: not at all
Share = Annotated[float, Field(ge=0, lt=1)]
Epsilon = Annotated[float, Field(gt=0, le=0.1)]  # what batch norm adds to a variance
Wholes = Annotated[tuple[Whole, ...], Field(min_length=1)]
Kernel = Whole | tuple[Whole, Whole]  # one side for both, or height and width
Permutation = Literal["absorbs", "carries", "sees"]
NODE_KEYS = ("stride", "up")


_DEFAULTS: dict[Any, dict[str, Any]] = {}


def defaults_of(block: type[nn.Module]) -> dict[str, Any]:
    """Every option of a block with its default, node keys included."""
    if block not in _DEFAULTS:
        _DEFAULTS[block] = _read_defaults(block)
    return _DEFAULTS[block]


def _read_defaults(block: type[nn.Module]) -> dict[str, Any]:
    return {name: field.default for name, field in options_model(block).model_fields.items()}


def takes_size(block: type[nn.Module]) -> bool:
    """Whether the block resizes to `like:`."""
    return "size" in inspect.signature(block.forward).parameters


def needs_size(block: type[nn.Module]) -> bool:
    """Whether the block cannot do without `like:`."""
    size = inspect.signature(block.forward).parameters.get("size")
    return size is not None and size.default is size.empty


def resizes_inputs(block: type[nn.Module]) -> bool:
    """Whether the block's inputs may come at several sizes."""
    return getattr(block, "resizes_inputs", False)


def extra_outputs(block: type[nn.Module]) -> Sequence[str]:
    """The names of a block's second outputs."""
    return getattr(block, "extra_outputs", ())


def extra_features(block: type[nn.Module], in_channels: int | tuple[int, ...], out_channels: int) -> dict[str, int]:
    """The names of a block's second outputs and their channels."""
    names = extra_outputs(block)
    own = getattr(block, "extra_channels", None)
    channels = own(in_channels, out_channels) if own else [out_channels] * len(names)
    return dict(zip(names, channels, strict=True))


def same_channels(in_channels: int, out_channels: int) -> None:
    """Raises ValueError unless a block that adds its input to its output can."""
    if in_channels != out_channels:
        raise ValueError(f"keeps its channels, but in is {in_channels} and out is {out_channels}")


def kept_channels(in_channels: int) -> int:
    """The channels of a block that keeps its input's unless told."""
    return in_channels


def carries(options: dict[str, object]) -> Permutation:  # noqa: ARG001
    """The `permutation` of a block whose output is reordered as its input is, whatever its options."""
    return "carries"


def absorbs(options: dict[str, object]) -> Permutation:  # noqa: ARG001
    """The `permutation` of a block that takes any order of its input into its weights, whatever its options."""
    return "absorbs"


def without_bias(options: dict[str, object]) -> dict[str, object]:
    """The `canonical` of a block whose bias stands before batch norm, which subtracts it again."""
    return {**options, "bias": False}


def divides(groups: int, channels: int, name: str) -> None:
    """Raises ValueError unless `channels` fall into `groups` equal groups."""
    if groups and channels % groups:
        raise ValueError(f"{name} (={groups}) must divide the channels (={channels})")
