"""A space: genotypes, which of their genes act, and the nets that they are."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import defaults_of
from rdslab.errors import RdslabError, SpecError
from rdslab.network import ids, load_net
from rdslab.node import changed_node
from rdslab.space.deploy import Deploy, Limit, deploy_of, limits_of
from rdslab.space.documents import SpaceDocument
from rdslab.space.genes import Gene, Setting, genes_of
from rdslab.spec import Net, Node
from rdslab.yamlio import Source, read_yaml, validate, with_settings

Genotype = tuple[int, ...]  # the number of each gene's choice, in the order of the genes
TRIES = 200  # nets that are drawn to find one in which a choice can be built


@dataclass(frozen=True)
class Distribution:
    """What a sampler draws a gene from: so many choices; `numbers` where they are some, in rising order."""

    choices: int
    numbers: tuple[float, ...] | None


@dataclass(frozen=True)
class Space:
    """A base net and its genes. Genotypes have fixed length; those of first choices alone are the base."""

    name: str
    title: str
    base: Net
    genes: tuple[Gene, ...]
    deploy: Deploy
    limits: tuple[Limit, ...]
    _nodes: dict[tuple[Any, ...], Node] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def size(self) -> int:
        """The number of genotypes."""
        return prod(len(gene.choices) for gene in self.genes)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {gene.name: i for i, gene in enumerate(self.genes)}

    @cached_property
    def _block_genes(self) -> dict[str, tuple[int, Setting]]:
        """By node the gene that sets its block."""
        return {s.node: (i, s) for i, gene in enumerate(self.genes) for s in gene.settings if s.rest == "block"}

    @cached_property
    def _by_node(self) -> dict[str, list[tuple[int, Setting]]]:
        """By node what genes set in it, its block first; "" for the net's width."""
        found: dict[str, list[tuple[int, Setting]]] = {}
        for i, gene in enumerate(self.genes):
            for setting in gene.settings:
                found.setdefault(setting.node, []).append((i, setting))
        return {node: sorted(lines, key=lambda line: line[1].rest != "block") for node, lines in found.items()}

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The genes so that each stands behind those that decide whether it acts. Raises SpecError for a circle."""
        done: list[int] = []

        def enter(i: int, above: tuple[int, ...]) -> None:
            if i in above:
                names = " -> ".join(self.genes[k].name for k in (*above[above.index(i) :], i))
                what = "whether it acts depends on itself"
                raise SpecError(what, f"the circle: {names}", where=self.genes[i].where)
            if i not in done:
                for other in self._decided_by(i):
                    enter(other, (*above, i))
                done.append(i)

        for i in range(len(self.genes)):
            enter(i, ())
        return tuple(done)

    def _decided_by(self, i: int) -> list[int]:
        named = [self._index[name] for name, _ in self.genes[i].when]
        swapped = [
            self._block_genes[s.node][0] for s in self.genes[i].settings if s.option and s.node in self._block_genes
        ]
        return [*named, *(k for k in swapped if k != i)]

    def active(self, genotype: Genotype) -> tuple[bool, ...]:
        """Which genes act: their conditions hold, and the drawn block has the option that they set."""
        acts = [False] * len(genotype)
        for i in self.order:
            gene = self.genes[i]
            held = all(acts[k] and genotype[k] in at for name, at in gene.when for k in [self._index[name]])
            acts[i] = held and any(self._takes(setting, genotype, acts, i) for setting in gene.settings)
        return tuple(acts)

    def _takes(self, setting: Setting, genotype: Genotype, acts: Sequence[bool], own: int) -> bool:
        """Whether the place exists in the drawn net, and is left to this gene."""
        if not setting.option:
            return True
        i, swap = self._block_genes.get(setting.node, (-1, None))
        drawn: Any = self.base[setting.node].block
        if swap is not None and (acts[i] or i == own):
            drawn = swap.values[genotype[i]]
        block, given = (drawn["block"], drawn.get("options", {})) if isinstance(drawn, Mapping) else (drawn, {})
        return setting.option in defaults_of(BLOCKS[block]) and setting.option not in given

    def canonical(self, genotype: Genotype) -> Genotype:
        """The genotype with the first choice for every gene that does not act: equal nets, as far as genes tell.

        Nets that compute the same for other reasons have different genotypes and one `canonical_id`.
        """
        acts = self.active(self._checked(genotype))
        return tuple(choice if act else 0 for choice, act in zip(genotype, acts, strict=True))

    def canonical_id(self, genotype: Genotype) -> str:
        """The canonical id of the drawn net. Raises SpecError where it cannot be built."""
        return ids(self.draw(genotype))[1]

    def draw(self, genotype: Genotype) -> Net:
        """The net of a genotype. Raises SpecError where its wiring cannot be; the rest shows when it is counted."""
        acts = self.active(self._checked(genotype))
        nodes = tuple(self._node(node, genotype, acts) for node in self.base.nodes)
        width = self.base.width
        for i, setting in self._by_node.get("", []):
            width = float(setting.values[genotype[i]]) if acts[i] else width
        return replace(self.base, nodes=nodes, width=width)

    def _node(self, node: Node, genotype: Genotype, acts: Sequence[bool]) -> Node:
        lines = self._by_node.get(node.id)
        if lines is None:
            return node
        key = (node.id, *[genotype[i] if acts[i] else -1 for i, _ in lines])
        drawn = self._nodes.get(key)
        if drawn is None:
            drawn = node
            for i, setting in lines:
                if acts[i] and self._takes(setting, genotype, acts, i):
                    drawn = changed_node(drawn, setting.rest, setting.values[genotype[i]], setting.path)
            self._nodes[key] = drawn
        return drawn

    def _checked(self, genotype: Genotype) -> Genotype:
        fits = len(genotype) == len(self.genes) and all(
            0 <= choice < len(gene.choices) for choice, gene in zip(genotype, self.genes, strict=True)
        )
        if not fits:
            raise SpecError(f"space {self.name!r} has no genotype {genotype}", f"it has {len(self.genes)} genes")
        return genotype

    def with_choice(self, genotype: Genotype, i: int, choice: int) -> Genotype:
        """The genotype with one gene's choice, and the conditions of that gene fulfilled."""
        changed = (*genotype[:i], choice, *genotype[i + 1 :])
        for name, at in self.genes[i].when:
            k = self._index[name]
            if changed[k] not in at:
                changed = self.with_choice(changed, k, min(at))
        return changed

    def genotypes(self) -> Iterator[Genotype]:
        """Every genotype, the last gene fastest."""
        return product(*[range(len(gene.choices)) for gene in self.genes])

    def distributions(self) -> dict[str, Distribution]:
        """By gene what it is drawn from."""
        return {gene.name: Distribution(len(gene.choices), gene.numbers) for gene in self.genes}

    def drawn(self, rng: random.Random) -> Genotype:
        """A genotype, each as likely as any other."""
        return tuple(rng.randrange(len(gene.choices)) for gene in self.genes)


