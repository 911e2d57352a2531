"""What the machine does while nets are timed: a thread that looks at its clocks, temperatures and power."""

import statistics
import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from rdslab.measure.agent.facts import facts, load
from rdslab.measure.agent.files import Files
from rdslab.measure.agent.nvidia import Gpu, open_gpu
from rdslab.measure.agent.plan import PLAN, Outcome, Runner
from rdslab.measure.agent.power import LEAST, board_meter, energy_mj, processor_meter
from rdslab.measure.agent.sensors import Reading, Sensors

PHASES = ("before", "during", "energy", "after")
FEWEST = 5  # samples while nets are timed, below which there is no certificate
MOVED = 0.05  # the share by which a clock's median may move from one third of the time to another
LEAD_S = 1.0  # how long a card's power lags behind: some give the mean of the last second
MOST_RUNS = 1_000_000
Certificate = Dict[str, Any]


class _Sample(NamedTuple):
    at_s: float
    phase: str
    reading: Reading


class Monitor:
    """A context manager: samples every `period_s` from its beginning to its end.

    `phase` says what is going on: "before" (at first), "during" (nets are timed), "energy" and "after". Files are
    looked for under `root`. `gpu` is the index or UUID of the graphics card that takes part, "" for none.
    """

    def __init__(
        self, root: str = "/", period_s: float = 0.1, gpu: str = "0", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.files, self.period_s, self.which, self.clock = Files(root), period_s, gpu, clock
        self.root = root
        self.samples: List[_Sample] = []
        self.fault = ""  # why the thread has ended early
        self.gpu: Optional[Gpu] = None
        self._phase = PHASES[0]
        self._began_s = {PHASES[0]: clock()}  # when each phase began
        self._stop = threading.Event()

    def __enter__(self) -> "Monitor":
        self.gpu = open_gpu(self.which, self.period_s) if self.which else None
        self.facts = facts(self.root, gpu=self.gpu)
        self.sensors = Sensors(self.files)
        # Beside a card, the processor's power is not what a net takes.
        self.meter = board_meter(self.files) or (processor_meter(self.files) if self.gpu is None else None)
        self._guarded_look()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._began_s["end"] = self.clock()
        self._stop.set()
        self._thread.join()
        if self.gpu is not None:
            self.gpu.close()

    def phase(self, name: str) -> None:
        """What follows is "during", "energy" or "after". Entering "after" takes a sample at once."""
        assert name in PHASES, name
        self._phase = name
        self._began_s.setdefault(name, self.clock())
        if name == PHASES[-1] and not self.fault:
            self._guarded_look()

    def energy(self, runner: Runner, each_ms: float) -> Tuple[Optional[float], str]:
        """Millijoules of a run that takes about `each_ms`, and ""; or None, and why there is no energy.

        Runs until there are 30 samples of the power, beginning a second after the first run. Idle power is part of it.
        """
        if not self.power_of:
            return None, "this machine does not tell its power"
        if not each_ms > 0:
            return None, "a run takes no time"
        self.phase("energy")
        wanted_s = LEAD_S + 1.2 * LEAST * self.period_s
        for _ in range(3):
            runs = runner(min(MOST_RUNS, max(2, round(1e3 * wanted_s / each_ms))))
            # A runner may begin with a process of its own: the runs are what ended last.
            end_s, seconds = self.clock(), sum(runs) / 1e3
            watts = self._watts(end_s - seconds + LEAD_S, end_s)
            if len(watts) >= LEAST or self.fault:
                break
            wanted_s *= 2
        return energy_mj(watts, seconds, len(runs))

    def certificate(self, outcome: Optional[Outcome] = None) -> Certificate:
        """What the machine was and did, for JSON. It certifies a time only where all was watched, and held.

        With what came of the clock loop it says too what that saw of the machine.
        """
        during = [sample.reading for sample in self.samples if sample.phase == "during"]
        throttles = _throttles(during)
        reasons = self._gaps(during) + _moved(during)
        if throttles:
            reasons.append("clocks were held down: {}".format(", ".join(throttles)))
        if outcome is not None and outcome.drift > PLAN.drift:
            reasons.append("the sentinel strayed by {:.1f} %".format(100 * outcome.drift))
        if outcome is not None and outcome.busy is None:
            reasons.append("this machine does not tell what other processes use of it")
        watts = [reading["power_w"] for reading in during if "power_w" in reading]
        return {
            "certified": not reasons,
            "reasons": reasons,
            "facts": self.facts,
            **{phase: self._summary(phase) for phase in ("before", "during", "after")},
            "throttled": None if throttles is None else bool(throttles),
            "power_w": round(statistics.mean(watts), 3) if watts else None,
            "power_of": self.power_of,
            "outcome": {} if outcome is None else dict(outcome._replace(runs={})._asdict()),
        }

    @property
    def power_of(self) -> str:
        """Whose power it is that was sampled; "" where none was."""
        if not any("power_w" in sample.reading for sample in self.samples):
            return ""
        return self.meter.name if self.meter is not None else "NVML " + self.facts["gpu"]

    def _look(self) -> None:
        reading = dict(self.sensors.read(), load=load())
        card = self.gpu.read() if self.gpu is not None else {}
        for name in ("clock_mhz", "temperature_c"):
            reading[name].update(card.get(name, {}))
        if "throttles" in card:
            reading["throttles"] = reading.get("throttles", []) + card["throttles"]
        watts = self.meter.read() if self.meter is not None else card.get("power_w")
        if watts is not None:
            reading["power_w"] = watts
        self.samples.append(_Sample(self.clock(), self._phase, reading))

    def _guarded_look(self) -> None:
        try:
            self._look()
        except Exception as error:  # whatever it is, it must not pass for a machine that was watched
            self.fault = "{}: {}".format(type(error).__name__, error)

    def _watch(self) -> None:
        while not self.fault and not self._stop.wait(self.period_s):
            self._guarded_look()

    def _watts(self, begin_s: float, end_s: float) -> List[float]:
        within = [sample.reading for sample in self.samples if begin_s <= sample.at_s <= end_s]
        return [reading["power_w"] for reading in within if "power_w" in reading]

    def _gaps(self, during: List[Reading]) -> List[str]:
        """What was not watched."""
        reasons = ["the monitor ended early: {}".format(self.fault)] if self.fault else []
        due = self._seconds_of("during") / self.period_s
        if len(during) < FEWEST:
            few = "the monitor took {} samples while nets were timed, {} are needed"
            return [*reasons, few.format(len(during), FEWEST)]
        if len(during) < due / 3:
            reasons.append("the monitor took {} samples where {:.0f} were due".format(len(during), due))
        kinds = (("clock_mhz", "clocks"), ("temperature_c", "temperatures"))
        silent = [words for kind, words in kinds if not any(reading[kind] for reading in during)]
        return [*reasons, *(["this machine does not tell its " + " and ".join(silent)] if silent else [])]

    def _seconds_of(self, phase: str) -> float:
        """How long a phase lasted, or has until now."""
        begin_s = self._began_s.get(phase)
        if begin_s is None:
            return 0.0
        return min([at_s for at_s in self._began_s.values() if at_s > begin_s], default=self.clock()) - begin_s

    def _summary(self, phase: str) -> Dict[str, Any]:
        readings = [sample.reading for sample in self.samples if sample.phase == phase]
        kinds = {kind: _spans([reading[kind] for reading in readings]) for kind in ("clock_mhz", "temperature_c")}
        return dict(kinds, load=readings[-1]["load"] if readings else None, samples=len(readings))


def _spans(readings: List[Dict[str, float]]) -> Dict[str, List[float]]:
    """Least, median and most of each name."""
    names = sorted({name for reading in readings for name in reading})
    found = {}
    for name in names:
        values = [reading[name] for reading in readings if name in reading]
        found[name] = [round(value, 3) for value in (min(values), statistics.median(values), max(values))]
    return found


def _throttles(readings: List[Reading]) -> Optional[List[str]]:
    """What held clocks down, in words; None where this machine does not tell."""
    told = [reading["throttles"] for reading in readings if "throttles" in reading]
    events = [reading["throttle_events"] for reading in readings if "throttle_events" in reading]
    if not told and not events:
        return None
    words = list(dict.fromkeys(word for reading in told for word in reading))
    if events and events[-1] > events[0]:
        words.append("{:.0f} events of throttling".format(events[-1] - events[0]))
    return words


def _moved(readings: List[Reading]) -> List[str]:
    """The clocks that were not the same from beginning to end."""
    reasons = []
    third = len(readings) // 3
    parts = [readings[:third], readings[third : 2 * third], readings[2 * third :]] if third else []
    for name in sorted({name for reading in readings for name in reading["clock_mhz"]}):
        values = [[one["clock_mhz"][name] for one in part if name in one["clock_mhz"]] for part in parts]
        medians = [statistics.median(part) for part in values if part]
        if medians and max(medians) - min(medians) > MOVED * max(medians):
            reasons.append("the clock of {} moved from {:.0f} to {:.0f} MHz".format(name, medians[0], medians[-1]))
    return reasons
