"""NVIDIA's `trtexec`, from TensorRT 8.2 (JetPack 4) to 10: engines built from ONNX once, then run and timed.

The options are those of each version's `trtexec --help`; what it prints and exports is written by
samples/common/sampleReporting.cpp of github.com/NVIDIA/TensorRT.
"""

import json
import os
import platform
import re
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence

from rdslab.errors import RunError
from rdslab.measure.agent.enginecache import cached, digest_of
from rdslab.measure.agent.plan import Runner
from rdslab.measure.agent.process import Ended, run
from rdslab.measure.agent.trtexec_output import failure, parse_summary, parse_times

PLACES = ("/usr/src/tensorrt/bin/trtexec", "/usr/local/tensorrt/bin/trtexec", "/opt/tensorrt/bin/trtexec")
PROBE_S, BUILD_S, RUN_S = 60.0, 1800.0, 600.0
WORKSPACE_MB = 1024  # memory for choosing kernels; TensorRT 8.2 by itself takes 16 MB, later ones the whole device
WARM_UP_MS = 200
SPARE = 2  # runs more than are wanted: the last of the warm-up may be counted as one
METRIC = {"network": "GPU Compute Time", "labels": "GPU Compute Time", "copies": "Latency"}
FIELD = {"network": "computeMs", "labels": "computeMs", "copies": "latencyMs"}
FLAGS = {"fp32": ["--noTF32"], "fp16": ["--fp16"], "bf16": ["--bf16"], "int8": ["--int8", "--fp16"]}
AGREE = 0.02  # the share by which the medians of export and summary may differ


class Program(NamedTuple):
    """A `trtexec`: its path, the version of its TensorRT as "8.2.1", and its options as its help names them."""

    path: str
    version: str
    options: str


def find() -> str:
    """The path of `trtexec`: on PATH, or where JetPack puts it; empty where there is none."""
    on_path = shutil.which("trtexec")
    return on_path or next((place for place in PLACES if os.access(place, os.X_OK)), "")


def program(path: str = "") -> Program:
    """Look at a `trtexec`. Raises RunError where there is none, or its version cannot be told."""
    path = path or find()
    if not path:
        raise RunError("there is no trtexec", "it comes with TensorRT, in /usr/src/tensorrt/bin")
    ended = run([path, "--help"], PROBE_S)
    found = re.search(r"TensorRT\.trtexec \[TensorRT v(\d+)\]", ended.output)
    if found is None:
        first = ended.output.strip().partition("\n")[0]
        raise RunError("trtexec does not tell its version, it says {!r}".format(first[:200]), where=path)
    return Program(path, _version(int(found.group(1))), ended.output)


