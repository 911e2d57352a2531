"""A space's genotypes as Optuna's parameters, and what is known of one before it is trained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from rdslab.cost.receptive import receptive_field
from rdslab.errors import RdslabError, SpecError
from rdslab.measure import predict_times
from rdslab.network import ids
from rdslab.records import Cost
from rdslab.sampling import Known
from rdslab.search.aims import LATENCY, MIOU, Objective, measured_figures
from rdslab.search.plan import Study
from rdslab.source import Place, Source
from rdslab.space import Gene, Genotype, Space, space_from
from rdslab.space.deploy import FIELD
from rdslab.spec import Net
from rdslab.yamlio import read_yaml

Expected = Callable[[Net, Cost], Mapping[str, float]]
IMPOSSIBLE = 1e9  # how far a net that cannot be built is from what is allowed


@dataclass(frozen=True)
class Figures:
    """What is known of a net on paper: its cost and its figures by name, NaN where a profile abstains."""

    cost: Cost
    values: Mapping[str, float]

    def with_values(self, values: Mapping[str, float]) -> "Figures":
        """These, and further ones that were measured or are expected."""
        return replace(self, values={**self.values, **values})


def _nothing(net: Net, cost: Cost) -> Mapping[str, float]:  # noqa: ARG001
    return {}


def search_space(study: Study) -> Space:
    """The space of a study's search, at the study's deployment size, under its limits too. Raises SpecError."""
    search = study.document.search
    assert search is not None
    where = study.source.where(("search", "space"))
    beside = study.folder / search.space
    try:
        source = read_yaml(beside if beside.is_file() else search.space)
    except (RdslabError, OSError, ValueError) as error:
        raise SpecError(str(error), "write a space's file: ../search_spaces/rds.yaml", where=where) from None
    deploy = study.document.deploy
    profiles = [name for name in deploy.devices if name not in study.measured]
    data = {**source.data, "deploy": {"size": str(study.size), "classes": deploy.classes, "devices": profiles}}
    data["limits"] = {**(source.data.get("limits") or {}), **search.limits}
    settings: dict[Place, str] = {
        ("limits", name): study.source.where(("search", "limits", name)) for name in search.limits
    }
    settings[("deploy",)] = study.source.where(("deploy",))
    measured = measured_figures(study.measured)
    return space_from(Source(source.name, data, source.lines, source.words, settings, source.path), measured)


def distribution(gene: Gene) -> BaseDistribution:
    """What a gene is drawn from: its values where they are evenly spaced whole numbers, the places of other numbers
    in their order, else the choices in words."""
    numbers = gene.numbers
    if numbers is None:
        return CategoricalDistribution(_labels(gene))
    steps = {b - a for a, b in pairwise(numbers)}
    if len(steps) == 1 and all(isinstance(number, int) for number in numbers):
        return IntDistribution(int(numbers[0]), int(numbers[-1]), step=int(steps.pop()))
    return IntDistribution(0, len(numbers) - 1)


def _labels(gene: Gene) -> list[str]:
    """The choices in words, each another: where two read alike, with their places."""
    labels = [gene.label(choice) for choice in range(len(gene.choices))]
    return [f"{label} #{i}" if labels.count(label) > 1 else label for i, label in enumerate(labels)]


class Genotypes:
    """A space as samplers and stages need it."""

    def __init__(self, space: Space, objectives: Sequence[Objective]) -> None:
        self.space, self.objectives = space, objectives
        self.miou_at = [one.figure for one in objectives].index(MIOU)
        self.distributions = {gene.name: distribution(gene) for gene in space.genes}
        self._places = [_places(gene, self.distributions[gene.name]) for gene in space.genes]
        wanted = {*(one.figure for one in objectives), *(limit.figure for limit in space.limits)}
        self.with_field = FIELD in wanted
        on_paper = (MIOU, *space.deploy.names)
        self.measured = tuple(sorted(figure for figure in wanted if figure not in on_paper))
        self.expected: Expected = _nothing  # of the figures that are measured, before they are

    def genotype(self, params: Mapping[str, Any]) -> Genotype:
        """Of a trial's parameters."""
        return tuple(places[params[gene.name]] for gene, places in zip(self.space.genes, self._places, strict=True))

    def document(self) -> dict[str, Any]:
        """What may not change while a search goes on: the base net, the genes and the limits."""
        genes = {
            gene.name: {
                "sets": [[s.node, s.rest, list(s.values)] for s in gene.settings],
                "when": sorted([name, sorted(at)] for name, at in gene.when),
            }
            for gene in self.space.genes
        }
        return {"base": ids(self.space.base)[0], "genes": genes, "limits": [limit.words for limit in self.space.limits]}

    def words(self, genotype: Genotype) -> dict[str, str]:
        """The choices of those genes that act."""
        acts = self.space.active(genotype)
        return {
            gene.name: gene.label(choice)
            for gene, choice, act in zip(self.space.genes, genotype, acts, strict=True)
            if act
        }

    def figures(self, net: Net, *, field: bool = True) -> Figures:
        """What the net costs and is predicted to take, and unless told otherwise what it sees.

        Raises SpecError where it cannot be built.
        """
        deploy = self.space.deploy
        cost = deploy.cost(net)
        values = {"macs": float(cost.macs), "params": float(cost.params)}
        if self.with_field and field:
            values[FIELD] = float(receptive_field(net, deploy.classes).side)
        for name, profile in deploy.profiles.items():
            try:
                values[f"{LATENCY}{name}"] = predict_times(cost, profile).latency_ms
            except SpecError:
                values[f"{LATENCY}{name}"] = float("nan")
        return Figures(cost, values)

    def excess(self, figures: Figures) -> dict[str, float]:
        """By limit, in words, by which share of it the figure is beyond; at most 0 where it holds."""
        found = {}
        for limit in self.space.limits:
            value = figures.values.get(limit.figure)
            if value is None:
                continue
            ends = [(value - limit.at_most) / limit.at_most] if limit.at_most else []
            ends += [(limit.at_least - value) / limit.at_least] if limit.at_least else []
            found[limit.words] = max(ends) if value == value else IMPOSSIBLE
        for one in self.objectives:
            value = figures.values.get(one.figure, 0.0)
            if value != value:
                found[f"{one.figure} can be predicted"] = IMPOSSIBLE
        return found

    def broken(self, figures: Figures) -> list[str]:
        """The limits that are broken, in words, each with the figure."""

        def shown(words: str) -> str:
            value = figures.values.get(words.partition(" ")[0], float("nan"))
            return f"{value:.4g}" if value == value else "none"

        return [f"{words}, and it has {shown(words)}" for words, by in self.excess(figures).items() if by > 0]

    def constraints(self, figures: Figures | None) -> list[float]:
        """By how much each limit is broken, 0 where nothing is known of it, and at last whether the net can be."""
        limits = [limit.words for limit in self.space.limits]
        if figures is None:
            return [IMPOSSIBLE] * (len(limits) + 1)
        excess = self.excess(figures)
        others = [by for words, by in excess.items() if words not in limits]
        return [*(excess.get(words, 0.0) for words in limits), max(others, default=0.0)]

    def known(self, params: Mapping[str, Any]) -> Known:
        """What a sampler may know."""
        genotype = self.space.canonical(self.genotype(params))
        try:
            net = self.space.draw(genotype)
            figures = self.figures(net, field=False)
            if max(self.excess(figures).values(), default=0.0) <= 0:  # the field takes longest, and most nets are out
                figures = self.figures(net)
            figures = figures.with_values(self.expected(net, figures.cost))
        except RdslabError:
            nothing = [None if one.figure == MIOU else 0.0 for one in self.objectives]
            return Known(nothing, IMPOSSIBLE, (0.0, 0.0), genotype)
        values = [None if one.figure == MIOU else _number(figures.values.get(one.figure)) for one in self.objectives]
        violation = max(self.excess(figures).values(), default=0.0)
        return Known(values, violation, (figures.values["macs"], figures.values["params"]), genotype)


def _number(value: float | None) -> float:
    """A figure for arithmetic; one that is not known is of a net that is out."""
    return 0.0 if value is None or value != value else value


def _places(gene: Gene, drawn: BaseDistribution) -> dict[Any, int]:
    """By parameter the number of the choice."""
    if isinstance(drawn, CategoricalDistribution):
        return {str(label): i for i, label in enumerate(drawn.choices)}
    assert isinstance(drawn, IntDistribution)
    return {drawn.low + i * drawn.step: i for i in range(len(gene.choices))}
