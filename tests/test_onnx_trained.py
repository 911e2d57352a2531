"""ONNX files made from trained weights are evaluated and predict as the weights do, and wrong files are named."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rdslab.cli import main
from rdslab.data import Classes, open_data
from rdslab.errors import DataError
from rdslab.files import sha256_of
from rdslab.train import WEIGHTS, evaluate, open_trained, predict
from rdslab.train.weights import read_metadata
from tests.train_cases import cpu, tiny_data, trained

onnx = pytest.importorskip("onnx", reason="needs the extra `deploy`")
pytest.importorskip("onnxruntime", reason="needs the extra `deploy`")
__all__ = ["cpu"]
pytestmark = pytest.mark.usefixtures("cpu")
IMAGES = ["--data", "synthetic", "--set", "data.train=9", "--set", "data.val=4"]


def answer(words: list[str]) -> int:
    with pytest.raises(SystemExit) as leaving:
        main(words)
    return int(leaving.value.code or 0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        trained(folder, {"void_logit": True, "normalise": "imagenet"})
    return folder / WEIGHTS


@pytest.fixture(scope="module")
def exported(weights: Path) -> Path:
    path = weights.with_name("net.onnx")
    assert answer(["export", str(weights), "--out", str(path), *IMAGES]) == 0
    return path


def said(path: Path) -> dict[str, Any]:
    return {p.key: json.loads(p.value) for p in onnx.load(path).metadata_props}


def changed(exported: Path, path: Path, change: Callable[[Any], object]) -> Path:
    model = onnx.load(exported)
    change(model)
    onnx.save(model, path)
    return path


def with_entries(entries: dict[str, Any]) -> Callable[[Any], object]:
    def change(model: Any) -> None:
        kept = {p.key: p.value for p in model.metadata_props} | {k: json.dumps(v) for k, v in entries.items()}
        onnx.helper.set_model_props(model, {k: v for k, v in kept.items() if v != "null"})

    return change


def test_the_weights_file_says_what_it_is(weights: Path) -> None:
    metadata = read_metadata(weights)
    assert (metadata["name"], metadata["folded"]) == ("tiny", False)
    assert metadata["miou"] == metadata["score"]["miou"]
    assert metadata["miou_on"] == metadata["data"] | {"size": "48x32", "images": 4}
    assert len(metadata["net_id"]) == 16


def test_the_exported_file_says_all_that_the_weights_say(weights: Path, exported: Path) -> None:
    of_weights, of_file = read_metadata(weights), said(exported)
    own = {"folded", "opset", "rdslab", "miou", "weights_miou", "miou_on"}
    assert {k: v for k, v in of_file.items() if k not in own} == {k: v for k, v in of_weights.items() if k not in own}
    assert (of_file["folded"], of_file["opset"]) == (True, 13)


def test_the_exported_files_own_miou_stands_beside_that_of_the_weights(weights: Path, exported: Path) -> None:
    metadata = said(exported)
    assert metadata["weights_miou"] == evaluate(weights, tiny_data()).miou
    assert metadata["miou"] == evaluate(exported, tiny_data()).miou
    assert metadata["miou"] == pytest.approx(metadata["weights_miou"], abs=1e-3)
    assert metadata["miou_on"]["identity"] == tiny_data().identity


def test_the_miou_is_that_of_the_file_and_not_of_the_weights(exported: Path, tmp_path: Path) -> None:
    def zero(model: Any) -> None:
        for tensor in model.graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT:
                tensor.CopyFrom(onnx.numpy_helper.from_array(0 * onnx.numpy_helper.to_array(tensor), tensor.name))

    broken = changed(exported, tmp_path / "zero.onnx", zero)
    assert evaluate(broken, tiny_data()).miou != evaluate(exported, tiny_data()).miou


def test_another_image_size_is_brought_to_the_files_and_its_labels_stay(exported: Path, weights: Path) -> None:
    data = open_data({"name": "synthetic", "size": "96x64", "train": 1, "val": 3})
    found = open_trained(exported)
    scores = found.network(torch.rand(2, 3, 64, 96))
    assert scores.shape == (2, 12, 64, 96)
    assert found.score(data).images == 3
    image = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        torch.testing.assert_close(found.network(image), open_trained(weights).network(image), atol=1e-4, rtol=1e-3)


def test_it_predicts_what_the_weights_predict(exported: Path, weights: Path, tmp_path: Path) -> None:
    photo = tmp_path / "a.png"
    Image.effect_noise((100, 60), 60).convert("RGB").save(photo)
    (one,) = predict(weights, [photo], tmp_path / "weights")
    (other,) = predict(exported, [photo], tmp_path / "onnx")
    a, b = (np.asarray(Image.open(path)) for path in (one, other))
    assert a.shape == b.shape
    assert (a != b).mean() < 0.01


def test_evaluate_reads_size_and_normalisation_from_either_file(
    weights: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {}
    for path in (weights, exported):
        capsys.readouterr()
        assert answer(["evaluate", str(path), *IMAGES, "--json"]) == 0
        found[path] = json.loads(capsys.readouterr().out)
        assert (found[path]["size"], found[path]["name"]) == ("48x32", "tiny")
        assert found[path]["sha256"] == sha256_of(path)
    assert found[exported]["miou"] == said(exported)["miou"]
    assert answer(["evaluate", str(exported), *IMAGES, "--size", "96x64"]) == 0
    shown = capsys.readouterr().out
    assert "4 images at 96x64" in shown
    assert "mIoU, no interval over images: 2 stretches of 2 images are too few to draw anew" in shown
    many = ["--data", "synthetic", "--set", "data.train=1", "--set", "data.val=40"]
    assert answer(["evaluate", str(weights), *many]) == 0
    shown = capsys.readouterr().out
    ends = re.search(r"over \d+ stretches of \d+ images: from ([\d.]+) to ([\d.]+) %", shown)
    assert ends, shown
    assert 0 <= float(ends[1]) < float(ends[2]) < 50


def test_export_prints_hash_and_both_mious(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.onnx"
    capsys.readouterr()
    assert answer(["export", str(weights), "--out", str(path), *IMAGES]) == 0
    out = capsys.readouterr().out
    assert f"sha256: {sha256_of(path)}" in out
    assert "mIoU of this file " in out
    assert "of the weights" in out
    assert "4 images of synthetic" in out


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"classes": None, "normalise": None}, "does not say .*: classes, normalise missing\n  give a file that"),
        ({"classes": ["a", "b"]}, "colours must be a red, green and blue from 0 to 255 for each of 2 classes"),
        ({"classes": ["a", "b"], "colours": [[0, 0, 0]] * 2}, "has 12 scores a pixel, but names 2 classes and void"),
        ({"size": "96x64"}, "takes an image of 48x32, but says that it takes 96x64"),
        ({"size": "big"}, "its description is broken: expected a size"),
        ({"normalise": "mine"}, "normalise must be none or imagenet, got 'mine'"),
        ({"void_logit": "no"}, "void_logit must be true or false, got 'no'"),
        ({"channels": "BGR"}, "channels must be RGB, got 'BGR'"),
        ({"colours": 7}, "colours must be a list with entries, got 7"),
    ],
)
def test_a_file_that_says_too_little_or_what_cannot_be_is_named(
    exported: Path, tmp_path: Path, entries: dict[str, Any], words: str
) -> None:
    path = changed(exported, tmp_path / "odd.onnx", with_entries(entries))
    with pytest.raises(DataError, match=rf"(?s)odd\.onnx: .*{words}"):
        open_trained(path)


def graph(inputs: list[list[int | str]], operator: str = "Sum", type_: int = 1) -> Any:
    values = [onnx.helper.make_tensor_value_info(f"x{i}", type_, shape) for i, shape in enumerate(inputs)]
    node = onnx.helper.make_node(operator, [value.name for value in values], ["y"])
    out = onnx.helper.make_tensor_value_info("y", type_, inputs[0] if inputs else [1])
    model = onnx.helper.make_graph([node], "g", values, [out])
    return onnx.helper.make_model(model, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=7)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (graph([[1, 3, 8, 8]] * 2), r"has 2 inputs \(x0, x1\)\n  one image was expected, 1x3xHEIGHTxWIDTH"),
        (graph([[1, 4, 8, 8]]), "its input 'x0' is 1x4x8x8\n  one image of 3 channels"),
        (graph([[3, 8, 8]]), "its input 'x0' is 3x8x8"),
        (graph([[2, 3, 8, 8]]), "its input 'x0' is 2x3x8x8"),
        (graph([[1, 3, 8, 8]], type_=10), r"is tensor\(float16\)\n  tensor\(float\) was expected"),
        (graph([[1, 3, "h", "w"]]), "classes, colours, size, normalise, void_logit missing"),
    ],
    ids=["two", "channels", "rank", "batch", "half", "silent"],
)
def test_a_file_of_another_kind_is_named(model: Any, words: str, tmp_path: Path) -> None:
    onnx.save(model, tmp_path / "odd.onnx")
    with pytest.raises(DataError, match=rf"(?s)odd\.onnx: .*{words}"):
        open_trained(tmp_path / "odd.onnx")


@pytest.mark.parametrize("content", [b"", b"no", b"\x00" * 200, None])
def test_a_broken_file_is_named(exported: Path, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "odd.onnx"
    path.write_bytes(exported.read_bytes()[:-900] if content is None else content)
    with pytest.raises(DataError, match=r"odd\.onnx: (is no ONNX file, or a broken one: .|has 0 inputs)"):
        open_trained(path)
    with pytest.raises(DataError, match=r"none\.onnx: there is no such file"):
        open_trained(tmp_path / "none.onnx")


def test_other_classes_are_refused(exported: Path) -> None:
    other = replace(tiny_data(), classes=Classes(("a", "b"), ((0, 0, 0), (1, 1, 1))))
    with pytest.raises(DataError, match=r"was trained on 11 classes \(Sky, .*\), the data has 2 \(a, b\)"):
        evaluate(exported, other)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rdsnet", "--data", "synthetic"], "--data: a net without weights has no mIoU"),
        (["WEIGHTS", "--root", "x"], "--root: says where images are, and no data set is named"),
        (["WEIGHTS", "--set", "enc2.block=residual"], "weights have their net and their classes"),
        (["WEIGHTS", "--data", "synthetic", "--set", "data.size=96x64"], "--set data.size: the file takes one size"),
        (["WEIGHTS", "--data", "cityscapes", "--root", "none"], "the data root does not exist"),
    ],
)
def test_a_wrong_request_writes_nothing(
    words: list[str], said: str, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [str(weights) if word == "WEIGHTS" else word for word in words]
    assert answer(["export", *own, "--out", str(tmp_path / "n.onnx")]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