def _version(number: int) -> str:
    """8201 is 8.2.1, 100300 is 10.3.0."""
    base = 10000 if number >= 100000 else 1000
    return "{}.{}.{}".format(number // base, number % base // 100, number % 100)


def build_arguments(trtexec: Program, onnx: str, engine: str, precision: str, calib: str = "") -> List[str]:
    """The command line that builds an engine and times nothing. Raises RunError for a precision it has not."""
    flags = FLAGS[precision]
    for flag in flags:
        if not _has(trtexec, flag):
            raise RunError("trtexec of TensorRT {} has no {}".format(trtexec.version, flag), "choose another precision")
    only_build = "--skipInference" if _has(trtexec, "--skipInference") else "--buildOnly"
    workspace = "--memPoolSize=workspace:{}" if _has(trtexec, "--memPoolSize") else "--workspace={}"
    return [
        trtexec.path,
        "--onnx=" + onnx,
        "--saveEngine=" + engine,
        only_build,
        workspace.format(WORKSPACE_MB),
        *flags,
        *(["--calib=" + calib] if calib else []),
    ]


def run_arguments(trtexec: Program, engine: str, runs: int, inside: str, times: str) -> List[str]:
    """The command line that runs an engine. With copies, one inference ends before the next begins to copy."""
    return [
        trtexec.path,
        "--loadEngine=" + engine,
        "--iterations={}".format(runs + SPARE),
        "--duration=0",
        "--warmUp={}".format(WARM_UP_MS),
        "--avgRuns={}".format(runs),
        "--useSpinWait",
        "--exposeDMA" if inside == "copies" else "--noDataTransfers",
        "--exportTimes=" + times,
    ]


def engine(trtexec: Program, onnx: str, precision: str, calib: str = "", limit_s: float = BUILD_S) -> Dict[str, object]:
    """The engine of an ONNX file: {"path", "cached", "sha256"}. Built once, then found by what it was built from.

    Raises RunError where TensorRT cannot build it, with its own words, or takes longer than `limit_s`.
    """
    made_from = [digest_of(onnx), digest_of(calib) if calib else "", precision, trtexec.version, _board(), WORKSPACE_MB]

    def build(path: str) -> None:
        ended = run(build_arguments(trtexec, onnx, path, precision, calib), limit_s)
        if ended.status != 0 or not Path(path).is_file():
            raise failure(trtexec.version, "build an engine", ended)

    path, known = cached(made_from, build)
    return {"path": path, "cached": known, "sha256": digest_of(path)}


def runner(trtexec: Program, engine_path: str, inside: str, limit_s: float = RUN_S) -> Runner:
    """Runs of an engine, warmed up in each process anew; `inside` is network, labels or copies."""

    def runs(count: int) -> Sequence[float]:
        with tempfile.TemporaryDirectory(prefix="rdslab-") as folder:
            times = Path(folder) / "times.json"
            ended = run(run_arguments(trtexec, engine_path, count, inside, str(times)), limit_s)
            return _runs(trtexec.version, ended, times, count, inside)

    return runs


def answer(trtexec: Program, engine_path: str, image: str, limit_s: float = RUN_S) -> List[float]:
    """What an engine gives for an image, a file of raw float32: the numbers of its output `scores` or `labels`."""
    with tempfile.TemporaryDirectory(prefix="rdslab-") as folder:
        output = Path(folder) / "output.json"
        once = ["--iterations=1", "--warmUp=0", "--duration=0"]
        given = ["--loadInputs=image:" + image, "--exportOutput={}".format(output)]
        ended = run([trtexec.path, "--loadEngine=" + engine_path, *once, *given], limit_s)
        if ended.status != 0 or not output.is_file():
            raise failure(trtexec.version, "run the engine", ended)
        text = output.read_text(encoding="utf-8", errors="replace")
    try:
        tensors = {tensor["name"]: tensor["values"] for tensor in json.loads(text)}
        return [float(value) for value in tensors["scores" if "scores" in tensors else "labels"]]
    except (ValueError, TypeError, KeyError) as error:
        raise RunError("trtexec of TensorRT {} exported no output".format(trtexec.version)) from error


def _runs(version: str, ended: Ended, times: Path, count: int, inside: str) -> Sequence[float]:
    """The exported runs, held against the median that was printed."""
    if ended.status != 0 or not times.is_file():
        raise failure(version, "run the engine", ended)
    found = parse_times(times.read_text(encoding="utf-8", errors="replace"), FIELD[inside], WARM_UP_MS, version)
    said = parse_summary(ended.output, METRIC[inside], version)["median"]
    median = statistics.median(found)
    if abs(median - said) > AGREE * said + 1e-3:
        what = "trtexec of TensorRT {} exports runs of {:.4g} ms at the median and says {:.4g} ms".format(
            version, median, said
        )
        raise RunError(what, "one of the two cannot be read as it is meant")
    return found[-count:]


def _has(trtexec: Program, option: str) -> bool:
    return re.search(r"(?<![\w-]){}(?![\w-])".format(re.escape(option)), trtexec.options) is not None


def _board() -> List[str]:
    """What an engine holds on beside TensorRT's version: the board, or the graphics cards."""
    found = [platform.machine()]
    cards = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    for path in [Path("/proc/device-tree/model"), *cards]:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        model = re.search(r"^Model:\s*(.+)$", text, re.MULTILINE)
        found.append((model.group(1) if model else text).strip("\0 \n"))
    return found
