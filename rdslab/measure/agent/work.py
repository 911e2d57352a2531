"""A job worked off: files checked, networks opened, timed in turn with the sentinel, under the monitor's eyes."""

import contextlib
import fcntl
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional

from rdslab.errors import RdslabError, RunError
from rdslab.measure.agent.clock import interleave
from rdslab.measure.agent.enginecache import OURS, cache_folder, digest_of
from rdslab.measure.agent.engines import Opened, choose, lacking, open_runner, plan_for
from rdslab.measure.agent.monitor import Monitor
from rdslab.measure.agent.others import OtherProcesses
from rdslab.measure.agent.plan import Plan, Runner, Runs, quartiles
from rdslab.measure.agent.supervise import OPENING, RESULT, Result, as_document

VERSION = 1
WAIT_S = 600.0  # for another measurement on the same board
POLL_S = 0.5
Say = Callable[[str], object]


def work(job_path: Path, folder: Path) -> int:
    """Work off a job and write `result.json` into `folder`, errors too. Lines of progress go to standard output."""
    own = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what engines print is no progress
    threading.Thread(target=_end_with_the_supervisor, daemon=True).start()
    # ONNX Runtime, CUDA and others keep files in the user's home: here they go with the work.
    os.environ.update({OURS: str(cache_folder()), "HOME": str(folder), "XDG_CACHE_HOME": str(folder)})

    def say(line: str) -> None:
        print(line, file=own, flush=True)

    try:
        result = run_job(read_job(job_path), job_path.parent, say)
    except RdslabError as error:
        result = {"version": VERSION, "error": as_document(error)}
    part = folder / (RESULT + ".part")
    part.write_text(json.dumps(result))
    part.replace(folder / RESULT)
    return 0


def _end_with_the_supervisor() -> None:
    """Our input ends with the process that watches us, however it ended: then so do we, and all that we started."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def read_job(path: Path) -> Dict[str, Any]:
    """The job. Raises RunError for a file that is none, or that another version of rdslab wrote."""
    try:
        with path.open(encoding="utf-8") as file:
            job = json.load(file)
    except (OSError, ValueError):
        job = None
    if not isinstance(job, dict):
        raise RunError("the job cannot be read", where=path.name)
    if job.get("version") != VERSION:
        raise RunError(
            "the job is of version {!r}, this reads version {}".format(job.get("version"), VERSION),
            "both ends need the same rdslab",
        )
    return job


def run_job(job: Dict[str, Any], folder: Path, say: Say) -> Result:
    """The result of a job whose files lie in `folder`. Raises RunError where no time can be taken at all."""
    if job["precision"] == "fp32":
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # CUDA's libraries: fp32 means fp32
    entries = job["nets"] + ([job["sentinel"]] if job.get("sentinel") else [])
    for entry in entries:
        _check(entry, folder)
        if entry.get("calib"):
            _check(entry["calib"], folder)
            entry["calib"] = entry["calib"]["path"]
    job = dict(job, engine=choose(job["engine"], lacking(), job["precision"]))
    with alone(float(job.get("wait_s", WAIT_S)), say):
        return _timed(job, say)


def _check(entry: Dict[str, Any], folder: Path) -> None:
    """Give the entry the path of its file, if that is whole."""
    path = str(folder / Path(entry["file"]).name)
    try:
        found = digest_of(path)
    except OSError as error:
        raise RunError("cannot be read: {}".format(error.strerror), where=entry["file"]) from None
    if found != entry["sha256"]:
        raise RunError("is not what was sent: it was copied by halves", "try again", where=entry["file"])
    entry["path"] = path


@contextlib.contextmanager
def alone(wait_s: float, say: Say) -> Iterator[None]:
    """Be the only one of this user that measures on the board. Raises RunError where another does for too long."""
    path = cache_folder() / "board.lock"
    end = time.monotonic() + wait_s
    with path.open("a") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    raise RunError("another process measures on this board", "try again when it has ended") from None
            if not told:
                say("waiting for another process that measures there")
                told = True
            time.sleep(POLL_S)
        yield


def _timed(job: Dict[str, Any], say: Say) -> Result:
    """Open the networks, time those that open, and take the energy of each."""
    opened: Dict[str, Opened] = {}
    nets: Dict[str, Any] = {}
    for entry in job["nets"]:
        say(OPENING + json.dumps(entry["name"]))
        try:
            runner, known = open_runner(entry, job)
            opened[entry["name"]] = runner, dict(known, sha256=entry["sha256"])
        except RdslabError as error:
            nets[entry["name"]] = {"error": as_document(error)}
    result: Result = {"version": VERSION, "engine": job["engine"], "nets": nets}
    if not opened:
        return result
    watcher = _sentinel(job, say)
    runners = {name: runner for name, (runner, _) in opened.items()}
    on_gpu = any(known["on_gpu"] for _, known in opened.values())
    plan = plan_for(job["engine"], Plan(**job.get("plan", {})))
    with Monitor(gpu="0" if on_gpu else "") as monitor:
        monitor.phase("during")
        told = "{} {}".format
        outcome = interleave(runners, plan, lambda *done: say(told(*done)), watcher, OtherProcesses())
        for name, runs in outcome.runs.items():
            say("takes the energy of " + json.dumps(name))
            energy_mj, why_not = monitor.energy(runners[name], quartiles(runs.runs_ms)[1])
            nets[name] = dict(_net(runs), energy_mj=energy_mj, no_energy=why_not, facts=opened[name][1])
        monitor.phase("after")
    certificate = monitor.certificate(outcome)
    return dict(result, certificate=certificate, outcome=certificate["outcome"], host=_host(monitor.facts, on_gpu))


def _sentinel(job: Dict[str, Any], say: Say) -> Optional[Runner]:
    """The sentinel's runner. It is the same in all measurements: fp32, the network alone."""
    entry = job.get("sentinel")
    if not entry:
        return None
    say(OPENING + json.dumps(entry["name"]))
    runner, _ = open_runner(entry, dict(job, precision="fp32", inside="network"))
    return runner


def _net(runs: Runs) -> Dict[str, Any]:
    blocks = [list(block) for block in runs.blocks]
    return {"warm_up_ms": list(runs.warm_up_ms), "flat": runs.flat, "blocks": blocks}


def _host(found: Dict[str, Any], on_gpu: bool) -> Dict[str, Any]:
    """What of the machine decides a time; a graphics card that took no part is not said."""
    names = ("cpu", "cores", "memory_gb", "gpu", "system", "versions")
    return dict({name: found[name] for name in names}, **({} if on_gpu else {"gpu": ""}))
