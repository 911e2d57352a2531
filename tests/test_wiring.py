"""A net that is wired or written wrongly gets one message with file and line, and no other exception."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rdslab.errors import RdslabError
from rdslab.network import build, load_net

HEAD = "  - {id: head, block: conv, channels: classes}\n"


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a net of these nodes is answered with: loaded, put on paper and built."""
    monkeypatch.chdir(tmp_path)

    def answer(nodes: str, classes: int = 19) -> str:
        Path("t.yaml").write_text(f"name: t\nnodes:\n{nodes}")
        with pytest.raises(RdslabError) as caught:
            build(load_net("t.yaml"), classes)
        assert caught.value.exit_status == 2
        return str(caught.value)

    return answer


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (
            "  - {id: a, block: rdz, channels: 8}\n" + HEAD,
            "t.yaml:3: nodes[0]: unknown block 'rdz'\n  there are: act, add, ",
        ),
        (
            "  - id: a\n    block: residual\n    channels: 3\n    options:\n      dilaton: 2\n" + HEAD,
            "t.yaml:7: nodes[0].options.dilaton: block 'residual' has no option 'dilaton'\n"
            "  it takes: dilation=1, dropout=0.0, linear=False\n  did you mean 'dilation'?",
        ),
        (
            "  - {id: a, block: residual, channels: 3}\n  - {id: b, block: rds, channels: 3, cycle: {dilatoin: [1]}}\n",
            "t.yaml:4: nodes[1].cycle.dilatoin: block 'rds' has no option 'dilatoin'",
        ),
        (
            "  - {id: a, block: add, options: {x: 1}}\n",
            "t.yaml:3: nodes[0].options.x: block 'add' has no option 'x'\n  it takes no options",
        ),
        (
            "  - {id: a, block: residual, channels: 3, options: {dilation: 1025}}\n" + HEAD,
            "t.yaml:3: nodes[0].options.dilation: must be <= 1024, got 1025",
        ),
        (
            "  - {id: a, block: residual, channels: 3, options: {dilation: 0}}\n" + HEAD,
            "t.yaml:3: nodes[0].options.dilation: must be >= 1, got 0",
        ),
        (
            "  - {id: a, block: residual, channels: 3, options: {dropout: 5e-1}}\n" + HEAD,
            "t.yaml:3: nodes[0].options.dropout: expected a number, got the text '5e-1'\n"
            "  YAML reads 5e-1 as text; write 5.0e-1",
        ),
        (
            "  - {id: a, block: residual, channels: 3, repeat: 2, options: {dropout: 1.0}, cycle: {dilation: [1, 2]}}\n"
            + HEAD,
            "t.yaml:3: nodes[0].options.dropout: must be < 1.0, got 1.0",
        ),
        (
            "  - {id: a, block: residual, channels: 3, repeat: 2, cycle: {dilation: [1, two]}}\n" + HEAD,
            "t.yaml:3: nodes[0].cycle.dilation: expected a whole number, got 'two'",
        ),
        (
            "  - {id: a, block: rds, channels: 3, options: {shuffle_at: befor}}\n" + HEAD,
            "t.yaml:3: nodes[0].options.shuffle_at: expected 'after' or 'input', got 'befor'",
        ),
        (
            "  - {id: a, block: pool_conv_down, channels: 8, stride: 3}\n" + HEAD,
            "t.yaml:3: nodes[0].stride: expected 2, got 3",
        ),
        (
            "  - {id: a, block: act, stride: 2}\n" + HEAD,
            "t.yaml:3: nodes[0].stride: block 'act' takes no `stride`\n  blocks that do: avg_pool, ",
        ),
        (
            "  - {id: a, block: conv, channels: wide}\n" + HEAD,
            "t.yaml:3: nodes[0].channels: expected a whole number or 'classes', got 'wide'",
        ),
        ("  - {id: a, block: conv, channels: 0}\n" + HEAD, "t.yaml:3: nodes[0].channels: must be >= 1, got 0"),
        (
            "  - {id: a, block: conv, chanels: 8}\n" + HEAD,
            "t.yaml:3: nodes[0].chanels: unknown key 'chanels'\n  it takes: block,",
        ),
        ("  - {id: a, channels: 8}\n" + HEAD, "t.yaml:3: nodes[0].block: missing key 'block'\n  add `block:`"),
        ("  - {id: a, block: conv}\n" + HEAD, "t.yaml:3: nodes[0]: node 'a' needs channels\n  write `channels: 64` or"),
        (
            "  - {id: a b, block: conv, channels: 8}\n" + HEAD,
            "t.yaml:3: nodes[0]: a node's id is letters, digits and _, got 'a b'",
        ),
        ("  - {id: head, block: conv, channels: 8}\n" + HEAD, "t.yaml:4: nodes[1]: duplicate node id 'head'"),
        ("  - {id: image, block: conv, channels: 8}\n" + HEAD, "t.yaml:3: nodes[0]: 'image' is the input's name"),
        (
            "  - {id: items, block: conv, channels: 8}\n" + HEAD,
            "t.yaml:3: nodes[0]: a node cannot be called 'items': torch.nn.ModuleDict keeps that name for itself",
        ),
        (
            "  - {id: global, block: conv, channels: 8}\n" + HEAD,
            "t.yaml:3: nodes[0]: a node cannot be called 'global': Python keeps that name for itself",
        ),
        (
            "  - {id: a, block: conv, channels: 8, inputs: [b]}\n  - {id: b, block: conv, channels: 8}\n" + HEAD,
            "t.yaml:3: nodes[0]: node 'a' reads 'b', which does not stand above it: a net has no cycles\n  move",
        ),
        (
            "  - {id: a, block: conv, channels: 8, inputs: [a]}\n" + HEAD,
            "t.yaml:3: nodes[0]: node 'a' reads 'a', which does not stand above it: a net has no cycles",
        ),
        (
            "  - {id: stem, block: conv, channels: 8}\n  - {id: a, block: conv, channels: 8, inputs: [sten]}\n" + HEAD,
            "t.yaml:4: nodes[1]: node 'a' reads 'sten', which is no node\n"
            "  above it there are: image, stem\n  did you mean 'stem'?",
        ),
        (
            "  - {id: a, block: conv, channels: 8}\n  - {id: b, block: conv, channels: 8, inputs: [image]}\n" + HEAD,
            "t.yaml:3: nodes[0]: nobody reads node 'a'\n  name it in the inputs of another node, or remove it",
        ),
        (
            "  - {id: a, block: conv, channels: 8, inputs: []}\n" + HEAD,
            "t.yaml:3: nodes[0].inputs: needs at least 1 of them, got 0",
        ),
        (
            "  - {id: a, block: max_pool}\n  - {id: b, block: conv, channels: 8, inputs: ['a:index']}\n" + HEAD,
            "t.yaml:4: nodes[1]: node 'a' has no output 'index'\n"
            "  its second outputs are: indices\n  did you mean 'indices'?",
        ),
        (
            "  - {id: a, block: conv, channels: 8, inputs: ['image:x']}\n" + HEAD,
            "t.yaml:3: nodes[0]: node 'image' has no output 'x'\n  it has no second output",
        ),
        (
            "  - {id: a, block: max_pool}\n  - {id: up, block: bilinear_up, like: 'a:indices'}\n",
            "t.yaml:4: nodes[1]: node 'up' reads 'a:indices', which is no node",
        ),
        (
            "  - {id: a, block: conv, channels: 8, like: image}\n" + HEAD,
            "t.yaml:3: nodes[0]: block 'conv' does not resize, so it takes no `like`",
        ),
        (
            "  - {id: a, block: add}\n" + HEAD,
            "t.yaml:3: nodes[0]: block 'add' reads two or more inputs: `inputs: [NODE, NODE]`",
        ),
        (
            "  - {id: a, block: max_pool}\n  - {id: b, block: concat, inputs: [a, image]}\n" + HEAD,
            "t.yaml:4: nodes[1]: node 'b' joins maps at 1/1 and 1/2 of the image's size",
        ),
        (
            "  - {id: a, block: conv, channels: 8, training: true}\n  - {id: head, block: conv, channels: classes}\n",
            "t.yaml:4: nodes[1]: node 'head' reads 'a', which only training has",
        ),
        (
            "  - {id: a, block: conv, channels: 8, training: true}\n",
            "t.yaml:2: nodes: a net needs at least one node that is not training-only",
        ),
        ("  []\n", "t.yaml:2: nodes: needs at least 1 of them, got 0"),
        (
            "  - {id: a, block: conv, channels: 8}\n",
            "t.yaml:3: nodes[0]: the last node answers with 8 channels, not one for each of 19",
        ),
        (
            "  - {id: a, block: conv, channels: classes, stride: 2}\n",
            "t.yaml:3: nodes[0]: the last node answers at 1/2 of the image's size\n"
            "  end with {id: up, block: bilinear_up, like: image}",
        ),
        (
            "  - {id: a, block: bilinear_up, up: 2}\n" + HEAD,
            "t.yaml:3: nodes[0]: node 'a' enlarges 1/1 by 2, beyond the image's size",
        ),
        (
            "  - {id: a, block: conv, channels: 16, options: {groups: 2}}\n" + HEAD,
            "t.yaml:3: nodes[0]: block 'conv' groups (=2) must divide the channels (=3)",
        ),
        (
            "  - {id: s, block: conv, channels: 16}\n  - {id: a, block: rds, channels: 16, options: {shuffle: 5}}\n"
            + HEAD,
            "t.yaml:4: nodes[1]: block 'rds' shuffle (=5) must divide the channels (=16)",
        ),
        (
            "  - {id: a, block: concat, inputs: [image, image], repeat: 2}\n" + HEAD,
            "t.yaml:3: nodes[0]: node 'a' has several inputs and cannot repeat\n  write the repeats out",
        ),
        (
            "".join(f"  - {{id: a{i}, block: residual, channels: 3, repeat: 1024}}\n" for i in range(5)),
            "t.yaml:7: nodes[4]: has more than 4,096 units",
        ),
    ],
)
def test_a_net_that_cannot_be_gets_one_message_with_its_line(said: Callable[..., str], nodes: str, words: str) -> None:
    message = said(nodes)
    assert message.startswith(words)
    assert len(message.splitlines()) <= 4
