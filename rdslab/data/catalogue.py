"""The data sets by name: from the `data:` mapping of a document to images in memory."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from rdslab.data.pairs import Content, Problem, Progress
from rdslab.data.samples import Classes, DataSet, identity_of
from rdslab.errors import DataError, RdslabError, SpecError, did_you_mean
from rdslab.records import Size
from rdslab.registry import Registry
from rdslab.source import Place, Source
from rdslab.yamlio import options_model, validate

ROOT_ADVICE = "give --root DIR, --set data.root=DIR or the environment variable RDSLAB_DATA"


class Reader(Protocol):
    """A data set before it is read. The keyword-only signature of its class is its YAML schema and opens no file."""

    size: Size

    def classes(self) -> Classes:
        """The class list. Raises DataError where it stands in a file that is missing or wrong."""
        ...

    def read(self, progress: Progress | None = None) -> Content:
        """Everything, decoded at `size`, and everything that is wrong with it."""
        ...


DATASETS: Registry[Reader] = Registry("data set")


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


def data_classes(document: Mapping[str, Any], *, where: str = "data") -> Classes:
    """The classes of the data set that the mapping names, without its images.

    Where no root is given, a class list that is a file is looked for here. Raises SpecError for a wrong mapping and
    DataError where there is no class list.
    """
    found = dict(document)
    if _takes_root(document, where) and not (found.get("root") or os.environ.get("RDSLAB_DATA")):
        found["root"] = "."
    source = _source(found, where)
    try:
        return source.classes()
    except (DataError, SpecError) as error:
        raise _placed(error, where) from None


def data_context(document: Mapping[str, Any], *, where: str = "data") -> dict[str, Any]:
    """The mapping with every default filled in and without `root`: what a fact records of its data."""
    options = dict(_validated({**document, "root": ""} if _takes_root(document, where) else document, where))
    options.pop("root", None)
    plain = {key: str(value) if isinstance(value, Size) else value for key, value in options.items()}
    return {"name": document["name"], **plain}


def data_options(name: str) -> type[BaseModel]:
    """The schema of a data set's options, which is the keyword-only signature of its class."""
    return options_model(DATASETS[name])


def _source(document: Mapping[str, Any], where: str) -> Reader:
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
        return "root" in data_options(str(document["name"])).model_fields
    except SpecError as error:
        raise error.at(f"{where}.name") from None


def _root_from_environment(name: str, where: str) -> str:
    """RDSLAB_DATA is the data set's root, or a folder of roots that are called like the data sets."""
    given = os.environ.get("RDSLAB_DATA", "")
    if not given:
        raise DataError(f"data set {name!r} lies on disk, and its folder is not given", ROOT_ADVICE, where=where)
    return str(Path(given) / name) if (Path(given) / name).is_dir() else given


def _validated(document: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The options, typed and with defaults. Raises SpecError for what is wrong first."""
    name = str(document["name"])
    model = data_options(name)
    given = {key: value for key, value in document.items() if key != "name"}
    for option in given:
        if option not in model.model_fields:
            raise _no_option(name, option, model, where)
    places: dict[Place, str] = {(key,): f"{where}.{key}" for key in given}
    options = validate(model, Source(where, given, settings=places))
    return {key: getattr(options, key) for key in model.model_fields}


def _no_option(name: str, option: str, model: type[BaseModel], where: str) -> SpecError:
    fields = model.model_fields.items()
    takes = ", ".join(key if field.is_required() else f"{key}={_shown(field.default)}" for key, field in fields)
    near = did_you_mean(option, model.model_fields)
    return SpecError(
        f"data set {name!r} has no option {option!r}", f"it takes: {takes}", near, where=f"{where}.{option}"
    )


def _shown(default: object) -> str:
    return str(default) if isinstance(default, Size) else repr(default)
