"""What runs a network on a board: trtexec, ONNX Runtime or torch; the same runners time on the machine at hand."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from rdslab.errors import RunError, did_you_mean
from rdslab.measure.agent import trtexec
from rdslab.measure.agent.plan import Call, Plan, Runner, WallTimer, timed

ENGINES = ("trtexec", "onnxruntime", "torch")  # the first that a board has is its "auto"
CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
LACKS = {
    "trtexec": "there is no trtexec on PATH or in /usr/src/tensorrt/bin",
    "onnxruntime": "its python3 has no onnxruntime",
    "torch": "its python3 has no torch",
}
PRECISIONS = {
    "trtexec": ("fp32", "fp16", "bf16", "int8"),
    "onnxruntime": ("fp32", "fp16"),
    "torch": ("fp32", "fp16", "bf16"),
}
Opened = Tuple[Runner, Dict[str, Any]]


def lacking() -> Dict[str, str]:
    """Why each engine cannot be used here, empty where it can; a broken trtexec says how. Nothing else is loaded."""
    found = {name: LACKS[name] if find_spec(name) is None else "" for name in ENGINES if name != "trtexec"}
    try:
        found["trtexec"] = "" if trtexec.find() and trtexec.program() else LACKS["trtexec"]
    except RunError as error:
        found["trtexec"] = str(error)
    return found


def choose(wanted: str, lacks: Mapping[str, str], precision: str = "fp32") -> str:
    """The engine to use: the one wanted, or with "auto" the first that nothing lacks and that has the precision.

    Raises RunError where there is none, and says what is lacking.
    """
    if wanted != "auto" and wanted not in ENGINES:
        raise RunError("there is no engine {!r}".format(wanted), did_you_mean(wanted, ENGINES))
    tried = [name for name in ENGINES if wanted in ("auto", name)]
    fitting = [name for name in tried if precision in PRECISIONS[name]]
    if not fitting:
        having = ["{} has {}".format(name, ", ".join(PRECISIONS[name])) for name in tried]
        raise RunError("no engine has the precision {!r}".format(precision), *having)
    found = [name for name in fitting if not lacks[name]]
    if not found:
        what = "there is no engine that can time a net" if wanted == "auto" else "there is no {}".format(wanted)
        raise RunError(what, *(lacks[name] for name in fitting))
    return found[0]


def plan_for(engine: str, plan: Plan) -> Plan:
    """The plan that an engine is timed by: trtexec warms up in each of its processes, for WARM_UP_MS of its own.

    A turn of it is a process, so its turns are few and long.
    """
    turn_s = plan.seconds / plan.blocks
    return plan._replace(warm_up_s=0.0, turn_s=turn_s, sentinel_s=turn_s) if engine == "trtexec" else plan


def open_runner(job_net: Dict[str, Any], job: Dict[str, Any]) -> Opened:
    """A network, ready to run, and what is to be known of it.

    `job_net` has "path", the ONNX or TorchScript file, and where they are wanted "calib", the path of a calibration
    cache for int8, and an "input" of its own. `job` has "engine", "precision", "threads", "inside" and "input"
    [1, 3, h, w]. Of the network it is known at least whether it runs "on_gpu". Raises RunError where it cannot run.
    """
    engine = job["engine"]
    job = dict(job, input=job_net.get("input", job["input"]))
    if engine == "trtexec":
        return _open_trtexec(job_net, job)
    try:
        return _open_onnx(job_net, job) if engine == "onnxruntime" else _open_torch(job_net, job)
    except RunError:
        raise
    except MemoryError:
        raise RunError("there is not enough memory for it", "try a smaller size") from None
    except Exception as error:  # the engines' errors have nothing but Exception in common
        raise cannot_run(engine, error) from error


def cannot_run(engine: str, error: BaseException) -> RunError:
    """The error of an engine in a line of ours."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0][:400] if lines else type(error).__name__
    if isinstance(error, MemoryError) or any("memory" in line.lower() and "alloc" in line.lower() for line in lines):
        return RunError("there is not enough memory for it", "try a smaller size")
    return RunError("{} cannot run it: {}".format(engine, first))


def _open_trtexec(job_net: Dict[str, Any], job: Dict[str, Any]) -> Opened:
    program = trtexec.program()
    given = job_net["path"], job["precision"], job_net.get("calib", "")
    built = trtexec.engine(program, *given)
    runner = trtexec.runner(program, str(built["path"]), job["inside"])
    try:
        runner(1)  # what cannot run fails here, before anything is timed
    except RunError:
        if not built["cached"]:
            raise
        Path(str(built["path"])).unlink()  # what was kept is broken, or is not for this board
        built = trtexec.engine(program, *given)
        runner(1)
    facts: Dict[str, Any] = {
        "trtexec": program.version,
        "on_gpu": True,
        "engine_cached": built["cached"],
        "engine_sha256": built["sha256"],
    }
    return runner, facts


