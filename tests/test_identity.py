"""What a net is: ids know what is computed, canonical ids which class of functions, and both hold to the last bit."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks import BLOCKS
from rdslab.identity import ids, resolve
from rdslab.netfile import net_from, net_from_document
from rdslab.network import Network, build, load_net
from rdslab.spec import Net
from rdslab.yamlio import parse_yaml

STEM = "{id: stem, block: conv, channels: 16}"
HEAD = "{id: head, block: conv, channels: classes}"


def net(*nodes: str, name: str = "t") -> Net:
    return net_from(parse_yaml(f"name: {name}\nnodes:\n" + "".join(f"  - {node}\n" for node in nodes), "t.yaml"))


def rds(options: str, *, head: str = HEAD, repeat: int = 1) -> Net:
    return net(STEM, f"{{id: a, block: rds, channels: 16, repeat: {repeat}, options: {{{options}}}}}", head)


def same(*nets: Net) -> bool:
    return len({ids(one)[0] for one in nets}) == 1


def same_functions(*nets: Net) -> bool:
    return len({ids(one)[1] for one in nets}) == 1


def test_names_defaults_repeats_and_inputs_written_out_do_not_change_the_id() -> None:
    base = net(STEM, "{id: a, block: residual, channels: 16, repeat: 2, cycle: {dilation: [1, 2]}}", HEAD)
    unrolled = net(
        "{id: x, block: conv, channels: 16, stride: 1, options: {kernel: 3, bias: true}, inputs: [image]}",
        "{id: y, block: residual, channels: 16, inputs: [x], options: {dropout: 0}}",
        "{id: z, block: residual, channels: 16, options: {dilation: 2, dropout: 0.0}, inputs: [y]}",
        "{id: w, block: conv, channels: classes}",
        name="other",
    )
    zeros = net(
        STEM, "{id: a, block: residual, channels: 16, repeat: 2, cycle: {dilation: [1, 2], dropout: [0]}}", HEAD
    )
    assert same(base, unrolled, zeros)
    assert same_functions(base, unrolled, zeros)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.options.dilation", 2),
        ("a.options.groups", 2),
        ("a.options.shuffle", 2),
        ("a.options.dropout", 0.5),
        ("a.block", "residual"),
        ("a.repeat", 2),
        ("stem.channels", 32),
        ("stem.options.bias", False),
        ("head.options.kernel", 1),
        ("head.inputs", ["stem", "stem"]),
        ("width", 2.0),
    ],
)
def test_each_change_of_what_is_computed_changes_the_id(path: str, value: Any) -> None:
    base = rds("dilation: 1")
    if path == "head.inputs":
        base = (
            base.with_value("head.block", "add")
            .with_value("a.channels", "classes")
            .with_value("stem.channels", "classes")
        )
        changed = base.with_value("head.inputs", ["a", "a"])
        base = base.with_value("head.inputs", ["a", "stem"])
    elif path == "stem.channels":
        changed = base.with_value(path, value).with_value("a.channels", value)
    else:
        changed = base.with_value(path, value)
    assert not same(base, changed)


def test_what_only_training_has_is_part_of_the_id_and_gone_from_the_inference_form() -> None:
    aux = "{id: aux, block: conv, channels: classes, training: true}"
    base, headed = net(STEM, HEAD), net(STEM, aux, HEAD.replace("}", ", inputs: [stem]}"))
    assert not same(base, headed)
    assert same(base, headed.inference())
    assert same(rds("dropout: 0.5").inference(), rds(""))


def test_a_shuffle_beside_a_dense_convolution_is_no_other_class_of_functions() -> None:
    assert same_functions(*[rds(f"shuffle: {n}") for n in (0, 1, 2, 4, 8)], rds("shuffle: 4, shuffle_at: input"))
    assert not same_functions(rds("groups: 2"), rds("groups: 2, shuffle: 2"))
    assert not same_functions(rds("groups: 2, shuffle: 2"), rds("groups: 2, shuffle: 2, shuffle_at: input"))
    assert same_functions(rds("groups: 2"), rds("groups: 2, shuffle: 1, shuffle_at: input"))
    assert same_functions(rds(""), rds("dilate: both"))
    assert not same_functions(rds("dilation: 2"), rds("dilation: 2, dilate: both"))


def test_a_shuffled_input_is_absorbed_only_where_every_reader_takes_it_into_its_weights() -> None:
    grouped = "{id: head, block: conv, channels: 16, options: {groups: 4}}"
    last = "{id: last, block: conv, channels: classes}"

    def pair(*below: str) -> bool:
        nodes = [
            (STEM, f"{{id: a, block: rds, channels: 16, options: {{{o}}}}}", *below)
            for o in ("", "shuffle: 4, shuffle_at: input")
        ]
        return same_functions(*[net(*one) for one in nodes])

    assert pair(last)
    assert pair(
        "{id: b, block: residual, channels: 16}",
        "{id: c, block: max_pool}",
        last,
        "{id: up, block: bilinear_up, like: image}",
    )
    assert pair("{id: b, block: concat, inputs: [a, stem]}", last)
    assert not pair(grouped, last)
    assert not pair("{id: b, block: add, inputs: [a, stem]}", last)
    beside = grouped.replace("head", "c").replace("}}", "}, inputs: [a]}")
    assert not pair("{id: b, block: conv, channels: 16}", beside, "{id: d, block: concat, inputs: [b, c]}", last)


def test_ids_of_a_thousand_units_and_of_many_joins_are_quick() -> None:
    deep = rds("shuffle: 4, shuffle_at: input", repeat=1024)
    assert same_functions(deep, rds("", repeat=1024))
    joins = [f"{{id: j{i}, block: concat, inputs: [j{i - 1}, j{i - 1}]}}" for i in range(1, 9)]
    assert ids(net(STEM.replace("16", "3").replace("stem", "j0"), *joins, HEAD))


def test_a_stored_net_has_the_id_it_was_stored_with_inherited_options_too() -> None:
    base = load_net("rdsnet")
    for one in (
        base,
        load_net("rdsnet_code"),
        base.with_value("enc2.block", "residual"),
        base.with_value("enc3.block", {"block": "separable", "options": {"dropout": 0.1}}).with_value("width", 0.5),
        base.inference(),
    ):
        stored = net_from_document(one.document())
        assert ids(stored) == ids(one)
        assert stored == one
        assert stored.document() == one.document()
    assert resolve(base.with_value("enc2.block", "residual")).dropped == ("enc2.shuffle",)


def test_equal_nets_are_one_key_and_ids_are_remembered() -> None:
    one, other = rds("shuffle: 2"), rds("shuffle: 2")
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other}) == 1
    assert one != rds("shuffle: 4")
    listed = one.with_value("a.cycle.dilation", [1, 2])
    assert {listed} == {one.with_value("a.cycle.dilation", (1, 2)), net_from_document(listed.document())}
    assert ids(one) is ids(other)


def test_ids_of_the_zoo_stay_what_they_are() -> None:
    """Stored facts are found by these: a change of the hash loses every user's studies."""
    assert ids(load_net("rdsnet")) == ("01c488d00df58670", "721e5d454b87164f")
    assert ids(load_net("rdsnet_code")) == ("0ab06395cb679ea3", "02ef2c0fc94c6989")


