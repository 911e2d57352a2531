"""From a net on paper to a module that computes."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rdslab.blocks.registry import extra_outputs
from rdslab.errors import SpecError
from rdslab.identity import Resolved, ids, resolve
from rdslab.netfile import load_net, zoo_names
from rdslab.records import Size, digest
from rdslab.resolve import Unit, features, units_of
from rdslab.spec import IMAGE, Net

__all__ = [
    "Network",
    "Resolved",
    "build",
    "check_size",
    "features",
    "ids",
    "load_net",
    "resolve",
    "units_of",
    "zoo_names",
]


class Network(nn.Module):
    """The modules of a net, run in its order: n 3 h w in, n classes h w out.

    A repeated node is a list of modules, so a weight is called `nodes.enc3.0.dense.weight`.
    """

    def __init__(self, net: Net, classes: int, seed: int = 0) -> None:
        super().__init__()
        self.net, self.classes = net, classes
        self.units = units_of(net, classes)
        self.nodes = nn.ModuleDict()  # in order of execution, and so are the weights
        for index, unit in enumerate(self.units):
            torch.manual_seed(int(digest([seed, index]), 16) % 2**63)
            self._add(unit, unit.module())
        self._answer = [u.name for u in self.units if u.node.id == net.output.id][-1]
        self._heads = [u.name for u in self.units if u.node.training and not _read_by_another(u, self.units)]
        self._last_use = {name: i for i, u in enumerate(self.units) for name in _sources(u)}

    def _add(self, unit: Unit, module: nn.Module) -> None:
        if unit.node.repeat == 1:
            self.nodes[unit.node.id] = module
            return
        if unit.node.id not in self.nodes:
            self.nodes[unit.node.id] = nn.ModuleList()
        held = self.nodes[unit.node.id]
        assert isinstance(held, nn.ModuleList)
        held.append(module)

    def module_of(self, unit: Unit) -> nn.Module:
        """The module that computes a unit."""
        held = self.nodes[unit.node.id]
        if unit.node.repeat == 1:
            return held
        assert isinstance(held, nn.ModuleList)
        return held[int(unit.name.rpartition(".")[2])]

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n k h w"]:
        return self._run(image, [self._answer])[0]

    def train_outputs(self, image: Float[Tensor, "n 3 h w"]) -> list[Tensor]:
        """The answer and then those of the auxiliary heads, for a loss."""
        return self._run(image, [self._answer, *self._heads])

    def _run(self, image: Tensor, wanted: Sequence[str]) -> list[Tensor]:
        flow: dict[str, Tensor] = {IMAGE: image}
        answers: dict[str, Tensor] = {}
        for index, unit in enumerate(self.units):
            if unit.node.training and len(wanted) == 1:
                continue
            given = [flow[name] for name in unit.inputs]
            if unit.like is not None:
                size = (int(flow[unit.like].shape[2]), int(flow[unit.like].shape[3]))
                result = self.module_of(unit)(*given, size=size)
            else:
                result = self.module_of(unit)(*given)
            first, *more = result if isinstance(result, tuple) else (result,)
            flow[unit.name] = first
            for name, value in zip(extra_outputs(unit.entry.value), more, strict=True):
                flow[f"{unit.name}:{name}"] = value
            if unit.name in wanted:
                answers[unit.name] = first
            for name in [name for name in flow if self._last_use.get(name, -1) <= index]:
                del flow[name]  # a map is held only as long as somebody will read it
        return [answers[name] for name in wanted]


def _sources(unit: Unit) -> list[str]:
    return [*unit.inputs, *([unit.like] if unit.like else [])]


def _read_by_another(unit: Unit, units: Sequence[Unit]) -> bool:
    return any(unit.name in {name.partition(":")[0] for name in other.inputs} for other in units)


def build(net: Net, classes: int, seed: int = 0) -> Network:
    """A network with first weights drawn from `seed`.

    Each unit draws from its own stream, so that a change of one leaves the first weights of the others alone, and the
    global generator is left as it was. Raises SpecError where the net cannot be built.
    """
    with torch.random.fork_rng(devices=[]):
        return Network(net, classes, seed)


def check_size(net: Net, size: Size) -> None:
    """Raises SpecError for an image smaller than the net takes."""
    if size.width < net.smallest.width or size.height < net.smallest.height:
        raise SpecError(f"{size} is too small for net {net.name!r}", f"the least it takes is {net.smallest}")