def _open_onnx(job_net: Dict[str, Any], job: Dict[str, Any]) -> Opened:
    import numpy
    import onnxruntime

    session = onnx_session(job_net["path"], job["threads"], precision=job["precision"])
    image = numpy.random.RandomState(0).rand(*job["input"]).astype(numpy.float32)
    used = session.get_providers()
    on_gpu = used[0] != CPU
    call, _ = onnx_call(session, image, on_gpu, copies=job["inside"] == "copies")
    call()  # what cannot run fails here, before anything is timed
    facts = {"onnxruntime": str(onnxruntime.__version__), "providers": list(used), "on_gpu": on_gpu}
    return timed(call, WallTimer()), facts


def onnx_session(file: Any, threads: int, providers: Optional[Sequence[Any]] = None, precision: str = "fp32") -> Any:
    """A session of an ONNX file (its path or content): by default TensorRT, else CUDA, else the CPU.

    Raises RunError for fp16 without TensorRT, the provider that makes it from a file in fp32.
    """
    import onnxruntime

    there = onnxruntime.get_available_providers()
    if providers is None:
        half = {"trt_fp16_enable": True} if precision == "fp16" else {}
        providers = [(name, half if name == TENSORRT else {}) for name in (TENSORRT, CUDA, CPU) if name in there]
        if half and TENSORRT not in there:
            raise RunError("onnxruntime has fp16 with its TensorRT provider only, which is not there")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options, providers=list(providers))
    if precision == "fp16" and session.get_providers()[0] != TENSORRT:
        raise RunError("onnxruntime could not use its TensorRT provider", "libraries of CUDA or TensorRT are missing")
    return session


def onnx_call(session: Any, image: Any, on_gpu: bool, copies: bool = False) -> Tuple[Call, Callable[[], Any]]:
    """A run at an image (a float array), and what gives its last answer as an array.

    Input and output lie where the engine wants them, unless `copies`: then each run copies both ways.
    """
    import onnxruntime

    given, taken = session.get_inputs()[0], session.get_outputs()[0]
    if copies:
        last: List[Any] = []

        def run() -> object:
            last[:] = session.run([taken.name], {given.name: image})
            return last

        return run, lambda: last[0]
    place = "cuda" if on_gpu else "cpu"
    value = onnxruntime.OrtValue.ortvalue_from_numpy(image, place, 0)
    room = onnxruntime.OrtValue.ortvalue_from_shape_and_type(taken.shape, _kind(taken.type), place, 0)
    binding = session.io_binding()
    binding.bind_ortvalue_input(given.name, value)
    binding.bind_ortvalue_output(taken.name, room)
    return lambda: session.run_with_iobinding(binding), room.numpy


def _kind(name: str) -> Any:
    """The type of an array for ONNX Runtime's name of it."""
    import numpy

    kinds = {"tensor(float16)": numpy.float16, "tensor(uint8)": numpy.uint8, "tensor(int64)": numpy.int64}
    return {"tensor(float)": numpy.float32, "tensor(int32)": numpy.int32}.get(name) or kinds[name]


def _open_torch(job_net: Dict[str, Any], job: Dict[str, Any]) -> Opened:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = {"fp32": torch.float32, "fp16": torch.float16, "bf16": getattr(torch, "bfloat16", None)}[job["precision"]]
    torch.set_num_threads(job["threads"])
    torch.backends.cudnn.benchmark = True
    load: Any = torch.jit.load
    module = load(job_net["path"], map_location=device).eval().to(kind)
    image = torch.rand(*job["input"]).to(kind)
    placed = image.to(device)
    if device == "cuda":
        image = image.pin_memory()

    alone = getattr(torch, "inference_mode", torch.no_grad)  # torch before 1.9 has not the quicker one

    def call() -> Any:
        with alone():
            return module(placed)

    def copying() -> Any:
        with alone():
            return module(image.to(device, non_blocking=True)).to("cpu")

    used = copying if job["inside"] == "copies" else call
    used()
    on_gpu = device == "cuda"
    facts = {"torch": str(torch.__version__), "on_gpu": on_gpu}
    if on_gpu:
        facts["cuda"] = str(torch.version.cuda)
    return timed(used, _event_timer(torch) if on_gpu else WallTimer()), facts


def _event_timer(torch: Any) -> Callable[[Call], float]:
    """Time by CUDA events: from when the GPU reaches the call to when it has done it."""

    def timer(call: Call) -> float:
        torch.cuda.synchronize()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end))

    return timer
