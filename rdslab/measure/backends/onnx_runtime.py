"""ONNX Runtime on a CPU, on CUDA, and with TensorRT behind it."""

from importlib.util import find_spec
from typing import Any

import torch

from rdslab.errors import RunError
from rdslab.measure.agent.clock import timed
from rdslab.measure.agent.enginecache import cache_folder
from rdslab.measure.agent.engines import CPU, CUDA, TENSORRT, onnx_call, onnx_session
from rdslab.measure.backends.onnx_graph import digest_of, folds, graph_of
from rdslab.measure.backends.request import Ready, Request

Providers = list[tuple[str, dict[str, Any]]]
ON_CUDA: Providers = [(CUDA, {"use_tf32": "0"}), (CPU, {})]  # as for torch, fp32 means fp32


def lacks(provider: str) -> str:
    """What is missing for a provider; empty where nothing is."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        return f"needs {' and '.join(missing)}: pip install 'rdslab[deploy]'"
    import onnxruntime

    if provider in onnxruntime.get_available_providers():
        return ""
    return f"needs an ONNX Runtime with {provider}: pip install onnxruntime-gpu in place of onnxruntime"


def plain(request: Request) -> Ready:
    """The network in ONNX Runtime: its CUDA provider where the device is a GPU, else its CPU provider."""
    return _ready(request, [(CPU, {})] if request.device.type == "cpu" else ON_CUDA)


def through_tensorrt(request: Request) -> Ready:
    """The network in ONNX Runtime's TensorRT provider, which keeps its engines in the user's cache folder."""
    half = {"trt_fp16_enable": "1"} if request.precision == "fp16" else {}
    cache = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(cache_folder("onnxruntime"))}
    return _ready(request, [(TENSORRT, {**cache, **half}), *ON_CUDA])


def _ready(request: Request, providers: Providers) -> Ready:
    """The session, run once. A run of ONNX Runtime ends when its device has done it, so any timer is right for it."""
    import onnxruntime

    image = request.image.to(request.dtype)
    content = graph_of(request.network.to(request.dtype), image, request.inside != "network")
    try:
        session = onnx_session(content, request.threads, providers)
        used = session.get_providers()
        if used[0] != providers[0][0]:  # it silently does without a provider that fails
            what = f"ONNX Runtime could not use {providers[0][0]}"
            raise RunError(what, "libraries of CUDA, cuDNN or TensorRT are missing")
        call, answer = onnx_call(session, image.numpy(), used[0] != CPU, request.copies)
        call()
    except RunError:
        raise
    except Exception as error:  # onnxruntime's errors have nothing but Exception in common
        raise RuntimeError(f"ONNX Runtime: {error}") from error
    facts = {"providers": used, "onnxruntime": str(onnxruntime.__version__), "sha256": digest_of(content)}
    notes = (*request.remarks, *folds(request.network))
    return Ready(timed(call, request.timer), torch.from_numpy(answer()), facts, notes)
