"""How nets are drawn: lanes and edges as data, rails as text, the same as SVG, on every net of the zoo."""

import io
import random
from functools import cache
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from rdslab.cli import main
from rdslab.cli.drawing import draw, rails_of
from rdslab.cost import count
from rdslab.drawing.lanes import Layout, layout
from rdslab.drawing.svg import svg
from rdslab.identity import resolve
from rdslab.netfile import load_net, zoo_names
from rdslab.records import Cost, Size
from rdslab.spec import IMAGE, Net, Node

UNPOOL = str(Path(__file__).parent / "nets" / "unpool.yaml")


def node(name: str, *inputs: str, training: bool = False, like: str | None = None) -> Node:
    return Node(name, "conv", inputs, channels=8, training=training, like=like)


def net(*nodes: Node) -> Net:
    return Net("drawn", nodes)


def rails(drawn: Layout) -> list[str]:
    return ["".join(mark for mark, _ in rails_of(row, drawn.lanes)).rstrip() for row in drawn.rows]


def random_net(seed: int) -> Net:
    """Nodes that read up to three of the maps above; a last one reads what nobody read."""
    chance = random.Random(seed)
    maps, unread, nodes = [IMAGE], {IMAGE}, []
    for number in range(chance.randint(1, 25)):
        inputs = chance.sample(maps[-8:], min(len(maps), chance.choice([1, 1, 1, 2, 3])))
        if chance.random() < 0.2:
            inputs = [*inputs, f"{inputs[0].partition(':')[0]}:indices"] if inputs[0] != IMAGE else inputs
        unread -= set(inputs)
        training = chance.random() < 0.1
        nodes.append(node(f"n{number}", *dict.fromkeys(inputs), training=training))
        if not training:
            maps.append(f"n{number}")
            unread.add(f"n{number}")
    return net(*nodes, node("last", *sorted(unread)))


SKIPS = net(
    *(node("enc1", IMAGE), node("enc2", "enc1"), node("enc3", "enc2"), node("aux", "enc3", training=True)),
    *(node("dec2", "enc3", "enc2"), node("dec1", "dec2", "enc1"), node("up", "dec1", like=IMAGE)),
)
BUILDABLE = [UNPOOL, *zoo_names()]
RANDOM = [f"random{seed}" for seed in range(40)]


@pytest.fixture
def named(request: pytest.FixtureRequest) -> Net:
    name = request.param
    return random_net(int(name.removeprefix("random"))) if name in RANDOM else load_net(name)


every_net = pytest.mark.parametrize("named", [*BUILDABLE, *RANDOM], indirect=True)
every_buildable_net = pytest.mark.parametrize("named", BUILDABLE, indirect=True)


@cache
def cost_of(net: Net) -> Cost:
    return count(net, Size(64, 64), 5)


@every_net
def test_each_input_is_connected_to_what_makes_it(named: Net) -> None:
    drawn = layout(named)
    row = {each.id: number for number, each in enumerate(drawn.rows)}
    wanted = {(name, row[name.partition(":")[0]], row[each.id]) for each in named.nodes for name in each.inputs}
    assert {(edge.name, edge.start, edge.end) for edge in drawn.edges} == wanted


@every_net
def test_a_map_has_its_lane_to_itself_from_its_node_to_its_last_reader(named: Net) -> None:
    drawn = layout(named)
    for edge in drawn.edges:
        for number in range(edge.start, edge.end):
            assert drawn.rows[number].below[edge.lane] == edge.name
            assert drawn.rows[number + 1].above[edge.lane] == edge.name
            assert number == edge.start or drawn.rows[number].lane != edge.lane
    for row in drawn.rows:
        names = list(row.below.values())
        assert len(names) == len(set(names))


@every_net
def test_lanes_are_used_again(named: Net) -> None:
    drawn = layout(named)
    live = max(len({*row.above, *row.below, row.lane}) for row in drawn.rows)
    assert drawn.lanes <= live + 1  # one more where a lane rests under the end of a training-only head


@every_net
def test_a_node_under_one_that_nobody_reads_does_not_look_like_its_reader(named: Net) -> None:
    rows = layout(named).rows
    for above, below in pairwise(rows):
        if below.lane == above.lane:
            assert above.opens & (below.reads | {below.lane})


