"""Typed documents from YAML: pydantic decides, and its errors are said with file, line and the nearest name."""

import inspect
import json
import re
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, get_args

import pydantic
from pydantic import BaseModel, ConfigDict

from rdslab.errors import SpecError, did_you_mean
from rdslab.source import Place, Source, parse_yaml, read_yaml

__all__ = ["Document", "Source", "options_model", "parse_yaml", "read_yaml", "set_value", "validate", "with_settings"]

M = TypeVar("M", bound=BaseModel)
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "nothing",
}
LIMITS = {
    "greater_than_equal": ("ge", ">="),
    "less_than_equal": ("le", "<="),
    "greater_than": ("gt", ">"),
    "less_than": ("lt", "<"),
}


class Document(BaseModel):
    """A mapping that takes its own keys and types and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def validate(model: type[M], source: Source, place: Place = ()) -> M:
    """The part of `source` at `place` as a `model`. Raises SpecError with file:line for what is wrong first."""
    data: Any = source.data
    for step in place:
        data = data[step]
    try:
        return model.model_validate_json(json.dumps(data, default=str))  # as JSON, a list may be a tuple
    except pydantic.ValidationError as error:
        raise _say(error, model, source, place) from None


def _say(error: pydantic.ValidationError, model: type[BaseModel], source: Source, place: Place) -> SpecError:
    groups: dict[Place, list[Any]] = {}
    items = [item for item in error.errors() if item["type"] != "too_short"]  # also said of a list with a wrong item
    for item in items or [max(error.errors(), key=lambda item: len(item["loc"]))]:
        groups.setdefault(_data_place(item["loc"], source, place, item["type"]), []).append(item)

    def line(found: Place) -> tuple[int, int]:
        known = next((source.lines[found[:end]] for end in range(len(found), -1, -1) if found[:end] in source.lines), 0)
        return known, len(found)

    # Of a mapping where a list was possible too, what is wrong inside says more than that it is no list.
    inner = [p for p in groups if not any(q != p and q[: len(p)] == p for q in groups)]
    unknown_first = sorted(inner, key=lambda p: (groups[p][0]["type"] != "extra_forbidden", line(p)))
    found = unknown_first[0]
    what, hints = _phrase(groups[found], found, model, source)
    return SpecError(what, *hints, where=source.where(found))


def _data_place(loc: tuple[int | str, ...], source: Source, place: Place, kind: str) -> Place:
    """pydantic's loc without the names of union members, which are no keys of the data."""
    known = place
    data: Any = source.data
    for step in place:
        data = data[step]
    for step in loc:
        is_key = (isinstance(data, dict) and step in data) or (isinstance(data, list) and isinstance(step, int))
        if is_key:
            known, data = (*known, step), data[step]
    return (*known, loc[-1]) if kind == "missing" else known


def _phrase(items: Sequence[Any], found: Place, model: type[BaseModel], source: Source) -> tuple[str, list[str]]:
    first = items[0]
    key = found[-1] if found else ""
    if first["type"] == "extra_forbidden":
        taken = _keys_at(model, first["loc"][:-1])
        return f"unknown key {key!r}", [f"it takes: {', '.join(taken)}" if taken else "", did_you_mean(key, taken)]
    if first["type"] == "missing":
        return f"missing key {key!r}", [f"add `{key}:`"]
    if first["type"] in LIMITS:
        name, sign = LIMITS[first["type"]]
        return f"must be {sign} {first['ctx'][name]}, got {first['input']!r}", []
    if first["type"] == "too_short":
        return f"needs at least {first['ctx']['min_length']} of them, got {first['ctx']['actual_length']}", []
    if first["type"] == "value_error":
        return str(first["ctx"]["error"]), []
    expected = list(dict.fromkeys(_expected(item) for item in items))
    hints = [_trap(first["input"], expected, source.words.get(found))]
    choices = [
        c
        for item in items
        if item["type"] == "literal_error"
        for c in re.findall(r"'([^']+)'", item["ctx"]["expected"])
    ]
    if isinstance(first["input"], str):
        hints.append(did_you_mean(first["input"], choices))
    return f"expected {' or '.join(expected)}, got {_shown(first['input'], expected)}", hints


