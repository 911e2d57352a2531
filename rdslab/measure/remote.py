"""Latency measured on a board that is reached over SSH."""

import itertools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rdslab import __version__
from rdslab.errors import RunError, SpecError, UnstableTime, did_you_mean
from rdslab.measure.agent.engines import ENGINES, PRECISIONS, choose, plan_for
from rdslab.measure.agent.plan import PLAN, Plan, steady
from rdslab.measure.agent.trtexec import WARM_UP_MS
from rdslab.measure.calibration import Calibration
from rdslab.measure.given import Given, check_given, with_file
from rdslab.measure.session import Limits, Session
from rdslab.measure.shipping import Form, pack
from rdslab.measure.ssh import Board
from rdslab.records import Size
from rdslab.times import Host, Protocol, Times

INSIDE = ("network", "labels", "copies")
BACKENDS = {"trtexec": "tensorrt", "onnxruntime": "onnxruntime", "torch": "torch"}
VERSION = 1
LIMITS = Limits()
Progress = Callable[[int, int], object]
Measured = dict[str, Times | RunError]


def measure_remote(
    nets: Mapping[str, Given],
    size: Size,
    classes: int,
    *,
    device: str,
    precision: str = "fp32",
    engine: str = "auto",
    threads: int = 1,
    inside: str = "network",
    plan: Plan = PLAN,
    progress: Progress | None = None,
    notice: Callable[[str], object] = len,
    calibration: Calibration | None = None,
    limits: Limits = LIMITS,
    ssh_config: Path | None = None,
) -> Measured:
    """The latency of the nets' deployment form on the board `ssh://[USER@]HOST[:PORT]`, interleaved, by their names.

    An ONNX file among them goes as it is. `engine` runs them: trtexec, onnxruntime, torch, or "auto", the first that
    the board has. Files are copied and timed over one connection, and go with it; engines that trtexec built stay in
    its `~/.cache/rdslab/engines`. `notice` is told what takes long; `ssh_config` stands in for `~/.ssh/config`.

    In place of a time stands UnstableTime where the runs do not agree, RunError where a net cannot run there. Raises
    SpecError for a wrong request, ConnectionLost where the board cannot be reached or no longer (the same call may
    succeed later), RunError where it cannot measure at all.
    """
    board, request = Board.parse(device), _Request(size, classes, precision, engine, threads, inside, plan, calibration)
    request.check(nets)
    with Session(board, limits, ssh_config) as session:
        form = request.form(_document(session.hello(), board), board)
        parcel, packed, refused = pack(nets, size, classes, form)
        if not packed["nets"]:
            return dict(refused)
        job = {**packed, **request.settings(form), "limit_s": limits.job_s, "wait_s": limits.wait_s}
        for name, content in {**parcel.files, "job.json": json.dumps(job).encode()}.items():
            session.send(name, content)
        result = _document(session.result(_listener(progress, notice)), board)
    found = {name: _times(name, result, request.protocol(form), board, plan) for name in nets if name not in refused}
    return {name: refused.get(name) or with_file(found[name], given) for name, given in nets.items()}


@dataclass(frozen=True)
class _Request:
    """How nets are to be timed on a board."""

    size: Size
    classes: int
    precision: str
    engine: str
    threads: int
    inside: str
    plan: Plan
    calibration: Calibration | None

    def check(self, nets: Mapping[str, Given]) -> None:
        """Raises SpecError for what cannot be on any board."""
        every = tuple(dict.fromkeys(itertools.chain(*PRECISIONS.values())))
        for what, word, words in (
            ("an engine of", self.engine, ("auto", *ENGINES)),
            ("a precision of", self.precision, PRECISIONS.get(self.engine, every)),
            ("inside to be one of", self.inside, INSIDE),
        ):
            if word not in words:
                raise SpecError(f"expected {what} {', '.join(words)}, got {word!r}", did_you_mean(word, words))
        if self.threads < 1:
            raise SpecError(f"threads must be >= 1, got {self.threads}")
        if (self.precision == "int8") != (self.calibration is not None):
            raise SpecError(
                f"int8 needs a calibration set of real images, and only int8 does; the precision is {self.precision}",
                "name a folder of images the nets were made for" if self.calibration is None else "",
            )
        for given in nets.values():
            check_given(given, self.size, self.classes)

    def form(self, hello: Mapping[str, Any], board: Board) -> Form:
        """What this board wants to be sent. Raises RunError where it lacks what can run it."""
        lacks = {name: str(hello.get("lacks", {}).get(name, "unknown")) for name in ENGINES}
        try:
            chosen = choose(self.engine, lacks, self.precision)
        except RunError as error:
            raise RunError(error.what, *error.hints, where=board.host) from None
        labels = self.inside != "network"
        return Form(chosen, self.precision, labels, str(hello.get("trtexec", "")), self.calibration)

    def settings(self, form: Form) -> dict[str, Any]:
        """What a job says beside its nets."""
        return {
            "version": VERSION,
            "engine": form.engine,
            "precision": form.precision,
            "size": str(self.size),
            "input": [1, 3, self.size.height, self.size.width],
            "threads": self.threads,
            "inside": self.inside,
            "plan": self.plan._asdict(),
        }

    def protocol(self, form: Form) -> Protocol:
        """How it was timed. trtexec is a process for each block, with a warm-up of its own."""
        plan = plan_for(form.engine, self.plan)
        own = f", and {WARM_UP_MS} ms before each block" if form.engine == "trtexec" else ""
        return Protocol(
            size=str(self.size),
            classes=self.classes,
            batch=1,
            precision=form.precision,
            backend=BACKENDS[form.engine],
            threads=self.threads,
            layout="channels_first",
            inside=self.inside,
            form="deployed",
            allocator="default",
            warm_up=plan.warm_up_words + own,
            runs=plan.runs_words,
        )


