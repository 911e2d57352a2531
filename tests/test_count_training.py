"""Counting with the heads that only training has."""

import json

import pytest

from rdslab.cli import main
from rdslab.cost import audit, count
from rdslab.errors import SpecError
from rdslab.network import build, load_net
from rdslab.records import Size
from rdslab.spec import Net, Node

SMALL = Size(67, 65)


def test_erfnets_encoder_head_is_counted_in_when_asked_for() -> None:
    net = load_net("erfnet")
    assert count(net, Size(1024, 512), 19).params == 2_064_191
    cost = count(net, Size(1024, 512), 19, training=True)
    assert cost.params == 2_066_642
    assert cost.macs == 26_604_339_200 + 128 * 19 * 128 * 64  # a 1x1 convolution at 1/8
    assert [part.id for part in cost.nodes] == [node.id for node in net.nodes]


@pytest.mark.parametrize("name", ["erfnet", "rdsnet", "icnet"])
def test_all_parameters_of_the_built_network_are_counted(name: str) -> None:
    net = load_net(name)
    assert count(net, SMALL, 7, training=True).params == sum(p.numel() for p in build(net, 7).parameters())


def test_dropout_costs_nothing_in_either_form() -> None:
    net = load_net("rdsnet")
    assert count(net, SMALL, 19, training=True) == count(net, SMALL, 19)


def test_the_answer_is_that_of_the_output_node_where_a_head_stands_last() -> None:
    head = Node("aux", "conv", ("one",), "classes", training=True)
    net = Net("late", (Node("one", "conv", ("image",), "classes"), head))
    assert count(net, SMALL, 5, training=True).params == 2 * 5 + 9 * 3 * 5 + 9 * 5 * 5
    assert count(net, SMALL, 5).params == 5 + 9 * 3 * 5


def test_a_head_that_cannot_be_built_is_an_error_only_where_it_is_counted() -> None:
    head = Node("aux", "conv", ("one",), "classes", options={"groups": 7}, training=True)
    net = Net("wrong", (Node("one", "conv", ("image",), "classes"), head))
    assert count(net, SMALL, 5).params == 140
    with pytest.raises(SpecError, match="groups"):
        count(net, SMALL, 5, training=True)


def test_the_audit_holds_the_same_form_against_both_counters() -> None:
    audited = audit(load_net("erfnet"), SMALL, 19, training=True)
    assert audited.agrees
    assert audited.cost == count(load_net("erfnet"), SMALL, 19, training=True)
    assert audited.fvcore_activations > audit(load_net("erfnet"), SMALL, 19).fvcore_activations


def test_the_command_says_which_form_was_counted(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["cost", "erfnet", "--size", "67x65", "--training"]
    with pytest.raises(SystemExit):
        main([*words, "--audit", "--json"])
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["params"], found["training"], found["audit"]["params"]) == (2_066_642, True, 2_066_642)
    with pytest.raises(SystemExit):
        main(words)
    assert "with the heads that only training has" in capsys.readouterr().out
