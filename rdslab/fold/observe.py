"""Runs of a network on zeros, operator by operator: who computed what from what."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from rdslab.network import Network

STEP = 64  # an image of a multiple of it halves without rest, one more leaves a rest at every halving


@dataclass(frozen=True, eq=False)
class Call:
    """One operator: `max_pool2d_with_indices`, the innermost module that called it, what it read and gave."""

    op: str
    owner: str
    arguments: dict[str, Any]  # by their names in torch's schema, defaults filled in
    reads: tuple[Tensor, ...]
    gives: tuple[Tensor, ...]


@dataclass(eq=False)
class Run:
    """A network's way from the image to the answer. Its calls hold all maps, so an `id` is one map's."""

    calls: list[Call] = field(default_factory=list)
    modules: Counter[str] = field(default_factory=Counter)  # how often each module ran
    outputs: dict[int, str] = field(default_factory=dict)  # map -> the module without parts that gave it
    image: Tensor = field(default_factory=lambda: torch.empty(0))
    answer: Tensor = field(default_factory=lambda: torch.empty(0))


def hollow(network: Network) -> Network:
    """The same network with zeros for weights, which take no memory: a small image runs faster so than on `meta`."""

    def zeros(like: Tensor) -> Tensor:
        return torch.zeros((), dtype=torch.float32 if like.is_floating_point() else like.dtype).expand(like.shape)

    memo: dict[int, Any] = {id(buffer): zeros(buffer) for buffer in network.buffers()}
    for weight in network.parameters():
        memo[id(weight)] = nn.Parameter(zeros(weight), requires_grad=False)
    return deepcopy(network, memo).eval()


def observe(network: Network) -> tuple[Run, Run]:
    """Two runs of a hollow network, at an even and at an odd size: blocks pad and resize at one, not at both."""
    least = network.net.smallest
    height, width = (-(-side // STEP) * STEP for side in (least.height, least.width + 1))
    return _run(network, height, width), _run(network, height + 1, width + 1)


def _run(network: Network, height: int, width: int) -> Run:
    run = Run(image=torch.zeros(1, 3, height, width))
    with torch.no_grad(), _hooked(network, run) as stack, _Recorder(run, stack):
        run.answer = network(run.image)
    return run


@contextmanager
def _hooked(network: nn.Module, run: Run) -> Iterator[list[str]]:
    """The names of the modules that are running, innermost last."""
    stack = [""]
    handles = []
    for name, module in network.named_modules():
        enter, leave = _hooks(name, run, stack)
        handles += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        yield stack
    finally:
        for handle in handles:
            handle.remove()


def _hooks(name: str, run: Run, stack: list[str]) -> tuple[Callable[..., None], Callable[..., None]]:
    def enter(module: nn.Module, given: Any) -> None:  # noqa: ARG001
        stack.append(name)
        run.modules[name] += 1

    def leave(module: nn.Module, given: Any, out: Any) -> None:  # noqa: ARG001
        stack.pop()
        if isinstance(out, Tensor) and not list(module.children()):
            run.outputs.setdefault(id(out), name)  # an Identity outside gives the same map again

    return enter, leave


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down every operator."""

    def __init__(self, run: Run, stack: list[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.run, self.stack = run, stack

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        arguments = {
            argument.name: args[i] if i < len(args) else kwargs.get(argument.name, argument.default_value)
            for i, argument in enumerate(func._schema.arguments)
        }
        self.run.calls.append(
            Call(func.overloadpacket.__name__, self.stack[-1], arguments, _maps((*args, *kwargs.values())), _maps(out))
        )
        return out


def _maps(values: Any) -> tuple[Tensor, ...]:
    """The tensors among an operator's arguments or results, which may stand in lists."""
    if isinstance(values, Tensor):
        return (values,)
    return tuple(found for value in values for found in _maps(value)) if isinstance(values, (tuple, list)) else ()
