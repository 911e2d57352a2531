"""The deployment form: the same answers with fewer operators, for every net of the zoo."""

import pytest
import torch
from torch import nn

from rdslab.fold import fold, inference_form
from rdslab.network import load_net, zoo_names
from tests.fold_cases import CLOSE, apart, lived_in
from tests.zoo_figures import SMALL

NETS = [name if name in SMALL else pytest.param(name, marks=pytest.mark.long) for name in zoo_names()]


@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@pytest.mark.parametrize("name", NETS)
def test_the_deployment_form_answers_as_the_net_does(name: str, dtype: torch.dtype) -> None:
    network = lived_in(load_net(name), dtype)
    folded = fold(network)
    assert apart(network, folded.network) < CLOSE[dtype]
    kinds = (nn.BatchNorm2d, nn.ChannelShuffle)
    before = {name for name, module in network.named_modules() if isinstance(module, kinds)}
    stand = {name for name, module in folded.network.named_modules() if isinstance(module, kinds)}
    named = {*folded.into, *folded.shuffles, *folded.left}
    assert named == {name for name in before if not name.startswith("nodes.aux")}
    assert stand & before == set(folded.left) - set(folded.into), "what stands as it was is named, and nothing else"


@pytest.mark.parametrize("name", ["rdsnet", "enet"])
@pytest.mark.parametrize("size", [(64, 64), (96, 70), (65, 129)])
def test_the_form_answers_at_other_sizes_too(name: str, size: tuple[int, int]) -> None:
    network = lived_in(load_net(name))
    assert apart(network, fold(network).network, *size) < CLOSE[torch.float32]


@pytest.mark.parametrize("name", ["rdsnet", "rdsnet_code"])
def test_the_net_itself_is_left_as_it_was(name: str) -> None:
    network = lived_in(load_net(name))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fold(network)
    assert list(before) == list(network.state_dict())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_what_only_training_uses_is_no_part_of_the_form() -> None:
    network = lived_in(load_net("erfnet"))
    assert "aux" in network.nodes
    form = inference_form(network)
    assert "aux" not in form.nodes
    assert apart(network, form) == 0


def test_a_net_that_computes_in_half_precision_is_folded_in_it() -> None:
    network = lived_in(load_net("rdsnet")).bfloat16()
    folded = fold(network)
    assert {weight.dtype for weight in folded.network.parameters()} == {torch.bfloat16}
    assert len(folded.shuffles) == 8
