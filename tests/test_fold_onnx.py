"""A deployment form's ONNX file moves no channels about."""

from pathlib import Path

import pytest

from rdslab.measure.export import LARGEST, export
from rdslab.network import load_net
from rdslab.records import Size
from tests.fold_cases import lived_in

onnx = pytest.importorskip("onnx", reason="needs the extra `deploy`")
pytest.importorskip("onnxruntime", reason="needs the extra `deploy`")


def transposed_maps(path: str) -> list[list[int]]:
    """The orders of axes of what is transposed; two axes are no map's but those of a table of paddings."""
    nodes = onnx.load(path).graph.node
    assert "Conv" in {node.op_type for node in nodes}
    orders = [list(part.ints) for node in nodes if node.op_type == "Transpose" for part in node.attribute]
    return [order for order in orders if len(order) > 2]


@pytest.mark.parametrize(
    ("name", "opset"),
    [
        *[(name, opset) for name in ("rdsnet", "rdsnet_code") for opset in (11, 13)],
        *[pytest.param(name, opset, marks=pytest.mark.long) for name in ("enet", "espnetv2") for opset in (11, 13)],
    ],
)
def test_the_form_is_exported_without_a_shuffle(name: str, opset: int, tmp_path: Path) -> None:
    found = export(lived_in(load_net(name)), Size(97, 75), tmp_path / "net.onnx", opset)
    assert found.difference < LARGEST
    assert not transposed_maps(found.path)


def test_a_shuffle_that_stands_is_a_transposition_there(tmp_path: Path) -> None:
    network = lived_in(load_net("rdsnet").with_value("enc2.options.groups", 4))
    found = export(network, Size(64, 64), tmp_path / "net.onnx")
    assert "nodes.enc2.0.shuffle" in found.left
    assert len(transposed_maps(found.path)) == 3
