"""Is the same net twice the same, is 5 % more work told apart, and is a busy machine refused?

    python benchmarks/told_apart.py [--size 128x96] [--runs 10] [--threads 1] [--device here] [--backend torch]

Each run times three nets in turns: a stack of 20 convolutions, the same once more, and one of 21. The first two should
differ by less than 2 %. The third is told apart if the 95 % interval of its ratio to the first, over their blocks of
runs, lies above 1. At the end as many processes as there are cores keep the machine busy, and it should be refused.
Run it on a machine that does nothing else.
"""

import argparse
import contextlib
import math
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator, Mapping

from scipy import stats

from rdslab.cost import count
from rdslab.errors import RunError
from rdslab.measure import machine_lock, measure
from rdslab.netfile import net_from_document
from rdslab.records import Size
from rdslab.spec import Net
from rdslab.times import Times

CLASSES = 19
CLOSE = 0.02  # the farthest that the same net may be from itself


def stack(depth: int) -> Net:
    """3x3 convolutions with 64 channels at a quarter of the image's size, which are nearly all of its work."""
    unit = {"block": "conv_norm_act", "channels": 64}
    nodes = [
        {"id": "down1", "block": "conv_norm_act", "channels": 16, "stride": 2},
        {"id": "down2", **unit, "stride": 2},
        {"id": "stack", **unit, "repeat": depth},
        {"id": "head", "block": "conv", "channels": "classes", "options": {"kernel": 1}},
        {"id": "up", "block": "bilinear_up", "channels": "classes", "like": "image"},
    ]
    return net_from_document({"name": f"stack{depth}", "nodes": nodes})


def ratio(over: Times, under: Times) -> tuple[float, float, float]:
    """The ratio of two times, and its 95 % interval over the ratios of their blocks, which were run side by side."""
    pairs = zip(over.block_medians_ms, under.block_medians_ms, strict=False)  # one may have needed a block more
    logs = [math.log(a / b) for a, b in pairs]
    middle = statistics.mean(logs)
    half = float(stats.t.ppf(0.975, len(logs) - 1)) * statistics.stdev(logs) / math.sqrt(len(logs))
    return over.latency_ms / under.latency_ms, math.exp(middle - half), math.exp(middle + half)


def timed(nets: Mapping[str, Net], given: argparse.Namespace) -> dict[str, Times] | RunError:
    """The times of all nets, or why one has none."""
    start = time.perf_counter()
    with machine_lock("measure"):
        found = measure(
            nets,
            Size.parse(given.size),
            CLASSES,
            threads=given.threads,
            device_name=given.device,
            backend=given.backend,
        )
    print(f"  {time.perf_counter() - start:5.1f} s", end="  ")
    errors = [one for one in found.values() if isinstance(one, RunError)]
    return errors[0] if errors else {name: one for name, one in found.items() if isinstance(one, Times)}


def tell(times: Mapping[str, Times]) -> tuple[bool, bool]:
    """Print a run; whether the same net was the same, and whether 5 % more work was told apart."""
    same, more = (ratio(times[name], times["a"]) for name in ("same", "more"))
    outcome = (times["a"].certificate or {})["outcome"]
    print(
        f"{times['a'].latency_ms:8.3f} ms  same {same[0]:.4f} ({same[1]:.4f} to {same[2]:.4f})  "
        f"more {more[0]:.4f} ({more[1]:.4f} to {more[2]:.4f})  turns run again {outcome['repeated']}"
    )
    return abs(same[0] - 1) < CLOSE, more[1] > 1


def spin() -> None:
    """Use a core until ended."""
    while True:
        pass


@contextlib.contextmanager
def load() -> Iterator[None]:
    """A process for each core that uses it."""
    processes = [multiprocessing.get_context("spawn").Process(target=spin) for _ in range(os.cpu_count() or 1)]
    for process in processes:
        process.start()
    time.sleep(1.0)  # until they are at work
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("size", "128x96"), ("device", "here"), ("backend", "torch")):
        parser.add_argument(f"--{name}", default=default)
    for name, number in (("runs", 10), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=number)
    given = parser.parse_args()
    nets = {"a": stack(20), "same": stack(20), "more": stack(21)}
    macs = {name: count(net.inference(), Size.parse(given.size), CLASSES).macs for name, net in nets.items()}
    print(f"{macs['a'] / 1e6:.0f} million MACs, and {100 * macs['more'] / macs['a'] - 100:.2f} % more")
    judged = []
    for _ in range(given.runs):
        found = timed(nets, given)
        if isinstance(found, RunError):
            print(f"refused: {found.what}", flush=True)
        else:
            judged.append(tell(found))
    print(
        f"of {given.runs} runs {len(judged)} gave times; the same net was the same to {100 * CLOSE:.0f} % "
        f"in {sum(same for same, _ in judged)}, more work was told apart in {sum(apart for _, apart in judged)}"
    )
    with load():
        found = timed(nets, given)
    print(f"under load: {'refused: ' + found.what if isinstance(found, RunError) else 'NOT REFUSED'}")


if __name__ == "__main__":
    main()
