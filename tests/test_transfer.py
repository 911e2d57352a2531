"""Weights from checkpoints, by name and by order; no code in a checkpoint is run."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

import rdslab
from rdslab.blocks import BLOCKS
from rdslab.errors import DataError, SpecError
from rdslab.netfile import load_net, net_from_document
from rdslab.network import Network, build
from rdslab.train import load_weights, weights_in_order
from rdslab.train.tensors import read_tensors
from tests.originals import Original, saved, toy
from tests.train_cases import same_bits


def unchanged(network: Network) -> bool:
    return same_bits(network.state_dict(), build(network.net, network.classes).state_dict())


@pytest.mark.parametrize("wrap", ["plain", "state_dict", "model_state", "module", "training", "safetensors"])
def test_a_checkpoint_of_ones_own_loads_by_name(tmp_path: Path, wrap: str) -> None:
    one, other, path = toy(seed=1), toy(seed=2), tmp_path / "own.pth"
    state = one.state_dict()
    wrapped: dict[str, Any] = {
        "plain": state,
        "state_dict": {"epoch": 3, "state_dict": state, "ema_state_dict": toy(seed=3).state_dict()},
        "model_state": {"model_state": state, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}},
        "module": {"model": OrderedDict((f"module.{name}", tensor) for name, tensor in state.items())},
        "training": {"identity": {}, "state": {"network": state, "matrix": torch.ones(2, 2)}},
    }
    if wrap == "safetensors":
        safetensors.torch.save_file(state, path)  # its name does not tell
    else:
        saved(path, wrapped[wrap])
    found = load_weights(other, path)
    assert same_bits(other.state_dict(), state)
    assert (found.missing, found.unexpected, found.mismatched) == ((), (), ())
    assert [pair.ours for pair in found.pairs] == [pair.theirs for pair in found.pairs]
    assert rdslab.load_weights is load_weights


def test_missing_and_unexpected_names_are_listed_and_shapes_name_the_node(tmp_path: Path) -> None:
    network, state = toy(), dict(toy(11, seed=1).state_dict())
    state["extra.weight"] = torch.ones(2)
    del state["nodes.stem.conv.weight"]
    with pytest.raises(DataError) as caught:
        load_weights(network, saved(tmp_path / "x.pth", state))
    text = str(caught.value)
    assert "x.pth: does not fit net 'toy': 1 missing, 1 unexpected, 4 of another shape" in text
    assert "missing: nodes.stem.conv.weight\n" in text
    assert "unexpected: extra.weight\n" in text
    assert "node 'head': nodes.head.weight is 11x8x1x1 in the file and 19x8x1x1 in the net" in text
    assert "load in part (--partial)" in text
    assert unchanged(network)


def test_what_fits_is_loaded_in_part_only_when_asked(tmp_path: Path) -> None:
    network, state = toy(), toy(11, seed=1).state_dict()
    found = load_weights(network, saved(tmp_path / "x.pth", state), partial=True)
    now, drawn = network.state_dict(), toy().state_dict()
    assert len(found.mismatched) == 4
    assert torch.equal(now["nodes.enc.1.conv.weight"], state["nodes.enc.1.conv.weight"])
    assert torch.equal(now["nodes.head.weight"], drawn["nodes.head.weight"])
    with pytest.raises(
        DataError, match="no name is known here; an original repository's checkpoint is loaded by order"
    ):
        load_weights(network, saved(tmp_path / "y.pth", Original().state_dict()), partial=True)


def test_names_can_be_skipped(tmp_path: Path) -> None:
    state = toy(seed=1).state_dict()
    path = saved(tmp_path / "x.pth", {**state, "old.fc.weight": torch.ones(1), "old.fc.bias": torch.ones(1)})
    found = load_weights(toy(), path, skip=["old.fc"])
    assert found.skipped == ("old.fc.weight", "old.fc.bias")
    with pytest.raises(SpecError, match=r"skip: no name is like 'old.fd'\n  did you mean 'old.fc'\?"):
        load_weights(toy(), path, skip=["old.fd"])


def test_a_batch_norm_without_a_counter_fits(tmp_path: Path) -> None:
    one = Original()
    state = {name: t for name, t in one.state_dict().items() if not name.endswith("num_batches_tracked")}
    load_weights(toy(), saved(tmp_path / "x.pth", state), "order")
    own = {name: t for name, t in toy(seed=1).state_dict().items() if not name.endswith("num_batches_tracked")}
    assert load_weights(toy(), own).missing == ()


@pytest.mark.parametrize("heads", ["end", "where they run", "none"])
def test_an_original_loads_in_order_of_execution_and_answers_the_same(tmp_path: Path, heads: str) -> None:
    original, network = Original().eval(), toy(seed=4)
    items = list(original.state_dict().items())
    aux = [item for item in items if item[0].startswith("aux")]
    rest = [item for item in items if item not in aux]
    order = {"end": rest + aux, "where they run": rest[:6] + aux + rest[6:], "none": rest}[heads]
    found = load_weights(network, saved(tmp_path / "x.pth", {"state_dict": OrderedDict(order)}), by="order")
    image = torch.randn(2, 3, 33, 45)
    with torch.no_grad():
        assert torch.equal(network(image), original(image))
    pairs = [(pair.theirs, pair.ours) for pair in found.pairs]
    assert pairs[:2] == [("stem.0", "nodes.stem.conv"), ("stem.1", "nodes.stem.norm")]
    assert ("features.1.0", "nodes.enc.1.conv") in pairs
    assert found.missing == (("nodes.aux.weight", "nodes.aux.bias") if heads == "none" else ())
    assert (("aux", "nodes.aux") in pairs) == (heads != "none")
    assert found.pairs[0].shapes == {"weight": (8, 3, 3, 3)}


def test_the_first_pair_that_does_not_fit_is_shown_with_what_stands_around_it(tmp_path: Path) -> None:
    network = toy()
    path = saved(tmp_path / "x.pth", {"backbone.fc.weight": torch.ones(10, 8), **Original().state_dict()})
    with pytest.raises(DataError) as caught:
        load_weights(network, path, "order")
    assert caught.value.what == (
        "pair 1 does not fit: backbone.fc (weight 10x8) of the file and nodes.stem.conv (weight 8x3x3x3) of the net"
    )
    assert caught.value.hints[0] == ">   1  backbone.fc (weight 10x8)  |  nodes.stem.conv (weight 8x3x3x3)"
    assert caught.value.hints[1].startswith("    2  stem.0 (weight 8x3x3x3)  |  nodes.stem.norm (weight 8, bias 8,")
    assert "leave it out: --skip 'backbone.fc'" in str(caught.value)
    assert unchanged(network)
    assert len(load_weights(network, path, "order", skip=["backbone*"]).pairs) == 8
    short = dict(list(Original().state_dict().items())[:-4])
    with pytest.raises(DataError, match=r"pair 7 does not fit: nothing more of the file and nodes.head \("):
        load_weights(toy(heads=False), saved(path, short), "order")


def test_a_model_whose_layers_were_made_in_another_order_is_run(tmp_path: Path) -> None:
    original, network = Original(late=True), toy(seed=1)
    with pytest.raises(DataError, match=r"(?s)pair 1 does not fit.*rdslab.weights_in_order in Python"):
        load_weights(network, saved(tmp_path / "x.pth", original.state_dict()), "order")
    weights = weights_in_order(original, torch.zeros(1, 3, 32, 32))
    assert original.training
    found = load_weights(network, saved(tmp_path / "y.pth", weights), "order")
    assert found.missing == ("nodes.aux.weight", "nodes.aux.bias")  # the original's does not run at inference
    assert load_weights(toy(), weights, "order").pairs == found.pairs
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(image), original.eval()(image))


@pytest.mark.parametrize("net", ["erfnet", "enet"])
def test_a_net_of_the_zoo_finds_its_own_weights_by_order(tmp_path: Path, net: str) -> None:
    one, other = build(load_net(net), 5, 1), build(load_net(net), 5, 2)
    renamed = {name.replace("nodes.", "theirs_"): tensor for name, tensor in one.state_dict().items()}
    load_weights(other, saved(tmp_path / "x.pth", renamed), "order")
    assert same_bits(one.state_dict(), other.state_dict())


class Evil:
    """What a pickle may do: run a command."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.file}",)


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle", "module", "namespace"])
def test_code_in_a_checkpoint_is_refused_and_never_run(tmp_path: Path, form: str) -> None:
    path, mark = tmp_path / "evil.pth", tmp_path / "ran"
    content = {"state_dict": toy().state_dict(), "more": Evil(mark)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(content["more"]))
    elif form == "module":
        saved(path, Original())
    elif form == "namespace":
        saved(path, {"state_dict": toy().state_dict(), "args": Path("some/where")})
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(DataError) as caught:
        load_weights(toy(), path)
    assert "evil.pth: is not plain data: to read it would run code that the file brings" in str(caught.value)
    assert "torch.save(model.state_dict(), 'weights.pth')" in str(caught.value)
    assert str(caught.value).count("\n") == 1
    assert not mark.exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pth", b"hello world" * 10, "is no checkpoint that can be read"),
        ("a.pth", b"", "is no checkpoint that can be read"),
        ("a.safetensors", b"\x08", "cannot be read: .*\n  the file is damaged"),
        ("a.pth", [torch.ones(1)], "holds no tensors by name"),
        ("a.pth", {"a": {"w": torch.ones(1)}, "b": {"w": torch.ones(1)}}, "has tensors at several places, .*: a, b\n"),
        ("a.pth", None, "there is no such file"),
    ],
)
def test_a_file_without_weights_says_why(tmp_path: Path, name: str, content: Any, said: str) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        saved(path, content)
    with pytest.raises(DataError, match=rf"{name}: {said}"):
        read_tensors(path)


def test_requests_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file(toy().state_dict(), tmp_path / "x.safetensors")
    with pytest.raises(SpecError, match="stands in order of names, as every safetensors file does"):
        load_weights(toy(), tmp_path / "x.safetensors", "order")
    with pytest.raises(SpecError, match="an order fits as a whole or not at all"):
        load_weights(toy(), {}, "order", partial=True)
    with pytest.raises(SpecError, match="by name or by order, not by 'shape'"):
        load_weights(toy(), {}, "shape")  # type: ignore[arg-type]


class Unused(nn.Conv2d):
    """A convolution with a layer that is never called."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 1)
        self.spare = nn.Linear(2, 2)


def test_a_layer_that_is_never_called_has_no_place_in_the_order(request: pytest.FixtureRequest) -> None:
    BLOCKS.register("unused")(Unused)
    request.addfinalizer(lambda: BLOCKS.remove("unused"))
    nodes = [{"id": "head", "block": "unused", "channels": "classes"}]
    network = build(net_from_document({"name": "own", "nodes": nodes}), 3)
    with pytest.raises(SpecError, match=r"module 'nodes.head.spare' is never called.*\n  load by name"):
        load_weights(network, network.state_dict(), "order")
    assert load_weights(network, network.state_dict()).missing == ()