def _expected(item: Any) -> str:
    if item["type"] == "literal_error":
        return str(item["ctx"]["expected"])
    return EXPECTED.get(item["type"]) or str(item["msg"]).removeprefix("Input should be ")


def _shown(value: Any, expected: Iterable[str]) -> str:
    if isinstance(value, str) and any("number" in e for e in expected) and NUMBER.fullmatch(value):
        return f"the text {value!r}"
    if isinstance(value, (dict, list, tuple)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "nothing" if value is None else repr(value)


def _trap(value: Any, expected: Iterable[str], word: str | None) -> str:
    """YAML 1.1 reads 1e-3 as text and `no` as False: say what to write."""
    if isinstance(value, str) and any("number" in e for e in expected) and NUMBER.fullmatch(value):
        mantissa, _, exponent = value.lower().partition("e")
        if not exponent:
            return f"it is quoted; write {value}"
        dot = mantissa if "." in mantissa else f"{mantissa}.0"
        signed = exponent if exponent[0] in "+-" else f"+{exponent}"
        return f"YAML reads {value} as text; write {dot}e{signed}"
    if isinstance(value, bool) and word is not None and word.lower() not in ("true", "false"):
        return f"YAML reads {word} as {value}; quote it: '{word}'"
    return ""


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys that the document at `loc` takes."""
    models: list[Any] = [model]
    for step in loc:
        inner: list[Any] = []
        for one in models:
            fields = getattr(one, "model_fields", {})
            if step in fields:
                inner += _models_in(fields[step].annotation)
        models = inner or models
    return sorted({name for one in models for name in one.model_fields})


def _models_in(annotation: Any) -> list[Any]:
    if (
        isinstance(annotation, type)
        and not isinstance(annotation, types.GenericAlias)
        and issubclass(annotation, BaseModel)
    ):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]


_MODELS: dict[Any, type[BaseModel]] = {}


def options_model(function: Callable[..., Any]) -> type[BaseModel]:
    """The keyword-only signature of a function or class as a document: what it may be given by name.

    Raises TypeError for `**kwargs` and for an option without annotation: a signature is a schema.
    """
    if function not in _MODELS:
        _MODELS[function] = _options_model(function)
    return _MODELS[function]


def _options_model(function: Callable[..., Any]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            raise TypeError(f"{function.__name__} takes **{name}; a signature is a schema, so name its options")
        if parameter.kind is parameter.KEYWORD_ONLY:
            if parameter.annotation is parameter.empty:
                raise TypeError(f"{function.__name__}: option {name!r} needs a type")
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (parameter.annotation, default)
    return pydantic.create_model(f"{function.__name__}Options", __base__=Document, **fields)


def set_value(data: dict[str, Any], place: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy of nested mappings with one value changed; mappings on the way are made where none stand."""
    head, *rest = place
    inner = data.get(head)
    if rest:
        value = set_value(inner if isinstance(inner, dict) else {}, rest, value)
    return {**data, head: value}


def parse_setting(setting: str) -> tuple[str, Any]:
    """`recipe.epochs=4` -> ("recipe.epochs", 4); the value is read as YAML. Raises SpecError."""
    path, equals, text = setting.partition("=")
    path = path.strip()
    if not equals or not all(path.split(".")):
        raise SpecError(f"expected path=value, got {setting!r}", "write it like --set recipe.epochs=4", where="--set")
    value = parse_yaml(f"value: {text}" if text.strip() else "value: ''", f"--set {path}").data["value"]
    return path, value


def with_settings(source: Source, settings: Sequence[str]) -> Source:
    """The source with `path=value` settings applied, as the generic `--set` gives them. Raises SpecError."""
    data, places = source.data, dict(source.settings)
    for setting in settings:
        path, value = parse_setting(setting)
        steps = tuple(path.split("."))
        data = set_value(data, steps, value)
        places[steps] = f"--set {path}"
    return Source(source.name, data, source.lines, source.words, places, source.path)
