"""Our count of a net held against fvcore's and torch's: one row an operator kind, and every difference by name."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rdslab.cost.auditors import FVCORE_KINDS, MAC_KINDS, FvcoreCount, fvcore_count, torch_count
from rdslab.cost.counter import count
from rdslab.cost.operators import FREE, MAYBE_COPY
from rdslab.network import Network, build
from rdslab.records import Cost, Kernel, Size
from rdslab.spec import Net

# Why fvcore's total holds more than multiply-adds of convolutions and matrix products.
ADDED = {
    "batch_norm": "2 for each element, a scale and a shift, though batch norm folds into its convolution",
    "upsample_bilinear2d": "4 for each output element, one for each neighbour",
    "upsample_nearest2d": "1 for each output element, though nothing is multiplied",
    "grid_sampler": "4 for each output element, one for each neighbour",
    "adaptive_avg_pool2d": "1 for each input element, though the mean only adds",
    "layer_norm": "a few for each element",
    "group_norm": "a few for each element",
    "instance_norm": "a few for each element",
}
# Why our MACs hold nothing for an operator of this kind.
NO_MACS = {
    "copy": "moves or writes numbers and multiplies none",
    "cat": "moves numbers and multiplies none",
    "pool": "compares, adds or places numbers and multiplies none",
    "elt": "one operation for each element, and no multiply-add in published MACs",
    "act": "one function value for each element, and no multiply-add in published MACs",
    "bn": "a scale and a shift, which fold into the convolution",
    "up": "moves numbers or takes weighted means of neighbours, and no multiply-add in published MACs",
}


@dataclass(frozen=True)
class AuditRow:
    """All kernels of one kind. MACs are multiply-adds; fvcore's are what its total holds for the kind."""

    kind: str
    kernels: int
    macs: int
    fvcore_macs: int
    torch_macs: int
    elements: int  # output elements
    bytes: int  # moved at fp32


@dataclass(frozen=True)
class Difference:
    """One operator that a counter adds to the MACs, knows nothing of, or counts otherwise."""

    counter: str  # fvcore or torch
    operator: str
    amount: int  # what its total holds beyond ours
    calls: int
    elements: int  # output elements that our count has for these calls
    why: str


@dataclass(frozen=True)
class Audit:
    """Three counts of one net's inference form, and what parts them."""

    cost: Cost
    rows: tuple[AuditRow, ...]
    differences: tuple[Difference, ...]
    fvcore_total: int
    fvcore_activations: int

    @property
    def agrees(self) -> bool:
        """Whether the multiply-adds of all kinds, and the activations, are the same to the last one."""
        return not _unlike(self.rows) and self.cost.activations == self.fvcore_activations

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.agrees:
            return (
                f"our {self.cost.macs:,} MACs of {self.cost.name} at {self.cost.size}, those of fvcore's convolutions "
                "and those of torch's FlopCounterMode agree to the last MAC"
            )
        unlike = [row.kind for row in _unlike(self.rows)]
        what = f"the MACs of kind {', '.join(unlike)}" if unlike else "the activations"
        return f"the counters do not agree on {what} of {self.cost.name} at {self.cost.size}"

    @property
    def fvcore_off_percent(self) -> float | None:
        """How far fvcore's own total is from our MACs; None where there are none."""
        return 100 * (self.fvcore_total / self.cost.macs - 1) if self.cost.macs else None

    def document(self) -> dict[str, Any]:
        """The audit as plain data."""
        return {
            **self.cost.document(),
            "rows": [asdict(row) for row in self.rows],
            "differences": [asdict(difference) for difference in self.differences],
            "fvcore_total": self.fvcore_total,
            "fvcore_off_percent": self.fvcore_off_percent,
            "fvcore_activations": self.fvcore_activations,
            "agrees": self.agrees,
            "verdict": self.verdict,
        }


def _unlike(rows: Sequence[AuditRow]) -> list[AuditRow]:
    """The kinds of multiply-adds on which the three do not agree."""
    return [row for row in rows if row.kind in MAC_KINDS and not row.macs == row.torch_macs == row.fvcore_macs]


