"""Weights from a checkpoint into a network: by the names of nodes, or by the order in which layers run.

Nothing is loaded unless all of it fits. What only training has may be absent: it stays as it was drawn.
"""

import fnmatch
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from rdslab.errors import DataError, SpecError, did_you_mean
from rdslab.network import Network
from rdslab.train.pairing import COUNTER, Pair, modules_of, name_in, pairs_by_order, sides
from rdslab.train.tensors import is_safetensors, read_tensors

By = Literal["name", "order"]
NAMED = 20  # names in a message


@dataclass(frozen=True)
class Loaded:
    """What became of every name in the checkpoint and in the network."""

    by: By
    pairs: tuple[Pair, ...]
    missing: tuple[str, ...] = ()  # of the network, not in the checkpoint: left as drawn
    unexpected: tuple[str, ...] = ()  # of the checkpoint, not in the network: left out
    mismatched: tuple[str, ...] = ()  # in both with other shapes, in words: left as drawn
    skipped: tuple[str, ...] = ()  # of the checkpoint, by a pattern of the user's

    def document(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Start:
    """What a training starts from, instead of weights drawn from its seed; the words are those of load_weights."""

    weights: Path
    by: By = "name"
    partial: bool = False
    skip: tuple[str, ...] = ()

    def identity(self) -> dict[str, Any]:
        """All that decides the first weights: the file's content, not its name. Raises DataError without a file."""
        return {**asdict(self), "weights": content_id(self.weights), "skip": list(self.skip)}

    def load(self, network: Network) -> Loaded:
        """Put the weights into a network. Raises DataError where they do not fit."""
        return load_weights(network, self.weights, self.by, partial=self.partial, skip=self.skip)


def pairing(word: str) -> By:
    """How weights are paired, by its word. Raises SpecError for any other."""
    ways: dict[str, By] = {"name": "name", "order": "order"}
    if word not in ways:
        raise SpecError(f"weights are paired by name or by order, not by {word!r}")
    return ways[word]


def content_id(path: str | Path) -> str:
    """16 hex digits of a file's content. Raises DataError where there is none."""
    if not Path(path).is_file():
        raise DataError("there is no such file", where=str(path))
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def load_weights(
    network: Network,
    checkpoint: str | Path | Mapping[str, Tensor],
    by: By = "name",
    *,
    partial: bool = False,
    skip: Sequence[str] = (),
) -> Loaded:
    """Put the weights of a checkpoint (.safetensors, what torch.save wrote, or a mapping) into a network.

    `by`: `name` takes what is called alike; `order` pairs the network's modules in order of execution, training-only
    heads at the end or where they run, with the checkpoint's in the order of its file. `partial`: by name, take what
    fits and leave the rest as it is. `skip`: patterns of names in the checkpoint that are left out, as in `["aux*"]`.

    Raises DataError when they do not fit, with the names, and then the network is as it was; SpecError for a request
    that makes no sense. No code in a checkpoint is run.
    """
    if pairing(by) == "order" and partial:
        raise SpecError("an order fits as a whole or not at all", "load in part by name, or leave names out with skip")
    theirs, where = _read(checkpoint, by)
    skipped = _skipped(theirs, skip, where)
    theirs = {name: tensor for name, tensor in theirs.items() if name not in skipped}
    if by == "order":
        pairs, missing = pairs_by_order(network, theirs, where)
        found = Loaded(by, tuple(pairs), tuple(missing))
    else:
        found = _by_name(network.state_dict(), theirs)
        _check_named(network, found, partial, where)
    ours = network.state_dict()
    with torch.no_grad():
        for pair in found.pairs:
            for own in pair.shapes:
                ours[name_in(pair.ours, own)].copy_(theirs[name_in(pair.theirs, own)])
    return replace(found, skipped=tuple(skipped))


def _read(checkpoint: str | Path | Mapping[str, Tensor], by: By) -> tuple[Mapping[str, Tensor], str]:
    """The tensors, and what a message calls the place they are from."""
    if isinstance(checkpoint, Mapping):
        return checkpoint, "the weights given"
    theirs = read_tensors(checkpoint)
    if by == "order" and is_safetensors(Path(checkpoint)):
        what = "stands in order of names, as every safetensors file does, and not in order of execution"
        raise SpecError(what, "load it by name, or give what torch.save wrote", where=str(checkpoint))
    return theirs, str(checkpoint)


def head_names(network: Network) -> frozenset[str]:
    """The names of the weights that only training uses."""
    heads = tuple(f"nodes.{node.id}." for node in network.net.nodes if node.training)
    return frozenset(name for name in network.state_dict() if name.startswith(heads))


def _skipped(names: Collection[str], patterns: Sequence[str], where: str) -> list[str]:
    """The names that a pattern matches, as a whole or as a module's. Raises SpecError for a pattern without any."""
    skipped: dict[str, None] = {}
    for pattern in patterns:
        hits = [n for n in names if any(fnmatch.fnmatchcase(word, pattern) for word in (n, n.rpartition(".")[0]))]
        if not hits:
            modules = {name.rpartition(".")[0] for name in names}
            raise SpecError(f"skip: no name is like {pattern!r}", did_you_mean(pattern, modules), where=where)
        skipped |= dict.fromkeys(hits)
    return list(skipped)


def _by_name(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> Loaded:
    both = {name: tensor for name, tensor in theirs.items() if name in ours}
    fitting = {name: tensor for name, tensor in both.items() if ours[name].shape == tensor.shape}
    other = tuple(
        f"node {name.split('.')[1]!r}: {name} is {sides(tensor.shape)} in the file and "
        f"{sides(ours[name].shape)} in the net"
        for name, tensor in both.items()
        if name not in fitting
    )
    missing = tuple(name for name in ours if name not in theirs and not name.endswith(COUNTER))
    unexpected = tuple(name for name in theirs if name not in ours and not name.endswith(COUNTER))
    pairs = tuple(Pair(module, module, shapes) for module, shapes in modules_of(fitting).items())
    return Loaded("name", pairs, missing, unexpected, other)


def _check_named(network: Network, found: Loaded, partial: bool, where: str) -> None:
    """Raises DataError with every kind of misfit, unless the user asked for what fits and some of it does."""
    heads = head_names(network)
    missing = [name for name in found.missing if name not in heads]
    if (partial and found.pairs) or not (missing or found.unexpected or found.mismatched):
        return
    counts = ((missing, "missing"), (found.unexpected, "unexpected"), (found.mismatched, "of another shape"))
    what = f"does not fit net {network.net.name!r}: {', '.join(f'{len(n)} {w}' for n, w in counts if n)}"
    lists = [f"{words}: {', '.join(_first(names))}" for names, words in counts[:2] if names]
    advice = (
        "load in part (--partial) to take what fits and leave the rest as drawn"
        if found.pairs
        else "no name is known here; an original repository's checkpoint is loaded by order (--by order)"
    )
    raise DataError(what, *lists, *_first(found.mismatched), advice, where=where)


def _first(texts: Sequence[str]) -> list[str]:
    more = [f"and {len(texts) - NAMED} more"] if len(texts) > NAMED else []
    return [*texts[:NAMED], *more]
