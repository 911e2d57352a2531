"""Batch norms folded into the convolutions that they read."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from rdslab.fold.observe import Call, Run
from rdslab.fold.operators import is_shuffle
from rdslab.network import Network

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
CHANNELS = 1
MEANS = {  # each number of what they give is a mean of numbers of one channel: it follows any scale and shift
    *("upsample_nearest2d", "_upsample_nearest_exact2d", "upsample_bilinear2d", "upsample_bicubic2d"),
    *("_adaptive_avg_pool2d", "replication_pad2d", "reflection_pad2d", "alias", "clone"),
}


class _Stands(Exception):
    """Why a batch norm cannot be folded."""


@dataclass(frozen=True)
class Source:
    """A module whose output a batch norm reads, from channel `start` of its input up to `end`."""

    module: str
    start: int
    end: int
    filters: bool  # a convolution with a weight of its own


def fold_norms(
    form: Network, shape: Network, runs: Sequence[Run], taken: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Fold batch norms, in place: folded -> its convolutions, left -> why it, or a part of it, still stands.

    `shape` is the network that was observed in `runs`, shuffles that are `taken` out since included.
    """
    ways = [_Ways(shape, run, taken) for run in runs]
    into: dict[str, str] = {}
    left: dict[str, str] = {}
    for name, norm in list(form.named_modules()):
        if not isinstance(norm, nn.BatchNorm2d):
            continue
        try:
            sources = _agreed([way.sources(name) for way in ways])
        except _Stands as reason:
            left[name] = str(reason)
            continue
        folded = [source.module for source in sources if _apply(form, norm, source)]
        form.set_submodule(name, nn.Identity())
        into[name] = ", ".join(folded)
        rest = ", ".join(source.module for source in sources if source.module not in folded)
        if rest:
            left[name] = f"its part for {rest} stands there: that is no convolution"
    return into, left


def _agreed(found: list[list[Source]]) -> list[Source]:
    if any(sources != found[0] for sources in found):
        raise _Stands("what it reads depends on the size of the image")
    return found[0]


def _apply(form: nn.Module, norm: nn.BatchNorm2d, source: Source) -> bool:
    """Fold a part of a batch norm into a convolution, or put it behind what is none; whether it was folded."""
    part, before = _part(norm, source), form.get_submodule(source.module)
    if not source.filters:
        form.set_submodule(source.module, nn.Sequential(before, part))
    elif isinstance(before, nn.Conv2d):
        form.set_submodule(source.module, fuse_conv_bn_eval(before, part))
    else:
        assert isinstance(before, nn.ConvTranspose2d)
        _fold_transposed(before, part)
    return source.filters


def _part(norm: nn.BatchNorm2d, source: Source) -> nn.BatchNorm2d:
    """The batch norm of some of its channels."""
    channels = slice(source.start, source.end)
    part = nn.BatchNorm2d(source.end - source.start, norm.eps, affine=norm.affine).eval()
    for name, value in norm.state_dict().items():
        getattr(part, name).data = (value[channels] if value.dim() else value).clone()
    return part


def _fold_transposed(convolution: nn.ConvTranspose2d, norm: nn.BatchNorm2d) -> None:
    """Scale a transposed convolution's filters: in each group, rows are its inputs and columns its outputs."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = torch.rsqrt(norm.running_var + norm.eps)
    shift = -norm.running_mean * scale
    if norm.affine:
        shift = shift * norm.weight + norm.bias
        scale = scale * norm.weight
    weight, groups = convolution.weight, convolution.groups
    in_groups = weight.reshape(groups, -1, *weight.shape[1:]) * scale.reshape(groups, 1, -1, 1, 1)
    bias = shift if convolution.bias is None else convolution.bias * scale + shift
    convolution.weight = nn.Parameter(in_groups.flatten(0, 1).detach(), requires_grad=weight.requires_grad)
    convolution.bias = nn.Parameter(bias.detach(), requires_grad=weight.requires_grad)


class _Ways:
    """The ways back from the batch norms of one run to what they read."""

    def __init__(self, network: nn.Module, run: Run, taken: Collection[str]) -> None:
        self.run, self.modules, self.taken = run, dict(network.named_modules()), taken
        self.readers = Counter(id(read) for call in run.calls for read in call.reads)
        self.readers[id(run.answer)] += 1
        self.gave: dict[int, Call] = {}
        for call in run.calls:
            for given in call.gives:
                self.gave.setdefault(id(given), call)
        self.calls = Counter(call.owner for call in run.calls if call.reads)
        self.norms = {call.owner: call for call in run.calls if "batch_norm" in call.op}

    def sources(self, name: str) -> list[Source]:
        """The modules that give what a batch norm reads, a convolution among them."""
        call, norm = self.norms.get(name), self.modules[name]
        if call is None:
            raise _Stands("it is not run by itself")
        if self.calls[name] > self.run.modules[name]:
            raise _Stands("it does more than normalise")
        assert isinstance(norm, nn.BatchNorm2d)
        if norm.running_mean is None:
            raise _Stands("it keeps no statistics")
        self._once(name)
        found = self._back(call.reads[0], 0)
        if not any(source.filters for source in found):
            raise _Stands("its input is not a convolution's output")
        if len({source.module for source in found}) < len(found):
            raise _Stands("one module gives two parts of its input")
        return found

    def _back(self, given: Tensor, start: int) -> list[Source]:
        call = self.gave.get(id(given))
        if call is None:
            raise _Stands("it reads the image")
        module, place = self.modules[call.owner], f"{call.op} in {call.owner or 'the net'}"
        if self.readers[id(given)] > 1:
            what = call.owner if isinstance(module, CONVOLUTIONS) else place
            raise _Stands(f"the output of {what} is read elsewhere too")
        if call.op == "cat" and call.arguments["dim"] % given.dim() == CHANNELS:
            return self._parts(call, start)
        if call.op in MEANS or _cut_in_the_plane(call) or (is_shuffle(call) and call.owner in self.taken):
            return self._back(call.reads[0], start)
        filters = _own_filters(module, call)
        if isinstance(module, CONVOLUTIONS) and not filters:
            raise _Stands(f"{call.owner} does more than convolve with its weight")
        if not filters and self.run.outputs.get(id(given)) != call.owner:
            raise _Stands(f"it reads what {place} gives, which is no convolution")
        if isinstance(module, nn.BatchNorm2d):
            raise _Stands(f"it reads another batch norm, {call.owner}")
        self._once(call.owner)
        return [Source(call.owner, start, start + given.shape[CHANNELS], filters)]

    def _parts(self, call: Call, start: int) -> list[Source]:
        found: list[Source] = []
        for part in call.arguments["tensors"]:
            found += self._back(part, start)
            start += part.shape[CHANNELS]
        return found

    def _once(self, name: str) -> None:
        if self.run.modules[name] > 1:
            raise _Stands(f"{name} runs more than once")


def _cut_in_the_plane(call: Call) -> bool:
    return call.op == "slice" and call.arguments["dim"] % call.reads[0].dim() > CHANNELS


def _own_filters(module: nn.Module, call: Call) -> bool:
    """Whether a convolution computes with its own weight, not with one that is computed each time."""
    return isinstance(module, CONVOLUTIONS) and call.arguments.get("weight") is module._parameters.get("weight")
