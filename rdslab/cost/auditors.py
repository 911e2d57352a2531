"""The two independent counters that audit ours: fvcore, which traces a real run, and torch's FlopCounterMode."""

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from rdslab.cost.operators import kind_of_convolution
from rdslab.errors import RunError

CONVOLUTION = torch.ops.aten.convolution
# Our kinds for what fvcore calls by an operator's name; its convolutions are told apart in _fvcore_convolution.
FVCORE_KINDS = {
    **dict.fromkeys(("addmm", "bmm", "einsum", "matmul", "mm", "linear"), "mm"),
    **dict.fromkeys(("batch_norm", "group_norm", "layer_norm", "instance_norm"), "bn"),
    **dict.fromkeys(("upsample_nearest2d", "upsample_bilinear2d", "grid_sampler"), "up"),
    "adaptive_avg_pool2d": "pool",
}


@dataclass(frozen=True)
class FvcoreCount:
    """What fvcore says of one forward pass. It calls a multiply-add a flop."""

    operators: Mapping[str, int]  # its total by operator; its convolutions by our kinds: conv dwconv gconv deconv
    unsupported: Mapping[str, int]  # operators it knows nothing of: how often each was called
    activations: int  # output elements of convolutions and matrix products

    @property
    def total(self) -> int:
        """The figure that fvcore prints, batch norm and interpolation included."""
        return sum(self.operators.values())

    @property
    def kinds(self) -> dict[str, int]:
        """The total by our kinds."""
        found: Counter[str] = Counter()
        for name, amount in self.operators.items():
            found[FVCORE_KINDS.get(name, name)] += amount
        return dict(found)

    @property
    def macs(self) -> int:
        """The convolutions and matrix products alone."""
        return sum(n for kind, n in self.kinds.items() if kind in MAC_KINDS)


MAC_KINDS = ("conv", "dwconv", "gconv", "deconv", "mm")


def fvcore_count(module: nn.Module, image: Tensor) -> FvcoreCount:
    """Trace a real forward pass of an evaluating module. Raises RunError where fvcore cannot."""
    with _without_deprecation():
        from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis

        try:
            with torch.no_grad():
                flops, maps = FlopCountAnalysis(module, (image,)), ActivationCountAnalysis(module, (image,))
                for analysis in (flops, maps):  # what these warnings say is in the answer
                    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
                operators = flops.set_op_handle("aten::_convolution", _fvcore_convolution).by_operator()
                unsupported, activations = flops.unsupported_ops(), maps.total()
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise RunError(
                f"fvcore cannot trace this net: {type(error).__name__}: {reason}",
                "its cost without the audit does not need fvcore",
            ) from error
    return FvcoreCount({name: int(n) for name, n in operators.items()}, dict(unsupported), int(activations))


@contextmanager
def _without_deprecation() -> Iterator[None]:
    """fvcore 0.1.5, its last release, is written on torch.jit, which torch deprecates: it has no other way."""
    with warnings.catch_warnings():
        message = r"`torch\.jit\.\w+` is (deprecated|not supported)"
        warnings.filterwarnings("ignore", message=message, category=DeprecationWarning)
        yield


def _fvcore_convolution(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """fvcore's own count of aten::_convolution, under the name of our kind."""
    from fvcore.nn.jit_handles import conv_flop_jit, get_shape

    cin, cout = get_shape(inputs[0])[1], get_shape(outputs[0])[1]
    kind = kind_of_convolution(cin, cout, inputs[8].toIValue(), inputs[6].toIValue())
    return Counter({kind: sum(conv_flop_jit(inputs, outputs).values())})


def torch_count(module: nn.Module, image: Tensor) -> dict[str, int]:
    """MACs by kind as torch's FlopCounterMode has them, 2 FLOPs a MAC; on any device, `meta` too."""
    found: Counter[str] = Counter()

    def convolution(*args: Any, out_val: Tensor, **kwargs: Any) -> int:
        flops = int(flop_registry[CONVOLUTION](*args, **kwargs, out_val=out_val))
        transposed, groups = args[6], args[8]
        found[kind_of_convolution(args[0].shape[1], out_val.shape[1], groups, transposed)] += flops
        return flops

    convolution._get_raw = True  # type: ignore[attr-defined]  # FlopCounterMode then passes tensors, not shapes
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping={CONVOLUTION: convolution}) as counter:
        module(image)
    found["mm"] = counter.get_total_flops() - sum(found.values())
    return {kind: flops // 2 for kind, flops in found.items() if flops}