class _AllOutputs(nn.Module):
    """A network that gives the outputs of its training-only heads too, so that a counter sees them run."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network.train_outputs(image))


def audit(net: Net, size: Size, classes: int, *, training: bool = False) -> Audit:
    """Count the form that `count` does three times: by us, by fvcore on a real run, by torch on `meta`.

    Raises SpecError where our count does, RunError where fvcore cannot trace the net.
    """
    cost = count(net, size, classes, training=training)

    def run() -> tuple[nn.Module, Tensor]:
        network = build(net if training else net.inference(), classes).eval()
        return _AllOutputs(network) if training else network, torch.zeros(1, 3, size.height, size.width)

    theirs = fvcore_count(*run())
    with torch.device("meta"):
        torch_macs = torch_count(*run())
    rows = _rows(cost.kernels, theirs.kinds, torch_macs)
    differences = (*_added(theirs, cost.kernels), *_missed(theirs, cost.kernels), *_parted(rows))
    return Audit(cost, rows, differences, theirs.total, theirs.activations)


def _rows(
    kernels: Sequence[Kernel], fvcore_macs: Mapping[str, int], torch_macs: Mapping[str, int]
) -> tuple[AuditRow, ...]:
    kinds = dict.fromkeys([*MAC_KINDS, *(k.kind for k in kernels), *fvcore_macs, *torch_macs])
    rows = []
    for kind in kinds:
        ours = [k for k in kernels if k.kind == kind]
        row = AuditRow(
            kind=kind,
            kernels=len(ours),
            macs=sum(k.macs for k in ours),
            fvcore_macs=fvcore_macs.get(kind, 0),
            torch_macs=torch_macs.get(kind, 0),
            elements=sum(k.elems_out for k in ours),
            bytes=sum(k.bytes for k in ours),
        )
        if ours or row.fvcore_macs or row.torch_macs:
            rows.append(row)
    return tuple(rows)


def _added(theirs: FvcoreCount, kernels: Sequence[Kernel]) -> list[Difference]:
    """Operators in fvcore's total that are no convolution and no matrix product."""
    found = []
    for name, amount in theirs.operators.items():
        if FVCORE_KINDS.get(name, name) not in MAC_KINDS and amount:
            calls = _called(name, kernels)
            elements = sum(k.elems_out for k in calls)
            why = ADDED.get(name, "fvcore counts it; in published MACs it is nothing")
            found.append(Difference("fvcore", name, amount, len(calls), elements, f"adds {why}"))
    return found


def _missed(theirs: FvcoreCount, kernels: Sequence[Kernel]) -> list[Difference]:
    """Operators that fvcore names as unsupported, or leaves out in silence: it counts nothing for them."""
    names = {name.removeprefix("aten::"): times for name, times in theirs.unsupported.items()}
    silent = {k.op.removeprefix("aten.") for k in kernels if not k.macs} - {*theirs.operators, *names}
    found = []
    for name in sorted({*names, *silent}):
        calls = _called(name, kernels)
        macs, elements = sum(k.macs for k in calls), sum(k.elems_out for k in calls)
        says = "leaves it out: " if name in silent else "does not know it: "
        times = names.get(name, len(calls))
        found.append(Difference("fvcore", name, -macs, times, elements, says + _reason(name, calls)))
    return found


def _reason(name: str, calls: Sequence[Kernel]) -> str:
    """What an operator does to the multiply-adds."""
    if any(k.macs for k in calls):
        return "it multiplies"
    if calls:
        return NO_MACS[calls[0].kind]
    free = f"aten.{name}" in FREE | MAYBE_COPY
    return "renames memory and touches no number" if free else "our count has no kernel of that name"


def _called(name: str, kernels: Sequence[Kernel]) -> list[Kernel]:
    return [k for k in kernels if k.op == f"aten.{name}"]


def _parted(rows: Sequence[AuditRow]) -> list[Difference]:
    found = []
    for row in _unlike(rows):
        for counter, macs in (("fvcore", row.fvcore_macs), ("torch", row.torch_macs)):
            if macs != row.macs:
                why = f"counts {macs:,} MACs, we {row.macs:,}"
                found.append(Difference(counter, row.kind, macs - row.macs, row.kernels, row.elements, why))
    return found
