"""A program in trtexec's place, that prints and exports what TensorRT 8.2, 8.6 and 10 do.

Sources. Options: `trtexec --help` of each version (samples/common/sampleOptions.cpp of github.com/NVIDIA/TensorRT).
Summary and exported times: samples/common/sampleReporting.cpp there; 8.2 exports the warm-up's runs too and has an
end-to-end latency, 8.6 and 10 do not, and give three percentiles. The log of 8.2.1 is in form that of a Jetson Nano
in culane_18's conversion notes, "ONNX to Engine"; 8.6.1 and 10.3.0 those of issues 3321 and 4494 of NVIDIA/TensorRT.
Failures: issues 2756 and 2924 there (an operator that is not known), and 366 of DeepStream-Yolo (memory).
"""

import sys
from pathlib import Path

VERSIONS = {"8.2.1": "8201", "8.6.1": "8601", "10.3.0": "100300"}
OLD_HELP = """\
=== Build Options ===
  --workspace=N               Set workspace size in MiB.
  --noTF32                    Disable tf32 precision (default is to enable tf32, in addition to fp32)
  --fp16                      Enable fp16 precision, in addition to fp32 (default = disabled)
  --int8                      Enable int8 precision, in addition to fp32 (default = disabled)
  --calib=<file>              Read INT8 calibration cache file
  --buildOnly                 Exit after the engine has been built and skip inference perf measurement
"""
NEW_HELP = """\
=== Build Options ===
  --memPoolSize=poolspec      Specify the size constraints of the designated memory pool(s)
  --noTF32                    Disable tf32 precision (default is to enable tf32, in addition to fp32)
  --fp16                      Enable fp16 precision, in addition to fp32 (default = disabled)
  --int8                      Enable int8 precision, in addition to fp32 (default = disabled)
  --calib=<file>              Read INT8 calibration cache file
  --skipInference             Exit after the engine has been built and skip inference perf measurement
"""
BF16 = "  --bf16                      Enable bf16 precision, in addition to fp32 (default = disabled)\n"
HELP = {"8.2.1": OLD_HELP, "8.6.1": NEW_HELP, "10.3.0": NEW_HELP + BF16}
PROGRAM = r"""#!{python}
import json, os, pathlib, statistics, sys, time
HELP, NUMBER, BEHAVIOUR, MS = {help!r}, {number!r}, {behaviour!r}, {ms!r}
HERE = pathlib.Path(__file__).parent
DATE = "[07/14/2023-11:55:18]"
OLD = NUMBER == "8201"
words = sys.argv[1:]

def say(text, level="I"):
    print("{{}} [{{}}] {{}}".format(DATE, level, text), flush=True)

def fail(*errors):
    for error in errors:
        say(error, "E")
    print("&&&& FAILED TensorRT.trtexec [TensorRT v{{}}] # trtexec {{}}".format(NUMBER, " ".join(words)))
    sys.exit(1)

def build(given):
    if BEHAVIOUR == "unsupported":
        say("[TRT] No importer registered for op: GridSample. Attempting to import as plugin.")
        fail('[TRT] ModelImporter.cpp:773: While parsing node number 31 [GridSample -> "205"]:',
             "[TRT] ModelImporter.cpp:774: --- Begin node ---",
             '[TRT] ModelImporter.cpp:775: input: "203"\ninput: "204"\noutput: "205"\nop_type: "GridSample"',
             "[TRT] ModelImporter.cpp:776: --- End node ---",
             "[TRT] ModelImporter.cpp:779: ERROR: builtin_op_importers.cpp:4870 In function importFallbackPlugin:"
             "\n[8] Assertion failed: creator && \"Plugin not found\"",
             "Failed to parse onnx file", "Parsing model failed", "Failed to create engine from model.",
             "Engine set up failed")
    if BEHAVIOUR == "assertion":
        fail("[TRT] ModelImporter.cpp:779: ERROR: onnx2trt_utils.cpp:1456 In function elementwiseHelper:"
             "\n[8] Assertion failed: tensor_ptr->getDimensions().nbDims == maxNbDims",
             "Failed to parse onnx file", "Engine set up failed")
    if BEHAVIOUR == "memory":
        say("[TRT] Requested amount of GPU memory (4294967296 bytes) could not be allocated.", "W")
        fail("[TRT] 2: [virtualMemory.cpp::resizePhysical::145] Error Code 2: OutOfMemory (no further information)",
             "Engine could not be created from network", "Building engine failed", "Engine set up failed")
    if BEHAVIOUR == "no file":
        return
    pathlib.Path(given["--saveEngine"]).write_bytes(b"engine of " + pathlib.Path(given["--onnx"]).read_bytes())

def trace(given):
    warm_up, runs, now = float(given["--warmUp"]), int(given["--iterations"]), 0.0
    while runs > 0:
        warm = now >= warm_up
        compute = MS * (1 + 0.001 * (runs % 7)) if warm else 25 * MS
        h2d, d2h = (0.0, 0.0) if "--noDataTransfers" in words else (0.25, 0.125)
        times = {{"startEnqMs": now, "endEnqMs": now + 0.1, "startH2dMs": now, "endH2dMs": now + h2d,
                 "startComputeMs": now + h2d, "endComputeMs": now + h2d + compute,
                 "startD2hMs": now + h2d + compute, "endD2hMs": now + h2d + compute + d2h, "h2dMs": h2d,
                 "computeMs": compute, "d2hMs": d2h, "latencyMs": h2d + compute + d2h}}
        if OLD:
            times["endToEndMs"] = h2d + compute + d2h + 0.0125
        runs -= warm
        now += h2d + compute + d2h
        yield warm, times

def line(name, values):
    values = sorted(values)
    text = "{{}}: min = {{:g}} ms, max = {{:g}} ms, mean = {{:g}} ms, median = {{:g}} ms".format(
        name, values[0], values[-1], statistics.mean(values), statistics.median(values))
    percentiles = (99,) if OLD else (90, 95, 99)
    say(text + "".join(", percentile({{}}%) = {{:g}} ms".format(p, values[-1]) for p in percentiles))

def infer(given):
    if not pathlib.Path(given["--loadEngine"]).read_bytes().startswith(b"engine of "):
        fail("Error[1]: Unexpected exception", "Engine set up failed")
    whole = list(trace(given))
    kept = [times for warm, times in whole if warm]
    say("Warmup completed {{}} queries over 200 ms".format(len(whole) - len(kept)))
    say("Timing trace has {{}} queries over 3.16419 s".format(len(kept)))
    say("")
    say("=== Performance summary ===")
    say("Throughput: {{:g}} qps".format(1e3 / MS))
    line("Latency", [times["latencyMs"] for times in kept])
    if OLD:
        line("End-to-End Host Latency", [times["endToEndMs"] for times in kept])
    line("Enqueue Time", [0.1 for times in kept])
    line("H2D Latency", [times["h2dMs"] for times in kept])
    line("GPU Compute Time", [times["computeMs"] * (2 if BEHAVIOUR == "lie" else 1) for times in kept])
    line("D2H Latency", [times["d2hMs"] for times in kept])
    say("Total Host Walltime: 3.16419 s")
    shown = [times for warm, times in whole if warm or OLD]
    pairs = [", ".join('"{{}}" : {{:g}}'.format(*item) for item in times.items()) for times in shown]
    entries = ["{{ " + pair + " }}\n" for pair in pairs]
    text = "[\n  " + ", ".join(entries) + "]\n"
    pathlib.Path(given["--exportTimes"]).write_text(text[: len(text) // 2] if BEHAVIOUR == "half times" else text)

if BEHAVIOUR == "garbage":
    print("Segmentation fault is my middle name")
    sys.exit(0)
if BEHAVIOUR == "no loader":
    print("trtexec: error while loading shared libraries: libnvinfer.so.8: cannot open", file=sys.stderr)
    sys.exit(127)
print("&&&& RUNNING TensorRT.trtexec [TensorRT v{{}}] # trtexec {{}}".format(NUMBER, " ".join(words)), flush=True)
if "--help" in words:
    print(HELP)
    sys.exit(0)
with open(str(HERE / "log"), "a") as log:
    log.write(json.dumps(words) + "\n")
given = dict(word.partition("=")[::2] for word in words)
known = [line.split()[0].split("=")[0] for line in HELP.splitlines() if line.startswith("  --")]
known += ["--onnx", "--saveEngine", "--loadEngine", "--iterations", "--duration", "--warmUp", "--avgRuns"]
known += ["--useSpinWait", "--exposeDMA", "--noDataTransfers", "--exportTimes"]
for word in given:
    if word not in known:
        fail("Unknown option: " + word)
if BEHAVIOUR == "hang":
    time.sleep(600)
if BEHAVIOUR == "killed":
    os.kill(os.getpid(), 9)
build(given) if "--onnx" in given else infer(given)
print("&&&& PASSED TensorRT.trtexec [TensorRT v{{}}] # trtexec {{}}".format(NUMBER, " ".join(words)))
"""


def put_trtexec(folder: Path, version: str = "8.6.1", behaviour: str = "", ms: float = 2.0) -> Path:
    """Write the program into `folder`; each start but for help adds its arguments to `log` there, a JSON a line."""
    program = folder / "trtexec"
    program.write_text(
        PROGRAM.format(python=sys.executable, help=HELP[version], number=VERSIONS[version], behaviour=behaviour, ms=ms)
    )
    program.chmod(0o755)
    return program
