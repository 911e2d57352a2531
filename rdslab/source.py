"""YAML read strictly: every value knows its line, and YAML 1.1's traps are named instead of swallowed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rdslab.errors import SpecError

MAX_BYTES = 1_000_000  # the largest document of ours has 3 kB
MAX_VALUES = 100_000  # aliases can blow a small file up
MAX_DEPTH = 50
Place = tuple[str | int, ...]


def dotted(place: Place) -> str:
    """('nodes', 2, 'id') -> 'nodes[2].id'."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".")


@dataclass
class Source:
    """A document as plain data, with the line and the wording of each value."""

    name: str  # what messages call it: the path as the user gave it
    data: Any
    lines: dict[Place, int] = field(default_factory=dict)
    words: dict[Place, str] = field(default_factory=dict)  # scalars as they were written
    settings: dict[Place, str] = field(default_factory=dict)  # where a value came from, if not from the file
    path: Path | None = None

    def where(self, place: Place = ()) -> str:
        """`nets/mine.yaml:4: nodes[2].id`, the nearest line that is known; `--set data.root` for an override."""
        for known in _prefixes(place):
            if known in self.settings:
                rest = dotted(place[len(known) :])
                return self.settings[known] + (rest if rest.startswith("[") else f".{rest}" if rest else "")
            if known in self.lines and place:
                return f"{self.name}:{self.lines[known]}: {dotted(place)}"
        return f"{self.name}: {dotted(place)}" if place else self.name


def _prefixes(place: Place) -> Iterator[Place]:
    for end in range(len(place), -1, -1):
        yield place[:end]


def read_yaml(path: Path | str) -> Source:
    """Read one YAML mapping. Raises SpecError with file and line, never a YAML library's error."""
    path = Path(path)
    try:
        if path.is_dir():
            raise SpecError("is a folder; expected a YAML file", where=str(path))
        with path.open("rb") as file:  # what is no plain file may have no size and no end
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise SpecError(f"has more than {MAX_BYTES / 1e6:.0f} MB; no document is as large", where=str(path))
    except OSError as error:
        raise SpecError(f"cannot read: {error.strerror or error}", where=str(path)) from None
    return parse_yaml(content, str(path), path)


def parse_yaml(content: bytes | str, name: str, path: Path | None = None) -> Source:
    """Parse YAML text or bytes into a Source named `name`. Raises SpecError."""
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
    except UnicodeDecodeError:
        raise SpecError("is not text; expected YAML in UTF-8", where=name) from None
    source = Source(name, None, path=path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            raise SpecError("is empty; expected a YAML mapping", where=name)
        source.data = _Reader(source).value(root, ())
    except yaml.reader.ReaderError as error:
        raise SpecError(f"is not text: {error.reason}", "expected YAML in UTF-8", where=name) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise SpecError(f"is not YAML: {error.problem or error.context}", where=f"{name}{line}") from None
    except RecursionError:
        raise SpecError("is nested too deeply", where=name) from None
    except (ValueError, OverflowError):  # of chr() in PyYAML
        raise SpecError("is not YAML: it holds an escape that stands for no character", where=name) from None
    if not isinstance(source.data, dict):
        raise SpecError(f"expected a mapping, got {_kind(source.data)}", "write `key: value` lines", where=f"{name}:1")
    return source


def _kind(value: object) -> str:
    kinds: dict[object, str] = {list: "a list", str: "text", dict: "a mapping"}
    return kinds.get(type(value), repr(value))


class _Reader:
    """Turns YAML nodes into values and writes down where each stood."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.seen = 0
        self.open: set[int] = set()

    def value(self, node: yaml.Node, place: Place) -> Any:
        self.seen += 1
        if self.seen > MAX_VALUES:
            raise SpecError(f"holds more than {MAX_VALUES:,} values", where=self.source.name)
        if id(node) in self.open:
            raise self._error(node, place, "refers to itself")
        if len(place) > MAX_DEPTH:
            raise SpecError("is nested too deeply", where=f"{self.source.name}:{node.start_mark.line + 1}")
        self.source.lines[place] = node.start_mark.line + 1
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, place)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*place, i)) for i, item in enumerate(node.value)]
            return self._scalar(node, place)
        finally:
            self.open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, place, "a key must be text")
            key = key_node.value
            if key == "<<":
                raise self._error(key_node, place, "merge keys (<<) are not read; write the keys out")
            if key in result:
                first = self.source.lines[(*place, key)]
                raise self._error(
                    key_node, (*place, key), f"duplicate key {key!r}", f"it stands in line {first} already"
                )
            result[key] = self.value(value_node, (*place, key))
            self.source.lines[(*place, key)] = key_node.start_mark.line + 1
        return result

    def _scalar(self, node: yaml.Node, place: Place) -> Any:
        text: str = node.value
        self.source.words[place] = text
        if re.search("[\0\ud800-\udfff]", text):
            raise self._error(node, place, "holds a character that is no text")
        tag = node.tag.removeprefix("tag:yaml.org,2002:")
        if tag == "null":
            return None
        if tag == "bool":
            if text.lower() not in ("yes", "true", "on", "no", "false", "off"):
                raise self._error(node, place, f"expected true or false, got {text!r}")
            return text.lower() in ("yes", "true", "on")
        if tag == "int":
            if not re.fullmatch(r"[-+]?(0|[1-9][0-9]{0,17})", text):
                long = len(text) > 18 and text.lstrip("+-").isdigit()
                what = f"{text} is too long a number" if long else f"YAML reads {text} in another base"
                hint = "write a plain decimal number of up to 18 digits, or quote it as text"
                raise self._error(node, place, what, hint)
            return int(text)
        if tag == "float":
            if ":" in text:
                raise self._error(node, place, f"YAML reads {text} as minutes", "write a plain number, or quote it")
            try:
                return float(re.sub(r"\.(inf|nan)$", r"\1", text.replace("_", "").lower()))
            except ValueError:
                raise self._error(node, place, f"expected a number, got {text!r}") from None
        if tag in ("str", "timestamp"):
            return text
        raise self._error(node, place, f"the tag {node.tag} is not read here", "write plain YAML")

    def _error(self, node: yaml.Node, place: Place, what: str, *hints: str) -> SpecError:
        line = f"{self.source.name}:{node.start_mark.line + 1}"
        return SpecError(what, *hints, where=f"{line}: {dotted(place)}" if place else line)
