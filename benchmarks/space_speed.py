"""How long it takes to look at every net of a space: draw, shapes, canonical id, cost, predicted latency, field.

Each turn is a process of its own with one thread, so that nothing is remembered; its time is from reading the file to
the last figure, without starting Python. With several spaces the turns are interleaved.

    python benchmarks/space_speed.py [search_spaces/rds_small.yaml ...] [--turns 5] [--json]
"""

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

TURN = """
import sys, time, torch
from rdslab.space import audit_space, load_space
torch.set_num_threads(1)
before = time.perf_counter(), time.process_time()
found = audit_space(load_space(sys.argv[1]), samples=2000, seed=0)
print(found.looked, time.perf_counter() - before[0], time.process_time() - before[1])
"""


@dataclass(frozen=True)
class Speed:
    """The turns of one space, in seconds."""

    space: str
    looked: int
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]


def turn(space: str) -> tuple[int, float, float]:
    done = subprocess.run([sys.executable, "-c", TURN, space], check=True, capture_output=True, text=True)
    looked, wall, cpu = done.stdout.split()
    return int(looked), float(wall), float(cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="*", default=["search_spaces/rds_small.yaml"])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    turns = [[turn(space) for space in given.spaces] for _ in range(given.turns)]
    found = []
    for name, own in zip(given.spaces, zip(*turns, strict=True), strict=True):
        looked, wall, cpu = zip(*own, strict=True)
        found.append(Speed(Path(name).stem, looked[0], wall, cpu))
    if given.json:
        print(json.dumps([asdict(speed) for speed in found]))
        return
    for speed in found:
        middle, most = statistics.median(speed.wall_s), max(speed.wall_s)
        cpu = statistics.median(speed.cpu_s)
        print(
            f"{speed.space}: {speed.looked:,} in {middle:.1f} s (most {most:.1f}; CPU time {cpu:.1f}), n={given.turns}"
        )


if __name__ == "__main__":
    main()