def _listener(progress: Progress | None, notice: Callable[[str], object]) -> Callable[[str], object]:
    """What is done with the agent's lines: `3 24` is progress, others are for people."""

    def told(line: str) -> None:
        words = line.split()
        if len(words) == 2 and all(word.isdecimal() for word in words):
            if progress is not None:
                progress(int(words[0]), int(words[1]))
        else:
            notice(line)

    return told


def _document(text: str, board: Board) -> dict[str, Any]:
    """What the agent says in JSON, which is believed in nothing. Raises the error that it tells of."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise RunError("what it answers cannot be read", "both ends need the same rdslab", where=board.host)
    if "error" in document:
        raise _error(document["error"], board)
    return document


def _error(found: object, board: Board) -> RunError:
    """An error of the agent's, of its own kind."""
    about = found if isinstance(found, dict) else {}
    hints = [str(hint) for hint in about.get("hints", ()) if hint]
    kind = UnstableTime if about.get("kind") == UnstableTime.__name__ else RunError
    return kind(str(about.get("what", "it failed and does not say why")), *hints, where=board.host)


def _times(name: str, result: Mapping[str, Any], protocol: Protocol, board: Board, plan: Plan) -> Times | RunError:
    """The time of a net, or why there is none. Raises RunError for an answer that makes no sense."""
    try:
        found = dict(result["nets"][name])
        if "error" in found:
            return _error(found["error"], board)
        return _measured(found, result, protocol, board, plan)
    except UnstableTime as error:
        return UnstableTime(error.what, *error.hints, where=board.host)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"its times of {name!r} cannot be read ({error!r})", where=board.host) from None


def _measured(
    found: Mapping[str, Any], result: Mapping[str, Any], protocol: Protocol, board: Board, plan: Plan
) -> Times:
    blocks = [[_positive(run) for run in block] for block in found["blocks"]]
    runs = tuple(itertools.chain(*blocks))
    if len(runs) < 2:
        raise ValueError(f"{len(runs)} runs are none")
    low, median, high = steady(runs, plan)
    certificate, load = dict(result["certificate"]), result["certificate"]["before"]["load"]
    flat = () if found["flat"] else (f"after {len(found['warm_up_ms'])} runs the warm-up was not flat",)
    return Times(
        device=board.host,
        predicted=False,
        runs_ms=runs,
        latency_ms=median,
        low_ms=low,
        high_ms=high,
        protocol=protocol,
        host=_host(result["host"]),
        notes=(*flat, *map(str, result["outcome"]["words"])),
        load=None if load is None else float(load),
        block_runs=tuple(map(len, blocks)),
        energy_mj=None if found["energy_mj"] is None else _positive(found["energy_mj"]),
        certificate={**certificate, "engine": dict(found["facts"]), "no_energy": str(found["no_energy"])},
    )


def _positive(value: object) -> float:
    number = float(value)  # type: ignore[arg-type]  # a TypeError is what the caller waits for
    if not 0 < number < math.inf:
        raise ValueError(f"{number} is no time")
    return number


def _host(found: Mapping[str, Any]) -> Host:
    return Host(
        cpu=str(found["cpu"]),
        cores=int(found["cores"]),
        memory_gb=float(found["memory_gb"]),
        gpu=str(found["gpu"]),
        system=str(found["system"]),
        versions={**{str(key): str(value) for key, value in dict(found["versions"]).items()}, "rdslab": __version__},
    )