def _twins(shuffled: Net, plain: Net) -> tuple[Network, Network]:
    """Two nets in evaluation with the same weights and far from trivial statistics."""
    first, second = build(shuffled, 5).eval(), build(plain, 5).eval()
    for tensor in first.state_dict().values():
        if tensor.is_floating_point() and tensor.dim() == 1:
            tensor.uniform_(0.5, 1.5)
    second.load_state_dict(first.state_dict())
    return first, second


def _permute(norm: nn.BatchNorm2d, order: Tensor) -> None:
    for tensor in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
        tensor.copy_(tensor[order])


def test_rdsnet_with_shuffle_is_rdsnet_with_permuted_filters_to_the_last_bit() -> None:
    base = load_net("rdsnet").with_value("width", 0.5)
    plain = base.with_value("enc*.options.shuffle", 0)
    shuffled, twin = _twins(base, plain)
    for node in ("enc2", "enc3"):
        for block in twin.nodes[node]:
            order = F.channel_shuffle(torch.arange(len(block.norm2.weight)).reshape(1, -1, 1, 1), 4).flatten()
            block.dense.weight.data.copy_(block.dense.weight[order])
            _permute(block.norm2, order)
    image = torch.randn(2, 3, 65, 97)
    with torch.no_grad():
        assert torch.equal(shuffled(image), twin(image))
    assert ids(base)[0] != ids(plain)[0]
    assert ids(base)[1] == ids(plain)[1]


def test_a_shuffle_of_the_stream_travels_to_the_head_and_is_absorbed_there() -> None:
    base = load_net("rdsnet_code").with_value("width", 0.5)
    plain = base.with_value("enc*.options.shuffle", 0)
    shuffled, twin = (one.double() for one in _twins(base, plain))
    at = torch.arange(32)  # channel i of the shuffled stream is channel at[i] of the twin's
    for unit in twin.units[2:]:
        block = twin.module_of(unit)
        back = at.argsort()
        if unit.entry.name == "rds":
            at = at[F.channel_shuffle(torch.arange(len(at)).reshape(1, -1, 1, 1), 4).flatten()]
            back = at.argsort()
            block.depthwise.weight.data = block.depthwise.weight[back]
            block.dense.weight.data = block.dense.weight[back][:, back]
            _permute(block.norm1, back)
            _permute(block.norm2, back)
        elif unit.entry.name == "pool_conv_down":
            block.conv.weight.data = block.conv.weight[:, back]
            at = torch.cat([torch.arange(len(block.conv.weight)), len(block.conv.weight) + at])
            _permute(block.norm, at.argsort())
        elif unit.entry.name == "conv":
            block.weight.data = block.weight[:, back]
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(shuffled(image), twin(image), rtol=1e-11, atol=1e-11)
    assert ids(base)[0] != ids(plain)[0]
    assert ids(base)[1] == ids(plain)[1]


def test_a_bias_before_batch_norm_is_no_other_class_of_functions() -> None:
    biased, plain = (BLOCKS["pool_conv_down"](3, 16, bias=bias).double().eval() for bias in (True, False))
    state = {key: value.clone() for key, value in biased.state_dict().items()}
    state["norm.running_mean"][:13] -= state.pop("conv.bias")
    plain.load_state_dict(state)
    image = torch.randn(1, 3, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(biased(image), plain(image))


@pytest.mark.parametrize("block", ["esp", "context_guided", "split_shuffle", "eesp"])
def test_a_unit_whose_channels_have_places_of_their_own_sees_the_order_of_those_it_adds(block: str) -> None:
    """Its first channels see another surrounding than its last: no weights of it give them in another order."""
    unit = f"{{id: b, block: {block}, channels: 16}}"
    shuffled, plain = (
        net(STEM, f"{{id: a, block: rds, channels: 16, options: {{{options}}}}}", unit, HEAD)
        for options in ("shuffle: 4, shuffle_at: input", "shuffle: 0")
    )
    assert not same_functions(shuffled, plain)
