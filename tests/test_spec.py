"""Nets on paper: shapes without a tensor, and one place changed at a time."""

import pytest

from rdslab.errors import SpecError
from rdslab.network import build, features, load_net, units_of
from rdslab.resolve import check_classes
from rdslab.spec import Feature, Net, Node


@pytest.mark.parametrize("classes", [1, 0, -3, 255])
def test_a_number_of_classes_that_cannot_be_is_refused(classes: int) -> None:
    with pytest.raises(SpecError, match=f"^classes must be from 2 to 254, got {classes}$"):
        check_classes(classes)
    with pytest.raises(SpecError):
        build(load_net("rdsnet"), classes)


def test_shapes_are_known_on_paper() -> None:
    found = features(load_net("rdsnet"), 12)
    assert found["down1"] == Feature(32, 2)
    assert found["enc3"] == Feature(128, 8)
    assert found["up"] == Feature(12, 1)


def test_width_scales_whole_channels_to_multiples_of_8_and_leaves_classes() -> None:
    half = features(load_net("rdsnet").with_value("width", 0.5), 19)
    assert [half[node].channels for node in ("down1", "down2", "enc3", "head")] == [16, 32, 64, 19]
    assert load_net("rdsnet").with_value("width", 0.01).scaled(128) == 8


def test_a_glob_changes_every_node_that_matches_and_the_net_it_came_from_stays() -> None:
    base = load_net("rdsnet")
    changed = base.with_value("enc*.options.dropout", 0.25)
    assert [changed[node].options["dropout"] for node in ("enc2", "enc3")] == [0.25, 0.25]
    assert [base[node].options["dropout"] for node in ("enc2", "enc3")] == [0.5, 0.3]
    assert [u.options["dilation"] for u in units_of(base.with_value("enc3.cycle.dilation", [1, 3]), 19)[6:11]] == [
        1,
        3,
        1,
        3,
        1,
    ]


def test_a_new_block_keeps_the_options_it_knows_and_a_mapping_brings_its_own() -> None:
    base = load_net("rdsnet")
    residual = units_of(base.with_value("enc2.block", "residual"), 19)[2]
    assert dict(residual.options) == {"stride": 1, "dilation": 1, "dropout": 0.5, "linear": False}
    mapped = base.with_value("enc3.block", {"block": "residual", "options": {"dilation": 2}})
    assert [u.options["dilation"] for u in units_of(mapped, 19)[6:11]] == [2] * 5
    with pytest.raises(SpecError, match="block 'residual' has no option 'shufle'"):
        units_of(base.with_value("enc2.block", {"block": "residual", "options": {"shufle": 2}}), 19)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("enc9.block", "rds", "enc9.block: names no node of net 'rdsnet'\n  write width, NODE.FIELD,"),
        ("enc2", 3, "enc2: names no node of net 'rdsnet'"),
        ("enc2.chanels", 8, "enc2.chanels: a node has no 'chanels'\n  it has: block, channels,"),
        ("enc2.channels", "wide", "enc2.channels: expected a whole number or 'classes', got 'wide'"),
        ("enc2.repeat", 0, "enc2.repeat: expected a whole number from 1 to 65536, got 0"),
        ("enc2.repeat", True, "enc2.repeat: expected a whole number from 1 to 65536, got True"),
        ("enc2.like", 3, "enc2.like: expected a node's name or 'image', got 3"),
        ("enc2.inputs", "down2", "enc2.inputs: expected a list of names, got 'down2'"),
        ("enc2.inputs", ["up"], "enc2.inputs: "),
        ("width", 0, "width: expected a width multiplier above 0 and up to 16, got 0"),
        (
            "enc3.options.dilation",
            2,
            "enc3.options.dilation: enc3.cycle.dilation stands there already\n  set enc3.cycle.dilation",
        ),
        (
            "enc2.cycle.dropout",
            [0.1],
            "enc2.cycle.dropout: enc2.options.dropout stands there already\n  set enc2.options.dropout",
        ),
        ("enc2.cycle.dilation", 2, "enc2.cycle.dilation: expected a list with at least one value, got 2"),
        ("enc2.block", {"blok": "rds"}, "enc2.block: expected a block's name or {block: NAME, options: {...}}, got"),
        ("enc2.block", 3, "enc2.block: expected a block's name, got 3"),
        ("enc2.options.dilation", "x", "enc2.options.dilation: expected a whole number, got 'x'"),
        ("enc2.options.shufle", 2, "enc2.options.shufle: block 'rds' has no option 'shufle'"),
    ],
)
def test_a_change_that_cannot_be_names_its_path(path: str, value: object, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        units_of(load_net("rdsnet").with_value(path, value), 19)
    assert str(caught.value).startswith(words)


def test_a_net_made_in_python_says_what_is_wrong_without_a_file() -> None:
    net = Net("mine", (Node("a", "conv", ("image",), channels="classes", options={"kernel": 2}),))
    with pytest.raises(SpecError) as caught:
        build(net, 3)
    assert str(caught.value) == "node 'a': block 'conv' kernel (=2) must be odd, so that the size is kept"
