"""Checking documents: which kind a file is, whether it is right, and JSON Schemas for editors."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel

from rdslab.blocks import BLOCKS
from rdslab.data import DATASETS, data_options
from rdslab.drawing.labels import dropped_words
from rdslab.errors import SpecError
from rdslab.files import write_whole
from rdslab.measure import Profile, load_profile
from rdslab.netfile import NetDocument, net_from
from rdslab.network import ids, resolve, units_of
from rdslab.node import Node
from rdslab.promises import check_block
from rdslab.search.claims import claims_of
from rdslab.search.columns import check_columns
from rdslab.search.documents import StudyDocument
from rdslab.search.forecast import twins_of
from rdslab.search.plan import load_study
from rdslab.search.prepare import prepare
from rdslab.space import SpaceDocument, check_space, space_from
from rdslab.spec import Net
from rdslab.train import Recipe, load_recipe
from rdslab.yamlio import Source, options_model, read_yaml

DOCUMENTS: Mapping[str, type[BaseModel]] = {
    "net": NetDocument,
    "study": StudyDocument,
    "recipe": Recipe,
    "device": Profile,
    "space": SpaceDocument,
}
CLASSES = 19  # that a checked net is built with: a decoder as wide as there are classes may refuse very few
TELLING = {
    "net": {"nodes"},
    "study": {"base", "extends", "variants", "seeds"},
    "recipe": {"epochs", "lr"},
    "device": {"board", "launch_us"},
    "space": {"base", "genes", "limits"},
}


def check(path: str) -> dict[str, Any]:
    """Read one document and everything it names. Raises SpecError with where, what and a hint."""
    source = read_yaml(path)
    kind = kind_of(source)
    checks: Mapping[str, Callable[[Source], tuple[str, list[str]]]] = {
        "net": _net,
        "study": _study,
        "recipe": _recipe,
        "device": _device,
        "space": _space,
    }
    name, notes = checks[kind](source)
    return {"file": path, "kind": kind, "name": name, "right": True, "notes": notes}


def kind_of(source: Source) -> str:
    """What a document is, by its keys. Raises SpecError where they tell nothing."""
    keys = set(source.data)
    told = {kind: len(keys & words) for kind, words in TELLING.items()}
    best = max(told, key=lambda kind: (told[kind], len(keys & set(DOCUMENTS[kind].model_fields))))
    if not told[best]:
        hints = [f"a {kind} has {' and '.join(sorted(words))}" for kind, words in TELLING.items()]
        raise SpecError("its keys tell no kind of document", *hints, where=source.where())
    return best


def _net(source: Source) -> tuple[str, list[str]]:
    net = net_from(source)
    notes = _user_blocks(net)
    resolved = resolve(net)
    with torch.device("meta"):
        for unit in units_of(net, CLASSES):
            unit.module()
    notes += dropped_words(resolved.dropped)
    return net.name, notes


def _user_blocks(net: Net) -> list[str]:
    """What the net's own files brought, held to the promises that ours keep."""
    notes = []
    for file in net.blocks:
        names = [name for name in BLOCKS.names() if BLOCKS.entry(name).file == file]
        notes.append(f"{Path(file).name} was run: it is Python code; it registers {', '.join(names) or 'nothing'}")
        for name in names:
            broken = check_block(name)
            if broken:
                raise SpecError(f"block {name!r} breaks a promise: {broken[0]}", *broken[1:], where=file)
            notes.append(f"block {name!r} keeps its shape, learns, does not mix images, and every option acts")
    return notes


def _study(source: Source) -> tuple[str, list[str]]:
    study = load_study(source.name)
    prepared = prepare(study)
    check_columns(prepared)
    seeds, trials = len(study.document.seeds), len(study.slots)
    notes = [
        f"{len(study.variants)} variants" + (f" x {seeds} seeds = {trials} trials" if study.trains else ", no training")
    ]
    for name, net in prepared.nets.items():
        notes += [f"{name}: {words}" for words in dropped_words(resolve(net).dropped)]
    notes += [f"{len(claims)} claims"] if (claims := claims_of(prepared.study)) else []
    notes += [twins.words for twins in twins_of({name: ids(net) for name, net in prepared.nets.items()})]
    return study.name, notes


def _recipe(source: Source) -> tuple[str, list[str]]:
    load_recipe(source.name)
    return Path(source.name).stem, []


def _device(source: Source) -> tuple[str, list[str]]:
    return load_profile(source.name).name, []


def _space(source: Source) -> tuple[str, list[str]]:
    space = space_from(source)
    return space.name, [f"{len(space.genes)} genes, {space.size:,} genotypes", *check_space(space)]


def write_schemas(folder: str) -> list[Path]:
    """A JSON Schema for each kind of document; blocks and data sets bring their options."""
    written = []
    for kind, model in DOCUMENTS.items():
        schema = model.model_json_schema()
        if kind == "net":
            _complete(
                schema["$defs"]["NodeDocument"],
                "block",
                {n: options_model(BLOCKS[n]) for n in BLOCKS.names()},
                inside="options",
            )
        if kind == "study":
            schema["properties"]["extends"] = {"type": "string", "description": "another study's file beside this one"}
            data = schema["properties"]["data"]
            data.clear()
            data |= {"type": "object", "required": ["name"], "properties": {"name": {"enum": DATASETS.names()}}}
            _complete(data, "name", {n: data_options(n) for n in DATASETS.names()}, inside="")
        path = Path(folder) / f"{kind}.schema.json"
        write_whole(path, json.dumps(schema, indent=2) + "\n")
        written.append(path)
    return written


def _complete(schema: dict[str, Any], key: str, models: Mapping[str, type[BaseModel]], *, inside: str) -> None:
    """Add: if `key` is this name, then the options are those of that name."""
    schema.setdefault("properties", {})[key] = {"type": "string", "examples": sorted(models)}
    node_keys = set(Node.__dataclass_fields__)
    for name, model in models.items():
        options = model.model_json_schema(mode="serialization")  # sizes and folders as text
        properties = {k: v for k, v in options.get("properties", {}).items() if not (inside and k in node_keys)}
        then: dict[str, Any] = {"properties": properties}
        if inside:
            then = {"properties": {inside: {"type": "object", "properties": properties}}}
        schema.setdefault("allOf", []).append({"if": {"properties": {key: {"const": name}}}, "then": then})