def load_space(path: str | Path, settings: Sequence[str] = ()) -> Space:
    """Read a space. Raises SpecError with file and line."""
    return space_from(with_settings(read_yaml(path), settings))


def space_from(source: Source, measured: Sequence[str] = ()) -> Space:
    """A space from a source that was read: its names, paths, ties and conditions are right. Raises SpecError.

    `measured`: further figures that may be limited, though no net tells them on paper.
    """
    document = validate(SpaceDocument, source)
    base = _base(document, source)
    genes = genes_of(document.genes, base, source)
    deploy = deploy_of(document.deploy, source)
    limits = limits_of(document.limits, (*deploy.names, *measured), source)
    space = Space(document.name, document.title, base, genes, deploy, limits)
    assert space.order is not None  # circles are found here
    return space


def _base(document: SpaceDocument, source: Source) -> Net:
    try:
        beside = (source.path.parent if source.path else Path()) / document.base
        net = load_net(beside if beside.is_file() else document.base)
    except (RdslabError, OSError, ValueError) as error:
        raise SpecError(str(error), where=source.where(("base",))) from None
    for path, value in document.set.items():
        try:
            net = net.with_value(path, value)
        except RdslabError as error:
            raise error.at(source.where(("set", path))) from None
    return net


def check_space(space: Space) -> list[str]:
    """Build every choice of every gene on the space's base; notes of those that need others beside them.

    Raises SpecError for a choice that is built neither there nor in any of the nets that were drawn with it.
    """
    notes = []
    base = (0,) * len(space.genes)
    for i, gene in enumerate(space.genes):
        for choice in range(len(gene.choices)):
            error = why_not(space, space.with_choice(base, i, choice))
            if error is not None:
                notes.append(_elsewhere(space, i, choice, error))
    return notes


def why_not(space: Space, genotype: Genotype) -> RdslabError | None:
    """What is said of a net that cannot be built at the deployment size."""
    try:
        space.deploy.cost(space.draw(genotype))
        space.canonical_id(genotype)
    except RdslabError as error:
        return error
    return None


def _elsewhere(space: Space, i: int, choice: int, error: RdslabError) -> str:
    gene, rng = space.genes[i], random.Random(0)
    words = f"{gene.name} {gene.label(choice)}"
    for _ in range(TRIES):
        if why_not(space, space.with_choice(space.drawn(rng), i, choice)) is None:
            return f"{words} is not built on the base, but beside other choices: {error}"
    what = f"choice {gene.label(choice)} is built neither on the base nor in {TRIES} nets drawn with it"
    raise SpecError(what, str(error), where=gene.where)
