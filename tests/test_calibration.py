"""int8: ranges over real images are those of the network's own maps, and the cache is what TensorRT reads."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from rdslab.errors import DataError, RunError
from rdslab.measure import calibration
from rdslab.measure.calibration import Calibration, cache_of, ranges_of
from rdslab.records import Size

SIZE = Size(24, 16)


def folder(root: Path, count: int = 3) -> Path:
    draw = np.random.default_rng(0)
    (root / "deep").mkdir()
    for index in range(count):
        pixels = draw.integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).save(root / ("deep" if index % 2 else ".") / f"{index:03d}.png")
    return root


class Small(nn.Module):
    """Two convolutions whose maps a test can name."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.two(self.one(image).relu())
        return scores


def exported(module: nn.Module) -> bytes:
    pytest.importorskip("onnxruntime", reason="needs the extra `deploy`")
    pytest.importorskip("onnxscript", reason="needs the extra `deploy`")
    from rdslab.measure.backends.onnx_graph import graph_of

    return graph_of(module.eval(), torch.rand(1, 3, SIZE.height, SIZE.width), labels=False)


def test_ranges_are_those_of_torchs_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "SHARE", 1.0)
    images = list(Calibration(folder(tmp_path)).images(SIZE))
    module = Small()
    ranges = ranges_of(exported(module), images)
    with torch.no_grad():
        batch = torch.from_numpy(np.concatenate(images))
        first = module.one(batch)
        expected = [batch, first, first.relu(), module.two(first.relu())]
    assert len(images) == 3
    assert ranges["image"] == pytest.approx(float(batch.max()))
    assert ranges["scores"] == pytest.approx(float(expected[3].abs().max()), rel=1e-5)
    reaches = [float(maps.abs().max()) for maps in expected]
    assert sorted(ranges.values()) == pytest.approx(sorted(reaches), rel=1e-5)


def test_few_stray_values_do_not_widen_a_range() -> None:
    image = np.full((1, 3, 200, 200), 0.5, np.float32)
    image[0, 0, 0, :5] = 80.0  # 5 of 120,000
    assert calibration._reach(image) == 0.5
    image[0, 0, 1] = 80.0
    assert calibration._reach(image) == 80.0
    assert calibration._reach(-image) == 80.0


def test_images_are_seen_as_the_network_sees_them(tmp_path: Path) -> None:
    Image.new("RGB", (10, 10), (255, 0, 51)).save(tmp_path / "a.png")
    (plain,) = Calibration(tmp_path).images(SIZE)
    assert (plain.shape, plain.dtype) == ((1, 3, SIZE.height, SIZE.width), np.float32)
    assert plain[0, :, 0, 0] == pytest.approx([1.0, 0.0, 0.2])
    (normal,) = Calibration(tmp_path, (0.5, 0.5, 0.2), (0.5, 0.25, 0.1)).images(SIZE)
    assert normal[0, :, 0, 0] == pytest.approx([1.0, -2.0, 0.0], abs=1e-6)


def test_the_images_of_a_large_folder_are_spread_over_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "MOST", 4)
    files = Calibration(folder(tmp_path, 9)).files()
    assert [path.stem for path in files] == ["000", "004", "008", "003"]  # those in the folder `deep` come last


def test_another_image_is_another_set(tmp_path: Path) -> None:
    held = Calibration(folder(tmp_path))
    first = held.document()
    assert first["images"] == 3
    Image.new("RGB", (30, 20)).save(tmp_path / "000.png")
    assert held.document()["sha256"] != first["sha256"]
    assert str(tmp_path) not in str(first)


@pytest.mark.parametrize("wrong", ["none", "empty", "broken"])
def test_a_folder_without_images_is_refused(wrong: str, tmp_path: Path) -> None:
    root = tmp_path / "images"
    if wrong != "none":
        root.mkdir()
    if wrong == "broken":
        (root / "a.png").write_bytes(b"no image")
    words = {"none": "there is no such folder", "empty": "there is no image in it", "broken": "is no image"}
    with pytest.raises(DataError, match=words[wrong]) as caught:
        list(Calibration(root).images(SIZE))
    assert caught.value.where.startswith(str(root))


def test_a_net_that_gives_no_numbers_is_refused() -> None:
    module = Small()
    nn.init.constant_(module.two.weight, float("inf"))
    with pytest.raises(RunError, match="is not finite for a calibration image"):
        ranges_of(exported(module), [np.ones((1, 3, SIZE.height, SIZE.width), np.float32)])


def test_a_cache_reads_as_tensorrt_writes_it() -> None:
    """NVIDIA/TensorRT, issue 2958: of TensorRT 8.2.5, images in 0..0.5 have the scale 3b810a13."""
    text = cache_of({"input": 0.5, "conv": 12.7, "dead": 0.0}, "8.2.5")
    head, *lines = text.splitlines()
    assert head == "TRT-8205-EntropyCalibration2"
    scales = {name: struct.unpack(">f", bytes.fromhex(bits))[0] for name, bits in (line.split(": ") for line in lines)}
    assert scales == pytest.approx({"input": 0.5 / 127, "conv": 0.1})
    written = struct.unpack(">f", bytes.fromhex("3b810a13"))[0]
    assert scales["input"] == pytest.approx(written, rel=1e-3)


@pytest.mark.parametrize(
    ("version", "number"), [("8.0.1", 8001), ("8.2.1", 8201), ("8.6.1", 8601), ("10.3.0", 100300), ("10.13.3", 101303)]
)
def test_a_cache_is_for_one_version(version: str, number: int) -> None:
    assert cache_of({}, version) == f"TRT-{number}-EntropyCalibration2\n"
