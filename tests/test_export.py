"""ONNX files compute what the network computes, at the operator sets that boards read."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from rdslab import __version__
from rdslab.blocks import exportable
from rdslab.errors import RunError, SpecError
from rdslab.fold import inference_form
from rdslab.identity import ids
from rdslab.measure import export as exporting
from rdslab.measure.export import LARGEST, Exported, export
from rdslab.network import Network, build, load_net, zoo_names
from rdslab.records import Size

onnx = pytest.importorskip("onnx", reason="needs the extra `deploy`")
pytest.importorskip("onnxruntime", reason="needs the extra `deploy`")
UNPOOL = Path(__file__).parent / "nets" / "unpool.yaml"
QUICK = {  # shuffles, unpooling, depthwise; the new exporter takes seconds a net
    11: ("rdsnet", "rdsnet_code", "enet", "espnetv2", "linknet", "icnet"),
    18: ("rdsnet", "enet"),
}


def trained(name: str | Path) -> Network:
    """A network whose batch norm statistics are those of no fresh one."""
    network = build(load_net(name), 11, seed=3).eval()
    draw = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.copy_(0.2 * torch.randn(module.num_features, generator=draw))
            module.running_var.copy_(torch.rand(module.num_features, generator=draw) + 0.5)
    return network


def written(name: str | Path, opset: int, folder: Path) -> Exported:
    return export(trained(name), Size(97, 75), folder / "net.onnx", opset)


def nets(opset: int) -> list[object]:
    return [name if name in QUICK[opset] else pytest.param(name, marks=pytest.mark.long) for name in zoo_names()]


@pytest.mark.parametrize("name", nets(11))
def test_a_net_runs_in_onnx_runtime_at_the_least_operator_set(name: str, tmp_path: Path) -> None:
    found = written(name, 11, tmp_path)
    assert found.difference < LARGEST
    assert onnx.load(found.path).opset_import[0].version == 11


@pytest.mark.parametrize("name", nets(18))
def test_a_net_runs_in_onnx_runtime_at_the_newest_operator_set(name: str, tmp_path: Path) -> None:
    found = written(name, 18, tmp_path)
    assert found.difference < LARGEST
    assert onnx.load(found.path).opset_import[0].version == 18


@pytest.mark.parametrize("opset", [11, 13, 18])
def test_unpooling_is_exported(opset: int, tmp_path: Path) -> None:
    assert written(UNPOOL, opset, tmp_path).difference < LARGEST


def test_the_files_input_and_output_have_names_and_it_says_what_it_is(tmp_path: Path) -> None:
    about = {"classes": ["Sky", "Road"], "size": "640x360", "miou": 0.5, "folded": False}
    found = export(trained("rdsnet"), Size(64, 48), tmp_path / "net.onnx", about=about)
    model = onnx.load(found.path)
    assert [value.name for value in model.graph.input] == ["image"]
    assert [value.name for value in model.graph.output] == ["scores"]
    said = {p.key: json.loads(p.value) for p in model.metadata_props}
    assert {key: said[key] for key in about} == {**about, "size": "64x48", "miou": None, "folded": True}
    assert (said["weights_miou"], said["channels"], said["value_range"]) == (0.5, "RGB", [0.0, 1.0])
    net = load_net("rdsnet")
    assert (said["name"], said["net"], said["net_id"]) == ("rdsnet", net.document(), ids(net)[0])
    assert (said["opset"], said["rdslab"]) == (13, __version__)
    content = Path(found.path).read_bytes()
    assert found.sha256 == hashlib.sha256(content).hexdigest() != found.graph_sha256
    assert (found.opset, found.bytes, found.size) == (13, Path(found.path).stat().st_size, "64x48")


def test_only_the_inference_form_is_exported() -> None:
    network = trained("erfnet")
    form = inference_form(network)
    assert "aux" in network.nodes
    assert "aux" not in form.nodes
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(form(x), network(x))


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [(7, 5), (12, 18), (2, 3), (6, 6)])
def test_adaptive_pooling_as_matrix_products_is_torchs_own(
    bins: int, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.randn(2, 3, *size)
    own = exportable.adaptive_avg_pool(x, bins)
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    torch.testing.assert_close(exportable.adaptive_avg_pool(x, bins), own)


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_shuffling_as_a_transposition_is_torchs_own(groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 8, 3, 5)
    own = exportable.channel_shuffle(x, groups)
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    assert torch.equal(exportable.channel_shuffle(x, groups), own)


@pytest.mark.parametrize("size", [(8, 6), (9, 7)])
def test_unpooling_as_a_scattering_is_torchs_own(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    pooled, indices = nn.functional.max_pool2d(torch.randn(2, 3, *size), 2, return_indices=True)
    own = exportable.max_unpool(pooled, indices, 2, size)
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    assert torch.equal(exportable.max_unpool(pooled, indices, 2, size), own)


def test_a_file_that_computes_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "LARGEST", 0.0)
    with pytest.raises(RunError, match=r"scores of rdsnet are .* of their scale off torch's"):
        export(trained("rdsnet"), Size(64, 64), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("size", "opset", "path", "words"),
    [
        (Size(64, 64), 9, "net.onnx", "opset must be from 11 to 18, got 9"),
        (Size(16, 64), 13, "net.onnx", "16x64 is too small for net 'rdsnet'"),
        (Size(64, 64), 13, "no/net.onnx", "there is no such folder"),
    ],
)
def test_what_cannot_be_exported_is_said(size: Size, opset: int, path: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=words):
        export(trained("rdsnet"), size, tmp_path / path, opset)
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(RunError, match="export needs onnx and onnxscript") as caught:
        export(trained("rdsnet"), Size(64, 64), tmp_path / "net.onnx")
    assert caught.value.hints == ("pip install 'rdslab[deploy]'",)


def test_the_graph_has_one_hash_whatever_is_said_of_it(tmp_path: Path) -> None:
    network = trained("rdsnet")
    one, other = (
        export(network, Size(64, 64), tmp_path / f"{i}.onnx", about={"seed": i}, judge=lambda _: {"miou": 0.5})
        for i in (1, 2)
    )
    assert one.graph_sha256 == other.graph_sha256
    assert one.sha256 != other.sha256
    assert other.miou == 0.5
    assert export(trained("enet"), Size(64, 64), tmp_path / "e.onnx").graph_sha256 != one.graph_sha256


def test_a_judge_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def judge(_: nn.Module) -> dict[str, object]:
        raise RunError("no")

    with pytest.raises(RunError, match="no"):
        export(trained("rdsnet"), Size(64, 64), tmp_path / "net.onnx", judge=judge)
    assert not list(tmp_path.iterdir())