@every_net
def test_rails_show_what_goes_on_and_what_is_joined(named: Net) -> None:
    drawn = layout(named)
    for row, line in zip(drawn.rows, rails(drawn), strict=True):
        line = line.ljust(2 * drawn.lanes)
        assert line[2 * row.lane] in "●○"
        assert {n // 2 for n, mark in enumerate(line) if mark in "│┊├┤┼"} == {*row.above} & {*row.below} - {row.lane}
        assert {n // 2 for n, mark in enumerate(line) if mark in "╯╰┴"} == {*row.above} - {*row.below, row.lane}
        assert {n // 2 for n, mark in enumerate(line) if mark in "╮╭┬"} == row.opens - {row.lane}


def test_a_chain_is_one_lane() -> None:
    drawn = layout(load_net("rdsnet"))
    assert drawn.lanes == 1
    assert rails(drawn) == ["●"] * len(drawn.rows)


def test_nested_skips_do_not_cross() -> None:
    assert rails(layout(SKIPS)) == [
        "●",
        "●",
        "├─●",
        "│ ├─●",
        "│ │ ├─○",
        "│ ●─╯",
        "●─╯",
        "●",
    ]


def test_a_line_passes_under_a_rail_that_it_does_not_join() -> None:
    drawn = layout(
        net(
            node("a", IMAGE), node("b", "a"), node("c", "a"), node("d", "a"), node("e", "b"), node("f", "c"),
            node("g", "d", "e", "f"),
        )
    )  # fmt: skip
    assert rails(drawn) == [
        "●",
        "●",
        "├─●",
        "├─│─●",
        "● │ │",
        "│ ● │",
        "│ │ ●",
        "●─┴─╯",
    ]


def text(net: Net, terminal: Console) -> list[str]:
    draw(terminal, net, cost_of(net), resolve(net))
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue().splitlines()


def test_text_of_a_net_with_skips_and_second_outputs() -> None:
    lines = text(load_net(UNPOOL), Console(file=io.StringIO(), width=160))
    assert lines[0] == "unpool  64x64, 5 classes: 13,317 parameters, 12,865,536 MACs"
    assert lines[3:] == [
        "                                                 params    MACs",
        "●            image                    3 x 64x64",
        "●            stem    conv            16 x 64x64     432  1.77 M  bias False",
        "├─●─╮        pool1   max_pool        16 x 32x32       0       0",
        "│ ┊ ●        enc1    2 x rds         16 x 32x32  5.02 k  5.01 M  shuffle 2; dropout 0.1",
        "│ ┊ ├─●─╮    pool2   max_pool        16 x 16x16       0       0",
        "│ ┊ │ ┊ ●    enc2    rds             16 x 16x16  2.51 k   627 k  dilation 2",
        "│ ┊ │ ┊ ├─○  aux     conv         training only",
        "│ ┊ │ ┊ │ ○  aux_up  bilinear_up  training only                  like image",
        "│ ┊ │ ●─╯    back2   max_unpool      16 x 32x32       0       0  <- enc2, pool2:indices; like enc1",
        "│ ┊ ●─╯      skip2   concat          32 x 32x32       0       0  <- back2, enc1",
        "│ ┊ ●        mix2    conv            16 x 32x32  4.62 k  4.72 M",
        "│ ●─╯        back1   max_unpool      16 x 64x64       0       0  <- mix2, pool1:indices; like stem",
        "●─╯          skip1   add             16 x 64x64       0       0  <- back1, stem",
        "●            head    conv             5 x 32x32     725   737 k  stride 2",
        "●            up      bilinear_up      5 x 64x64       0       0  like image",
    ]


@every_buildable_net
def test_eighty_columns_cut_the_options_and_never_the_rails(named: Net) -> None:
    wide = text(named, Console(file=io.StringIO(), width=80))
    narrow = text(named, Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None))
    assert max(map(len, narrow)) <= 80
    for row, whole, cut in zip(
        rails(layout(named)), wide[-len(named.nodes) - 1 :], narrow[-len(named.nodes) - 1 :], strict=True
    ):
        assert cut.startswith(row)
        assert cut == whole or (cut.endswith("…") and whole.startswith(cut[:-1].rstrip()))


def test_a_terminal_without_unicode_gets_letters_that_it_has() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    net = load_net(UNPOOL)
    draw(Console(file=stream, width=60, force_terminal=True, color_system=None), net, cost_of(net), resolve(net))
    stream.seek(0)
    assert "| *-'" in stream.read()


@every_buildable_net
def test_svg_is_xml_with_every_node_and_every_map(named: Net) -> None:
    root = ET.fromstring(svg(named, cost_of(named)))
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {IMAGE, *(each.id for each in named.nodes)} <= set(texts)
    titles = {each.text.partition(" -> ")[0] for each in root.iter("{http://www.w3.org/2000/svg}title") if each.text}
    assert {name for each in named.nodes for name in each.inputs} <= titles
    assert svg(named, cost_of(named)) == svg(named, cost_of(named))


def test_show_writes_the_svg_beside_its_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["show", UNPOOL, "--size", "64x64", "--svg", str(tmp_path / "net.svg")])
    out, err = capsys.readouterr()
    assert not leaving.value.code
    assert "pool1:indices" in out
    assert err.split() == ["wrote", str(tmp_path / "net.svg")]
    assert ET.parse(tmp_path / "net.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert [path.name for path in tmp_path.iterdir()] == ["net.svg"]


@pytest.mark.parametrize(("place", "said"), [("none/net.svg", "there is no folder"), ("", "is a folder")])
def test_a_wrong_place_for_the_svg_is_one_message(
    place: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["show", UNPOOL, "--size", "64x64", "--svg", str(tmp_path / place)])
    out, err = capsys.readouterr()
    assert leaving.value.code == 2
    assert out == ""
    assert err.startswith("--svg: ")
    assert said in err
    assert list(tmp_path.iterdir()) == []
