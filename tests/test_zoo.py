"""Every network of the zoo: exact to the parameter and the multiply-add, at any size, trained and run."""

import pytest
import torch
from torch import nn

from rdslab.cost import count
from rdslab.errors import SpecError
from rdslab.netfile import ZOO
from rdslab.network import Network, build, load_net, zoo_names
from rdslab.records import Size
from rdslab.resolve import Unit
from tests.zoo_figures import (
    MACS_ELSEWHERE,
    PARAMS_AND_MACS,
    PARAMS_ELSEWHERE,
    PARAMS_IN_TRAINING,
    SMALL,
    run_in_test,
)

UNITS = ("rds", "residual", "separable")
every_net = pytest.mark.parametrize("name", zoo_names())


@every_net
def test_parameters_and_macs_are_those_of_its_own_implementation(name: str) -> None:
    cost = count(load_net(name), Size(1024, 512), 19)
    assert (cost.params, cost.macs) == PARAMS_AND_MACS[name]


@pytest.mark.parametrize(("name", "size", "macs"), MACS_ELSEWHERE)
def test_macs_at_other_sizes_are_those_of_its_own_implementation(name: str, size: str, macs: int) -> None:
    assert count(load_net(name), Size.parse(size), 19).macs == macs


@pytest.mark.parametrize("name", PARAMS_ELSEWHERE)
def test_parameters_with_other_classes_are_those_of_its_own_implementation(name: str) -> None:
    found = [count(load_net(name), Size(64, 64), classes).params for classes in (20, 11)]
    assert tuple(found) == PARAMS_ELSEWHERE[name]


@pytest.mark.parametrize("name", PARAMS_IN_TRAINING)
def test_parameters_with_the_heads_of_training_are_those_of_its_own_implementation(name: str) -> None:
    with torch.device("meta"):
        network = build(load_net(name), 19)
    assert sum(p.numel() for p in network.parameters()) == PARAMS_IN_TRAINING[name]


@pytest.mark.parametrize("name", run_in_test(zoo_names()))
@pytest.mark.parametrize("size", [Size(64, 64), Size(97, 75)], ids=str)
def test_it_answers_and_learns_at_even_and_odd_sizes(name: str, size: Size) -> None:
    network = build(load_net(name), 11).train()
    outputs = network.train_outputs(torch.rand(2, 3, size.height, size.width))
    assert outputs[0].shape == (2, 11, size.height, size.width)
    assert all(output.shape[2:] == outputs[0].shape[2:] for output in outputs)
    draw = torch.Generator().manual_seed(0)
    torch.stack([(y * torch.randn(y.shape, generator=draw)).mean() for y in outputs]).sum().backward()
    lost = [label for label, p in network.named_parameters() if p.grad is None or not bool(p.grad.isfinite().all())]
    assert not lost


@pytest.mark.parametrize("name", [name for name in zoo_names() if name not in SMALL])
def test_a_large_net_answers_at_its_smallest_size(name: str) -> None:
    network = build(load_net(name).inference(), 5).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 3, 64, 64)).shape == (1, 5, 64, 64)


@every_net
@pytest.mark.parametrize("size", ["64x64", "65x67", "127x90", "480x360", "640x360", "1280x720", "2048x1024"])
def test_every_size_from_64x64_up_is_counted(name: str, size: str) -> None:
    assert count(load_net(name), Size.parse(size), 12).macs > 0


@every_net
def test_weights_are_registered_in_the_order_in_which_they_run(name: str) -> None:
    """So that the weights of another implementation can be moved over in order of execution."""
    with torch.device("meta"):
        network = build(load_net(name), 7).eval()
        image = torch.empty(1, 3, 64, 96)
    order: list[nn.Module] = []
    for module in network.modules():
        if any(True for _ in module.parameters(recurse=False)):
            module.register_forward_pre_hook(lambda m, _: order.append(m))
    network.train_outputs(image)
    registered = [m for m in network.modules() if any(True for _ in m.parameters(recurse=False))]
    assert [id(m) for m in order] == [id(m) for m in registered]


@every_net
def test_its_file_is_short_and_says_whose_it_is(name: str) -> None:
    text = (ZOO / f"{name}.yaml").read_text()
    assert len(text.splitlines()) <= 80
    assert max(map(len, text.splitlines())) <= 120
    assert text.startswith("# ")
    net = load_net(name)
    assert (net.name, bool(net.paper), net.year is not None) == (name, True, True)
    assert net.smallest == (Size(32, 32) if name.startswith("rdsnet") else Size(64, 64))


def keeps_its_shape(unit: Unit, network: Network) -> bool:
    """Whether a unit is of residual type: one map in, its channels and stride kept, with weights inside."""
    plain = isinstance(unit.in_channels, int) and unit.in_channels == unit.out.channels and unit.like is None
    step = unit.options.get("stride", 1) == 1 and unit.options.get("up", 1) == 1
    return plain and step and sum(p.dim() > 1 for p in network.module_of(unit).parameters()) > 1


@every_net
@pytest.mark.parametrize("block", UNITS)
def test_its_units_can_be_swapped_for_those_of_the_seed_paper(name: str, block: str) -> None:
    net = load_net(name)
    with torch.device("meta"):
        network = build(net, 19)
    nodes = {unit.node.id for unit in network.units if keeps_its_shape(unit, network) and not unit.node.training}
    nodes -= {unit.node.id for unit in network.units if not keeps_its_shape(unit, network)}
    for node in sorted(nodes):
        net = net.with_value(f"{node}.block", block)
    cost = count(net, Size(96, 64), 19)
    assert cost.macs > 0
    assert {node.block for node in net.nodes if node.id in nodes} <= {block}


def test_a_swap_that_cannot_be_built_names_the_node_and_why() -> None:
    with pytest.raises(
        SpecError, match=r"erfnet.yaml:\d+: nodes\[0\]: block 'max_pool' keeps its channels, but in is 3 and out is 16"
    ):
        count(load_net("erfnet").with_value("down1.block", "max_pool"), Size(64, 64), 19)
