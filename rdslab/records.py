"""Facts with their units: what is known of a net, and under which circumstances. No torch here."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from rdslab.errors import SpecError

BYTES_FP32 = 4


def canonical_json(document: object) -> str:
    """One spelling for one document: sorted keys, no spaces."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)


def digest(document: object) -> str:
    """16 hexadecimal digits that stand for a document."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()[:16]


@dataclass(frozen=True, order=True)
class Size:
    """An image's size, written width x height as in the papers: `1024x512`."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: object) -> "Size":
        """`"1024x512"` -> Size(1024, 512). Raises SpecError."""
        match = re.fullmatch(r"\s*(\d{1,5})\s*[x×]\s*(\d{1,5})\s*", str(text))
        if not match or not all(int(n) for n in match.groups()):
            raise SpecError(f"expected a size as width x height, got {text!r}", "write it like 1024x512")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True)
class Published:
    """An accuracy that a publication gives for a net: not ours."""

    miou: float  # share of 1
    on: str  # data and split: "Cityscapes test"
    source: str


@dataclass(frozen=True)
class Kernel:
    """One launched operation. Elements are counts of numbers, not bytes; `taps` is kernel height times width."""

    op: str  # the operator's own name, "aten.convolution"
    kind: str  # conv dwconv gconv deconv mm bn act pool up cat elt copy other
    macs: int
    elems_in: int
    elems_out: int
    weights: int = 0
    taps: int = 1
    groups: int = 1
    cin: int = 0
    cout: int = 0
    h: int = 0
    w: int = 0
    dilation: int = 1
    stride: int = 1

    @property
    def bytes(self) -> int:
        """Bytes moved at fp32: read inputs and weights, write outputs, once each."""
        return BYTES_FP32 * (self.elems_in + self.elems_out + self.weights)


@dataclass(frozen=True)
class NodeCost:
    """What one node of a net costs, all its repeats together."""

    id: str
    block: str
    params: int
    macs: int
    activations: int  # output elements of convolutions and linear layers (Radosavovic et al. 2020)
    elements: int  # output elements of every kernel
    bytes: int
    channels: int
    height: int
    width: int
    kernels: tuple[Kernel, ...]


@dataclass(frozen=True)
class Cost:
    """What a net costs at one input size. 1 MAC is 2 FLOPs."""

    name: str
    size: Size
    classes: int
    params: int
    macs: int
    activations: int
    elements: int
    bytes: int
    nodes: tuple[NodeCost, ...]

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """Every launched operation, in order."""
        return tuple(k for node in self.nodes for k in node.kernels)

    def document(self) -> dict[str, Any]:
        """The figures as plain data, without the kernel list."""
        return {
            "name": self.name,
            "size": str(self.size),
            "classes": self.classes,
            "params": self.params,
            "macs": self.macs,
            "activations": self.activations,
            "elements": self.elements,
            "bytes": self.bytes,
        }


@dataclass(frozen=True)
class Score:
    """How well a net segments, from one confusion matrix over a whole split. Shares of 1, not per cent.

    A class that occurs neither in the labels nor in the predictions has the IoU None and counts in no mean.
    """

    miou: float
    accuracy: float  # overall pixel accuracy
    mean_accuracy: float  # mean over the classes of the share of their pixels that is right
    fw_iou: float  # IoU weighted by the classes' pixel shares
    iou: Mapping[str, float | None]  # by class name
    images: int
    split: str
    # An epoch each: epoch, loss, lr, miou, seconds; at_once, where memory held only so many images of a batch.
    history: tuple[Mapping[str, float], ...] = ()

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ImageCounts:
    """What a score is made of: pixels of each image of a split by class, so that it can be found for other images.

    `right`, `labelled` and `said` (predicted) have a row an image and a column a class.
    """

    images: tuple[str, ...]  # their names
    clips: tuple[str, ...]
    right: tuple[tuple[int, ...], ...]
    labelled: tuple[tuple[int, ...], ...]
    said: tuple[tuple[int, ...], ...]

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Context:
    """All besides the net and the seed that determines a fact. Its id is the hash of its document."""

    document: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        return digest(self.document)


def human(number: float) -> str:
    """1234567 -> '1.23 M'; three significant digits."""
    for factor, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(number) >= factor:
            return f"{number / factor:.3g}{unit}"
    return f"{number:.3g}"
