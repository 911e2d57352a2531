"""Which few times of many tell most about the others, by what their nets cost; the times are not looked at."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rdslab.records import Cost

# What a launch, a FLOP and a byte take on a small board, in ms: only which of them dominates a net matters here.
USUAL_MS = np.array([30e-3, 1e-9, 1e-7 / 3])
UNKNOWN = 2.0  # how far a device may lie from that, and
NOISE = 0.1  # how far a time from its model (both log)


def most_telling(costs: Sequence[Cost], nets: Sequence[str], number: int) -> list[int]:
    """The places of so many costs whose times leave least uncertain, on average, what all the others take.

    To first order the logarithm of a time moves with those of the three numbers by the shares that launches, FLOPs and
    bytes have in it. The mean variance of all predictions is made least by exchanging one point after another: an
    I-optimal design (Fedorov 1972). Among choices that spread evenly over the `nets`: only other nets tell how far a
    prediction for a new one may be off.
    """
    terms = np.array([[len(c.kernels), 2 * c.macs, c.bytes] for c in costs]) * USUAL_MS
    shares = terms / terms.sum(axis=1, keepdims=True)
    chosen = _evenly(nets, number)
    while True:
        best = min(_exchanged(chosen, nets), key=lambda choice: _uncertainty(shares, choice))
        if _uncertainty(shares, best) > _uncertainty(shares, chosen) * (1 - 1e-9):
            return sorted(chosen)
        chosen = best


def _evenly(nets: Sequence[str], number: int) -> list[int]:
    """A point of each net, then a second of each, until there are enough."""
    turn = {i: nets[:i].count(net) for i, net in enumerate(nets)}
    return sorted(turn, key=lambda i: (turn[i], i))[:number]


def _exchanged(chosen: Sequence[int], nets: Sequence[str]) -> Iterator[list[int]]:
    """The choice itself, and every one that differs in one point and is no less even over the nets."""
    most = _unevenness(chosen, nets)
    yield list(chosen)
    for place in range(len(chosen)):
        for i in range(len(nets)):
            other = [*chosen[:place], i, *chosen[place + 1 :]]
            if i not in chosen and _unevenness(other, nets) <= most:
                yield other


def _unevenness(chosen: Sequence[int], nets: Sequence[str]) -> int:
    return sum(count**2 for count in Counter(nets[i] for i in chosen).values())


def _uncertainty(shares: NDArray[np.float64], chosen: Sequence[int]) -> float:
    """The sum of the predictions' variances with these times known."""
    own = shares[list(chosen)]
    known = np.eye(len(USUAL_MS)) / UNKNOWN**2 + own.T @ own / NOISE**2
    return float(np.einsum("ij,jk,ik->", shares, np.linalg.inv(known), shares))
