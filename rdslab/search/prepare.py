"""Before anything is trained: every variant is built on paper, counted, and its latency predicted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from rdslab import __version__
from rdslab.cost import count
from rdslab.data import data_context
from rdslab.errors import RdslabError, SpecError
from rdslab.measure import Profile, load_profile, predict_times
from rdslab.network import build, check_size, ids, load_net
from rdslab.records import Context, Cost, Size
from rdslab.search.aims import objectives_of
from rdslab.search.cells import Cell, TimesFacts
from rdslab.search.documents import HERE, is_measured
from rdslab.search.genotypes import Genotypes, search_space
from rdslab.search.ledger import Ledger
from rdslab.search.plan import NO_SEED, Study
from rdslab.search.variants import Variant
from rdslab.spec import Net
from rdslab.train import Recipe, check_batch, load_recipe


@dataclass(frozen=True)
class Prepared:
    """A study whose variants were all built on paper."""

    study: Study
    nets: Mapping[str, Net]  # by variant
    grid: Mapping[tuple[str, Size], Cost]  # by variant and size
    profiles: Mapping[str, Profile]  # devices that predict
    trained_by: Recipe | None  # None in a study that trains nothing
    genotypes: Genotypes | None = None  # of its search

    @property
    def costs(self) -> Mapping[str, Cost]:
        """By variant, at the deployment size."""
        return {name: self.grid[name, self.study.size] for name in self.nets}

    @property
    def recipe(self) -> Recipe:
        """How the variants are trained, in a study that trains."""
        assert self.trained_by is not None
        return self.trained_by

    def net_id(self, variant: str) -> str:
        return ids(self.nets[variant])[0]


def prepare(study: Study) -> Prepared:
    """Build every variant on paper, count it, read recipe and profiles. Raises SpecError before any work is done."""
    deploy = study.document.deploy
    if study.trains:
        data_context(study.document.data, where=study.source.where(("data",)))
    recipe = recipe_of(study) if study.trains else None
    profiles = {
        name: profile_of(study, name, study.source.where(("deploy", "devices", index)))
        for index, name in enumerate(deploy.devices)
        if not is_measured(name)
    }
    nets: dict[str, Net] = {}
    grid: dict[tuple[str, Size], Cost] = {}
    failed: list[RdslabError] = []
    for variant in study.variants:
        try:
            nets[variant.name] = net = variant_net(study, variant)
            for cost in _on_paper(study, variant, net, recipe, tuple(profiles.values())):
                grid[variant.name, cost.size] = cost
        except RdslabError as error:
            failed.append(error)
    if len(failed) > 1:
        what = f"{len(failed)} of {len(study.variants)} variants cannot be built"
        raise SpecError(what, *[f"{error.where}: {error.what}" for error in failed], where=study.source.name)
    if failed:
        raise failed[0]
    return Prepared(study, nets, grid, profiles, recipe, _genotypes(study))


def _genotypes(study: Study) -> Genotypes | None:
    if study.document.search is None:
        return None
    objectives = objectives_of(study.document, study.source)
    return Genotypes(search_space(study), objectives)


def _on_paper(
    study: Study, variant: Variant, net: Net, recipe: Recipe | None, profiles: Sequence[Profile]
) -> list[Cost]:
    """A variant built without memory, and counted at each size. Raises SpecError with its place where it cannot be."""
    classes = study.document.deploy.classes
    try:
        with torch.device("meta"):
            build(net, classes)
        if recipe is not None:
            size = Size.parse(study.document.data.get("size", study.size))
            check_size(net, size)
            check_batch(net, classes, recipe.batch, size)
        costs = [count(net, size, classes) for size in study.sizes]
        for cost in costs if study.trains else ():  # without a training nothing dear is lost: a time is missing
            for profile in profiles:
                predict_times(cost, profile)
    except RdslabError as error:
        raise error.at(f"{variant.where} ({variant.name})") from None
    return costs


def variant_net(study: Study, variant: Variant) -> Net:
    """The net of a variant. Raises SpecError with the variant's place in the study."""
    beside = study.folder / variant.net
    try:
        net = load_net(beside if beside.is_file() else variant.net)
        for path, value in variant.settings:
            net = net.with_value(path, value)
    except RdslabError as error:
        raise error.at(f"{variant.where} ({variant.name})") from None
    return net


def recipe_of(study: Study) -> Recipe:
    """The study's recipe: a name, a file beside the study, or `{use: NAME, ...}` with some values changed."""
    given = study.document.recipe
    changes = dict(given) if isinstance(given, dict) else {"use": given}
    name = changes.pop("use", None)
    where = study.source.where(("recipe",))
    if not isinstance(name, str):
        raise SpecError("which recipe is to be used is not said", "write {use: one_cycle, epochs: 4}", where=where)
    beside = study.folder / name
    try:
        return load_recipe(str(beside if beside.is_file() else name), changes)
    except RdslabError as error:
        raise error.at(where) from None


def profile_of(study: Study, name: str, where: str) -> Profile:
    """A shipped profile, or one in a file beside the study. Raises SpecError that speaks of `where`."""
    beside = study.folder / name
    try:
        return load_profile(str(beside if beside.is_file() else name))
    except RdslabError as error:
        hint = f"or `{HERE}` for a measurement on this machine, ssh://user@host for one on a board"
        raise SpecError(error.what, *error.hints, hint, where=where) from None


def enter(prepared: Prepared, ledger: Ledger, *, force: bool = False) -> None:
    """Write nets, costs, predictions and slots into the ledger. What stands there stays as it is.

    `force`: also where the study's search was begun with other settings.
    """
    study = prepared.study
    fixed = study.fixed() | ({"recipe": prepared.recipe.model_dump(mode="json")} if study.trains else {})
    if prepared.genotypes is not None:
        fixed["search"] |= {"space": prepared.genotypes.document()}
    ledger.begin(fixed, force=force)
    ledger.enter_slots(study.slots, {name: prepared.net_id(name) for name in prepared.nets})
    if not study.trains:
        ledger.close_untrained()
    known = TimesFacts(ledger)
    for (variant, _), cost in prepared.grid.items():
        enter_net(prepared, ledger, known, prepared.nets[variant], cost)


def enter_net(prepared: Prepared, ledger: Ledger, known: TimesFacts, net: Net, cost: Cost) -> None:
    """Write down a net, its cost at one size and what is predicted for it."""
    study, (net_id, canonical_id) = prepared.study, ids(net)
    ledger.put_net(net_id, canonical_id, net.document())
    ledger.put("cost", net_id, cost_context(study, cost.size), NO_SEED, cost.document())
    for device, profile in prepared.profiles.items():
        cell = Cell(device, str(cost.size), study.document.deploy.classes, profile.form)
        try:
            known.put(net_id, cell, profile.model_dump(mode="json"), predict_times(cost, profile).document())
        except SpecError as error:  # it abstains
            known.refuse(net_id, cell, "; ".join([error.what, *error.hints]))


def cost_context(study: Study, size: Size) -> Context:
    return Context({"kind": "cost", "size": str(size), "classes": study.document.deploy.classes, "rdslab": __version__})


def score_context(prepared: Prepared, identity: str, split: str) -> Context:
    """All that decides a score besides net and seed."""
    document = prepared.study.document
    return Context(
        {
            "kind": "score",
            "data": {**data_context(document.data), "identity": identity, "split": split},
            "recipe": prepared.recipe.model_dump(mode="json"),
            "threads": document.threads,
            "device": "cuda" if torch.cuda.is_available() else "cpu",
            "torch": str(torch.__version__),
            "rdslab": __version__,
        }
    )
