"""Recipes: strict documents, and every option changes what is computed."""

from pathlib import Path
from typing import Any

import pytest
import torch

from rdslab.errors import SpecError
from rdslab.train import Recipe, load_recipe, recipe_names
from rdslab.train.state import Training
from tests.train_cases import cpu, short, tiny_data, tiny_net, trained, weights_in, without_seconds

__all__ = ["cpu"]
pytestmark = pytest.mark.usefixtures("cpu")

# option: (under what, what is changed); the two trainings must differ.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "epochs": ({}, {"epochs": 1}),
    "batch": ({}, {"batch": 3}),
    "lr": ({}, {"lr": 0.001}),
    "optimiser": ({"weight_decay": 0.1}, {"optimiser": "adamw"}),
    "optimiser sgd": ({}, {"optimiser": "sgd"}),
    "weight_decay": ({}, {"weight_decay": 0.1}),
    "momentum": ({"optimiser": "sgd"}, {"momentum": 0.5}),
    "schedule": ({}, {"schedule": "poly"}),
    "schedule constant": ({"schedule": "poly"}, {"schedule": "constant"}),
    "schedule stall": ({"schedule": "constant", "lr": 1.0, "epochs": 30}, {"schedule": "stall"}),
    "patience": ({"schedule": "stall", "lr": 1e-5, "epochs": 9}, {"patience": 1}),
    "min_lr": ({"schedule": "stall", "patience": 1, "lr": 1e-5, "epochs": 9}, {"min_lr": 0.9e-5}),
    "translate": ({}, {"translate": 0}),
    "flip": ({}, {"flip": False}),
    "normalise": ({}, {"normalise": "imagenet"}),
    "class_weights": ({}, {"class_weights": None}),
    "class_weights.c": ({}, {"class_weights": {"c": 1.1}}),
    "class_weights.shares": ({}, {"class_weights": {"shares": "over_max"}}),
    "class_weights.shares all": ({}, {"class_weights": {"shares": "share_of_all"}}),
    "reduction": ({"optimiser": "sgd", "lr": 1e-7}, {"reduction": "sum"}),
    "auxiliary": ({}, {"auxiliary": 0.0}),
    "void_logit": ({}, {"void_logit": True}),
    "evaluate_every": ({}, {"evaluate_every": 2}),
}
ELSEWHERE = {"precision", "channels_last"}  # tests of their own


def test_every_option_is_tried() -> None:
    assert {name.partition(" ")[0].partition(".")[0] for name in CHANGES} | ELSEWHERE == set(Recipe.model_fields)


@pytest.mark.parametrize("name", CHANGES)
def test_every_option_changes_what_is_computed(tmp_path: Path, name: str) -> None:
    base, change = CHANGES[name]
    found = []
    for folder, changes in (("base", base), ("changed", {**base, **change})):
        score = trained(tmp_path / folder, changes, net=tiny_net(auxiliary=True))
        found.append((without_seconds(score)["history"], weights_in(tmp_path / folder)))
    if name == "evaluate_every":
        assert ["miou" in row for row in found[1][0]] == [False, True]
    elif name == "min_lr":
        assert len(found[1][0]) < len(found[0][0])
    else:
        kernel = "nodes.head.conv.weight"
        kernels = [next(t for n, t in weights.items() if n.startswith("nodes.head")) for _, weights in found]
        assert kernels[0].shape != kernels[1].shape or not torch.equal(*kernels), kernel


def watched(network: torch.nn.Module, given: list[torch.Tensor], x: torch.Tensor) -> list[torch.Tensor]:
    given.append(x)
    return [network(x)]


def test_channels_last_changes_the_layout_of_weights_and_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for wanted in (False, True):
        run = Training(tiny_net(), tiny_data(), short({"channels_last": wanted}), 0, torch.device("cpu"))
        assert run.network.nodes["head"].get_parameter("weight").is_contiguous() is not wanted
        given: list[torch.Tensor] = []
        monkeypatch.setattr(
            run.network, "train_outputs", lambda x, given=given, run=run: [given.append(x) or run.network(x)]
        )
        run.run_epoch(None)
        assert all(x.is_contiguous(memory_format=torch.channels_last) is wanted for x in given)


def test_the_shipped_recipes_are_those_of_paper_and_code() -> None:
    assert recipe_names() == ["code", "one_cycle", "paper"]
    paper, code = load_recipe("paper"), load_recipe("code")
    for recipe in (paper, code):
        assert (recipe.optimiser, recipe.lr, recipe.weight_decay) == ("adam", 5e-4, 2e-4)
        assert (recipe.translate, recipe.flip, recipe.normalise) == (2, True, "none")
    assert (paper.schedule, paper.reduction, paper.void_logit) == ("stall", "mean", False)
    assert (code.schedule, code.reduction, code.void_logit, code.batch, code.epochs) == ("poly", "sum", True, 1, 150)


@pytest.mark.parametrize("name", ["paper", "code", "one_cycle"])
def test_every_shipped_recipe_trains(tmp_path: Path, name: str) -> None:
    score = trained(tmp_path, recipe=load_recipe(name, ["epochs=1"]))
    assert 0 <= score.miou < 1


def test_changes_come_as_settings_or_as_a_mapping() -> None:
    assert load_recipe("paper", ["epochs=4", "class_weights.c=1.1"]) == load_recipe(
        "paper", {"epochs": 4, "class_weights": {"c": 1.1}}
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("epoch: 4", "r.yaml:2: epoch: unknown key 'epoch'"),
        ("epochs: 0", "r.yaml:2: epochs: must be >= 1, got 0"),
        ("lr: 1e-3", "r.yaml:2: lr: expected a number, got the text '1e-3'\n  YAML reads 1e-3 as text; write 1.0e-3"),
        ("schedule: one_cycel", "got 'one_cycel'\n  did you mean 'one_cycle'?"),
        ("momentum: 0.5", "'momentum' acts only with `optimiser: sgd`, and optimiser is adam"),
        ("class_weights: {c: 1.0}", "r.yaml:2: class_weights.c: must be > 1"),
        ("flip: 1", "r.yaml:2: flip: expected true or false, got 1"),
    ],
)
def test_a_wrong_recipe_is_told_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rest = {"epochs": "epochs: 4", "batch": "batch: 4", "lr": "lr: 0.1"}
    rest.pop(line.partition(":")[0], None)
    Path("r.yaml").write_text("\n".join(["# a recipe", line, *rest.values()]))
    with pytest.raises(SpecError) as caught:
        load_recipe("r.yaml")
    assert words in str(caught.value)


def test_a_wrong_setting_is_told_as_such() -> None:
    with pytest.raises(SpecError, match=r"--set lr: must be > 0\.0, got -1"):
        load_recipe("paper", ["lr=-1"])
    with pytest.raises(SpecError, match="epochs: expected a whole number, got 'x'"):
        load_recipe("paper", {"epochs": "x"})
    with pytest.raises(SpecError, match=r"no recipe is called 'papre'\n  there are: .*\n  did you mean 'paper'\?"):
        load_recipe("papre")
