"""Latency measured on this machine, CPU or CUDA."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rdslab.errors import RunError, UnstableTime
from rdslab.measure.agent.clock import PLAN, Plan, Runs, Timer, interleave, steady
from rdslab.measure.agent.engines import plan_for
from rdslab.measure.agent.monitor import Monitor
from rdslab.measure.agent.others import OtherProcesses
from rdslab.measure.agent.plan import Busy, Progress
from rdslab.measure.agent.trtexec import WARM_UP_MS
from rdslab.measure.backends import Calibration, Opened, open_backend, release
from rdslab.measure.backends.request import Request, check_words
from rdslab.measure.given import Given, check_given, check_way, network_of, with_file
from rdslab.measure.here import HERE, card_of, device_of, host_of, quiet, timer_of
from rdslab.measure.host import load
from rdslab.measure.malloc import tune_malloc
from rdslab.measure.sentinel import sentinel, sentinel_image
from rdslab.records import Size
from rdslab.times import Host, Protocol, Times

# The sentinel runs in the nets' own backend, but for those that would take long to prepare it.
SENTINEL_IN = {"compile": "torch", "cuda_graph": "torch"}
ENGINES = ("onnxruntime", "tensorrt")  # whose versions decide a time
Measured = dict[str, Times | RunError]
Energy = tuple[float | None, str]  # millijoules, or why there are none


def measure(
    nets: Mapping[str, Given],
    size: Size,
    classes: int,
    *,
    threads: int,
    layout: str = "channels_first",
    precision: str = "fp32",
    device_name: str = HERE,
    backend: str = "torch",
    form: str = "eager",
    inside: str = "network",
    calibration: Calibration | None = None,
    clock: Callable[[], float] | None = None,
    sync: Callable[[], object] | None = None,
    busy: Busy | None = None,
    plan: Plan = PLAN,
    progress: Progress | None = None,
) -> Measured:
    """The latency of the nets' inference form at one random image of `size`, interleaved; ms by the mapping's names.

    `form` is "eager", as they were trained, or "deployed", folded; an ONNX file among them runs as it stands, at its
    own size. `backend`, `precision`, `layout`, `inside`, `calibration` are those of `open_backend`; `device_name` is
    "here" (CUDA where there is a GPU), "cpu" or "cuda". CUDA is timed by events, the CPU by `time.perf_counter`; cuDNN
    tries its algorithms, fp32 is not TF32. `busy` tells the cores that others use; by default the system is asked.

    In place of a time stands UnstableTime where the runs do not agree or the machine was disturbed, RunError where a
    net cannot run. Raises SpecError for a wrong request. Whoever calls holds `machine_lock("measure")`.
    """
    device = device_of(device_name)
    way = _Way(device, backend, precision, layout, threads, inside, timer_of(device, clock, sync), calibration)
    way.check(nets, size, classes, form)
    plan = way.plan(plan)
    common = _Common(device_name, way.protocol(size, classes, form, plan), host_of(device), load(), plan)
    busy = OtherProcesses() if busy is None and clock is None else busy
    with Monitor(gpu=card_of(device)) as monitor, quiet(threads, device):
        watcher, (opened, refused) = way.open_sentinel(), _opened(nets, way, size, classes, form)
        found = _timed(opened, watcher, busy, progress, monitor, common) if opened else {}
    way.release()
    return {name: refused.get(name) or with_file(found[name], net) for name, net in nets.items()}


@dataclass(frozen=True)
class _Way:
    """How networks are run and timed."""

    device: torch.device
    backend: str
    precision: str
    layout: str
    threads: int
    inside: str
    timer: Timer
    calibration: Calibration | None

    def check(self, nets: Mapping[str, Given], size: Size, classes: int, form: str) -> None:
        """Raises SpecError for words that there are not, or that do not go together, and for too small an image."""
        check_words(Request(nn.Identity(), _image(size), **self._asked()))
        for given in nets.values():
            check_way(given, self.backend, self.precision, form)
            check_given(given, size, classes)

    def open(self, network: nn.Module, size: Size) -> Opened:
        """A network, ready to run. Raises RunError where it cannot."""
        return open_backend(network, _image(size), **self._asked())

    def open_sentinel(self) -> Opened:
        """The sentinel, which is the same in all measurements: fp32, the network alone."""
        backend = SENTINEL_IN.get(self.backend, self.backend)
        fixed = {"precision": "fp32", "layout": "channels_first", "inside": "network", "calibration": None}
        return open_backend(sentinel(), sentinel_image(), **{**self._asked(), **fixed, "backend": backend})

    def plan(self, plan: Plan) -> Plan:
        """The plan as it suits the backend."""
        return plan_for("trtexec", plan) if self.backend == "tensorrt" else plan

    def protocol(self, size: Size, classes: int, form: str, plan: Plan) -> Protocol:
        """How it is timed. trtexec is a process for each turn, with a warm-up of its own."""
        own = f", and {WARM_UP_MS} ms before each block" if self.backend == "tensorrt" else ""
        return Protocol(
            size=str(size),
            classes=classes,
            batch=1,
            precision=self.precision,
            backend=self.backend,
            threads=self.threads,
            layout=self.layout,
            inside=self.inside,
            form=form,
            allocator=tune_malloc(),
            warm_up=plan.warm_up_words + own,
            runs=plan.runs_words,
        )

    def release(self) -> None:
        """Give back what the networks held."""
        if self.backend == "compile" or self.device.type == "cuda":
            release()

    def _asked(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class _Common:
    """What the times of one measurement have in common."""

    device_name: str
    protocol: Protocol
    host: Host
    load: float | None  # before
    plan: Plan

    def times(self, runs: Runs, opened: Opened, energy: Energy, certificate: Mapping[str, Any]) -> Times:
        """What was measured, as a record. Raises UnstableTime for runs that do not agree."""
        low, median, high = steady(runs.runs_ms, self.plan)
        flat = () if runs.flat else (f"after {len(runs.warm_up_ms)} runs the warm-up was not flat",)
        versions = {name: opened.facts[name] for name in ENGINES if name in opened.facts}
        facts = {**certificate["facts"], "versions": {**self.host.versions, **versions}}
        energy_mj, why_not = energy
        return Times(
            device=self.device_name,
            predicted=False,
            runs_ms=runs.runs_ms,
            latency_ms=median,
            low_ms=low,
            high_ms=high,
            protocol=self.protocol,
            host=self.host,
            notes=(*flat, *opened.notes, *certificate["outcome"]["words"]),
            load=self.load,
            block_runs=tuple(map(len, runs.blocks)),
            energy_mj=energy_mj,
            certificate={**certificate, "facts": facts, "engine": opened.facts, "no_energy": why_not},
        )


def _opened(
    nets: Mapping[str, Given], way: _Way, size: Size, classes: int, form: str
) -> tuple[dict[str, Opened], dict[str, RunError]]:
    """The networks, ready to run; and why others cannot."""
    opened: dict[str, Opened] = {}
    refused: dict[str, RunError] = {}
    for name, net in nets.items():
        try:
            opened[name] = way.open(network_of(net, classes, form), size)
        except RunError as error:
            refused[name] = error
        except RuntimeError as error:  # torch.OutOfMemoryError is one
            refused[name] = _cannot_build(net, size, error)
    return opened, refused


def _timed(
    opened: Mapping[str, Opened],
    watcher: Opened,
    busy: Busy | None,
    progress: Progress | None,
    monitor: Monitor,
    common: _Common,
) -> Measured:
    """The networks' times, or why there are none."""
    runners = {name: one.runner for name, one in opened.items()}
    monitor.phase("during")
    try:
        outcome = interleave(runners, common.plan, progress, watcher.runner, busy)
        energy = {
            name: monitor.energy(one, statistics.median(outcome.runs[name].runs_ms)) for name, one in runners.items()
        }
    except RunError as error:  # the machine was disturbed, or an engine failed on the way
        return dict.fromkeys(opened, error)
    monitor.phase("after")
    certificate = monitor.certificate(outcome)
    found: Measured = {}
    for name, one in opened.items():
        try:
            found[name] = common.times(outcome.runs[name], one, energy[name], certificate)
        except UnstableTime as error:
            found[name] = error
    return found


def _cannot_build(net: Given, size: Size, error: RuntimeError) -> RunError:
    reason = str(error).strip().partition("\n")[0]
    if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in reason:
        return RunError(f"net {net.name!r} at {size} needs more memory than there is", "try a smaller size")
    return RunError(f"net {net.name!r} cannot be built here: {reason}")


def _image(size: Size) -> Tensor:
    return torch.rand(1, 3, size.height, size.width, generator=torch.Generator().manual_seed(0))
