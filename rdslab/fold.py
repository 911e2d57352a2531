"""The deployment form of a network: its training-only parts gone, batch norm folded into the convolutions before it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rdslab.network import Network, build

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


@dataclass(frozen=True)
class Folded:
    """A network in its deployment form, and what became of its batch norms, by module name."""

    network: Network
    into: dict[str, str]  # batch norm -> the convolution it is now part of
    left: dict[str, str]  # batch norm -> why it still stands


@dataclass
class _Seen:
    """One pass through a network: who gave each map and how many operators read it."""

    readers: dict[int, int] = field(default_factory=dict)
    gave: dict[int, str] = field(default_factory=dict)  # map -> the convolution that gave it
    read: dict[str, Tensor] = field(default_factory=dict)  # batch norm -> the map it read
    calls: dict[str, int] = field(default_factory=dict)
    held: list[Tensor] = field(default_factory=list)  # or an address might be given to a second map


def inference_form(network: Network) -> Network:
    """The network without what only training uses, with the same weights and precision, on the CPU."""
    form = build(network.net.inference(), network.classes)
    names = form.state_dict()
    state = network.state_dict()
    form.to(next((t.dtype for t in state.values() if t.is_floating_point()), torch.float32))
    form.load_state_dict({name: value for name, value in state.items() if name in names})
    return form.eval()


def fold(network: Network) -> Folded:
    """A copy of the network whose batch norms are folded, wherever one follows a convolution directly.

    The answers are those of the network in evaluation up to rounding. Who reads what is observed on `meta` tensors, so
    blocks of one's own fold too. A batch norm stays where its input is no convolution's output, or is read elsewhere
    as well; `left` says why.
    """
    form = inference_form(network)
    seen = _observe(build(network.net.inference(), network.classes))
    into: dict[str, str] = {}
    left: dict[str, str] = {}
    for name, module in list(form.named_modules()):
        if not isinstance(module, nn.BatchNorm2d):
            continue
        source, reason = _source(name, seen)
        if reason:
            left[name] = reason
            continue
        before = form.get_submodule(source)
        assert isinstance(before, CONVOLUTIONS)
        transposed = isinstance(before, nn.ConvTranspose2d)
        if transposed and before.groups > 1:
            left[name] = f"{source} is a transposed convolution in groups"
            continue
        form.set_submodule(source, fuse_conv_bn_eval(before, module, transposed))
        form.set_submodule(name, nn.Identity())
        into[name] = source
    return Folded(form, into, left)


def _source(name: str, seen: _Seen) -> tuple[str, str]:
    """The convolution that a batch norm can be folded into; or why there is none."""
    if name not in seen.read:
        return "", "it is not run by itself"
    given = id(seen.read[name])
    source = seen.gave.get(given, "")
    if not source:
        return "", "its input is not a convolution's output"
    if seen.calls[name] > 1 or seen.calls[source] > 1:
        return "", f"it or {source} runs more than once"
    if seen.readers[given] > 1:
        return "", f"the output of {source} is read elsewhere too"
    return source, ""


def _observe(network: Network) -> _Seen:
    """Run a network once on `meta` tensors at the least size it takes."""
    seen = _Seen()
    network = network.to("meta").eval()
    for name, module in network.named_modules():
        if isinstance(module, (*CONVOLUTIONS, nn.BatchNorm2d)):
            module.register_forward_hook(_hook(name, seen))
    least = network.net.smallest
    with torch.no_grad(), _Readers(seen):
        network(torch.empty(1, 3, least.height, least.width, device="meta"))
    return seen


def _hook(name: str, seen: _Seen) -> Callable[[nn.Module, Any, Tensor], None]:
    def note(module: nn.Module, given: Any, out: Tensor) -> None:
        seen.calls[name] = seen.calls.get(name, 0) + 1
        if isinstance(module, CONVOLUTIONS):
            seen.gave[id(out)] = name
        else:
            seen.read[name] = given[0]
        seen.held += [*given, out]

    return note


class _Readers(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operators that read each map."""

    def __init__(self, seen: _Seen) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen = seen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for read in tree_leaves((args, kwargs)):
            if not isinstance(read, Tensor):
                continue
            self.seen.readers[id(read)] = self.seen.readers.get(id(read), 0) + 1
            self.seen.held.append(read)
        return func(*args, **(kwargs or {}))
