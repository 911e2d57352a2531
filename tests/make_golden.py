"""Write the golden files, then review the diff: python -m tests.make_golden

golden_costs.json: the parameters and MACs of every net of the zoo.
golden_answers.json: what each answers with weights that its order of execution gives; so an order of concatenation, a
dilation or an activation cannot change unseen. These answers were those of the nets' own implementations.
golden_defaults.json: the defaults of every block's options. A new option may come, but a default that changes gives
another net the id of one that is stored.
"""

import json
from pathlib import Path

import torch

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import defaults_of
from rdslab.cost import count
from rdslab.files import write_whole
from rdslab.network import Network, build, load_net, zoo_names
from rdslab.records import Size

GOLDEN = Path(__file__).with_name("golden_costs.json")
ANSWERS = Path(__file__).with_name("golden_answers.json")
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
    """A line for each block."""
    lines = [f"  {json.dumps(name)}: {json.dumps(defaults_of(BLOCKS[name]))}" for name in BLOCKS.names()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def filled(network: Network) -> Network:
    """The network in evaluation, with weights and statistics drawn from each tensor's place among them all."""
    for place, (name, tensor) in enumerate(network.state_dict().items()):
        draw = torch.Generator().manual_seed(place)
        if tensor.dim() > 1:
            tensor.copy_(torch.randn(tensor.shape, generator=draw) / tensor[0].numel() ** 0.5)
        elif name.endswith(("bias", "running_mean")):
            tensor.copy_(0.2 * torch.randn(tensor.shape, generator=draw))
        elif tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=draw) + 0.5)
    return network.eval()


def answer_of(name: str) -> list[float]:
    """Mean, standard deviation and eight numbers of a net's scores for a random image, in units of that deviation."""
    network = filled(build(load_net(name).inference(), 11))
    with torch.no_grad():
        scores = network(torch.rand(1, 3, 128, 160, generator=torch.Generator().manual_seed(0))).double()
    spread = float(scores.std())
    sample = scores.flatten()[:: scores.numel() // 8][:8] / spread
    return [round(value, 4) for value in (float(scores.mean()) / spread, spread, *sample.tolist())]


def answers(nets: dict[str, list[float]]) -> str:
    """A line for each net."""
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in nets.items()) + "\n}\n"


if __name__ == "__main__":
    write_whole(DEFAULTS, defaults())
    write_whole(GOLDEN, as_text({name: figures_of(name) for name in zoo_names()}))
    write_whole(ANSWERS, answers({name: answer_of(name) for name in zoo_names()}))
    print(f"wrote {GOLDEN}, {ANSWERS} and {DEFAULTS}")
