"""TensorRT on this machine: what trtexec is given, and what its engine answers held against the network.

A program stands in trtexec's place: its engine is the ONNX file, which it runs in ONNX Runtime, and it prints and
exports what TensorRT 8.6 does (samples/common/sampleReporting.cpp of github.com/NVIDIA/TensorRT).
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rdslab.errors import RunError, SpecError
from rdslab.measure.agent import trtexec
from rdslab.measure.backends import Opened, offered
from rdslab.measure.calibration import Calibration
from tests.backend_cases import CPU, network, opened

pytest.importorskip("onnxruntime", reason="needs the extra `deploy`")
pytest.importorskip("onnxscript", reason="needs the extra `deploy`")
STAND_IN = """#!{python}
import json, os, pathlib, shutil, sys
print("&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # " + " ".join(sys.argv))
if "--help" in sys.argv:
    print("--noTF32 --fp16 --bf16 --int8 --calib --skipInference --memPoolSize")
    sys.exit(0)
asked = dict(word.partition("=")[::2] for word in sys.argv[1:])
with open(os.path.join(os.path.dirname(__file__), "log"), "a") as log:
    calib = pathlib.Path(asked["--calib"]).read_text() if "--calib" in asked else ""
    print(json.dumps([sys.argv[1:], calib]), file=log)
if "--saveEngine" in asked:
    shutil.copy(asked["--onnx"], asked["--saveEngine"])
if "--exportOutput" in asked:
    import numpy, onnxruntime
    session = onnxruntime.InferenceSession(asked["--loadEngine"])
    name, _, path = asked["--loadInputs"].partition(":")
    (given,) = session.get_inputs()
    image = numpy.fromfile(path, numpy.float32).reshape(given.shape)
    (out,) = session.run(None, {{name: image}})
    out = {change}
    tensor = {{"name": session.get_outputs()[0].name, "dimensions": "", "values": out.ravel().tolist()}}
    pathlib.Path(asked["--exportOutput"]).write_text(json.dumps([tensor]))
if "--exportTimes" in asked:
    count = int(asked["--iterations"])
    runs = [{{"startComputeMs": 500.0 + n, "computeMs": 2.0, "latencyMs": 3.0}} for n in range(count)]
    pathlib.Path(asked["--exportTimes"]).write_text(json.dumps(runs))
    for metric, ms in (("Latency", 3), ("GPU Compute Time", 2)):
        said = ", ".join(f"{{what}} = {{ms}} ms" for what in ("min", "max", "mean", "median", "percentile(99%)"))
        print(f"[I] {{metric}}: {{said}}")
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH with a program called trtexec, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    put(tmp_path)
    return tmp_path


def put(folder: Path, change: str = "out") -> None:
    program = folder / "trtexec"
    program.write_text(STAND_IN.format(python=sys.executable, change=change))
    program.chmod(0o755)


def asked(folder: Path) -> list[tuple[list[str], str]]:
    return [json.loads(line) for line in (folder / "log").read_text().splitlines()]


def engine(**asked: Any) -> Opened:
    return opened(network(), backend="tensorrt", **asked)


@pytest.mark.parametrize(("inside", "ms"), [("network", 2.0), ("labels", 2.0), ("copies", 3.0)])
def test_an_engine_is_built_checked_and_timed_by_trtexec_itself(inside: str, ms: float, place: Path) -> None:
    found = engine(inside=inside)
    assert list(found.runner(4)) == [ms] * 4
    assert found.facts["tensorrt"] == "8.6.1"
    assert found.facts["engine_sha256"] == found.facts["sha256"]  # of this program's engines, which are the files
    assert found.facts["difference"] < 1e-5
    assert found.facts["agreement"] == 1.0
    (build, _), (check, _), (run, _) = asked(place)
    assert "--noTF32" in build
    assert any(word.startswith("--exportOutput") for word in check)
    assert "--iterations=6" in run


def test_an_engine_is_built_once(place: Path) -> None:
    assert not engine().facts["engine_cached"]
    assert engine().facts["engine_cached"]
    assert sum(any(word.startswith("--saveEngine") for word in words) for words, _ in asked(place)) == 1


def test_an_engine_that_computes_something_else_is_refused(place: Path) -> None:
    put(place, "out * 1.01")
    with pytest.raises(RunError, match=r"tensorrt, fp32, channels_first\): its answer in fp32 is .* off the net's"):
        engine()
    assert engine(precision="fp16").facts["difference"] > 1e-3
    put(place, "out[:, :, :5]")
    with pytest.raises(RunError, match="gives 3520 numbers where 1x11x48x64 were to be expected"):
        engine()


def test_int8_is_calibrated_on_the_images_and_for_this_version(place: Path) -> None:
    images = place / "images"
    images.mkdir()
    Image.new("RGB", (64, 48), (255, 128, 0)).save(images / "a.png")
    found = engine(precision="int8", calibration=Calibration(images))
    assert found.facts["calibration"]["images"] == 1
    (words, cache), *_ = asked(place)
    assert {"--int8", "--fp16"} <= set(words)
    head, first, *rest = cache.splitlines()
    assert head == "TRT-8601-EntropyCalibration2"
    assert first == "image: 3c010204"  # 1 / 127
    assert len(rest) > 20


def test_int8_of_other_images_is_another_engine(place: Path) -> None:
    images = place / "images"
    images.mkdir()
    for colour in ((255, 128, 0), (0, 10, 20)):
        Image.new("RGB", (64, 48), colour).save(images / "a.png")
        assert not engine(precision="int8", calibration=Calibration(images)).facts["engine_cached"]


def test_without_trtexec_the_refusal_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trtexec, "find", lambda: "")
    assert offered(CPU)["tensorrt"].startswith("needs trtexec, which comes with TensorRT")
    with pytest.raises(SpecError, match="backend 'tensorrt' needs trtexec") as caught:
        engine()
    assert "tensorrt" not in caught.value.hints[0]
