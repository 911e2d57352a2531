"""Counting: PAPER's figures, any size, sums, unknown operators, and composition that equals counting afresh."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rdslab.blocks import BLOCKS
from rdslab.cost import count, counter
from rdslab.errors import SpecError
from rdslab.network import build, load_net
from rdslab.records import Cost, Size
from rdslab.spec import Net, Node

PAPER_SIZE = Size(1024, 512)
SMALL = Size(64, 48)


def units_replaced(net: Net, block: str) -> Net:
    return net.with_value("enc*.block", block)


def afresh(net: Net, size: Size, classes: int) -> Cost:
    """The count with nothing remembered from before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counter, "_MEMO", {})
        return count(net, size, classes)


@pytest.mark.parametrize(("classes", "params"), [(19, 927_906), (20, 929_059), (11, 918_682), (12, 919_835)])
def test_rdsnet_has_the_parameters_of_the_paper(classes: int, params: int) -> None:
    assert count(load_net("rdsnet"), PAPER_SIZE, classes).params == params


def test_rdsnet_has_the_macs_of_the_paper() -> None:
    assert count(load_net("rdsnet"), PAPER_SIZE, 19).macs == 10_653_401_088


def test_the_authors_variant_has_125_parameters_more_and_the_same_macs() -> None:
    cost = count(load_net("rdsnet_code"), PAPER_SIZE, 19)
    assert (cost.params, cost.macs) == (927_906 + 125, 10_653_401_088)


def test_the_twins_of_residual_and_of_separable_units_cost_what_the_paper_says() -> None:
    twin = count(units_replaced(load_net("rdsnet"), "residual"), PAPER_SIZE, 20)
    assert (twin.params, round(twin.macs / 1e9, 2)) == (1_769_443, 20.22)
    light = count(units_replaced(load_net("rdsnet"), "separable"), PAPER_SIZE, 20)
    assert (light.params, round(light.macs / 1e9, 2)) == (175_395, 2.07)


@pytest.mark.parametrize("size", [Size(241, 179), Size(32, 32), Size(480, 360), Size(33, 95)], ids=str)
def test_any_size_is_counted_as_the_real_run_has_it(size: Size) -> None:
    net = load_net("rdsnet")
    cost = count(net, size, 11)
    places = _places_of_convolutions(net, size, 11)
    assert cost.activations == places
    assert (cost.nodes[-1].width, cost.nodes[-1].height) == (size.width, size.height)


def _places_of_convolutions(net: Net, size: Size, classes: int) -> int:
    seen = []
    module = build(net.inference(), classes).eval()
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(lambda _module, _args, out: seen.append(out.numel()))
    with torch.no_grad():
        module(torch.zeros(1, 3, size.height, size.width))
    return sum(seen)


def test_an_image_too_small_is_refused_with_the_least_size() -> None:
    with pytest.raises(SpecError, match=r"32x31 is too small for net 'rdsnet'\n  the least it takes is 32x32"):
        count(load_net("rdsnet"), Size(32, 31), 19)


def test_one_class_is_refused() -> None:
    with pytest.raises(SpecError, match="classes must be from 2 to 254, got 1"):
        count(load_net("rdsnet"), SMALL, 1)


@pytest.mark.parametrize("name", ["params", "macs", "activations", "elements", "bytes"])
def test_the_sums_are_those_of_the_nodes(name: str) -> None:
    cost = count(load_net("rdsnet"), SMALL, 19)
    assert getattr(cost, name) == sum(getattr(node, name) for node in cost.nodes)


def test_the_figures_of_a_node_are_those_of_its_kernels() -> None:
    for node in count(load_net("rdsnet"), SMALL, 19).nodes:
        assert node.macs == sum(k.macs for k in node.kernels)
        assert node.elements == sum(k.elems_out for k in node.kernels)
        assert node.bytes == sum(4 * (k.elems_in + k.elems_out + k.weights) for k in node.kernels)


def test_every_parameter_is_read_as_a_weight_once() -> None:
    cost = count(load_net("rdsnet"), SMALL, 19)
    statistics = sum(2 * k.cout for k in cost.kernels if k.kind == "bn")  # running mean and variance
    assert sum(k.weights for k in cost.kernels) == cost.params + statistics


def test_dropout_and_auxiliary_heads_cost_nothing() -> None:
    net = load_net("rdsnet")
    head = Node("aux", "conv", ("enc2",), "classes", training=True)
    with_head = Net("rdsnet", (*net.nodes[:-1], head, net.nodes[-1]))
    assert count(with_head, SMALL, 19) == count(net.with_value("enc*.options.dropout", 0.0), SMALL, 19)


def test_a_net_that_does_not_answer_at_the_images_size_is_refused() -> None:
    net = Net("short", (Node("head", "conv", ("image",), "classes", stride=2),))
    with pytest.raises(SpecError, match="answers at 1/2 of the image's size"):
        count(net, SMALL, 19)


@pytest.fixture
def planted():
    """A block whose operator nobody has heard of."""
    library = torch.library.Library("rdslab_tests", "FRAGMENT")
    library.define("secret(Tensor x) -> Tensor")
    library.impl("secret", lambda x: torch.empty_like(x), "Meta")

    @BLOCKS.register("secretive")
    class Secretive(nn.Module):
        """A secret operator: for tests."""

        def __init__(self, in_channels: int, out_channels: int) -> None:  # noqa: ARG002
            super().__init__()

        def forward(self, x: Tensor) -> Tensor:
            return torch.ops.rdslab_tests.secret(x)

    yield "secretive"
    BLOCKS.remove("secretive")
    library._destroy()


