"""Weights files, evaluation of them, and coloured overlays."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from rdslab.data import CAMVID_CLASSES, Classes, open_data
from rdslab.errors import DataError
from rdslab.train import WEIGHTS, evaluate, load_trained, predict
from rdslab.train.overlay import draw_overlay, enlarged, shares_of
from rdslab.train.weights import read_metadata, save_weights
from tests.train_cases import cpu, same_bits, tiny_data, trained

__all__ = ["cpu"]
pytestmark = pytest.mark.usefixtures("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        trained(folder, {"void_logit": True, "normalise": "imagenet"})
    return folder / WEIGHTS


def photo(path: Path, size: tuple[int, int] = (100, 60), mode: str = "RGB") -> Path:
    Image.effect_noise(size, 60).convert(mode).save(path)
    return path


def test_a_weights_file_says_all_that_is_needed(weights: Path) -> None:
    network, metadata = load_trained(weights)
    assert not network.training
    assert network.net.name == metadata["net"]["name"] == "tiny"
    assert metadata["classes"] == list(CAMVID_CLASSES.names)
    assert metadata["colours"][0] == list(CAMVID_CLASSES.colours[0])
    assert (metadata["size"], metadata["channels"], metadata["value_range"]) == ("48x32", "RGB", [0.0, 1.0])
    assert (metadata["mean"], metadata["seed"]) == ([0.485, 0.456, 0.406], 0)
    assert metadata["recipe"]["normalise"] == "imagenet"


def test_weights_survive_being_saved_and_loaded(weights: Path, tmp_path: Path) -> None:
    network, metadata = load_trained(weights)
    save_weights(tmp_path / "again.safetensors", network, metadata)
    again, same = load_trained(tmp_path / "again.safetensors")
    assert same == metadata
    assert same_bits(network.state_dict(), again.state_dict())


def test_evaluating_the_weights_gives_the_score_of_the_training(weights: Path) -> None:
    score, stored = evaluate(weights, tiny_data()), read_metadata(weights)["score"]
    assert {**score.document(), "history": []} == {**stored, "history": []}


def test_evaluating_on_other_classes_is_refused(weights: Path) -> None:
    other = replace(tiny_data(), classes=Classes(("a", "b"), ((0, 0, 0), (1, 1, 1))))
    with pytest.raises(DataError, match=r"was trained on 11 classes \(Sky, .*\), the data has 2 \(a, b\)"):
        evaluate(weights, other)


def test_weights_can_be_evaluated_at_another_size(weights: Path) -> None:
    assert 0 <= evaluate(weights, open_data({"name": "synthetic", "size": "64x40", "train": 1, "val": 2})).miou <= 1


def test_a_broken_weights_file_is_named(weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(DataError, match=r"w\.safetensors: there is no such file"):
        load_trained(path)
    for content in (b"", b"\x00" * 100, weights.read_bytes()[:-100]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"w\.safetensors: is no weights file, or a broken one"):
            load_trained(path)
    safetensors.torch.save_file({"x": torch.ones(1)}, path)
    with pytest.raises(DataError, match="does not say of which net: net, classes"):
        load_trained(path)
    text = {key: json.dumps(value) for key, value in read_metadata(weights).items()}
    safetensors.torch.save_file({"x": torch.ones(1)}, path, text)
    with pytest.raises(DataError, match=r"its weights do not fit its net: .* missing, 1 unexpected"):
        load_trained(path)


def test_each_image_gets_an_overlay_with_a_legend(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files = [
        photo(tmp_path / "one.png"),
        photo(tmp_path / "grey.jpg", mode="L"),
        photo(tmp_path / "other" / "one.png", (700, 500)),
    ]
    written = predict(weights, files, tmp_path / "out")
    assert [path.name for path in written] == ["one_overlay.png", "grey_overlay.png", "one_2_overlay.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in written)
    with Image.open(written[0]) as small, Image.open(written[2]) as large:
        assert small.width > 640  # 100x60 is enlarged, and the legend stands beside it
        assert small.height >= 360
        assert large.width > 700
        assert large.height >= 500


@pytest.mark.parametrize(
    ("name", "words"),
    [("none.png", "there is no such file"), ("text.png", "is no image that can be read"), ("half.png", "damaged")],
)
def test_an_unreadable_image_is_named_and_nothing_is_written(
    weights: Path, tmp_path: Path, name: str, words: str
) -> None:
    good = photo(tmp_path / "good.png")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "half.png").write_bytes(good.read_bytes()[:2000])
    with pytest.raises(DataError, match=rf"(?s){name}.*{words}"):
        predict(weights, [good, tmp_path / name], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_overlay_is_half_the_image_and_half_the_colour() -> None:
    labels = np.zeros((6, 10), np.int64)
    labels[:, 5:] = 1
    classes = Classes(("left", "right", "nowhere"), ((200, 0, 0), (0, 0, 100), (9, 9, 9)))
    overlay = draw_overlay(Image.new("RGB", (1000, 600), (100, 100, 100)), labels, classes)
    assert overlay.getpixel((100, 300)) == (150, 50, 50)
    assert overlay.getpixel((900, 300)) == (50, 50, 100)
    assert [row[0] for row in shares_of(labels, classes)] == ["left", "right"]
    beside = np.asarray(overlay)[:, 1000:].reshape(-1, 3)
    assert {(200, 0, 0), (0, 0, 100)} <= {tuple(int(v) for v in pixel) for pixel in np.unique(beside, axis=0)}


@pytest.mark.parametrize(
    ("size", "shown"),
    [((48, 32), (576, 384)), ((240, 180), (480, 360)), ((2000, 20), (2000, 20)), ((700, 90), (700, 90))],
)
def test_small_images_are_enlarged_by_a_whole_number(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert enlarged(size) == shown
