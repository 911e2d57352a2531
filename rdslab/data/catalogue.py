"""The data sets by name: from the `data:` mapping of a document to images in memory."""

import inspect
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol, get_type_hints

import pydantic
from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import ErrorDetails

from rdslab.data.pairs import Content, Problem, Progress
from rdslab.data.samples import Classes, DataSet, identity_of
from rdslab.errors import DataError, RdslabError, SpecError, did_you_mean
from rdslab.records import Size
from rdslab.registry import Registry

ROOT_ADVICE = "give --root DIR, --set data.root=DIR or the environment variable RDSLAB_DATA"


class Source(Protocol):
    """A data set before it is read. The keyword-only signature of its class is its YAML schema and opens no file."""

    size: Size

    def classes(self) -> Classes:
        """The class list. Raises DataError where it stands in a file that is missing or wrong."""
        ...

    def read(self, progress: Progress | None = None) -> Content:
        """Everything, decoded at `size`, and everything that is wrong with it."""
        ...


DATASETS: Registry[Source] = Registry("data set")


def open_data(document: Mapping[str, Any], *, where: str = "data", progress: Progress | None = None) -> DataSet:
    """Read the data set that a document's `data:` mapping names: `{name: camvid, root: DIR, size: 240x180}`.

    Raises SpecError for a wrong mapping, and DataError, before any training, for the first thing wrong with the files.
    """
    source = _source(document, where)
    try:
        classes, content = source.classes(), source.read(progress)
    except (DataError, SpecError) as error:
        raise _placed(error, where) from None
    if content.problems:
        first, *others = content.problems
        more = f"and {len(others)} more" if others else "nothing else is wrong"
        raise DataError(first.what, f"{more}; `rdslab data check` lists all", where=f"{where}: {first.file}")
    identity = identity_of(content.train, content.val, source.size, classes, content.split)
    return DataSet(document["name"], source.size, classes, content.train, content.val, content.split, identity)


def check_data(document: Mapping[str, Any], *, where: str = "data", progress: Progress | None = None) -> list[Problem]:
    """All that is wrong with the files of a data set, by name. Reads them the way `open_data` does.

    Raises SpecError for a wrong mapping and DataError where there is no root to look at.
    """
    source = _source(document, where)
    try:
        source.classes()
        return list(source.read(progress).problems)
    except (DataError, SpecError) as error:
        raise _placed(error, where) from None


def data_context(document: Mapping[str, Any], *, where: str = "data") -> dict[str, Any]:
    """The mapping with every default filled in and without `root`: what a fact records of its data."""
    options = dict(_validated({**document, "root": ""} if _takes_root(document, where) else document, where))
    options.pop("root", None)
    plain = {key: str(value) if isinstance(value, Size) else value for key, value in options.items()}
    return {"name": document["name"], **plain}


def data_options(name: str) -> type[pydantic.BaseModel]:
    """The schema of a data set's options, made from the keyword-only signature of its class."""
    kind = DATASETS[name]
    hints = get_type_hints(kind.__init__, include_extras=True)
    fields: dict[str, Any] = {
        key: (_READ.get(hints[key], hints[key]), ... if option.default is option.empty else _written(option.default))
        for key, option in _options(kind).items()
    }
    config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True, validate_default=True)
    return pydantic.create_model(kind.__name__, __config__=config, __doc__=inspect.getdoc(kind), **fields)


def _source(document: Mapping[str, Any], where: str) -> Source:
    found = dict(document)
    if _takes_root(document, where) and not found.get("root"):
        found["root"] = _root_from_environment(str(document["name"]), where)
    options = _validated(found, where)
    try:
        return DATASETS[str(document["name"])](**options)
    except SpecError as error:
        raise _placed(error, where) from None


def _placed(error: RdslabError, where: str) -> RdslabError:
    """The error with its place in the document: an option's path goes on with a dot, a file's name after a colon."""
    if isinstance(error, SpecError) and error.where:
        return SpecError(error.what, *error.hints, where=f"{where}.{error.where}")
    return error.at(where)


