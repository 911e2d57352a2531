"""The options of a node: checked against the signature of its block, defaults filled in."""

from collections.abc import Mapping
from math import lcm
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import NODE_KEYS, defaults_of
from rdslab.errors import SpecError, did_you_mean
from rdslab.spec import Node
from rdslab.yamlio import Source, options_model, validate


def node_options(node: Node, index: int = 0) -> dict[str, Any]:
    """Every option of a node's `index`-th repeat, defaults filled in; `stride` and `up` act in the first only.

    Raises SpecError for an option that the block lacks, unless it was inherited from another block.
    """
    settings = _checked(node.block, BLOCKS.version, node.key, node)
    chosen = dict(settings[index % len(settings)])
    if index:
        chosen |= {key: 1 for key in NODE_KEYS if key in chosen}
    return chosen


_CHECKED: dict[tuple[str, int, str], list[dict[str, Any]]] = {}


def _checked(block: str, version: int, key: str, node: Node) -> list[dict[str, Any]]:
    """The options of the repeats until they start again, validated once for each way of writing a node."""
    remembered = _CHECKED.get((block, version, key))
    if remembered is None:
        remembered = _CHECKED[(block, version, key)] = _validated(node)
    return remembered


def _validated(node: Node) -> list[dict[str, Any]]:
    model = options_model(BLOCKS[node.block])
    known = {name for name in model.model_fields if name not in NODE_KEYS}
    for place, names in (("options", node.options), ("cycle", node.cycle)):
        for name in names:
            if name not in known and name not in node.inherited:
                raise _no_option(node, place, name, known)
    places = {key: key for key in NODE_KEYS} | {name: f"options.{name}" for name in node.options}
    given = {k: v for k, v in node.options.items() if k in known}
    given |= {key: value for key in NODE_KEYS if (value := _node_key(node, key, model)) is not None}
    cycle = {name: values for name, values in node.cycle.items() if name in known}
    places |= {name: f"cycle.{name}" for name in cycle}
    for name, values in cycle.items():
        firsts = {other: others[0] for other, others in cycle.items()}
        for value in values:
            _validate_options(model, {**given, **firsts, name: value}, node, places)
    settings = [
        {**given, **{name: values[index % len(values)] for name, values in cycle.items()}}
        for index in range(min(node.repeat, lcm(*map(len, cycle.values()))))
    ]
    return [_validate_options(model, setting, node, places) for setting in settings]


def _node_key(node: Node, key: str, model: type[BaseModel]) -> int | None:
    value: int | None = getattr(node, key)
    if value is not None and key not in model.model_fields:
        takers = [name for name in BLOCKS.names() if key in defaults_of(BLOCKS[name])]
        raise SpecError(
            f"block {node.block!r} takes no `{key}`", f"blocks that do: {', '.join(takers)}", where=node.place(key)
        )
    return value


def _validate_options(
    model: type[BaseModel], given: dict[str, Any], node: Node, places: Mapping[str, str]
) -> dict[str, Any]:
    source = Source(node.where or node.id, given)
    source.settings = {(name,): node.place(places.get(name, f"options.{name}")) for name in model.model_fields}
    return dict(validate(model, source))


def _no_option(node: Node, place: str, name: str, known: set[str]) -> SpecError:
    defaults = defaults_of(BLOCKS[node.block])
    written = {k: k if v is PydanticUndefined else f"{k}={v!r}" for k, v in defaults.items() if k in known}
    takes = ", ".join(written.values())
    return SpecError(
        f"block {node.block!r} has no option {name!r}",
        f"it takes: {takes}" if takes else "it takes no options",
        did_you_mean(name, known),
        where=node.place(f"{place}.{name}"),
    )
