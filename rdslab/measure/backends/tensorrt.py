"""TensorRT on this machine's GPU, built and timed by `trtexec`. Shapes: k classes, h w rows and columns."""

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rdslab.errors import RunError
from rdslab.measure.agent import trtexec
from rdslab.measure.backends.onnx_graph import digest_of, folds, graph_of, shape_of
from rdslab.measure.backends.request import Ready, Request
from rdslab.measure.calibration import Calibration, cache_of, ranges_of
from rdslab.records import Size


def lacks() -> str:
    """What is missing; empty where nothing is. Whether there is a GPU is for trtexec to say: torch need not see it."""
    return "" if trtexec.find() else "needs trtexec, which comes with TensorRT, on the PATH or in /usr/src/tensorrt/bin"


def engine(request: Request) -> Ready:
    """The network as a TensorRT engine, built once and found again by the hash of what it was built from.

    trtexec times by events of its own: with `network` and `labels` a run is its GPU compute time, with `copies` its
    latency, which adds the copies of the image (float32 in every precision) and of the labels (32 bits a pixel).
    """
    program = trtexec.program()
    content = graph_of(request.network, request.image, request.inside != "network", torch.int32)
    facts: dict[str, Any] = {"tensorrt": program.version, "sha256": digest_of(content)}
    with tempfile.TemporaryDirectory(prefix="rdslab-") as folder:
        onnx, image, cache = (Path(folder) / name for name in ("net.onnx", "image.bin", "calibration.cache"))
        onnx.write_bytes(content)
        image.write_bytes(request.image.contiguous().numpy().tobytes())
        calibrated = ""
        if request.calibration is not None:
            cache.write_text(_calibrated(content, request.calibration, request, program.version))
            facts["calibration"], calibrated = request.calibration.document(), str(cache)
        built = trtexec.engine(program, str(onnx), request.precision, calibrated)
        path = str(built["path"])
        answer = _answer(trtexec.answer(program, path, str(image)), shape_of(content))
    facts |= {"engine_sha256": built["sha256"], "engine_cached": built["cached"]}
    return Ready(trtexec.runner(program, path, request.inside), answer, facts, folds(request.network))


def _calibrated(content: bytes, calibration: Calibration, request: Request, version: str) -> str:
    height, width = request.image.shape[2:]
    images = calibration.images(Size(width, height))
    return cache_of(ranges_of(content, images, request.threads), version)


def _answer(values: list[float], shape: tuple[int, ...]) -> Tensor:
    found = torch.tensor(values)
    if found.numel() != torch.Size(shape).numel():
        raise RunError(
            f"its engine gives {found.numel()} numbers where {'x'.join(map(str, shape))} were to be expected"
        )
    return found.view(shape)
