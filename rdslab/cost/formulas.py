"""The seed paper's equations 2 to 9, and what counting the built blocks says of each.

d_r is the kernel's side, d_f that of the map (the paper's D_F), n_i and n_o are channels in and out. All are counts of
multiply-adds; eq. 6 and 9 are ratios. The paper leaves strides out: these hold at stride 1.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import nn

from rdslab.blocks import RDS, Conv, Residual, Separable
from rdslab.cost.auditors import fvcore_count
from rdslab.cost.watching import watch
from rdslab.spec import IMAGE, Node

WIDTHS = (32, 64, 128, 256)
SIDE = 16  # of the maps the blocks are counted on; no ratio depends on it
KERNEL = 3


def standard(d_r: int, n_i: int, n_o: int, d_f: int) -> int:
    """Eq. 2: a standard convolution."""
    return d_r**2 * n_i * n_o * d_f**2


def depthwise(d_r: int, n_i: int, d_f: int) -> int:
    """Eq. 3: a depthwise convolution."""
    return d_r**2 * n_i * d_f**2


def pointwise(n_i: int, n_o: int, d_f: int) -> int:
    """Eq. 4: a 1x1 convolution."""
    return n_i * n_o * d_f**2


def separable(d_r: int, n_i: int, n_o: int, d_f: int) -> int:
    """Eq. 5: a depthwise separable convolution, the sum of eq. 3 and eq. 4."""
    return depthwise(d_r, n_i, d_f) + pointwise(n_i, n_o, d_f)


def separable_to_standard(n_o: int, d_r: int) -> Fraction:
    """Eq. 6: eq. 5 over eq. 2 (printed with D_K for D_R)."""
    return Fraction(1, n_o) + Fraction(1, d_r**2)


def rds(n: int, d: int) -> int:
    """Eq. 7: an RDS block, a depthwise and a dense 3x3."""
    return 9 * n * d**2 + 9 * n**2 * d**2


def residual(n: int, d: int) -> int:
    """Eq. 8: a residual block, two dense 3x3."""
    return 18 * n**2 * d**2


def rds_to_residual(n: int) -> Fraction:
    """Eq. 9: eq. 7 over eq. 8."""
    return Fraction(1, 2 * n) + Fraction(1, 2)


@dataclass(frozen=True)
class Verified:
    """An equation at one number of channels, beside what the built blocks hold. Ratios are exact fractions."""

    equation: int
    about: str
    channels: int
    formula: Fraction
    ours: Fraction  # MACs by our count
    fvcore: Fraction  # MACs by fvcore, its convolutions only
    fvcore_total: Fraction  # what fvcore prints: with 2 for each element of a batch norm
    params: Fraction  # of the convolutions, without batch norm and bias
    params_norm: Fraction  # with batch norm
    params_norm_bias: Fraction  # with batch norm, and a bias in each convolution

    @property
    def exact(self) -> bool:
        """Whether both counts of the convolutions equal the formula, with nothing rounded."""
        return self.formula == self.ours == self.fvcore

    def document(self) -> dict[str, Any]:
        """The row as plain data: whole numbers for counts, floating point for ratios."""
        names = ("formula", "ours", "fvcore", "fvcore_total", "params", "params_norm", "params_norm_bias")
        values = {name: getattr(self, name) for name in names}
        plain = {name: int(v) if self.equation not in RATIOS else float(v) for name, v in values.items()}
        about = {"equation": self.equation, "about": self.about, "channels": self.channels}
        return about | plain | {"exact": self.exact}


@dataclass(frozen=True)
class _Subject:
    """What an equation is about: how it is built at n channels, and the equation."""

    equation: int
    about: str
    block: Callable[[int], nn.Module]
    formula: Callable[[int], int]


SUBJECTS = (
    _Subject(2, "standard 3x3", lambda n: Conv(n, n, bias=False), lambda n: standard(KERNEL, n, n, SIDE)),
    _Subject(3, "depthwise 3x3", lambda n: Conv(n, n, groups=n, bias=False), lambda n: depthwise(KERNEL, n, SIDE)),
    _Subject(4, "pointwise 1x1", lambda n: Conv(n, n, kernel=1, bias=False), lambda n: pointwise(n, n, SIDE)),
    _Subject(5, "separable", lambda n: Separable(n, n), lambda n: separable(KERNEL, n, n, SIDE)),
    _Subject(7, "RDS", lambda n: RDS(n, n), lambda n: rds(n, SIDE)),
    _Subject(8, "residual", lambda n: Residual(n, n), lambda n: residual(n, SIDE)),
)
RATIOS = {6: ("separable / standard", 5, 2), 9: ("RDS / residual", 7, 8)}


def verify(widths: Sequence[int] = WIDTHS) -> list[Verified]:
    """Each equation at each number of channels, against blocks that are built and counted on a SIDE x SIDE map.

    Ordered by equation. A bare convolution (eq. 2 to 4) is given a batch norm where batch norm is counted.
    Raises RunError where fvcore cannot trace a block.
    """
    rows = []
    for n in widths:
        counted = {subject.equation: _figures(subject.block(n), n) for subject in SUBJECTS}
        for subject in SUBJECTS:
            figures = [Fraction(figure) for figure in counted[subject.equation]]
            rows.append(Verified(subject.equation, subject.about, n, Fraction(subject.formula(n)), *figures))
        for equation, (about, above, below) in RATIOS.items():
            formula = separable_to_standard(n, KERNEL) if equation == 6 else rds_to_residual(n)
            ratios = [Fraction(a, b) for a, b in zip(counted[above], counted[below], strict=True)]
            rows.append(Verified(equation, about, n, formula, *ratios))
    return sorted(rows, key=lambda row: row.equation)


def _figures(block: nn.Module, channels: int) -> tuple[int, ...]:
    """What was counted of a block, in the order of Verified's fields from `ours` on."""
    bare = without_norm(block)
    norms = any(isinstance(module, nn.BatchNorm2d) for module in block.modules())
    normed = (block if norms else nn.Sequential(block, nn.BatchNorm2d(channels))).eval()
    x = torch.zeros(1, channels, SIDE, SIDE)
    _, kernels = watch(normed, [x], Node("block", type(block).__name__.lower(), (IMAGE,)))
    theirs = fvcore_count(normed, x)
    ours = sum(kernel.macs for kernel in kernels)
    return ours, theirs.macs, theirs.total, _params(bare), _params(normed), _params(with_bias(normed))


