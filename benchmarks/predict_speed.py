"""How many drawn nets a second are predicted, from the spec to milliseconds with their interval.

As in `zoo_count_speed.py`: nets are drawn around each net of the zoo, their nodes were seen before, and what is timed
is drawing, counting and predicting, in CPU seconds of one thread. Each profile that knows the net's kernels is tried.

    python benchmarks/predict_speed.py [NET ...] [--device jetson-tx1 ...] [--size 1024x512] [--json]
"""

import argparse
import json
import random
import statistics
import sys
import time
from dataclasses import asdict

import torch
from zoo_count_speed import draw, genes

from rdslab.cost import count
from rdslab.errors import RdslabError
from rdslab.measure import host, load_profile, predict_times
from rdslab.measure.profile import Profile
from rdslab.network import load_net, zoo_names
from rdslab.records import Size
from rdslab.spec import Net

CLAIMED = 2000.0  # nets a second
DRAWN = 1000


def nets_a_second(base: Net, profile: Profile, size: Size, classes: int, turns: int) -> list[float]:
    """Nets a CPU second, a figure a turn; every node was seen before the first."""
    places = genes(base)

    def work(turn: int) -> float:
        rng = random.Random(turn)
        started = time.process_time()
        for _ in range(DRAWN):
            predict_times(count(draw(base, places, rng), size, classes), profile)
        return time.process_time() - started

    for turn in range(turns):
        work(turn)
    return [DRAWN / work(turn) for turn in range(turns)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("nets", nargs="*", help="names; the whole zoo by default")
    parser.add_argument("--device", action="append", help="a profile; jetson-tx1 and jetson-nano-trt-fp16 by default")
    parser.add_argument("--size", default="1024x512", help="width x height")
    parser.add_argument("--classes", type=int, default=19)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rates: dict[str, dict[str, list[float]]] = {}
    try:
        size = Size.parse(options.size)
        for device in options.device or ["jetson-tx1", "jetson-nano-trt-fp16"]:
            profile = load_profile(device)
            rates[device] = {
                name: nets_a_second(load_net(name), profile, size, options.classes, options.turns)
                for name in options.nets or zoo_names()
            }
    except RdslabError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    reached = all(statistics.median(turns) >= CLAIMED for nets in rates.values() for turns in nets.values())
    if options.json:
        context = {"size": options.size, "classes": options.classes, "turns": options.turns, "drawn": DRAWN}
        print(json.dumps({**context, "nets_a_second": rates, "reached": reached, "host": asdict(host())}, indent=2))
        return 0 if reached else 1
    print(f"{host().cpu}, {host().cores} cores; nets a CPU second at {size}, {options.turns} turns of {DRAWN} nets")
    for device, nets in rates.items():
        for name, turns in nets.items():
            print(f"{device:24}{name:16}{statistics.median(turns):8.0f}   ({min(turns):.0f} to {max(turns):.0f})")
    print(f"each at least {CLAIMED:g}: {'yes' if reached else 'NO'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
