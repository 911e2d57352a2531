"""Before anything is trained: every variant is built on paper, counted, and its latency predicted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rdslab import __version__
from rdslab.cost import count
from rdslab.data import data_context
from rdslab.errors import RdslabError, SpecError
from rdslab.measure import Profile, load_profile, predict_times
from rdslab.network import build, check_size, ids, load_net
from rdslab.records import Context, Cost, Size
from rdslab.search.ledger import Ledger
from rdslab.search.plan import Study, Variant
from rdslab.spec import Net
from rdslab.train import Recipe, check_batch, load_recipe

HERE = "here"


@dataclass(frozen=True)
class Prepared:
    """A study whose variants were all built on paper."""

    study: Study
    nets: Mapping[str, Net]  # by variant
    costs: Mapping[str, Cost]  # by variant, at the deploy size
    recipe: Recipe
    profiles: Mapping[str, Profile]  # devices that predict

    @property
    def measured(self) -> bool:
        """Whether the nets are timed on this machine."""
        return HERE in self.study.document.deploy.devices

    def net_id(self, variant: str) -> str:
        return ids(self.nets[variant])[0]


def prepare(study: Study) -> Prepared:
    """Build every variant on paper, count it, read recipe and profiles. Raises SpecError before any work is done."""
    deploy = study.document.deploy
    data_context(study.document.data, where=study.source.where(("data",)))
    recipe = recipe_of(study)
    profiles = {name: _profile(study, index, name) for index, name in enumerate(deploy.devices) if name != HERE}
    nets: dict[str, Net] = {}
    costs: dict[str, Cost] = {}
    failed: list[RdslabError] = []
    for variant in study.variants:
        try:
            nets[variant.name], costs[variant.name] = _on_paper(study, variant, recipe, tuple(profiles.values()))
        except RdslabError as error:
            failed.append(error)
    if len(failed) > 1:
        what = f"{len(failed)} of {len(study.variants)} variants cannot be built"
        raise SpecError(what, *[f"{error.where}: {error.what}" for error in failed], where=study.source.name)
    if failed:
        raise failed[0]
    return Prepared(study, nets, costs, recipe, profiles)


def _on_paper(study: Study, variant: Variant, recipe: Recipe, profiles: Sequence[Profile]) -> tuple[Net, Cost]:
    """A variant built without memory, and counted. Raises SpecError with its place where it cannot be."""
    deploy = study.document.deploy
    net = variant_net(study, variant)
    try:
        with torch.device("meta"):
            build(net, deploy.classes)
        size = Size.parse(study.document.data.get("size", study.size))
        check_size(net, size)
        check_batch(net, deploy.classes, recipe.batch, size)
        cost = count(net, study.size, deploy.classes)
        for profile in profiles:
            predict_times(cost, profile)
    except RdslabError as error:
        raise error.at(f"{variant.where} ({variant.name})") from None
    return net, cost


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


def _profile(study: Study, index: int, name: str) -> Profile:
    beside = study.folder / name
    try:
        return load_profile(str(beside if beside.is_file() else name))
    except RdslabError as error:
        where = study.source.where(("deploy", "devices", index))
        raise SpecError(
            error.what, *error.hints, f"or `{HERE}` for a measurement on this machine", where=where
        ) from None


def enter(prepared: Prepared, ledger: Ledger) -> None:
    """Write nets, costs, predictions and slots into the ledger. What stands there stays as it is."""
    study = prepared.study
    ledger.begin({**study.fixed(), "recipe": prepared.recipe.model_dump(mode="json")})
    ledger.enter_slots(study.slots, {name: prepared.net_id(name) for name in prepared.nets})
    for variant, net in prepared.nets.items():
        net_id, canonical_id = ids(net)
        ledger.put_net(net_id, canonical_id, net.document())
        cost = prepared.costs[variant]
        ledger.put("cost", net_id, cost_context(study), -1, cost.document())
        for device, profile in prepared.profiles.items():
            document = predict_times(cost, profile).document()
            ledger.put("times", net_id, times_context(study, device, profile.model_dump(mode="json")), -1, document)


def cost_context(study: Study) -> Context:
    return Context(
        {"kind": "cost", "size": str(study.size), "classes": study.document.deploy.classes, "rdslab": __version__}
    )


def times_context(study: Study, device: str, details: Mapping[str, Any]) -> Context:
    """`details` is the profile of a prediction, or protocol and host of a measurement."""
    deploy = study.document.deploy
    return Context(
        {"kind": "times", "device": device, "size": str(study.size), "classes": deploy.classes, "details": details}
    )


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
