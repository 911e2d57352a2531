"""A network's modules beside those of a checkpoint that calls them otherwise: paired by the order in which they run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import torch
from torch import Tensor, nn

from rdslab.errors import DataError, SpecError
from rdslab.network import Network, build

Shapes = dict[str, tuple[int, ...]]  # of one module, by a tensor's own name: weight, bias, ...
Couple = tuple[str | None, str | None]  # the names of a module of theirs and of ours, None behind the end
COUNTER = "num_batches_tracked"  # of a batch norm; torch before 0.4.1 had none, and no result depends on it
AROUND = 2  # pairs shown on either side of the one that does not fit


@dataclass(frozen=True)
class Pair:
    """A module of the checkpoint, the one of the network that takes its weights, and what it takes."""

    theirs: str
    ours: str
    shapes: Shapes


def name_in(module: str, own: str) -> str:
    """The name of a module's tensor in a state dict."""
    return f"{module}.{own}" if module else own


def modules_of(tensors: Mapping[str, Tensor]) -> dict[str, Shapes]:
    """Shapes by module, in the order in which the modules first appear."""
    modules: dict[str, Shapes] = {}
    for name, tensor in tensors.items():
        module, _, own = name.rpartition(".")
        modules.setdefault(module, {})[own] = tuple(tensor.shape)
    return modules


def weights_in_order(model: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """The weights of any model in the order in which its layers run on an image (n 3 h w), for `load_weights`.

    For an original repository's model whose layers were made in another order than they run, as two branches are. What
    does not run at inference is left out.
    """
    held, was_training = model.state_dict(), model.training
    groups = modules_of(held)
    with torch.no_grad():
        order = _order(model.eval(), groups, lambda: model(image))
    model.train(was_training)
    return {name: held[name] for name in (name_in(module, own) for module in order for own in groups[module])}


def execution_order(network: Network) -> tuple[list[str], list[str]]:
    """The modules with weights in the order in which they first run: without and with those that only training has.

    Raises SpecError for one that is never called.
    """
    with torch.device("meta"):
        paper = build(network.net, network.classes).eval()
        image = torch.zeros(1, 3, network.net.smallest.height, network.net.smallest.width)
    wanted = modules_of(paper.state_dict())
    training = _order(paper, wanted, lambda: paper.train_outputs(image))
    if never := [name for name in wanted if name not in training]:
        what = f"module {never[0]!r} is never called, so its weights have no place in the order of execution"
        raise SpecError(what, "load by name", where=f"net {network.net.name!r}")
    return _order(paper, wanted, lambda: paper(image)), training


def _order(model: nn.Module, modules: Iterable[str], run: Callable[[], object]) -> list[str]:
    """Those of the modules that are called in a run, in the order of their first calls."""
    seen: dict[str, None] = {}
    hooks = [
        model.get_submodule(name).register_forward_pre_hook(lambda *_, name=name: seen.update({name: None}))
        for name in modules
    ]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return list(seen)


def pairs_by_order(network: Network, theirs: Mapping[str, Tensor], where: str) -> tuple[list[Pair], list[str]]:
    """The pairs, and the names of the network's weights that have no partner: of the training-only heads, or none.

    The heads may stand at the checkpoint's end, where they run, or not at all. Raises DataError at the first two
    modules whose tensors differ, or where one side ends before the other.
    """
    answering, training = execution_order(network)
    heads = [module for module in training if module not in answering]
    ours, given = modules_of(network.state_dict()), modules_of(theirs)
    without_heads = len(given) == len(answering)
    orders = [answering] if without_heads else [answering + heads, training]
    tried = [_pairs(list(zip_longest(given, order)), given, ours) for order in orders]
    best = max(range(len(orders)), key=lambda at: len(tried[at]))  # the first of those that get as far
    couples: list[Couple] = list(zip_longest(given, orders[best]))
    if len(tried[best]) < len(couples):
        raise _misfit(couples, len(tried[best]), given, ours, where)
    left = [name_in(module, own) for module in heads for own in ours[module] if own != COUNTER]
    return tried[best], left if without_heads else []


def _pairs(couples: Sequence[Couple], given: Mapping[str, Shapes], ours: Mapping[str, Shapes]) -> list[Pair]:
    """The couples up to the first that does not fit."""
    pairs: list[Pair] = []
    for one, other in couples:
        if one is None or other is None or (fits := _alike(given[one], ours[other])) is None:
            break
        pairs.append(Pair(one, other, fits))
    return pairs


def _alike(one: Shapes, other: Shapes) -> Shapes | None:
    """What both have, or None where they differ; a counter that one of them lacks makes no difference."""
    lacking = {COUNTER} - (one.keys() & other.keys())
    first, second = ({own: shape for own, shape in side.items() if own not in lacking} for side in (one, other))
    return first if first == second else None


def _misfit(
    couples: Sequence[Couple], index: int, given: Mapping[str, Shapes], ours: Mapping[str, Shapes], where: str
) -> DataError:
    def told(at: int) -> tuple[str, str]:
        one, other = couples[at]
        return _told(one, given), _told(other, ours)

    lines = []
    for at in range(max(0, index - AROUND), min(len(couples), index + AROUND + 1)):
        mark = ">" if at == index else " "
        lines.append(f"{mark} {at + 1:3}  {'  |  '.join(told(at))}")
    theirs, own = told(index)
    spare = couples[index][0] or "aux*"
    return DataError(
        f"pair {index + 1} does not fit: {theirs} of the file and {own} of the net",
        *lines,
        f"where the file has what the net has not, leave it out: --skip {spare!r}",
        "a file has layers in the order they were made; where they run in another: rdslab.weights_in_order in Python",
        where=where,
    )


def _told(module: str | None, side: Mapping[str, Shapes]) -> str:
    if module is None:
        return "nothing more"
    return f"{module} ({', '.join(f'{own} {sides(shape)}' for own, shape in side[module].items() if own != COUNTER)})"


def sides(shape: Sequence[int]) -> str:
    """64x3x3x3, or `one number`."""
    return "x".join(map(str, shape)) or "one number"
