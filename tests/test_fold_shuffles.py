"""Channel shuffles become an order of filters, wherever filters can take it; else they stand and are named."""

import pytest
import torch

from rdslab.fold import fold, shuffles
from rdslab.fold.observe import hollow, observe
from rdslab.network import Network, build, load_net
from tests.fold_cases import CLOSE, apart, lived_in

BODY = "nodes.own.body"
MOVES = {"channel_shuffle", "native_channel_shuffle", "transpose", "permute", "index_select", "index"}


def operators(network: Network) -> set[str]:
    return {call.op for run in observe(hollow(network)) for call in run.calls}


@pytest.mark.parametrize("name", ["rdsnet", "rdsnet_code"])
def test_no_shuffle_is_left_in_the_nets_of_the_seed_paper(name: str) -> None:
    network = lived_in(load_net(name))
    folded = fold(network)
    assert operators(network) & MOVES == {"channel_shuffle"}
    assert not operators(folded.network) & MOVES
    assert list(folded.shuffles) == [
        f"nodes.enc{n}.{i}.shuffle" for n, repeat in ((2, 3), (3, 5)) for i in range(repeat)
    ]


def test_a_shuffle_after_the_dense_filters_is_their_order_and_no_others() -> None:
    network = lived_in(load_net("rdsnet"))
    folded = fold(network)
    assert folded.shuffles == {
        f"nodes.{unit}.shuffle": f"nodes.{unit}.dense"
        for unit in [f"enc2.{i}" for i in range(3)] + [f"enc3.{i}" for i in range(5)]
    }
    assert torch.equal(network.nodes["head"].weight, folded.network.nodes["head"].weight)  # type: ignore[arg-type]


def test_a_shuffle_of_the_units_input_travels_to_the_head() -> None:
    folded = fold(lived_in(load_net("rdsnet_code")))
    assert folded.shuffles["nodes.enc2.0.shuffle"] == "nodes.enc2.0.dense"
    assert "nodes.head" in folded.shuffles["nodes.enc3.4.shuffle"]


@pytest.mark.parametrize("place", ["after", "input"])
@pytest.mark.parametrize("groups", [2, 8])
@pytest.mark.parametrize("width", [0.5, 1.0])
def test_any_shuffle_of_dense_units_folds_at_any_width(place: str, groups: int, width: float) -> None:
    net = load_net("rdsnet").with_value("enc*.options.shuffle", groups).with_value("enc*.options.shuffle_at", place)
    network = lived_in(net.with_value("width", width), torch.float64)
    folded = fold(network)
    assert len(folded.shuffles) == 8
    assert apart(network, folded.network) < CLOSE[torch.float64]


@pytest.mark.parametrize("place", ["after", "input"])
def test_units_of_grouped_filters_keep_their_shuffles(place: str) -> None:
    net = load_net("rdsnet").with_value("enc2.options.groups", 4).with_value("enc*.options.shuffle_at", place)
    network = lived_in(net, torch.float64)
    folded = fold(network)
    assert apart(network, folded.network) < CLOSE[torch.float64]
    kept = {name: reason for name, reason in folded.left.items() if name.endswith("shuffle")}
    assert list(kept) == [f"nodes.enc2.{i}.shuffle" for i in range(3)]
    assert kept["nodes.enc2.0.shuffle"] == f"nodes.enc2.{int(place == 'after')}.dense convolves in 4 groups"
    assert len(folded.shuffles) == 5


def test_split_units_keep_theirs_but_for_the_last_one_which_dense_filters_read() -> None:
    folded = fold(lived_in(load_net("lednet")))
    assert list(folded.shuffles) == ["nodes.enc3.7.shuffle"]
    assert folded.left["nodes.enc2.0.shuffle"] == "nodes.enc2.1 takes a part of its channels"


def test_a_fold_that_forgets_the_weights_gives_other_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffles, "_reorder", lambda *_: None)
    for name in ("rdsnet", "rdsnet_code"):
        network = lived_in(load_net(name))
        assert apart(network, fold(network).network) > 100 * CLOSE[torch.float32]


def test_the_same_net_is_folded_the_same_way_each_time() -> None:
    network = build(load_net("rdsnet_code"), 5)
    one, other = (fold(network).network.state_dict() for _ in range(2))
    assert all(torch.equal(value, other[name]) for name, value in one.items())