def _params(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def with_bias(module: nn.Module) -> nn.Module:
    """A copy in which every convolution has a bias, of zeros: it computes the same."""
    copy = deepcopy(module)
    for part in copy.modules():
        if isinstance(part, nn.Conv2d) and part.bias is None:
            part.bias = nn.Parameter(torch.zeros(part.out_channels))
    return copy


def without_norm(module: nn.Module) -> nn.Module:
    """A copy whose batch norms are gone."""
    copy = deepcopy(module)
    for part in list(copy.modules()):
        for name, child in part.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(part, name, nn.Identity())
    return copy


def in_words(rows: Sequence[Verified]) -> list[str]:
    """What the rows say, in sentences: that a law holds is only said where it was just found exact."""
    sentences = []
    for equation, law in ((9, "RDS / residual = 1/2 + 1/(2N)"), (6, "separable / standard = 1/N + 1/9")):
        found = [row for row in rows if row.equation == equation]
        wrong = [row for row in found if not row.exact]
        if wrong:
            figures = "; ".join(f"N = {r.channels}: {float(r.formula):.6f}, counted {float(r.ours):.6f}" for r in wrong)
            sentences.append(f"{law} (eq. {equation}) does not hold for convolutions: {figures}.")
        elif found:
            at = ", ".join(str(row.channels) for row in found)
            sentences.append(
                f"{law} (eq. {equation}) holds exactly for convolutions: counted by us and by fvcore at N = {at}, "
                "compared as fractions, with nothing rounded."
            )
        sentences += [_what_it_leaves_out(found[0])] if found and not wrong else []
    return sentences


def _what_it_leaves_out(row: Verified) -> str:
    macs, total = float(row.ours), float(row.fvcore_total)
    params, norm, bias = float(row.params), float(row.params_norm), float(row.params_norm_bias)
    return (
        f"Batch norm and bias, which the equation leaves out, change it: at N = {row.channels} the counted {macs:.6f} "
        f"becomes {total:.6f} in fvcore's total, which adds 2 for each element of a batch norm; in parameters "
        f"{params:.6f} becomes {norm:.6f} with batch norm and {bias:.6f} with bias too."
    )


def document(rows: Sequence[Verified]) -> dict[str, Any]:
    """The rows and what they say, as plain data."""
    return {"side": SIDE, "rows": [row.document() for row in rows], "words": in_words(rows)}
