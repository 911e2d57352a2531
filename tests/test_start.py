"""Trainings that start from weights, the verb `load`, and what becomes of training-only heads."""

import json
from pathlib import Path

import pytest
import torch

from rdslab.cli import main
from rdslab.data import CAMVID_CLASSES, CITYSCAPES_CLASSES, open_data
from rdslab.errors import DataError, SpecError
from rdslab.netfile import load_net
from rdslab.network import build
from rdslab.train import CHECKPOINT, WEIGHTS, Start, check_batch, evaluate, load_trained, predict
from rdslab.train.transfer import head_names
from tests.originals import Original, saved, toy
from tests.test_predict import photo
from tests.test_train import Killed, kill_at
from tests.train_cases import cpu, same_bits, tiny_data, tiny_net, trained, weights_in, without_seconds

__all__ = ["cpu"]
pytestmark = pytest.mark.usefixtures("cpu")


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The weights of a training before."""
    trained(tmp_path / "before", {"epochs": 1}, seed=7)
    return tmp_path / "before" / WEIGHTS


def test_a_training_starts_from_the_weights_given(tmp_path: Path, before: Path) -> None:
    slow = {"epochs": 1, "lr": 1e-9, "optimiser": "sgd", "schedule": "constant"}
    trained(tmp_path / "on", slow, start=Start(before))
    trained(tmp_path / "drawn", slow)
    kernel = "nodes.head.weight"
    assert torch.allclose(weights_in(tmp_path / "on")[kernel], weights_in(before.parent)[kernel], atol=1e-6)
    assert not torch.allclose(weights_in(tmp_path / "drawn")[kernel], weights_in(before.parent)[kernel], atol=1e-3)


def test_a_training_that_goes_on_refuses_a_changed_start(tmp_path: Path, before: Path) -> None:
    start, out = Start(before), tmp_path / "out"
    whole = trained(tmp_path / "whole", start=start)
    with pytest.raises(Killed):
        trained(out, start=start, progress=kill_at(1, None))
    with pytest.raises(SpecError, match=rf"{CHECKPOINT}: is of another training: start"):
        trained(out)
    with pytest.raises(SpecError, match=r"start\.partial is False there and True here"):
        trained(out, start=Start(before, partial=True))
    moved = before.rename(tmp_path / "moved.safetensors")  # the content counts, not the name
    assert without_seconds(trained(out, start=Start(moved))) == without_seconds(whole)
    assert same_bits(weights_in(out), weights_in(tmp_path / "whole"))
    moved.write_bytes((tmp_path / "whole" / WEIGHTS).read_bytes())
    with pytest.raises(SpecError, match=rf"{WEIGHTS}: is of another training: start\.weights is \w{{16}} there"):
        trained(out, start=Start(moved))


def test_weights_that_do_not_fit_are_refused_before_the_first_step(tmp_path: Path, before: Path) -> None:
    with pytest.raises(DataError, match="does not fit net 'tiny': 2 of another shape"):
        trained(tmp_path / "out", {"void_logit": True}, start=Start(before))
    with pytest.raises(DataError, match=r"none\.pth: there is no such file"):
        trained(tmp_path / "out", start=Start(tmp_path / "none.pth"))
    assert not (tmp_path / "out").exists()
    trained(tmp_path / "out", {"void_logit": True, "epochs": 1}, start=Start(before, partial=True))


def test_heads_are_in_the_weights_file_and_may_be_missing_in_one(tmp_path: Path) -> None:
    net = tiny_net(auxiliary=True)
    score = trained(tmp_path, {"epochs": 1}, net=net)
    assert {"nodes.aux.weight", "nodes.aux.bias"} <= weights_in(tmp_path).keys()
    network, _ = load_trained(tmp_path / WEIGHTS)
    assert head_names(network) == {"nodes.aux.weight", "nodes.aux.bias"}
    assert evaluate(tmp_path / WEIGHTS, tiny_data()).miou == score.miou
    inference = build(net.inference(), 11)
    found = Start(tmp_path / WEIGHTS, skip=("nodes.aux",)).load(inference)
    assert found.skipped == ("nodes.aux.bias", "nodes.aux.weight")
    image = torch.rand(1, 3, 32, 48)
    assert torch.equal(inference.eval()(image), network(image))
    torch.save(inference.state_dict(), tmp_path / "x.pth")
    trained(tmp_path / "on", {"epochs": 1}, net=net, start=Start(tmp_path / "x.pth"))


def test_erfnet_trains_with_its_auxiliary_head(tmp_path: Path) -> None:
    data, net = open_data({"name": "synthetic", "size": "64x64", "train": 2, "val": 1}), load_net("erfnet")
    score = trained(tmp_path, {"epochs": 1, "batch": 2}, net=net, data=data)
    drawn, now = build(net, 11).state_dict(), weights_in(tmp_path)
    assert not torch.equal(drawn["nodes.aux.weight"], now["nodes.aux.weight"])
    assert evaluate(tmp_path / WEIGHTS, data).miou == score.miou
    trained(tmp_path / "off", {"epochs": 1, "batch": 2, "auxiliary": 0.0}, net=net, data=data)
    assert torch.equal(drawn["nodes.aux.weight"], weights_in(tmp_path / "off")["nodes.aux.weight"])


def test_a_net_with_a_boundary_head_trains(tmp_path: Path) -> None:
    net = tiny_net(auxiliary=True).with_value("aux.channels", 1)
    trained(tmp_path, {"epochs": 1}, net=net)
    assert weights_in(tmp_path)["nodes.aux.weight"].shape[0] == 1
    check_batch(net, 11, 1, tiny_data().size)


def answer(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        main(words)
    out, err = capsys.readouterr()
    return int(leaving.value.code or 0), out, err


@pytest.fixture
def toy_file(tmp_path: Path) -> str:
    path = tmp_path / "toy.yaml"
    nodes = json.dumps(toy().net.document()["nodes"])
    path.write_text(f"name: toy\nnodes: {nodes}\n")
    return str(path)


def test_load_lists_each_pair(capsys: pytest.CaptureFixture[str], tmp_path: Path, toy_file: str) -> None:
    path = saved(tmp_path / "x.pth", Original().state_dict())
    words = ["load", toy_file, str(path), "--by", "order", "--skip", "aux"]
    status, out, _ = answer([*words, "--json"], capsys)
    found = json.loads(out)
    assert (status, found["by"], found["name"], found["weights"]) == (0, "order", "toy", None)
    assert found["pairs"][0] == {"theirs": "stem.0", "ours": "nodes.stem.conv", "shapes": {"weight": [8, 3, 3, 3]}}
    assert found["missing"] == ["nodes.aux.weight", "nodes.aux.bias"]
    assert found["skipped"] == ["aux.weight", "aux.bias"]
    status, out, _ = answer(words, capsys)
    assert status == 0
    assert "features.1.0" in out
    assert "left as drawn, for the checkpoint lacks it: nodes.aux.weight" in out


def test_load_writes_a_weights_file_that_evaluate_and_predict_take(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, toy_file: str
) -> None:
    original = Original(12).eval()
    path, out = saved(tmp_path / "x.pth", original.state_dict()), tmp_path / "w.safetensors"
    how = ["--set", "recipe.void_logit=true", "--set", "recipe.normalise=imagenet"]
    words = ["load", toy_file, str(path), "--by", "order", "--skip", "aux", "--data", "camvid", "--size", "48x32"]
    status, _, err = answer([*words, *how, "--out", str(out)], capsys)
    assert (status, err) == (0, "")
    network, metadata = load_trained(out)
    assert metadata["classes"] == list(CAMVID_CLASSES.names)
    assert (metadata["normalise"], metadata["void_logit"], metadata["size"]) == ("imagenet", True, "48x32")
    assert (metadata["source"]["file"], metadata["source"]["by"]) == ("x.pth", "order")
    image = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        assert torch.equal(network(image), original(image))
    assert not head_names(network) & set(weights_in_file(out))
    assert 0 <= evaluate(out, tiny_data()).miou <= 1
    assert predict(out, [photo(tmp_path / "one.png")], tmp_path / "overlays")
    trained(tmp_path / "on", {"epochs": 1}, net=network.net, start=Start(out, partial=True))


def weights_in_file(path: Path) -> list[str]:
    import safetensors

    with safetensors.safe_open(path, framework="pt") as file:
        return list(file.keys())


def test_load_knows_the_classes_of_a_data_set_without_its_images(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, toy_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RDSLAB_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    path, out = saved(tmp_path / "x.pth", toy().state_dict()), tmp_path / "w.safetensors"
    words = ["load", toy_file, str(path), "--out", str(out), "--data"]
    assert answer([*words, "cityscapes"], capsys)[0] == 0
    assert load_trained(out)[1]["classes"] == list(CITYSCAPES_CLASSES.names)
    status, _, err = answer([*words, "folder"], capsys)
    assert status == 2
    assert "there is no class list" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["load", "NET", "FILE", "--classes", "3", "--data", "camvid"], "--classes and --data both say how many"),
        (["load", "NET", "FILE", "--out", "w.safetensors"], "--out: a weights file has the names and colours"),
        (["load", "NET", "FILE", "--by", "shape"], "weights are paired by name or by order, not by 'shape'"),
        (["load", "NET", "FILE", "--set", "recipe.epochs=3"], "'recipe.epochs=3' sets nothing here"),
        (["load", "NET", "FILE", "--classes", "7"], "node 'head': nodes.head.weight is 19x8x1x1 in the file and 7x8"),
        (["load", "NET", "none.pth"], "none.pth: there is no such file"),
        (["train", "NET", "--out", "o", "--partial"], "--by, --partial and --skip say how --weights are loaded"),
        (["train", "NET", "--out", "o", "--weights", "FILE", "--by", "shape"], "not by 'shape'"),
    ],
)
def test_a_wrong_request_writes_nothing(
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    toy_file: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "x.pth", toy().state_dict())
    status, out, err = answer([{"NET": toy_file, "FILE": "x.pth"}.get(word, word) for word in words], capsys)
    assert (status, out) == (2, "")
    assert said in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.yaml", "x.pth"]


def test_train_starts_from_weights_on_the_command_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, toy_file: str
) -> None:
    path = saved(tmp_path / "x.pth", Original(11).state_dict())
    words = ["train", toy_file, "--size", "48x32", "--set", "data.train=2", "--set", "data.val=1", "--json"]
    words += ["--set", "recipe.epochs=1", "--out", str(tmp_path / "out"), "--weights", str(path), "--by", "order"]
    assert answer(words, capsys)[0] == 0
    status, _, err = answer([word for word in words if word not in ("--by", "order")], capsys)
    assert status == 2
    assert "is of another training: start.by is order there and name here" in err
