"""How long it takes to count nets drawn around each net of the zoo, once their nodes have been seen.

The genes of a net: the block, the dilation and the repeats of every node that keeps its channels, and the dilation of
its convolutions. Nets are drawn, counted once to warm up, and counted again, with nets drawn anew around the same
choices; what is timed is drawing and counting, from the base net to the cost. Times are the process's own CPU seconds,
on one thread: what they are on an idle machine, and nearly so on one that others use.

    python benchmarks/zoo_count_speed.py [NET ...] [--size 1024x512] [--json]
"""

import argparse
import json
import random
import statistics
import sys
import time
from dataclasses import asdict

import torch

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import defaults_of
from rdslab.cost import count
from rdslab.errors import RdslabError
from rdslab.measure import host
from rdslab.network import load_net, units_of, zoo_names
from rdslab.records import Size
from rdslab.spec import Net

CLAIMED_S = 1.0  # of a thousand
UNITS = ("rds", "residual", "separable")
DRAWN = 4  # genes that a drawn net has changed

Gene = tuple[str, tuple[object, ...]]


def genes(net: Net) -> list[Gene]:
    """Places of the net that may vary, each with its choices."""
    found: list[Gene] = []
    swappable = {unit.node.id for unit in units_of(net, 19) if unit.in_channels == unit.out.channels}
    swappable -= {unit.node.id for unit in units_of(net, 19) if unit.in_channels != unit.out.channels}
    for node in net.inference().nodes:
        options = defaults_of(BLOCKS[node.block])
        if node.id in swappable and "dilation" in options and node.block != "conv":
            found.append((f"{node.id}.block", (node.block, *UNITS)))
        if node.repeat > 1:
            found.append((f"{node.id}.repeat", (node.repeat - 1, node.repeat, node.repeat + 1)))
        if "dilation" in options and not {"asymmetric", "padding"} & set(node.option_names()):
            found.append(
                (f"{node.id}.cycle.dilation", ([1], [1, 2], [2, 4]))
                if "dilation" in node.cycle
                else (f"{node.id}.options.dilation", (1, 2, 4))
            )
    return found


def draw(base: Net, places: list[Gene], rng: random.Random) -> Net:
    """The net with some of its genes changed."""
    net = base
    for path, choices in rng.sample(places, min(DRAWN, len(places))):
        net = net.with_value(path, rng.choice(choices))
    return net


def seconds(base: Net, size: Size, classes: int, turns: int, seed: int = 0) -> list[float]:
    """CPU seconds to draw and count a thousand nets, a figure a turn; every node was seen before the first."""
    places = genes(base)
    for turn in range(turns):  # the warm-up: each turn's own nets
        rng = random.Random(seed + turn)
        for _ in range(1000):
            count(draw(base, places, rng), size, classes)
    found = []
    for turn in range(turns):
        rng = random.Random(seed + turn)
        started = time.process_time()
        for _ in range(1000):
            count(draw(base, places, rng), size, classes)
        found.append(time.process_time() - started)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("nets", nargs="*", help="names; the whole zoo by default")
    parser.add_argument("--size", default="1024x512", help="width x height")
    parser.add_argument("--classes", type=int, default=19)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        size = Size.parse(options.size)
        times = {
            name: seconds(load_net(name), size, options.classes, options.turns) for name in options.nets or zoo_names()
        }
    except RdslabError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    reached = all(statistics.median(turns) < CLAIMED_S for turns in times.values())
    if options.json:
        context = {"size": options.size, "classes": options.classes, "turns": options.turns}
        print(json.dumps({**context, "seconds": times, "reached": reached, "host": asdict(host())}, indent=2))
        return 0 if reached else 1
    print(
        f"{host().cpu}, {host().cores} cores; CPU seconds for 1,000 nets drawn and counted at {size}, "
        f"{options.turns} turns"
    )
    for name, turns in times.items():
        print(f"{name:16}{statistics.median(turns):8.3f}   ({min(turns):.3f} to {max(turns):.3f})")
    print(f"each under {CLAIMED_S:g} s: {'yes' if reached else 'NO'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
