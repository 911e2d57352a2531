"""One unit watched on `meta` tensors: what it gives, and a kernel for every operator that it calls."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from rdslab.blocks.registry import extra_outputs
from rdslab.cost.operators import kernel_of, tensors
from rdslab.errors import RdslabError, SpecError
from rdslab.records import Kernel, canonical_json
from rdslab.resolve import Unit
from rdslab.spec import Node

MOST_UNITS = 1 << 15  # remembered at most; a full memo begins anew


class Map(NamedTuple):
    """What flows between nodes, of one image."""

    channels: int
    height: int
    width: int
    dtype: torch.dtype = torch.float32  # second outputs may be whole numbers: indices

    @classmethod
    def of(cls, t: Tensor) -> "Map":
        return cls(int(t.shape[1]), int(t.shape[2]), int(t.shape[3]), t.dtype)

    def tensor(self) -> Tensor:
        return torch.empty(1, *self[:3], dtype=self.dtype, device="meta")


class Watched(NamedTuple):
    """A unit on given maps: its parameters, its kernels and the maps it gives."""

    params: int
    kernels: tuple[Kernel, ...]
    gives: tuple[Map, ...]


_UNITS: dict[tuple[Any, ...], Watched] = {}


def forget_units() -> None:
    """Begin anew: a block was registered anew, and what was seen may be of another class."""
    _UNITS.clear()


def watched_unit(unit: Unit, given: tuple[Map, ...], size: tuple[int, int] | None) -> Watched:
    """What one unit of a node costs and gives, remembered: repeats that differ in nothing are watched once."""
    key = (unit.entry.name, unit.in_channels, unit.out, canonical_json(unit.options), given, size)
    seen = _UNITS.get(key)
    if seen is None:
        with torch.device("meta"):
            module = unit.module().eval()
        out, kernels = watch(module, [value.tensor() for value in given], unit.node, size)
        _check_outputs(unit.node, out, extra_outputs(unit.entry.value))
        params = sum(p.numel() for p in module.parameters())
        seen = Watched(params, tuple(kernels), tuple([Map.of(t) for t in out]))
        if len(_UNITS) >= MOST_UNITS:
            _UNITS.clear()
        _UNITS[key] = seen
    return seen


def _check_outputs(node: Node, out: Sequence[Tensor], names: Sequence[str]) -> None:
    """Raises SpecError unless a block gave the maps that it promises."""
    if len(out) != 1 + len(names) or any(t.dim() != 4 for t in out):
        shapes = ", ".join(" x ".join(map(str, t.shape)) for t in out) or "no tensor"
        promised = f"one map n c h w{''.join(f', then {name}' for name in names)}"
        raise SpecError(f"block {node.block!r} gives {shapes}", f"it should give {promised}", where=node.where)


def watch(
    module: nn.Module, maps: Sequence[Tensor], node: Node, size: tuple[int, int] | None = None
) -> tuple[list[Tensor], list[Kernel]]:
    """What a module gives and the kernels it launches, on maps of any device.

    Raises SpecError in the name of `node` where the module fails or an operator is unknown.
    """
    weights = {id(t) for t in (*module.parameters(), *module.buffers())}
    kernels: list[Kernel] = []
    try:
        with torch.inference_mode(), _Recorder(node, weights, kernels):
            out = module(*maps, size=size) if size else module(*maps)
    except RdslabError:
        raise
    except Exception as error:
        sizes = ", ".join(f"{m.shape[1]} x {m.shape[3]}x{m.shape[2]}" for m in maps)
        where = node.where or f"node {node.id!r}"
        raise SpecError(f"block {node.block!r} cannot compute on {sizes}: {error}", where=where) from error
    return tensors(out), kernels


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down the kernel of each operator that is called."""

    def __init__(self, node: Node, weights: set[int], kernels: list[Kernel]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.node, self.weights, self.kernels = node, weights, kernels

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        op = str(func).rpartition(".")[0]  # aten.conv2d.default -> aten.conv2d
        out = func(*args, **(kwargs or {}))
        try:
            kernel = kernel_of(op, [*args, *(kwargs or {}).values()], out, self.weights)
        except KeyError:
            with self:
                parts = func.decompose(*args, **(kwargs or {}))
            if parts is NotImplemented:
                raise self._unknown(op) from None
            return parts
        if kernel is not None:
            self.kernels.append(kernel)
        return out

    def _unknown(self, op: str) -> SpecError:
        return SpecError(
            f"no cost known for {op.replace('.', '::')} in node {self.node.id!r} (block {self.node.block!r})",
            "give it a handle in COUNTED, or a place in MOVED or FREE, in rdslab/cost/operators.py",
            where=self.node.where,
        )
