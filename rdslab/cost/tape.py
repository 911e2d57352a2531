"""What a module reads of its inputs: every operator that it calls, as chains from its outputs back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from rdslab.cost.operators import tensors
from rdslab.cost.reads import WHOLE, Chain, Reads, joined, reads_of


@dataclass
class Tape:
    """For each tensor and axis the chains of readings back to each input."""

    maps: Sequence[Tensor]
    chains: dict[int, tuple[list[set[Chain]], list[set[Chain]]]] = field(default_factory=dict)
    kept: list[Tensor] = field(default_factory=list)  # so that no id stands for two tensors

    def __post_init__(self) -> None:
        for i, t in enumerate(self.maps):
            alone: list[set[Chain]] = [{()} if i == j else set() for j in range(len(self.maps))]
            self.chains[id(t)] = (alone, alone)

    def add(self, op: str, args: Sequence[Any], out: Sequence[Tensor]) -> None:
        """Enter what an operator gave."""
        read = [t for t in tensors(list(args)) if id(t) in self.chains]
        for t in out if read else ():
            axes: list[list[set[Chain]]] = []
            for axis in (0, 1):
                joint: list[set[Chain]] = [set() for _ in self.maps]
                for source in read:
                    step = reads_of(op, args, source, t, axis)
                    for held, more in zip(joint, self.chains[id(source)][axis], strict=True):
                        held |= {joined(step, chain) for chain in more}
                axes.append([_hull(chains) for chains in joint])
            self.kept.append(t)
            self.chains[id(t)] = (axes[0], axes[1])


def _hull(chains: set[Chain]) -> set[Chain]:
    """Chains of one whole-number step with one stride are as good as one from the least to the most that they read."""
    if (WHOLE,) in chains:
        return {(WHOLE,)}
    widest: dict[int, Reads] = {}
    others: set[Chain] = set()
    for chain in chains:
        step = chain[0] if chain else Reads()
        if len(chain) > 1 or step.divide != 1:
            others.add(chain)
            continue
        held = widest.get(step.times, step)
        widest[step.times] = Reads(step.times, 1, min(step.low, held.low), max(step.high, held.high))
    return others | {() if step == Reads() else (step,) for step in widest.values()}


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Enters every operator that is called on a tape."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tape = tape

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        op = str(func).rpartition(".")[0].removeprefix("aten.")
        self.tape.add(op, [*args, *(kwargs or {}).values()], tensors(out))
        return out
