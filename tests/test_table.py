"""Tables of measured times: what they may hold, and what is said of one that is wrong, with its line."""

from pathlib import Path

import pytest

from rdslab.errors import SpecError
from rdslab.measure.table import read_table

GOOD = "net,size,latency_ms\nrdsnet,640x360,49\nenet,640x360,65.5\n"
NET = """
name: little
nodes:
  - {id: down, block: pool_conv_down, channels: 16, stride: 2}
  - {id: head, block: conv, channels: classes}
  - {id: up, block: bilinear_up, like: image}
"""


def table(folder: Path, text: str | bytes) -> Path:
    path = folder / "times.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_three_columns_are_enough_and_the_defaults_are_named(tmp_path: Path) -> None:
    found = read_table(table(tmp_path, GOOD))
    assert [(row.net.name, str(row.size), row.classes, row.latency_ms) for row in found.rows] == [
        ("rdsnet", "640x360", 19, 49.0), ("enet", "640x360", 19, 65.5),
    ]  # fmt: skip
    assert found.defaults == {"classes": "19", "precision": "fp32", "form": "eager", "framework": "PyTorch"}
    assert (found.precision, found.form, found.framework) == ("fp32", "eager", "PyTorch")


def test_optional_columns_in_any_order_spaces_quotes_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    text = (
        "\ufeffframework,latency_ms, size ,net,form,precision,classes\r\n"
        '"TensorRT 8.2",9.5,640x360,rdsnet,deployed,fp16,11\r\n\r\n'
        "TensorRT 8.2, 8 ,640 x 360,enet,deployed,fp16,19\r\n"
    )
    found = read_table(table(tmp_path, text))
    assert (found.precision, found.form, found.framework) == ("fp16", "deployed", "TensorRT 8.2")
    assert found.defaults == {}
    assert [(row.classes, row.latency_ms, row.where[-5:]) for row in found.rows] == [
        (11, 9.5, "csv:2"),
        (19, 8, "csv:4"),
    ]


def test_a_net_file_is_found_from_beside_the_table(tmp_path: Path) -> None:
    (tmp_path / "little.yaml").write_text(NET)
    found = read_table(table(tmp_path, "net,size,latency_ms\nlittle.yaml,64x64,2\nrdsnet,64x64,3\n"))
    assert [row.net.name for row in found.rows] == ["little", "rdsnet"]


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("latency_ms\n", "latency\n"), 1, r"unknown column 'latency'\n  columns are: .*\n  did you mean 'latency_ms'"),
        (("size,latency_ms\n", "size\n"), 1, "has no column 'latency_ms'"),
        (("net,size", "net,net,size"), 1, "column 'net' stands twice"),
        (("net,size,latency_ms", "net;size;latency_ms"), 1, "cells are parted by commas"),
        (("640x360,49", "640x360,fast"), 2, "latency_ms: expected a number above 0, got 'fast'"),
        (("640x360,49", "640x360,-4"), 2, "latency_ms: expected a number above 0, got '-4'"),
        (("640x360,49", "640x360,0"), 2, "latency_ms: expected a number above 0, got '0'"),
        (("640x360,49", "640x360,nan"), 2, "latency_ms: expected a number above 0, got 'nan'"),
        (("640x360,49", "640x360,inf"), 2, "latency_ms: expected a number above 0, got 'inf'"),
        (("640x360,49", '640x360,"4,9"'), 2, "write milliseconds with a decimal point"),
        (("640x360,49", "640x360,4,9"), 2, "has 4 cells for 3 columns"),
        (("640x360,49", "640x360,"), 2, "latency_ms is empty"),
        (("640x360,49", "wide,49"), 2, "expected a size as width x height, got 'wide'"),
        (("enet", "rdsent"), 3, "did you mean 'rdsnet'"),
        (("enet", "no.yaml"), 3, "no.yaml: cannot read"),
        (("enet", "rdsnet"), 3, "rdsnet at 640x360 with 19 classes stands in line 2 already"),
    ],
)
def test_a_wrong_table_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], line: int, words: str) -> None:
    with pytest.raises(SpecError, match=words) as error:
        read_table(table(tmp_path, GOOD.replace(*change)))
    assert str(error.value).startswith(f"{tmp_path / 'times.csv'}:{line}: ")


@pytest.mark.parametrize(
    ("column", "first", "second"),
    [("precision", "fp16", "fp32"), ("form", "eager", "deployed"), ("framework", "PyTorch", "TensorRT 8.2")],
)
def test_times_of_two_kinds_are_not_mixed_and_both_lines_are_named(
    tmp_path: Path, column: str, first: str, second: str
) -> None:
    text = f"net,size,latency_ms,{column}\nrdsnet,64x64,1,{first}\nenet,64x64,1,{first}\nenet,96x64,1,{second}\n"
    with pytest.raises(SpecError, match=rf"csv:4: {column} is '{second}' here and '{first}' in line 2"):
        read_table(table(tmp_path, text))


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("precision", "fp23", "precision: expected one of fp32, fp16, bf16, int8, got 'fp23'"),
        ("form", "folded", "form: expected one of eager, deployed, got 'folded'"),
        ("classes", "many", "classes: expected a whole number, got 'many'"),
        ("classes", "1", "classes must be from 2 to 254, got 1"),
    ],
)
def test_a_wrong_word_is_told(tmp_path: Path, column: str, value: str, words: str) -> None:
    with pytest.raises(SpecError, match=f"csv:2: {words}"):
        read_table(table(tmp_path, f"net,size,latency_ms,{column}\nrdsnet,64x64,1,{value}\n"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "times.csv: is empty"),
        (b"\n\n", "times.csv: is empty"),
        (b"net,size,latency_ms\n", "has columns but no times"),
        (b"net,size,latency_ms\nrdsnet,64x64,\xff\n", r"csv:2: is no UTF-8 text"),
        ("net,size,latency_ms\n".encode("utf-16"), r"csv:1: is no UTF-8 text"),
        (b'net,size,latency_ms\nrdsnet,"64x64,1\n', r"csv:\d: is no CSV"),
        (b"net,size,latency_ms\nrdsnet,64x64,\x001\n", r"csv:2: "),
        (b"," * (5 << 20), "is larger than 4 MiB"),
    ],
)
def test_what_is_no_table_is_told(tmp_path: Path, text: bytes, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        read_table(table(tmp_path, text))


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.csv: there is no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(SpecError, match=r"cannot read: Is a directory"):
        read_table(tmp_path)
