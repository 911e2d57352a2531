"""Networks compute: second outputs, several inputs, `like`, auxiliary heads, first weights from a seed."""

import weakref
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from rdslab.errors import SpecError
from rdslab.network import build, check_size, features, load_net
from rdslab.records import Size
from rdslab.spec import Net

UNPOOL = Path(__file__).parent / "nets" / "unpool.yaml"


@pytest.fixture(scope="module")
def unpool() -> Net:
    return load_net(UNPOOL)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (36, 48), (33, 47), (45, 61)])
def test_a_net_with_unpooling_and_skips_takes_any_size(unpool: Net, height: int, width: int) -> None:
    network = build(unpool, 5)
    answer, head = network.train_outputs(torch.randn(2, 3, height, width))
    assert answer.shape == head.shape == (2, 5, height, width)


def test_it_computes_what_its_lines_say(unpool: Net) -> None:
    network = build(unpool, 5).eval()
    nodes, image = network.nodes, torch.randn(1, 3, 33, 47)
    with torch.no_grad():
        stem = nodes["stem"](image)
        pooled, first = F.max_pool2d(stem, 2, return_indices=True)
        enc1 = nodes["enc1"][1](nodes["enc1"][0](pooled))
        deeper, second = F.max_pool2d(enc1, 2, return_indices=True)
        back2 = F.max_unpool2d(nodes["enc2"](deeper), second, 2, output_size=enc1.shape[2:])
        mix2 = nodes["mix2"](torch.cat([back2, enc1], 1))
        back1 = F.max_unpool2d(mix2, first, 2, output_size=stem.shape[2:])
        answer = F.interpolate(nodes["head"](back1 + stem), size=(33, 47), mode="bilinear", align_corners=False)
        assert torch.equal(network(image), answer)


def test_it_learns(unpool: Net) -> None:
    network = build(unpool, 3, seed=1)
    image = F.interpolate(torch.randn(2, 3, 4, 4), size=(37, 41))
    label = (image[:, 0] > 0).long() + (image[:, 1] > 0).long()
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        loss = torch.stack([F.cross_entropy(out, label) for out in network.train_outputs(image)]).sum()
        loss.backward()
        assert all(p.grad is not None for p in network.parameters())
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.85 * losses[0]


def test_a_training_only_head_is_computed_in_training_alone(unpool: Net) -> None:
    network, inference = build(unpool, 5).eval(), build(unpool.inference(), 5).eval()
    ran: list[str] = []
    network.nodes["aux"].register_forward_hook(lambda *_: ran.append("aux"))
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        answer = network(image)
        assert ran == []
        outputs = network.train_outputs(image)
    assert ran == ["aux"]
    assert torch.equal(outputs[0], answer)
    assert [node.id for node in unpool.inference().nodes] == [
        n.id for n in unpool.nodes if n.id not in ("aux", "aux_up")
    ]
    inference.load_state_dict({k: v for k, v in network.state_dict().items() if not k.startswith("nodes.aux")})
    assert torch.equal(inference(image), answer)


def test_maps_are_held_only_as_long_as_somebody_will_read_them() -> None:
    network = build(load_net("rdsnet").with_value("enc2.repeat", 12), 3).eval()
    maps: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []

    def look(_module: torch.nn.Module, _inputs: object, out: torch.Tensor) -> None:
        maps.append(weakref.ref(out))
        alive.append(sum(one() is not None for one in maps))

    for block in network.nodes["enc2"]:
        block.register_forward_hook(look)
    with torch.no_grad():
        network(torch.randn(1, 3, 32, 32))
    assert len(alive) == 12
    assert max(alive) <= 2


def test_a_wrong_output_name_is_said_with_those_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(UNPOOL.read_text().replace("pool2:indices", "pool2:indexes"))
    with pytest.raises(SpecError) as caught:
        features(load_net("t.yaml"), 5)
    assert str(caught.value) == (
        "t.yaml:11: nodes[7]: node 'pool2' has no output 'indexes'\n"
        "  its second outputs are: indices\n  did you mean 'indices'?"
    )


def test_first_weights_come_from_the_seed_and_leave_the_global_generator_alone() -> None:
    net = load_net("rdsnet").with_value("width", 0.25)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = build(net, 4, seed=1), build(net, 4, seed=1), build(net, 4, seed=2)
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.nodes["head"].weight, other.nodes["head"].weight)
    changed = build(net.with_value("enc2.block", "residual"), 4, seed=1)
    assert torch.equal(first.nodes["head"].weight, changed.nodes["head"].weight)
    assert torch.equal(first.nodes["enc3"][4].dense.weight, changed.nodes["enc3"][4].dense.weight)


def test_weights_are_called_by_their_node_and_repeat() -> None:
    names = set(build(load_net("rdsnet"), 19).state_dict())
    assert {"nodes.down1.conv.weight", "nodes.enc3.4.dense.weight", "nodes.head.bias"} <= names


@pytest.mark.parametrize(("width", "height"), [(32, 32), (33, 32), (180, 239), (241, 179)])
def test_rdsnet_answers_at_the_size_of_any_image(width: int, height: int) -> None:
    network = build(load_net("rdsnet").with_value("width", 0.25), 11).eval()
    assert network(torch.rand(1, 3, height, width)).shape == (1, 11, height, width)


def test_too_small_an_image_is_refused_with_the_least_size() -> None:
    check_size(load_net("rdsnet"), Size(32, 32))
    with pytest.raises(SpecError) as caught:
        check_size(load_net("rdsnet"), Size(64, 31))
    assert str(caught.value) == "64x31 is too small for net 'rdsnet'\n  the least it takes is 32x32"


def test_weights_stand_in_order_of_execution() -> None:
    network = build(load_net("rdsnet"), 19)
    order = list(dict.fromkeys(name.split(".")[1] for name, _ in network.named_parameters()))
    assert order == ["down1", "down2", "enc2", "down3", "enc3", "head"]