def _takes_root(document: Mapping[str, Any], where: str) -> bool:
    """Whether the named data set lies on disk. Raises SpecError when the mapping names none that exists."""
    if not isinstance(document, Mapping):
        raise SpecError(f"expected a mapping with a name, got {document!r}", "write {name: synthetic}", where=where)
    if "name" not in document:
        raise SpecError("no data set is named", f"there are: {', '.join(DATASETS.names())}", where=f"{where}.name")
    try:
        return "root" in _options(DATASETS[str(document["name"])])
    except SpecError as error:
        raise error.at(f"{where}.name") from None


def _root_from_environment(name: str, where: str) -> str:
    """RDSLAB_DATA is the data set's root, or a folder of roots that are called like the data sets."""
    given = os.environ.get("RDSLAB_DATA", "")
    if not given:
        raise DataError(f"data set {name!r} lies on disk, and its folder is not given", ROOT_ADVICE, where=where)
    return str(Path(given) / name) if (Path(given) / name).is_dir() else given


def _options(kind: type[Source]) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(kind).parameters
    return {key: option for key, option in parameters.items() if option.kind is option.KEYWORD_ONLY}


def _validated(document: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The options, typed and with defaults. Raises SpecError for the first that is wrong."""
    name = str(document["name"])
    model = data_options(name)
    given = {key: value for key, value in document.items() if key != "name"}
    try:
        options = model.model_validate(given)
    except pydantic.ValidationError as error:
        raise _told(max(error.errors(), key=lambda told: len(told["loc"])), name, where) from None
    return {key: getattr(options, key) for key in model.model_fields}


def _told(error: ErrorDetails, name: str, where: str) -> SpecError:
    """pydantic's first complaint in our words: where, what is wrong, what would be right."""
    option = str(error["loc"][0])
    place = ".".join([where, *(str(part) for part in error["loc"] if not str(part).endswith("]"))])
    taken = _options(DATASETS[name])
    takes = ", ".join(
        key if option.default is option.empty else f"{key}={_shown(option.default)}" for key, option in taken.items()
    )
    if error["type"] == "extra_forbidden":
        what = f"data set {name!r} has no option {option!r}"
        return SpecError(what, f"it takes: {takes}", did_you_mean(option, taken), where=place)
    if error["type"] == "missing":
        return SpecError(f"data set {name!r} needs the option {option!r}", f"it takes: {takes}", where=place)
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return SpecError(str(context["error"]), where=place)
    what = _WORDS.get(error["type"], error["msg"].replace("Input should be", "expected"))
    near = did_you_mean(
        error["input"], str(context.get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
    )
    trap = ""
    if error["type"] == "float_type" and re.fullmatch(r"[\d.]+e[+-]?\d+", str(error["input"])):
        trap = "YAML reads a number like 1e-3 as text; write 1.0e-3"
    return SpecError(f"{what}, got {error['input']!r}", trap, near, where=place)


_WORDS = {
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "string_type": "expected text",
    "list_type": "expected a list",
    "bool_type": "expected true or false",
}


def _written(default: object) -> object:
    """A default as YAML has it."""
    return str(default) if isinstance(default, Size) else default


def _shown(default: object) -> str:
    return str(default) if isinstance(default, Size) else repr(default)


def _size(value: object) -> Size:
    try:
        return value if isinstance(value, Size) else Size.parse(value)
    except SpecError as error:
        raise ValueError(f"{error.what}; {'; '.join(error.hints)}") from None


def _path(value: object) -> Path:
    if not isinstance(value, str | Path):
        raise ValueError(f"expected a folder, got {value!r}")
    return Path(value).expanduser()


# How an annotation of a signature is read from YAML, where text stands for a richer type.
_READ: dict[Any, Any] = {
    Size: Annotated[
        Size,
        BeforeValidator(_size),
        WithJsonSchema({"type": "string", "pattern": r"^\d{1,5}x\d{1,5}$"}),
    ],
    Path: Annotated[Path, BeforeValidator(_path), WithJsonSchema({"type": "string"})],
}
