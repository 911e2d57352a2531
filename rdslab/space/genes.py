"""Genes, read from a space's YAML: what each of their choices sets, in which nodes, and when they act."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import defaults_of
from rdslab.errors import RdslabError, SpecError, did_you_mean
from rdslab.node import changed_node
from rdslab.records import canonical_json
from rdslab.source import Place, Source
from rdslab.space.documents import GeneDocument
from rdslab.spec import Net

MOST_GENES, MOST_CHOICES = 64, 1024
WIDTH = "width"


@dataclass(frozen=True)
class Setting:
    """A place that a gene sets: `block`, `options.dilation` of one node, or the net's width; its value by choice."""

    path: str  # as it was written
    node: str  # "" for the net's width
    rest: str
    values: tuple[Any, ...]

    @property
    def option(self) -> str:
        """The option's name, "" where it is a field of the node."""
        head, _, name = self.rest.partition(".")
        return name if head in ("options", "cycle") else ""


@dataclass(frozen=True)
class Gene:
    """What may vary, by the number of its choices; the first is the space's base."""

    name: str
    choices: tuple[Any, ...]  # scalars, lists or mappings; of a tied gene those of its first place
    settings: tuple[Setting, ...]
    when: tuple[tuple[str, frozenset[int]], ...] = ()  # genes and those of their choices under which this one acts
    where: str = field(default="", compare=False)

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The choices as numbers in rising order, None where they have none."""
        if any(isinstance(c, bool) or not isinstance(c, (int, float)) for c in self.choices):
            return None
        return self.choices if list(self.choices) == sorted(self.choices) else None

    def label(self, choice: int) -> str:
        """A choice in words: `4`, `[1, 2, 4]`, `rds`, `rds {dilate: both}`."""
        value = self.choices[choice]
        if not isinstance(value, Mapping):
            return str(value)
        options = ", ".join(f"{k}: {v}" for k, v in value.get("options", {}).items())
        return f"{value['block']} {{{options}}}" if options else str(value["block"])


def genes_of(document: Mapping[str, GeneDocument], base: Net, source: Source) -> tuple[Gene, ...]:
    """The genes. Raises SpecError with file and line."""
    if len(document) > MOST_GENES:
        what = f"has {len(document)} genes; up to {MOST_GENES} can be searched"
        raise SpecError(what, "tie some of them together", where=source.where(("genes",)))
    plain = {name: _gene(name, line, base, source) for name, line in document.items()}
    _check_owners(plain.values())
    _check_options(plain.values(), base)
    for name, line in document.items():
        when = tuple(_condition(name, other, values, plain, source) for other, values in line.when.items())
        gene = plain[name]
        plain[name] = Gene(gene.name, gene.choices, gene.settings, when, gene.where)
    return tuple(plain.values())


def _gene(name: str, line: GeneDocument, base: Net, source: Source) -> Gene:
    place: Place = ("genes", name)
    where = source.where(place)
    given = [key for key in ("choice", "whole", "tied") if getattr(line, key) is not None]
    if len(given) != 1:
        what = f"a gene takes one of choice, whole, tied; {name!r} has {' and '.join(given) or 'none'}"
        raise SpecError(what, "write {choice: [VALUE, VALUE]} or {whole: [LOW, HIGH]}", where=where)
    if line.step is not None and line.whole is None:
        raise SpecError("acts only with whole", where=source.where((*place, "step")))
    values = _values(line, name, source)
    lengths = {path: len(choices) for path, choices in values.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{path} has {length}" for path, length in lengths.items())
        raise SpecError(f"tied places need as many values each: {told}", where=source.where((*place, "tied")))
    if max(lengths.values()) > MOST_CHOICES:
        raise SpecError(f"has {max(lengths.values()):,} choices, more than {MOST_CHOICES:,}", where=where)
    settings = tuple(s for path, choices in values.items() for s in _settings(path, choices, base, where))
    rows = [canonical_json(row) for row in zip(*values.values(), strict=True)]
    for index, row in enumerate(rows):
        if row in rows[:index]:
            raise SpecError(f"choice {next(iter(values.values()))[index]!r} stands twice", where=where)
    return Gene(name, next(iter(values.values())), settings, where=where)


def _values(line: GeneDocument, name: str, source: Source) -> dict[str, tuple[Any, ...]]:
    """By path the values of the choices."""
    if line.tied is not None:
        return dict(line.tied)
    if line.choice is not None:
        return {name: line.choice}
    assert line.whole is not None
    where = source.where(("genes", name, "whole"))
    step = line.step or 1
    if len(line.whole) != 2 or line.whole[0] >= line.whole[1]:
        raise SpecError(f"expected [LOW, HIGH] with LOW below HIGH, got {list(line.whole)}", where=where)
    low, high = line.whole
    if (high - low) % step:
        last = high - (high - low) % step
        what = f"steps of {step} from {low} do not meet {high}"
        raise SpecError(what, f"write [{low}, {last}] or [{low}, {last + step}]", where=where)
    if (high - low) // step >= MOST_CHOICES:
        raise SpecError(f"has more than {MOST_CHOICES:,} choices", "give a larger step", where=where)
    return {name: tuple(range(low, high + 1, step))}


def _settings(path: str, values: tuple[Any, ...], base: Net, where: str) -> list[Setting]:
    """What a path sets, a node each; every value is tried for its kind."""
    try:
        if path == WIDTH:
            for value in values:
                base.with_value(path, value)
            return [Setting(path, "", WIDTH, values)]
        pattern, _, rest = path.partition(".")
        nodes = [node for node in base.nodes if rest and fnmatch.fnmatchcase(node.id, pattern)]
        if not nodes:
            base.with_value(path, values[0])  # says what there is
        for node in nodes:
            for value in values:
                changed_node(node, rest, value, path)
    except RdslabError as error:
        raise error.at(where) if error.where != where else error from None
    return [Setting(path, node.id, rest, values) for node in nodes]


def _check_owners(genes: Sequence[Gene] | Any) -> None:
    """Raises SpecError where two genes set one place."""
    owner: dict[tuple[str, str], str] = {}
    for gene in genes:
        for setting in gene.settings:
            key = (setting.node, setting.rest)
            if key in owner:
                place = ".".join(filter(None, key))
                what = f"genes {owner[key]!r} and {gene.name!r} both set {place}"
                raise SpecError(
                    "sets a place twice" if owner[key] == gene.name else what, f"the place is {place}", where=gene.where
                )
            owner[key] = gene.name


def blocks_of(genes: Sequence[Gene] | Any, base: Net) -> dict[str, set[str]]:
    """By node the blocks that it may have. Raises UnknownName for one that is not registered."""
    found = {node.id: {node.block} for node in base.nodes}
    for gene in genes:
        for setting in gene.settings:
            if setting.rest == "block":
                for value in setting.values:
                    name = value["block"] if isinstance(value, Mapping) else value
                    try:
                        BLOCKS.entry(name)
                    except RdslabError as error:
                        raise error.at(gene.where) from None
                    found[setting.node].add(name)
    return found


def _check_options(genes: Sequence[Gene] | Any, base: Net) -> None:
    """Raises SpecError for an option that no block takes that its node may have."""
    blocks = blocks_of(genes, base)
    for gene in genes:
        for setting in gene.settings:
            taken = (
                {name for block in blocks[setting.node] for name in defaults_of(BLOCKS[block])}
                if setting.node
                else set()
            )
            if setting.option and setting.option not in taken:
                there = sorted(blocks[setting.node])
                what = f"no block that {setting.node!r} may have takes an option {setting.option!r}"
                raise SpecError(
                    what, f"it may have: {', '.join(there)}", did_you_mean(setting.option, taken), where=gene.where
                )


def _condition(
    name: str, other: str, values: Sequence[Any], genes: Mapping[str, Gene], source: Source
) -> tuple[str, frozenset[int]]:
    where = source.where(("genes", name, "when", other))
    if other not in genes:
        hint = f"the genes are: {', '.join(genes)}"
        raise SpecError(f"no gene is called {other!r}", hint, did_you_mean(other, genes), where=where)
    found: set[int] = set()
    for value in values:
        hits = {i for i, choice in enumerate(genes[other].choices) if _is(choice, value)}
        if not hits:
            labels = ", ".join(genes[other].label(i) for i in range(len(genes[other].choices)))
            raise SpecError(f"{other!r} has no choice {value!r}", f"it has: {labels}", where=where)
        found |= hits
    return other, frozenset(found)


def _is(choice: Any, value: Any) -> bool:
    if isinstance(choice, Mapping) and not isinstance(value, Mapping):
        return bool(choice.get("block") == value)
    return canonical_json(choice) == canonical_json(value)
