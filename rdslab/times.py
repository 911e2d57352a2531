"""A latency as a fact: on which machine, by which protocol, every run, and what is derived from them. No torch here."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Host:
    """The machine a time or a score was taken on: what decides comparability, nothing that names a person."""

    cpu: str
    cores: int
    memory_gb: float
    gpu: str  # "" without one
    system: str  # "Linux 6.1 x86_64"
    versions: Mapping[str, str]  # python, torch, cuda, rdslab


@dataclass(frozen=True)
class Protocol:
    """How a time was taken. Two times compare only if these agree. Of a prediction: how the fitted times were."""

    size: str
    classes: int
    batch: int
    precision: str  # fp32 fp16 bf16 int8
    backend: str  # torch compile cuda_graph onnxruntime tensorrt, or the framework of a profile
    threads: int  # 0: not known
    layout: str  # channels_first channels_last
    inside: str  # what is inside the timer: network; labels: and argmax; copies: and both copies
    form: str  # eager: as it was trained; deployed: folded, as it is exported
    allocator: str  # how glibc's malloc was set
    warm_up: str = ""  # how long it was warmed up, "" where that is not known
    runs: str = ""  # how much was run, "" where that is not known


@dataclass(frozen=True)
class Times:
    """The latency of one net on one device, measured or predicted; milliseconds per batch."""

    device: str
    predicted: bool
    runs_ms: tuple[float, ...]  # every run, in order; empty for a prediction
    latency_ms: float  # the median run, or the prediction
    low_ms: float  # measured: first quartile; predicted: 90 % interval
    high_ms: float  # measured: third quartile; predicted: 90 % interval
    protocol: Protocol
    host: Host | None  # None for a prediction
    notes: tuple[str, ...] = ()
    load: float | None = None  # 1-minute load average of the machine before the first run
    block_runs: tuple[int, ...] = ()  # how many of the runs each block has, in order
    energy_mj: float | None = None  # millijoules per batch, where the machine tells its power
    certificate: Mapping[str, Any] | None = None  # what the machine was and did meanwhile

    @cached_property
    def p90_ms(self) -> float | None:
        """90th percentile of the runs."""
        return statistics.quantiles(self.runs_ms, n=10)[-1] if len(self.runs_ms) > 1 else None

    @cached_property
    def p99_ms(self) -> float | None:
        """99th percentile of the runs; with fewer than 100 it would be made up."""
        return statistics.quantiles(self.runs_ms, n=100)[-1] if len(self.runs_ms) >= 100 else None

    @cached_property
    def mad_ms(self) -> float | None:
        """Median absolute deviation of the runs from their median."""
        if not self.runs_ms:
            return None
        return statistics.median(abs(run - self.latency_ms) for run in self.runs_ms)

    @property
    def block_medians_ms(self) -> tuple[float, ...]:
        """The median of each block of runs."""
        return tuple(statistics.median(block) for block in self._blocks() if block)

    @property
    def block_spread(self) -> float | None:
        """How far the blocks' medians lie apart, as a share of the median: what the machine did between them."""
        medians = self.block_medians_ms
        return (max(medians) - min(medians)) / self.latency_ms if medians else None

    @property
    def iqr_ms(self) -> float:
        """Width of the interval: for a measurement the interquartile range."""
        return self.high_ms - self.low_ms

    def document(self) -> dict[str, Any]:
        derived = ("p90_ms", "p99_ms", "mad_ms", "block_spread", "iqr_ms")
        return {**asdict(self), **{name: getattr(self, name) for name in derived}}

    def _blocks(self) -> Iterator[tuple[float, ...]]:
        start = 0
        for runs in self.block_runs:
            yield self.runs_ms[start : start + runs]
            start += runs
