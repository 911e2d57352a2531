"""The deployment form of a network: training-only parts gone, shuffles and batch norms folded into the convolutions."""

from dataclasses import dataclass

import torch

from rdslab.fold.norms import fold_norms
from rdslab.fold.observe import hollow, observe
from rdslab.fold.shuffles import fold_shuffles
from rdslab.network import Network, build

__all__ = ["Folded", "fold", "inference_form"]


@dataclass(frozen=True)
class Folded:
    """A network in its deployment form, and what became of its batch norms and channel shuffles, by module name."""

    network: Network
    into: dict[str, str]  # batch norm -> the convolution, or several, that it is now part of
    shuffles: dict[str, str]  # channel shuffle -> the convolutions whose filters stand in a new order for it
    left: dict[str, str]  # batch norm or channel shuffle -> why it, or a part of it, still stands


def inference_form(network: Network) -> Network:
    """The network without what only training uses, with the same weights and precision, on the CPU."""
    form = build(network.net.inference(), network.classes)
    names = form.state_dict()
    state = network.state_dict()
    form.to(next((t.dtype for t in state.values() if t.is_floating_point()), torch.float32))
    form.load_state_dict({name: value for name, value in state.items() if name in names})
    return form.eval()


def fold(network: Network) -> Folded:
    """A copy of the network with its channel shuffles and batch norms folded, wherever that is exact.

    The answers are those of the network in evaluation up to rounding. A shuffle is only an order of channels: weights
    are put in that order, through additions, concatenations and depthwise filters, up to the convolutions that absorb
    it. A batch norm becomes part of the convolutions whose output it reads, also through a concatenation; the part of
    it that reads something else goes there, and stands. What is read by whom is observed in runs at an even and
    an odd size, so blocks of one's own fold too. `left` says what stands and why.
    """
    form = inference_form(network)
    shape = hollow(form)
    runs = observe(shape)
    shuffles, kept = fold_shuffles(form, shape, runs)
    into, left = fold_norms(form, shape, runs, shuffles)
    return Folded(form, into, shuffles, left | kept)
