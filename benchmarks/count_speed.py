"""How much faster our count of a drawn net is than fvcore's, on the same nets, in one interleaved run.

Nets are drawn from a space around the base net whose nodes have all been seen once. Each turn counts `--batch` nets
that were drawn a moment ago and never counted before, then lets fvcore count one of them, so that both meet the same
machine. Our time is a net's mean over its turn, from the net on paper to its cost; fvcore's is its trace and nothing
else: building the module, which it needs and we do not, is left out. Both must find the same MACs. Only the ratio
means something on a machine that others use.

    python benchmarks/count_speed.py [--size 1024x512] [--json]
"""

import argparse
import json
import random
import statistics
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from itertools import product

import torch

from rdslab.cost import count
from rdslab.errors import RdslabError
from rdslab.measure import host
from rdslab.network import build, load_net
from rdslab.records import Size
from rdslab.spec import Net

with warnings.catch_warnings():  # fvcore 0.1.5, its last release, scripts functions when it is imported
    warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is (deprecated|not supported)")
    from fvcore.nn import FlopCountAnalysis

CLAIMED = 5000
BLOCKS = ("rds", "residual", "separable")
DILATIONS = ([1], [1, 2, 4], [1, 2, 4, 8, 16])
GENES: dict[str, list[list[tuple[str, object]]]] = {  # stage: its choices, each a few settings
    "enc2": [[("enc2.block", block), ("enc2.repeat", repeat)] for block, repeat in product(BLOCKS, (1, 2, 3, 4))],
    "enc3": [
        [("enc3.block", block), ("enc3.repeat", repeat), ("enc3.cycle.dilation", dilation)]
        for block, repeat, dilation in product(BLOCKS, (2, 3, 4, 5, 6), DILATIONS)
    ],
}
WIDTHS = (0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Turn:
    """One turn's times of a net."""

    ours_us: float
    fvcore_us: float

    @property
    def ratio(self) -> float:
        return self.fvcore_us / self.ours_us


def changed(net: Net, settings: list[tuple[str, object]]) -> Net:
    """The net with every setting."""
    for path, value in settings:
        net = net.with_value(path, value)
    return net


def draw(base: Net, rng: random.Random) -> Net:
    """A net of the space."""
    net = base.with_value("width", rng.choice(WIDTHS))
    for choices in GENES.values():
        net = changed(net, rng.choice(choices))
    return net


def see_every_node(base: Net, size: Size, classes: int) -> None:
    """Count each choice of each stage once, at each width."""
    for width in WIDTHS:
        for choices in GENES.values():
            for settings in choices:
                count(changed(base.with_value("width", width), settings), size, classes)


def take_turn(nets: list[Net], size: Size, classes: int) -> Turn:
    """Time our count of all nets, then fvcore's of the last. Raises SystemExit unless both find the same MACs."""
    started = time.perf_counter()
    costs = [count(net, size, classes) for net in nets]
    ours = (time.perf_counter() - started) / len(nets)
    module, image = build(nets[-1].inference(), classes).eval(), torch.zeros(1, 3, size.height, size.width)
    with torch.no_grad():
        started = time.perf_counter()
        analysis = FlopCountAnalysis(module, image)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        found = analysis.by_operator()["conv"]
        fvcore = time.perf_counter() - started
    if found != costs[-1].macs:
        raise SystemExit(f"fvcore finds {found:,} MACs, we {costs[-1].macs:,}")
    return Turn(ours * 1e6, fvcore * 1e6)


def summary(turns: list[Turn]) -> dict[str, float]:
    """Medians and quartiles of both times and of the ratio within a turn."""
    figures: dict[str, float] = {}
    for name in ("ours_us", "fvcore_us", "ratio"):
        values = [getattr(turn, name) for turn in turns]
        low, median, high = statistics.quantiles(values, n=4)
        figures |= {name: median, f"{name}_q1": low, f"{name}_q3": high, f"{name}_least": min(values)}
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--net", default="rdsnet", help="the base: a net with stages enc2 and enc3")
    parser.add_argument("--size", default="1024x512", help="width x height")
    parser.add_argument("--classes", type=int, default=19)
    parser.add_argument("--turns", type=int, default=15, help="2 or more")
    parser.add_argument("--batch", type=int, default=200, help="nets that we count in a turn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    try:
        base, size = load_net(options.net), Size.parse(options.size)
        see_every_node(base, size, options.classes)
        rng = random.Random(options.seed)
        batches = [[draw(base, rng) for _ in range(options.batch)] for _ in range(max(options.turns, 2) + 1)]
        turns = [take_turn(nets, size, options.classes) for nets in batches][1:]  # the first warms both up
    except RdslabError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    figures = summary(turns)
    reached = figures["ratio"] >= CLAIMED
    if options.json:
        context = {key: value for key, value in vars(options).items() if key != "json"}
        document = {**context, **figures, "claimed": CLAIMED, "reached": reached, "host": asdict(host())}
        print(json.dumps(document, indent=2))
    else:
        print_table(figures, options, reached)
    return 0 if reached else 1


def print_table(figures: dict[str, float], options: argparse.Namespace, reached: bool) -> None:
    machine = host()
    print(f"{options.net} and variants, {options.size}, {options.classes} classes, {options.turns} turns")
    print(f"{machine.cpu}, {machine.cores} cores, {options.threads} threads, torch {machine.versions['torch']}")
    for name, title in (("ours_us", "rdslab, us a net"), ("fvcore_us", "fvcore, us a net"), ("ratio", "ratio")):
        low, high = figures[f"{name}_q1"], figures[f"{name}_q3"]
        print(f"{title:18}{figures[name]:12,.1f}   (middle half {low:,.1f} to {high:,.1f})")
    print(f"at least {CLAIMED:,} times faster: {'yes' if reached else 'NO'}")


if __name__ == "__main__":
    sys.exit(main())