def test_an_unknown_operator_is_an_error_that_names_node_and_block(planted: str) -> None:
    hidden = Node("hidden", planted, ("image",), 3, where="mine.yaml:4: nodes[0]")
    net = Net("mine", (hidden, Node("head", "conv", ("hidden",), "classes")))
    with pytest.raises(SpecError) as error:
        count(net, SMALL, 19)
    assert str(error.value) == (
        "mine.yaml:4: nodes[0]: no cost known for rdslab_tests::secret in node 'hidden' (block 'secretive')\n"
        "  give it a handle in COUNTED, or a place in MOVED or FREE, in rdslab/cost/operators.py"
    )


def test_a_block_registered_anew_is_counted_anew() -> None:
    def register(kernel: int) -> None:
        @BLOCKS.register("changing")
        class Changing(nn.Conv2d):
            """A convolution whose file was edited: for tests."""

            def __init__(self, in_channels: int, out_channels: int) -> None:
                super().__init__(in_channels, out_channels, kernel, padding=kernel // 2)

    net = Net("mine", (Node("head", "changing", ("image",), "classes"),))
    try:
        register(1)
        narrow = count(net, SMALL, 2).params
        register(3)
        assert (narrow, count(net, SMALL, 2).params) == (8, 56)
    finally:
        BLOCKS.remove("changing")


def test_what_is_remembered_of_a_right_node_does_not_let_a_wrong_one_pass() -> None:
    net = load_net("rdsnet")
    swapped = net.with_value("enc2.block", "residual")  # `shuffle` is inherited from rds, and dropped
    count(swapped, SMALL, 19)
    enc2 = swapped["enc2"]
    by_hand = Node("enc2", "residual", enc2.inputs, 64, 3, options=enc2.options)
    wrong = Net("wrong", tuple(by_hand if node.id == "enc2" else node for node in net.nodes))
    with pytest.raises(SpecError, match="block 'residual' has no option 'shuffle'"):
        count(wrong, SMALL, 19)
    with pytest.raises(SpecError, match="groups"):
        count(net.with_value("enc3.options.groups", True), SMALL, 19)  # equals 1, but is no whole number


def test_a_second_output_that_does_not_exist_is_refused_in_words() -> None:
    net = load_net("rdsnet")
    count(net, SMALL, 19)
    with pytest.raises(SpecError, match=r"node 'enc3' has no output 'indices'\n  it has no second output"):
        count(net.with_value("head.inputs", ["enc3:indices"]), SMALL, 19)


def test_second_outputs_and_several_inputs_are_followed() -> None:
    net = Net(
        "unpooling",
        (
            Node("stem", "conv", ("image",), 16),
            Node("pool", "max_pool", ("stem",), stride=2),
            Node("deep", "conv", ("pool",), 16),
            Node("back", "max_unpool", ("deep", "pool:indices"), like="stem"),
            Node("joined", "add", ("back", "stem")),
            Node("head", "conv", ("joined",), "classes"),
        ),
    )
    for size in (SMALL, Size(45, 33)):
        cost = count(net, size, 5)
        places, pooled = size.width * size.height, (size.width // 2) * (size.height // 2)
        assert cost.macs == 9 * (3 * 16 * places + 16 * 16 * pooled + 16 * 5 * places)
        assert cost == afresh(net, size, 5)


def test_a_block_that_gives_no_map_is_refused_in_words() -> None:
    @BLOCKS.register("flattening")
    class Flattening(nn.Flatten):
        """Flattens: for tests."""

        def __init__(self, in_channels: int, out_channels: int) -> None:  # noqa: ARG002
            super().__init__()

    net = Net("flat", (Node("head", "flattening", ("image",), "classes"),))
    try:
        with pytest.raises(SpecError, match="block 'flattening' gives 1 x 9216\n  it should give one map n c h w"):
            count(net, SMALL, 19)
    finally:
        BLOCKS.remove("flattening")


def test_a_node_under_another_width_or_number_of_classes_is_another_node() -> None:
    net = load_net("rdsnet")
    first = count(net, SMALL, 19)
    half = count(net.with_value("width", 0.5), SMALL, 19)
    assert half == afresh(net.with_value("width", 0.5), SMALL, 19)
    assert half.params < first.params
    assert count(net, SMALL, 12).params == 919_835
    assert count(net, SMALL, 19) == first


@st.composite
def drawn_nets(draw: st.DrawFn) -> Net:
    net = load_net("rdsnet").with_value("width", draw(st.sampled_from([0.5, 1.0, 1.5])))
    for stage in ("enc2", "enc3"):
        block = draw(st.sampled_from(["rds", "residual", "separable"]))
        net = net.with_value(f"{stage}.block", block).with_value(f"{stage}.repeat", draw(st.integers(1, 4)))
        if block == "rds":
            net = net.with_value(f"{stage}.options.groups", draw(st.sampled_from([1, 2, 4, 8])))
            net = net.with_value(f"{stage}.options.shuffle", draw(st.sampled_from([0, 2, 4])))
    dilations = draw(st.lists(st.sampled_from([1, 2, 4, 8]), min_size=1, max_size=3))
    return net.with_value("enc3.cycle.dilation", dilations)


@settings(max_examples=25, deadline=None)
@given(drawn_nets(), st.sampled_from([Size(64, 64), Size(47, 33)]), st.sampled_from([2, 19]))
def test_a_drawn_nets_count_by_composition_equals_a_fresh_one(net: Net, size: Size, classes: int) -> None:
    cost = count(net, size, classes)
    assert cost == afresh(net, size, classes)
    assert cost.params == sum(p.numel() for p in build(net, classes).parameters())
