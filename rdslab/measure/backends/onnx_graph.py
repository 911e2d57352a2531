"""ONNX files as the engines get them: a network as it stands, with its labels where they are asked for."""

import hashlib

import torch
from torch import Tensor, nn

from rdslab.measure.export import IMAGE, SCORES, USUAL_OPSET, onnx_of
from rdslab.measure.onnxfile import OnnxNetwork

LABELS = "labels"
FOLDS = "the engine folds batch norms into convolutions by itself, in the eager form too"


def graph_of(network: nn.Module, image: Tensor, labels: bool, kind: torch.dtype = torch.uint8) -> bytes:
    """The network as ONNX, in its own precision: `image` 1 3 h w in; `scores` 1 k h w, or `labels` 1 h w, out.

    That of an ONNX file is the file itself, byte by byte, but for the labels. `kind` is the type of the labels:
    TensorRT gives no bytes before 8.6. Raises RunError where the network cannot be exported.
    """
    content = network.content() if isinstance(network, OnnxNetwork) else onnx_of(network, image, USUAL_OPSET)
    return _with_labels(content, kind) if labels else content


def shape_of(content: bytes) -> tuple[int, ...]:
    """The shape of a graph's output."""
    import onnx

    (output,) = onnx.load_from_string(content).graph.output
    return tuple(dim.dim_value for dim in output.type.tensor_type.shape.dim)


def folds(network: nn.Module) -> tuple[str, ...]:
    """What to say of a network with batch norms, since no engine leaves them as they are."""
    return (FOLDS,) if any(isinstance(module, nn.BatchNorm2d) for module in network.modules()) else ()


def digest_of(content: bytes) -> str:
    """The SHA-256 of a file's content, in hex."""
    return hashlib.sha256(content).hexdigest()


def _with_labels(content: bytes, kind: torch.dtype) -> bytes:
    """The same graph with an argmax over the classes behind its scores."""
    import onnx

    model = onnx.load_from_string(content)
    graph = model.graph
    n, classes, h, w = shape_of(content)
    to = onnx.TensorProto.UINT8 if kind == torch.uint8 and classes <= 256 else onnx.TensorProto.INT32
    graph.node.append(onnx.helper.make_node("ArgMax", [graph.output[0].name], ["best"], axis=1, keepdims=0))
    graph.node.append(onnx.helper.make_node("Cast", ["best"], [LABELS], to=to))
    del graph.output[:]
    graph.output.append(onnx.helper.make_tensor_value_info(LABELS, to, [n, h, w]))
    whole: bytes = model.SerializeToString()
    return whole


__all__ = ["FOLDS", "IMAGE", "LABELS", "SCORES", "digest_of", "folds", "graph_of", "shape_of"]
