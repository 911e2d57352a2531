"""Nets from files, and the blocks of the user's own that they bring: run, checked, or refused in one message."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from rdslab.blocks import BLOCKS
from rdslab.errors import RdslabError, SpecError
from rdslab.identity import ids
from rdslab.netfile import net_from_document
from rdslab.network import build, load_net, zoo_names
from rdslab.promises import check_block

BLOCK = '''\
import torch
from torch import nn
from torch.nn import functional as F

from rdslab.blocks import BLOCKS
from rdslab.blocks.registry import Whole


@BLOCKS.register("{name}")
class Mine(nn.Module):
    """1x1, scale: a block of the user's."""

    def __init__(self, in_channels: int, out_channels: int, *, power: Whole = 1) -> None:
        super().__init__()
        if in_channels == 13:
            raise ValueError("does not like 13 channels")
        self.conv, self.power = nn.Conv2d(in_channels, out_channels, 1), power

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return {factor} * F.relu(self.conv(x)) ** self.power
'''
NET = """\
name: t
blocks: [{file}]
nodes:
  - {{id: a, block: {name}, channels: 8, options: {{power: 2}}}}
  - {{id: head, block: conv, channels: classes}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own, whose blocks are forgotten after the test."""
    (tmp_path / "nets").mkdir()
    monkeypatch.chdir(tmp_path / "nets")
    before = set(BLOCKS.names())
    yield tmp_path / "nets"
    for name in set(BLOCKS.names()) - before:
        BLOCKS.remove(name)


def write(name: str = "mine", factor: int = 1, file: str = "blocks.py") -> None:
    Path(file).write_text(BLOCK.format(name=name, factor=factor))
    Path("t.yaml").write_text(NET.format(name=name, file=file))


def said(path: str = "t.yaml") -> str:
    with pytest.raises(RdslabError) as caught:
        build(load_net(path), 3)
    assert caught.value.exit_status == 2
    return str(caught.value)


@pytest.mark.usefixtures("folder")
def test_a_block_from_a_file_beside_the_net_is_a_block_like_ours() -> None:
    write()
    net = load_net("t.yaml")
    assert BLOCKS.entry("mine").file == net.blocks[0]
    assert check_block("mine") == []
    assert build(net, 3)(torch.zeros(1, 3, 8, 9)).shape == (1, 3, 8, 9)
    assert ids(net_from_document(net.document())) == ids(net)
    assert not list(Path.cwd().glob("**/__pycache__"))


@pytest.mark.usefixtures("folder")
def test_an_edited_file_is_read_again_and_makes_another_net() -> None:
    write(factor=1)
    first = load_net("t.yaml")
    before, weights = ids(first), build(first, 3)(torch.ones(1, 3, 8, 8))
    write(factor=2)  # the same length, within the same second
    second = load_net("t.yaml")
    assert ids(second) != before
    assert not torch.equal(build(second, 3)(torch.ones(1, 3, 8, 8)), weights)
    write(name="ours", factor=2)
    load_net("t.yaml")
    assert "mine" not in BLOCKS


@pytest.mark.usefixtures("folder")
def test_an_edit_that_fails_leaves_the_blocks_as_they_were() -> None:
    write()
    before = ids(load_net("t.yaml"))
    good = Path("blocks.py").read_text()
    Path("blocks.py").write_text(good.replace("1 * F", "3 * F") + "\nraise OSError('no disk')\n")
    assert said() == "t.yaml:2: blocks[0]: running blocks.py:22 failed: OSError: no disk"
    assert BLOCKS.entry("mine").origin
    Path("blocks.py").write_text(good)
    assert ids(load_net("t.yaml")) == before


HALF = "@BLOCKS.register('half')\nclass Half(nn.Module):\n    def __init__(self, i: int, o: int, "


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("x = (\n", ":2 failed: SyntaxError: '(' was never closed"),
        ("a = 1\n  b = 2\n", ":3 failed: IndentationError: unexpected indent"),
        ("a = 1\n1 / 0\n", ":3 failed: ZeroDivisionError: division by zero"),
        ("import nothing_like_it\n", ":2 failed: ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("import sys\nsys.exit(3)\n", ":3 failed: SystemExit: 3"),
        ("x = '\0'\n", " failed: SyntaxError: source code string cannot contain null bytes"),
        (
            "@BLOCKS.register('rds')\nclass Mine(nn.Module): ...\n",
            ":2 failed: ValueError: block 'rds' is already registered by rdslab.blocks.units; choose another name",
        ),
        (
            HALF + "**options: int): ...\n",
            " failed: TypeError: Half takes **options; a signature is a schema, so name its options",
        ),
        (HALF + "*, power=1): ...\n", " failed: TypeError: Half: option 'power' needs a type"),
        (HALF + "*, power: 'Pow' = 1): ...\n", " failed: NameError: name 'Pow' is not defined"),
        (
            "@BLOCKS.register('half')\ndef half(i: int, o: int): ...\n",
            " failed: TypeError: block 'half' must be a class of torch.nn.Module",
        ),
        (HALF + "*, power: int = 1): ...\nBLOCKS['haf']\n", ":5 failed: unknown block 'haf'"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_file_that_fails_gets_one_message_with_its_line_and_leaves_nothing(code: str, words: str) -> None:
    known = BLOCKS.names(), set(sys.modules)
    write()
    Path("blocks.py").write_text("from rdslab.blocks import BLOCKS; from torch import nn\n" + code)
    assert said().partition("\n")[0] == f"t.yaml:2: blocks[0]: running blocks.py{words}"
    assert (BLOCKS.names(), set(sys.modules)) == known


@pytest.mark.usefixtures("folder")
def test_a_file_that_does_not_lie_beside_the_net_or_below_is_not_run() -> None:
    Path("../outside.py").write_text("raise AssertionError('was run')\n")
    Path("link.py").symlink_to("../outside.py")
    beside = "does not lie beside the net's file or below it\n  copy it there"
    for file in ("../outside.py", str(Path("../outside.py").resolve()), "link.py"):
        Path("t.yaml").write_text(NET.format(name="mine", file=file))
        assert said() == f"t.yaml:2: blocks[0]: {file} {beside}"
    Path("t.yaml").write_text(NET.format(name="mine", file="missing.py"))
    assert said() == "t.yaml:2: blocks[0]: cannot read missing.py: No such file or directory"
    Path("t.yaml").write_text(NET.format(name="mine", file="."))
    assert said() == "t.yaml:2: blocks[0]: cannot read .: Is a directory"


@pytest.mark.usefixtures("folder")
def test_two_files_cannot_both_register_a_name() -> None:
    write(file="one.py")
    load_net("t.yaml")
    write(file="two.py")
    taken = Path("one.py").resolve()
    assert said() == (
        f"t.yaml:2: blocks[0]: running two.py:9 failed: ValueError: "
        f"block 'mine' is already registered by {taken}; choose another name"
    )


@pytest.mark.usefixtures("folder")
def test_what_a_users_block_refuses_is_said_at_its_node() -> None:
    write()
    Path("t.yaml").write_text(
        Path("t.yaml").read_text().replace("  - {id: a,", "  - {id: s, block: conv, channels: 13}\n  - {id: a,")
    )
    assert said() == "t.yaml:5: nodes[1]: block 'mine' does not like 13 channels"
    Path("blocks.py").write_text(BLOCK.format(name="mine", factor=1).replace("ValueError", "KeyError"))
    assert said() == "t.yaml:5: nodes[1]: block 'mine' failed: KeyError: 'does not like 13 channels'"
    Path("blocks.py").write_text(
        BLOCK.format(name="mine", factor=1).replace("power: Whole = 1", "power: Whole, gain: float")
    )
    assert said() == "t.yaml:5: nodes[1].options.gain: missing key 'gain'\n  add `gain:`"


@pytest.mark.usefixtures("folder")
def test_an_option_may_be_a_list_and_its_type_is_kept() -> None:
    write()
    Path("blocks.py").write_text(
        BLOCK.format(name="mine", factor=1)
        .replace("power: Whole = 1", "powers: tuple[int, ...] = (1, 2)")
        .replace(", power\n", ", sum(powers)\n")
    )
    Path("t.yaml").write_text(NET.format(name="mine", file="blocks.py").replace("power: 2", "powers: [1, 3]"))
    net = load_net("t.yaml")
    assert build(net, 3).units[0].options == {"powers": (1, 3)}
    assert ids(net_from_document(net.document())) == ids(net)
    cycled = net.with_value("a.options.powers", (2, 2))
    assert ids(cycled) == ids(net.with_value("a.options.powers", [2, 2]))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rdsnt", "no net is called 'rdsnt'\n  the zoo has: "),
        ("missing.yaml", "missing.yaml: cannot read: No such file or directory"),
        ("x" * 5000, "no net is called 'xxx"),
        (".", ".: is a folder; expected a YAML file"),
        ("", "no net is called ''"),
    ],
)
def test_a_name_that_is_no_net_is_said(name: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_net(name)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("name", zoo_names())
def test_every_net_of_the_zoo_is_right_on_paper(name: str) -> None:
    assert len(ids(load_net(name))[0]) == 16
