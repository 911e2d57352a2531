"""Other values of an option, worked out from its annotation."""

import types
from collections.abc import Iterable, Mapping
from itertools import islice, product
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from rdslab.blocks.registry import BLOCKS
from rdslab.yamlio import options_model

WHOLE = (2, 3, 4, 1, 5, 8)
REAL = (0.5, 0.25, 0.1, 2.0)
MOST_BASES = 50


def annotation_of(name: str, option: str) -> Any:
    """The type of a block's option."""
    return options_model(BLOCKS[name]).model_fields[option].annotation


def closed(annotation: Any) -> bool:
    """Whether the annotation names each of its values, so that each has to mean something of its own."""
    return annotation is bool or get_origin(annotation) is Literal


def valid(name: str, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The options with defaults filled in, or None where the block's signature refuses them."""
    try:
        return dict(options_model(BLOCKS[name]).model_validate(dict(options)))
    except ValidationError:
        return None


def values(name: str, option: str) -> list[Any]:
    """The values to try, the default first; all are of the option's type and inside its limits."""
    field = options_model(BLOCKS[name]).model_fields[option]
    found = [] if field.default is PydanticUndefined else [field.default]
    for value in _of_type(field.annotation, field.default):
        if not any(type(value) is type(held) and value == held for held in found):
            found.append(value)
    return [value for value in found if _inside(name, option, value)]


def _inside(name: str, option: str, value: Any) -> bool:
    try:
        options_model(BLOCKS[name]).model_validate({option: value})
    except ValidationError as error:
        return all(item["loc"][:1] != (option,) for item in error.errors())
    return True


def bases(name: str) -> Iterable[dict[str, Any]]:
    """Options to start from: the defaults, with values tried for what has none."""
    fields = options_model(BLOCKS[name]).model_fields
    needed = [option for option, field in fields.items() if field.is_required()]
    for chosen in islice(product(*[values(name, option) for option in needed]), MOST_BASES):
        options = valid(name, dict(zip(needed, chosen, strict=True)))
        if options is not None:
            yield options


def _of_type(annotation: Any, default: Any) -> list[Any]:
    simple: dict[Any, list[Any]] = {
        bool: [False, True],
        int: list(WHOLE),
        float: list(REAL),
        type(None): [None],
    }
    if annotation in simple:
        return simple[annotation]
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return list(parts)
    if origin is Annotated:
        return _of_type(parts[0], default)
    if origin in (Union, types.UnionType):
        return [value for part in parts for value in _of_type(part, default)]
    if origin is tuple:
        return _tuples(parts, default)
    return []


def _tuples(parts: tuple[Any, ...], default: Any) -> list[Any]:
    open_end = len(parts) == 2 and parts[1] is Ellipsis
    inner = _of_type(parts[0], None)[:3]
    if not isinstance(default, tuple):
        return [(value,) * (2 if open_end else len(parts)) for value in inner]
    changed = [(*default[:i], value, *default[i + 1 :]) for i in range(len(default)) for value in inner]
    return [default[:-1], (*default, *inner[:1]), *changed] if open_end else changed
