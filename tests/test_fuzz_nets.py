"""Whatever a net's file holds, it loads or gets one message: damaged files never raise anything else."""

import random
from pathlib import Path

import pytest

from rdslab.cost import count
from rdslab.errors import RdslabError
from rdslab.identity import ids
from rdslab.netfile import ZOO, net_from
from rdslab.network import build
from rdslab.records import Size
from rdslab.yamlio import parse_yaml

GOOD = [
    *[path.read_bytes() for path in sorted(ZOO.glob("rdsnet*.yaml"))],
    (Path(__file__).parent / "nets" / "unpool.yaml").read_bytes(),
]
VALUES = [
    *"0 -1 1 3 99999999999 1e-3 1.5 .nan .inf no null ~ '' [] {} [1,2] {a: 1} image classes up enc2 a:b *x &x".split(),
    '"\\0"', "!!float x", "2020-01-01", "0x10", "1:30", "rds", "add", "concat", "max_unpool", "[image, image]", "true",
]  # fmt: skip
KEYS = (
    b"id block inputs channels repeat stride up like options cycle training inherited dilation name nodes width".split()
)


def damaged(seed: int) -> bytes:
    """A good file with one to three things wrong."""
    draw = random.Random(seed)
    text = draw.choice(GOOD)
    for _ in range(draw.randint(1, 3)):
        text = draw.choice([_flip, _swap, _drop, _rename, _replace, _cut])(text, draw)
    return text


def _flip(text: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(text) or 1)
    return text[:at] + bytes([draw.randrange(256)]) + text[at + 1 :]


def _swap(text: bytes, draw: random.Random) -> bytes:
    lines = text.split(b"\n")
    i, j = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]
    return b"\n".join(lines)


def _drop(text: bytes, draw: random.Random) -> bytes:
    lines = text.split(b"\n")
    del lines[draw.randrange(len(lines))]
    return b"\n".join(lines)


def _rename(text: bytes, draw: random.Random) -> bytes:
    return text.replace(draw.choice(KEYS) + b":", draw.choice(KEYS) + b":", draw.randint(1, 3))


def _replace(text: bytes, draw: random.Random) -> bytes:
    parts = text.split(b": ")
    at = draw.randrange(1, len(parts)) if len(parts) > 1 else 0
    end = min([i for i in (parts[at].find(c) for c in (b",", b"}", b"\n")) if i >= 0], default=len(parts[at]))
    parts[at] = draw.choice(VALUES).encode() + parts[at][end:]
    return b": ".join(parts)


def _cut(text: bytes, draw: random.Random) -> bytes:
    return text[: draw.randrange(len(text) or 1)]


def answered(text: bytes) -> bool:
    """Whether a text is a net that can be used, or is said to be none in a few words; raises for anything else."""
    try:
        net = net_from(parse_yaml(text, "t.yaml"))
        ids(net)
        count(net, Size(64, 64), 5)
        if sum(node.repeat for node in net.nodes) < 50:
            build(net, 5)
    except RdslabError as error:
        message = str(error)
        return error.exit_status == 2 and len(message) < 2000 and "pydantic" not in message
    return True


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_200_damaged_nets_load_or_get_a_message(first: int) -> None:
    assert all(answered(damaged(seed)) for seed in range(first, first + 50))


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 11_000, 1000))
def test_10_000_damaged_nets_load_or_get_a_message(first: int) -> None:
    assert all(answered(damaged(seed)) for seed in range(first, first + 1000))
