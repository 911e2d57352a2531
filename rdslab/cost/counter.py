"""Counting by observation, fast by composition: each distinct node is watched once on `meta` tensors and remembered."""

import marshal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import extra_outputs
from rdslab.cost.operators import kernel_of, tensors
from rdslab.errors import RdslabError, SpecError
from rdslab.network import check_size, units_of
from rdslab.node import TRAINING_OPTIONS, without_training
from rdslab.records import Cost, Kernel, NodeCost, Size
from rdslab.resolve import Unit, check_classes
from rdslab.spec import IMAGE, Net, Node


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


@dataclass(frozen=True)
class Observed:
    """A node on given maps: its cost and the maps it gives."""

    cost: NodeCost
    sums: tuple[int, ...]  # the cost's figures in the order of SUMMED
    gives: Map
    extra: Mapping[str, Map]  # second outputs, by name


SUMMED = ("params", "macs", "activations", "elements", "bytes")
_MEMO: dict[tuple[Any, ...], dict[tuple[Any, ...], Observed]] = {}  # a table for each width and number of classes
_MEMO_VERSION = [BLOCKS.version]
MOST_TABLES, MOST_NODES = 64, 1 << 15  # remembered at most; a full memo begins anew


def count(net: Net, size: Size, classes: int, *, training: bool = False) -> Cost:
    """The cost of the net's inference form at one image of `size`. Exact: every node was observed at its real shape.

    With `training` the nodes that only training has, auxiliary heads, are counted in; dropout never costs anything. A
    node that was seen before, at the same shape, costs a look-up. Raises SpecError where the net cannot be built, is
    given too small an image, or holds an operator that nothing is known of.
    """
    check_classes(classes)
    check_size(net, size)
    memo = _memo(net.width, classes)
    maps: dict[str, Map] = {IMAGE: Map(3, size.height, size.width)}
    map_of = maps.__getitem__
    found: list[Observed] = []
    units: Mapping[str, list[Unit]] | None = None
    for node in net.nodes:
        if node.training and not training:
            continue
        try:
            given = tuple(map(map_of, node.inputs))
            like = map_of(node.like) if node.like is not None else None
        except KeyError:
            units_of(_counted(net, training), classes)  # says what is wrong with the name
            raise
        options = _options(node) if node.options or node.cycle else ()
        key = (node.id, node.block, node.channels, node.repeat, node.stride, node.up, options, given, like)
        seen = memo.get(key)
        if seen is None:
            units = units or _units_by_node(_counted(net, training), classes)
            seen = observe(node, units[node.id], given, like)
            _remember(memo, key, seen)
        maps[node.id] = seen.gives
        if seen.extra:
            maps |= {f"{node.id}:{name}": value for name, value in seen.extra.items()}
        found.append(seen)
    answer = maps[net.output.id] if training else found[-1].gives
    if answer[:3] != (classes, size.height, size.width):
        _refuse(net, answer, size, classes)
    params, macs, activations, elements, moved = map(sum, zip(*[seen.sums for seen in found], strict=True))
    parts = tuple([seen.cost for seen in found])
    return Cost(net.name, size, classes, params, macs, activations, elements, moved, parts)


def _memo(width: float, classes: int) -> dict[tuple[Any, ...], Observed]:
    if _MEMO_VERSION[0] != BLOCKS.version:  # a block was registered anew: what was seen may be of another class
        _MEMO.clear()
        _MEMO_VERSION[0] = BLOCKS.version
    try:
        return _MEMO[width, classes]
    except KeyError:
        if len(_MEMO) >= MOST_TABLES:
            _MEMO.clear()
        return _MEMO.setdefault((width, classes), {})


def _remember(memo: dict[tuple[Any, ...], Observed], key: tuple[Any, ...], seen: Observed) -> None:
    if len(memo) >= MOST_NODES:
        memo.clear()
    memo[key] = seen


def _options(node: Node) -> tuple[Any, ...]:
    """The options without those of training, as what can be looked up: in bytes 0, 0.0 and False differ."""
    options, cycle = dict(node.options), dict(node.cycle)
    for name in TRAINING_OPTIONS:
        options.pop(name, None)
        cycle.pop(name, None)
    try:
        return marshal.dumps((options, cycle), 2), node.inherited
    except ValueError:  # a value that is no plain data
        return repr((options, cycle)), node.inherited


def _counted(net: Net, training: bool) -> Net:
    """The form that is counted: without dropout, and without the heads unless they are asked for."""
    return replace(net, nodes=tuple(map(without_training, net.nodes))) if training else net.inference()


def _units_by_node(net: Net, classes: int) -> dict[str, list[Unit]]:
    found: dict[str, list[Unit]] = {}
    for unit in units_of(net, classes):
        found.setdefault(unit.node.id, []).append(unit)
    return found


def _refuse(net: Net, answer: Map, size: Size, classes: int) -> None:
    units_of(net, classes)  # says it better where it can be seen on paper
    got = f"{answer.channels} x {answer.width}x{answer.height}"
    raise SpecError(
        f"answers with {got} for an image of {size}, not with {classes} x {size}",
        "end with {id: up, block: bilinear_up, like: image}",
        where=net.output.where or net.where,
    )


def observe(node: Node, units: Sequence[Unit], given: Sequence[Map], like: Map | None) -> Observed:
    """Run the units of one node on `meta` tensors and write down every operator."""
    maps = [value.tensor() for value in given]
    kernels: list[Kernel] = []
    params = 0
    for index, unit in enumerate(units):
        with torch.device("meta"):
            module = unit.module().eval()
        params += sum(p.numel() for p in module.parameters())
        size = (like.height, like.width) if like is not None and index == 0 else None
        out, launched = watch(module, maps, node, size)
        kernels += launched
        maps = [out[0]]
    names = extra_outputs(units[-1].entry.value)
    _check_outputs(node, out, names)
    gives = Map.of(out[0])
    extra = {name: Map.of(t) for name, t in zip(names, out[1:], strict=True)}
    cost = NodeCost(
        id=node.id,
        block=node.block,
        params=params,
        macs=sum(k.macs for k in kernels),
        activations=sum(k.elems_out for k in kernels if k.macs),
        elements=sum(k.elems_out for k in kernels),
        bytes=sum(k.bytes for k in kernels),
        channels=gives.channels,
        height=gives.height,
        width=gives.width,
        kernels=tuple(kernels),
    )
    return Observed(cost, tuple(getattr(cost, name) for name in SUMMED), gives, extra)


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
