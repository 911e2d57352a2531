"""An ONNX file is timed as it stands: what was timed has the hash, and says the mIoU, of that very file."""

import functools
import json
from pathlib import Path

import pytest
import torch

import rdslab.measure
from rdslab.cli import main
from rdslab.errors import DataError, RunError, SpecError
from rdslab.files import sha256_of
from rdslab.measure.export import export
from rdslab.measure.given import read_onnx
from rdslab.measure.local import measure
from rdslab.measure.onnxfile import OnnxNetwork
from rdslab.measure.remote import measure_remote
from rdslab.network import build, load_net
from rdslab.records import Size
from tests.ssh_board import LIMITS, QUICK, SshBoard, one, skip_without_sshd

onnx = pytest.importorskip("onnx", reason="needs the extra `deploy`")
pytest.importorskip("onnxruntime", reason="needs the extra `deploy`")
SIZE = Size(64, 32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("files")
    network = build(load_net("rdsnet").with_value("width", 0.25), 5).eval()
    judged = {"miou": 0.4321, "weights_miou": 0.4325, "miou_on": {"images": 7, "name": "camvid", "split": "val"}}
    export(network, SIZE, found / "net.onnx", judge=lambda _: judged)
    export(network, Size(96, 64), found / "other.onnx")
    return found


@pytest.fixture
def file(folder: Path) -> Path:
    return folder / "net.onnx"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rdslab.measure, "measure", functools.partial(measure, plan=QUICK))


def answer(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        main(words)
    said = capsys.readouterr()
    return int(leaving.value.code or 0), said.out, said.err


def open_ended(file: Path, path: Path) -> Path:
    """The same file, for images of any width."""
    model = onnx.load(file)
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[3].dim_param = "width"
    del model.graph.value_info[:]
    onnx.save(model, path)
    return path


@pytest.mark.usefixtures("quick")
def test_a_file_brings_size_classes_and_accuracy_and_is_what_is_timed(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = answer(["time", str(file), "--json"], capsys)
    assert status == 0, err
    (found,) = json.loads(out)
    assert found["name"] == "rdsnet"
    protocol = found["protocol"]
    assert (protocol["size"], protocol["classes"]) == ("64x32", 5)
    assert (protocol["backend"], protocol["form"]) == ("onnxruntime", "deployed")
    assert found["certificate"]["engine"]["sha256"] == sha256_of(file)
    assert found["certificate"]["engine"]["file_sha256"] == sha256_of(file)
    assert "this very file has mIoU 43.21 % (7 images of camvid, val)" in found["notes"]


def test_with_the_labels_inside_another_graph_runs_and_the_file_is_still_named(file: Path) -> None:
    given = read_onnx(file)
    options = {"threads": 1, "backend": "onnxruntime", "form": "deployed", "inside": "labels"}
    times = one(measure({"a": given}, SIZE, 5, plan=QUICK, **options))
    assert times.certificate is not None
    assert times.certificate["engine"]["sha256"] != given.sha256 == times.certificate["engine"]["file_sha256"]
    assert times.certificate["engine"]["agreement"] == 1.0


@pytest.mark.usefixtures("quick")
def test_a_net_beside_a_file_is_timed_as_the_file_is(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = answer(["time", str(file), "rdsnet_code", "--json"], capsys)
    assert status == 0, err
    found = json.loads(out)
    assert [one["name"] for one in found] == ["rdsnet", "rdsnet_code"]
    assert found[0]["protocol"] == found[1]["protocol"]
    assert "file_sha256" not in found[1]["certificate"]["engine"]


def test_a_file_is_predicted_as_the_net_it_was_made_from(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = answer(["time", str(file), "--device", "jetson-tx1", "--json"], capsys)
    net = ["time", "rdsnet", "--set", "width=0.25", "--size", "64x32", "--classes", "5"]
    _, expected, _ = answer([*net, "--device", "jetson-tx1", "--json"], capsys)
    assert json.loads(out) == json.loads(expected)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["{}", "--backend", "torch"],
            "net.onnx: a file runs in onnxruntime, onnxruntime_tensorrt, tensorrt, not in torch",
        ),
        (["{}", "--form", "eager"], "net.onnx: a file is in the form it is in, and eager is asked for"),
        (["{}", "--size", "640x360"], "net.onnx: takes an image of 64x32, and 640x360 is asked for"),
        (["{}", "--classes", "19"], "net.onnx: takes classes: 5, and 19 is asked for"),
        (["{}", "--set", "width=2"], "--set: a file is timed as it is"),
        (["{}", "{}.other"], "other.onnx 96x64"),
        (["missing.onnx"], "missing.onnx: there is no such file"),
    ],
)
def test_what_does_not_suit_a_file_is_one_message(
    words: list[str], said: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = str(file.with_name("other.onnx"))
    words = [other if word == "{}.other" else word.format(file) for word in words]
    status, out, err = answer(["time", *words], capsys)
    assert (status, out) == (2, "")
    assert said in err


def test_a_file_of_any_size_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="leaves the size of its image open"):
        read_onnx(open_ended(file, tmp_path / "any.onnx"))


def test_a_file_that_says_nothing_of_its_net_is_measured_and_not_predicted(file: Path, tmp_path: Path) -> None:
    model = onnx.load(file)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    given = read_onnx(tmp_path / "bare.onnx")
    assert (given.name, given.words) == ("bare", ())
    found = measure({"a": given}, SIZE, 5, threads=1, backend="onnxruntime", form="deployed", plan=QUICK)
    assert one(found).notes == ()
    with pytest.raises(DataError, match="does not say which net"):
        _ = given.net


def test_a_file_that_changes_meanwhile_is_not_timed(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(file.read_bytes())
    given = read_onnx(path)
    path.write_bytes(file.with_name("other.onnx").read_bytes())
    (found,) = measure({"a": given}, SIZE, 5, threads=1, backend="onnxruntime", form="deployed", plan=QUICK).values()
    assert isinstance(found, RunError)
    assert "was changed since it was read" in str(found)


def test_half_precision_is_not_computed_from_a_file_in_float(file: Path) -> None:
    options = {"threads": 1, "backend": "tensorrt", "precision": "fp8", "form": "deployed"}
    with pytest.raises(SpecError, match="fp8"):
        measure({"a": read_onnx(file)}, SIZE, 5, plan=QUICK, **options)


@pytest.fixture
def board(tmp_path: Path) -> SshBoard:
    skip_without_sshd()
    return SshBoard(tmp_path)


def test_the_very_file_runs_on_a_board(file: Path, board: SshBoard) -> None:
    board.start()
    try:
        asked = {"device": "ssh://board", "plan": QUICK, "limits": LIMITS, "ssh_config": board.config}
        given = {"file": read_onnx(file), "net": load_net("rdsnet")}
        found = measure_remote(given, SIZE, 5, engine="onnxruntime", **asked)
        times = one({"file": found["file"]})
        assert times.certificate is not None
        assert times.certificate["engine"]["sha256"] == times.certificate["engine"]["file_sha256"] == sha256_of(file)
        assert any("mIoU 43.21 %" in note for note in times.notes)
        found = measure_remote(given, SIZE, 5, engine="torch", **asked)
        assert "runs no ONNX file" in str(found["file"])
        assert one({"net": found["net"]}).protocol.backend == "torch"
    finally:
        board.stop()


def test_the_file_is_what_a_backend_gets(file: Path) -> None:
    from rdslab.measure.backends.onnx_graph import graph_of

    network = OnnxNetwork(file)
    assert graph_of(network, torch.zeros(1, 3, 32, 64), labels=False) == file.read_bytes()
