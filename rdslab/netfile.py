"""Nets from YAML files, the zoo's by name, and the user's own blocks that a net's file names."""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import nn

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import NODE_KEYS, defaults_of
from rdslab.errors import RdslabError, SpecError, did_you_mean
from rdslab.records import Published, Size
from rdslab.spec import IMAGE, Net, Node
from rdslab.yamlio import Document, Source, options_model, read_yaml, validate

ZOO = Path(__file__).parent / "zoo"
Count = Annotated[int, Field(ge=1, le=65536)]


class NodeDocument(Document):
    """One line of a net."""

    id: str
    block: str
    inputs: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    channels: Count | Literal["classes"] | None = None
    repeat: Annotated[int, Field(ge=1, le=1024)] = 1
    stride: Count | None = None
    up: Count | None = None
    like: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    cycle: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(default_factory=dict)
    training: bool = False
    inherited: tuple[str, ...] = ()


class PublishedDocument(Document):
    """An accuracy that a publication gives for the net."""

    miou: Annotated[float, Field(gt=0, lt=1)]
    on: str  # data and split
    source: str


class NetDocument(Document):
    """A network: an ordered list of named nodes."""

    name: str
    nodes: Annotated[tuple[NodeDocument, ...], Field(min_length=1)]
    width: Annotated[float, Field(gt=0, le=16)] = 1.0
    smallest: str = "32x32"
    blocks: tuple[str, ...] = ()
    defaults: dict[str, Any] = Field(default_factory=dict)  # options of every node whose block takes them
    paper: str = ""
    year: int | None = None
    published: tuple[PublishedDocument, ...] = ()


def zoo_names() -> list[str]:
    """The nets that come with rdslab."""
    return sorted(path.stem for path in ZOO.glob("*.yaml"))


def load_net(name_or_path: str | Path) -> Net:
    """A net of the zoo by its name, or from a YAML file. Raises SpecError with file and line."""
    text = str(name_or_path)
    if text in zoo_names():
        return _zoo_net(text)
    if Path(text).suffix not in (".yaml", ".yml") and not os.path.exists(text):  # noqa: PTH110 - takes any text
        raise SpecError(
            f"no net is called {text!r}", f"the zoo has: {', '.join(zoo_names())}", did_you_mean(text, zoo_names())
        )
    return net_from(read_yaml(text))


@cache
def _zoo_net(name: str) -> Net:
    return net_from(read_yaml(ZOO / f"{name}.yaml"))


def net_from(source: Source) -> Net:
    """A net from a source that was read. Its files of blocks are run. Raises SpecError."""
    document = validate(NetDocument, source)
    blocks = tuple(str(_run_blocks(source, i, file)) for i, file in enumerate(document.blocks))
    try:
        smallest = Size.parse(document.smallest)
    except SpecError as error:
        raise error.at(source.where(("smallest",))) from None
    nodes: list[Node] = []
    for index, line in enumerate(document.nodes):
        above = nodes[-1].id if nodes else IMAGE
        nodes.append(_node(line, above, source, index, document.defaults))
    _check_defaults(document.defaults, nodes, source)
    fields = {
        "width": float(document.width),
        "smallest": smallest,
        "blocks": blocks,
        "paper": document.paper,
        "year": document.year,
        "published": tuple(Published(**dict(line)) for line in document.published),
    }
    return Net(document.name, tuple(nodes), **fields, where=source.where(("nodes",)))  # type: ignore[arg-type]


def net_from_document(document: Mapping[str, Any], where: str = "net") -> Net:
    """A net from `Net.document()`, as it was stored. Raises SpecError."""
    return net_from(Source(where, dict(document)))


def _check_defaults(defaults: Mapping[str, Any], nodes: Sequence[Node], source: Source) -> None:
    """Raises SpecError for a default that no node's block takes."""
    known = {name for node in nodes if node.block in BLOCKS for name in _options_of(node.block)}
    for name in defaults:
        if name not in known:
            what = f"no block of the net has an option {name!r}"
            raise SpecError(what, did_you_mean(name, known), where=source.where(("defaults", name)))


def _options_of(block: str) -> set[str]:
    return set(defaults_of(BLOCKS[block])) - set(NODE_KEYS)


def _node(line: NodeDocument, above: str, source: Source, index: int, defaults: Mapping[str, Any]) -> Node:
    inputs = line.inputs or (above,)
    place = ("nodes", index)
    taken = _options_of(line.block) if defaults and line.block in BLOCKS else set()
    usual = {name: value for name, value in defaults.items() if name in taken - set(line.options) - set(line.cycle)}
    named = [(part, name) for part in ("options", "cycle") for name in getattr(line, part)]
    places = {".".join(key): source.where((*place, *key)) for key in [*named, ("stride",), ("up",)]}
    places |= {f"options.{name}": source.where(("defaults", name)) for name in usual}
    plain = {name: getattr(line, name) for name in ("channels", "repeat", "stride", "up", "like", "cycle", "training")}
    return Node(
        line.id,
        line.block,
        inputs,
        options={**usual, **line.options},
        **plain,
        inherited=frozenset(line.inherited),
        where=source.where(place),
        places=places,
    )


def _run_blocks(source: Source, index: int, file: str) -> Path:
    """Run a Python file that registers blocks. It must lie beside the YAML or below it."""
    where = source.where(("blocks", index))
    if source.path is None:  # a stored net names the file as it was found
        path = Path(file)
    else:
        folder = Path(os.path.realpath(source.path)).parent
        path = Path(os.path.realpath(folder / file))
        if not path.is_relative_to(folder):
            raise SpecError(f"{file} does not lie beside the net's file or below it", "copy it there", where=where)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpecError(f"cannot read {file}: {error.strerror}", where=where) from None
    origin = sha256(content).hexdigest()[:16]
    module_name = f"rdslab_blocks_{path.stem}_{sha256(str(path).encode()).hexdigest()[:8]}"
    loaded = sys.modules.get(module_name)
    if loaded is None or getattr(loaded, "__rdslab_origin__", "") != origin:
        _execute(path, content, module_name, origin, where)
    return path


def _execute(path: Path, content: bytes, module_name: str, origin: str, where: str) -> None:
    """Run the text that was read: Python's own import may take an older one from __pycache__."""
    module = ModuleType(module_name)
    module.__file__ = str(path)
    before = sys.modules.get(module_name)
    sys.modules[module_name] = module
    try:
        with BLOCKS.reading(str(path), origin):
            exec(compile(content, str(path), "exec"), module.__dict__)
            for name in BLOCKS.names():
                if BLOCKS.entry(name).file == str(path):
                    _check_signature(name)
    except (Exception, SystemExit) as error:
        sys.modules.pop(module_name)
        if before is not None:
            sys.modules[module_name] = before
        raise _failed(path, error).at(where) from None
    module.__dict__["__rdslab_origin__"] = origin


def _check_signature(name: str) -> None:
    block = BLOCKS[name]
    if not (isinstance(block, type) and issubclass(block, nn.Module)):
        raise TypeError(f"block {name!r} must be a class of torch.nn.Module")
    options_model(block)


def _failed(path: Path, error: BaseException) -> SpecError:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    place = f"{path.name}:{line}" if line else path.name
    if isinstance(error, RdslabError):
        return SpecError(f"running {place} failed: {error.what}", *error.hints)
    words = error.msg if isinstance(error, SyntaxError) else str(error)
    return SpecError(f"running {place} failed: {type(error).__name__}: {words}")
