"""Write tests/golden_costs.json, the parameters and MACs of every net of the zoo, and tests/golden_defaults.json, the
defaults of every block's options. Run it, then review the diff: a new option may come, but a default that changes would
give other nets the ids of those that are stored.

python -m tests.make_golden
"""

import json
from pathlib import Path

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import defaults_of
from rdslab.cost import count
from rdslab.files import write_whole
from rdslab.network import load_net, zoo_names
from rdslab.records import Size

GOLDEN = Path(__file__).with_name("golden_costs.json")
DEFAULTS = Path(__file__).with_name("golden_defaults.json")
PLACES = ((Size(1024, 512), 19), (Size(480, 360), 11), (Size(241, 179), 11))


def figures_of(name: str) -> dict[str, dict[str, int]]:
    """Parameters and MACs of one net's inference form, by size and classes."""
    found = {}
    for size, classes in PLACES:
        cost = count(load_net(name), size, classes)
        found[f"{size}, {classes} classes"] = {"params": cost.params, "macs": cost.macs}
    return found


def as_text(nets: dict[str, dict[str, dict[str, int]]]) -> str:
    """A line for each place, so that a diff reads as a list."""
    blocks = []
    for name, places in nets.items():
        lines = ",\n".join(f"    {json.dumps(place)}: {json.dumps(figures)}" for place, figures in places.items())
        blocks.append(f"  {json.dumps(name)}: {{\n{lines}\n  }}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def defaults() -> str:
    """A line for each option of each block."""
    lines = [
        f"  {json.dumps(f'{name}.{option}')}: {json.dumps(value)}"
        for name in BLOCKS.names()
        for option, value in defaults_of(BLOCKS[name]).items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    write_whole(DEFAULTS, defaults())
    write_whole(GOLDEN, as_text({name: figures_of(name) for name in zoo_names()}))
    print(f"wrote {GOLDEN} and {DEFAULTS}")
