"""torch.compile: whole nets, any number of them side by side, and said where one breaks.

Each in a process of its own: the shape checks of the tests' blocks would break every graph.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from rdslab.measure.backends import offered
from tests.backend_cases import CPU

COMPILE = """
import sys, torch, torch._dynamo
from torch import nn
from rdslab.measure.agent.clock import WallTimer
from rdslab.measure.backends import open_backend, release
from rdslab.network import build, load_net
torch._dynamo.config.recompile_limit = 1
image = torch.rand(1, 3, 32, 32)
graphs, kept = lambda: torch._dynamo.utils.counters["stats"]["unique_graphs"], []
class Plain(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.one, self.classes = nn.Conv2d(3, classes, 1), classes
    def forward(self, image):
        if sys.argv[1] == "breaks":
            torch._dynamo.graph_break()
        return self.one(image).relu() + self.classes
for classes in range(2, 2 + int(sys.argv[2])):
    how = dict(backend="compile", precision="fp32", layout="channels_first", threads=1, inside="labels")
    found = open_backend(Plain(classes), image, timer=WallTimer(), **how)
    kept.append(found)
    print(found.facts["graphs"], found.facts["compile_s"] > 0, *found.notes)
compiled = graphs()
assert all(len(found.runner(2)) == 2 for found in kept)
print("again", graphs() - compiled)
release()
kept[0].runner(1)
print("after a release", graphs() - compiled)
"""


def _compiled(*words: str) -> list[str]:
    if lack := offered(CPU)["compile"]:
        pytest.skip(lack)
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_more_nets_are_compiled_side_by_side_than_torch_would_recompile() -> None:
    """And none a second time while they are timed in turn; only once they are released."""
    assert _compiled("whole", "3") == ["1 True", "1 True", "1 True", "again 0", "after a release 1"]


def test_a_net_that_breaks_into_graphs_says_so() -> None:
    assert _compiled("breaks", "1")[0] == "2 True torch.compile broke it into 2 graphs"


@pytest.mark.long
@pytest.mark.parametrize("name", ["rdsnet", "enet", "espnetv2"])
def test_zoo_nets_are_compiled_whole(name: str) -> None:
    code = COMPILE.replace("Plain(classes)", f"build(load_net({name!r}).inference(), 11)").replace("32, 32", "64, 64")
    done = subprocess.run([sys.executable, "-c", code, "whole", "1"], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[0] == "1 True", done.stderr[-2000:]
