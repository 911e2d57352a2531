"""What `trtexec` prints and exports, read; and its failures in a line."""

import json
import re
from typing import Dict, List

from rdslab.errors import RunError
from rdslab.measure.agent.process import Ended

# What it says after the line that tells why.
GENERAL = (
    "failed to parse onnx file",
    "parsing model failed",
    "failed to create engine from model",
    "engine set up failed",
    "engine could not be created from network",
    "building engine failed",
    "building serialized network failed",
    "engine creation failed",
    "inference set up failed",
    "error occurred during inference",
    "--- begin node ---",
    "--- end node ---",
    "while parsing node",
)
MOST = 400  # characters of an error that are shown
NO_MEMORY = re.compile(r"out of memory|outofmemory|insufficient memory|could not be allocated", re.IGNORECASE)


def parse_times(text: str, field: str, warm_up_ms: float, version: str) -> List[float]:
    """Milliseconds of every run after the warm-up, from the file that --exportTimes wrote.

    TensorRT 8.2 exports the runs of the warm-up too, later ones do not; all count time from the same moment, and call
    a run warm that began to compute after the warm-up's time. Raises RunError for what is no such file.
    """
    try:
        runs = [float(run[field]) for run in json.loads(text) if float(run["startComputeMs"]) >= warm_up_ms]
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(
            "trtexec of TensorRT {} exported times that cannot be read: {!r}".format(version, text[:80])
        ) from error
    if not runs or not all(0 < run < float("inf") for run in runs):
        raise RunError("trtexec of TensorRT {} exported no times".format(version))
    return runs


def parse_summary(output: str, metric: str, version: str) -> Dict[str, float]:
    """min, max, mean and median of a metric in the performance summary, milliseconds.

    8.2 gives one percentile after them, 8.6 and 10 three. Raises RunError where there is no such line.
    """
    number = r"([\d.e+-]+) ms"
    pattern = r"\] {}: min = {n}, max = {n}, mean = {n}, median = {n}".format(re.escape(metric), n=number)
    found = re.search(pattern, output)
    try:
        if found is not None:
            return dict(zip(("min", "max", "mean", "median"), map(float, found.groups())))
    except ValueError:
        pass
    raise RunError("trtexec of TensorRT {} gave no summary with a {!r}".format(version, metric), _last_line(output))


def failure(version: str, what: str, ended: Ended) -> RunError:
    """The error of a `trtexec` that did not do what it should: its own words, as far as they tell anything."""
    who = "trtexec of TensorRT {}".format(version)
    errors = _errors(ended.output)
    if NO_MEMORY.search("\n".join(errors)) or ended.status == -9:
        return RunError("{} could not {}: there is not enough memory".format(who, what), "try a smaller size")
    missing = re.findall(r"No importer registered for op: (\w+)", ended.output)
    if missing:
        return RunError("{} could not {}: it has no operator {!r}".format(who, what, missing[-1]))
    how = "ended with status {}".format(ended.status) if ended.status else "said that all was well, but left no file"
    return RunError("{} could not {}: {}".format(who, what, errors[-1] if errors else how))


def _errors(output: str) -> List[str]:
    """The lines that are marked as errors, without those that only repeat that something failed."""
    # An error may go on in lines without a date.
    found = re.findall(r"^\[\d[^\]]*\] \[E\] (?:\[TRT\] )?(.+(?:\n(?!\[\d\d/|&&&&).+)*)", output, re.MULTILINE)
    plain = [" ".join(text.split())[:MOST] for text in found]
    telling = [line for line in plain if not any(words in line.lower() for words in GENERAL)]
    return telling or plain[-1:]


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return "its last line: {!r}".format(lines[-1][:200]) if lines else "it printed nothing"
