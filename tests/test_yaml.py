"""YAML is read strictly: whatever a file holds, it becomes plain data or one clear message with file and line."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from rdslab.errors import SpecError
from rdslab.yamlio import Document, options_model, parse_setting, parse_yaml, read_yaml, validate, with_settings


class Inner(Document):
    rate: float = 0.1
    kind: Literal["adam", "sgd"] = "adam"


class Outer(Document):
    name: str
    epochs: Annotated[int, Field(ge=1)] = 1
    shuffle: bool = True
    sizes: tuple[int, ...] = ()
    inner: Inner = Inner()


def said(text: str | bytes) -> str:
    with pytest.raises(SpecError) as caught:
        validate(Outer, parse_yaml(text, "t.yaml"))
    assert caught.value.exit_status == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "name: a\nepoch: 3\n",
            "t.yaml:2: epoch: unknown key 'epoch'\n  it takes: epochs, inner, name, shuffle, sizes",
        ),
        ("epochs: 3\n", "t.yaml:1: name: missing key 'name'\n  add `name:`"),
        ("name: a\nname: b\n", "t.yaml:2: name: duplicate key 'name'\n  it stands in line 1 already"),
        ("name: a\nepochs: 0\n", "t.yaml:2: epochs: must be >= 1, got 0"),
        ("name: a\nepochs: 2.5\n", "t.yaml:2: epochs: expected a whole number, got 2.5"),
        (
            "name: a\nepochs: '3'\n",
            "t.yaml:2: epochs: expected a whole number, got the text '3'\n  it is quoted; write 3",
        ),
        ("name: a\nepochs: true\n", "t.yaml:2: epochs: expected a whole number, got True"),
        ("name: a\nepochs:\n", "t.yaml:2: epochs: expected a whole number, got nothing"),
        ("name: 3\n", "t.yaml:1: name: expected text, got 3"),
        ("name: no\n", "t.yaml:1: name: expected text, got False\n  YAML reads no as False; quote it: 'no'"),
        (
            "name: a\ninner:\n  rate: 1e-3\n",
            "t.yaml:3: inner.rate: expected a number, got the text '1e-3'\n  YAML reads 1e-3 as text; write 1.0e-3",
        ),
        ("name: a\ninner:\n  rate: .nan\n", "t.yaml:3: inner.rate: expected a finite number, got nan"),
        ("name: a\ninner: {rate: -.INF}\n", "t.yaml:2: inner.rate: expected a finite number, got -inf"),
        (
            "name: a\ninner: {kind: adan}\n",
            "t.yaml:2: inner.kind: expected 'adam' or 'sgd', got 'adan'\n  did you mean 'adam'?",
        ),
        ("name: a\ninner: [1]\n", "t.yaml:2: inner: expected a mapping, got a list"),
        ("name: a\nsizes: [1, x]\n", "t.yaml:2: sizes[1]: expected a whole number, got 'x'"),
        ("name: a\nepochs: 1_000\n", "t.yaml:2: epochs: YAML reads 1_000 in another base"),
        ("name: a\nepochs: 010\n", "t.yaml:2: epochs: YAML reads 010 in another base"),
        ("name: a\nepochs: 1234567890123456789\n", "t.yaml:2: epochs: 1234567890123456789 is too long a number"),
        ("name: 1:30\n", "t.yaml:1: name: YAML reads 1:30 in another base"),
        ("name: 1:30.5\n", "t.yaml:1: name: YAML reads 1:30.5 as minutes"),
        ("name: !!float x\n", "t.yaml:1: name: expected a number, got 'x'"),
        ("name: !!bool x\n", "t.yaml:1: name: expected true or false, got 'x'"),
        ("name: !!python/object:os.system x\n", "t.yaml:1: name: the tag tag:yaml.org,2002:python/object:os.system"),
        ('name: "\\0"\n', "t.yaml:1: name: holds a character that is no text"),
        ('name: "\\ud800"\n', "t.yaml:1: name: holds a character that is no text"),
        ('name: "\\UFFFFFFFF"\n', "t.yaml: is not YAML: it holds an escape that stands for no character"),
        ("<<: {name: a}\n", "t.yaml:1: merge keys (<<) are not read; write the keys out"),
        ("? [a]\n: b\n", "t.yaml:1: a key must be text"),
        ("name: a\n--- \nname: b\n", "t.yaml:2: is not YAML: but found another document"),
        ("name: [a\n", "t.yaml:2: is not YAML: expected ',' or ']', but got '<stream end>'"),
        ("name: a\n\tepochs: 1\n", "t.yaml:2: is not YAML: found character '\\t' that cannot start any token"),
        ("name: *a\n", "t.yaml:1: is not YAML: found undefined alias 'a'"),
        ("name: &a [*a]\n", "t.yaml:1: name[0]: refers to itself"),
        ("- a\n", "t.yaml:1: expected a mapping, got a list\n  write `key: value` lines"),
        ("just words", "t.yaml:1: expected a mapping, got text"),
        ("", "t.yaml: is empty; expected a YAML mapping"),
        ("# only a comment\n", "t.yaml: is empty; expected a YAML mapping"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "t.yaml: is not text; expected YAML in UTF-8"),
        (b"\x00\x01\x02", "t.yaml: is not text: special characters are not allowed\n  expected YAML in UTF-8"),
        ("name: " + "[" * 60 + "]" * 60, "t.yaml:1: is nested too deeply"),
        ("name: " + "[" * 100_000, "t.yaml: is nested too deeply"),
        ("name: " + "{a: " * 30_000, "t.yaml: is nested too deeply"),
    ],
)
def test_wrong_yaml_gets_one_message_with_its_line(text: str | bytes, words: str) -> None:
    message = said(text)
    assert message.startswith(words)
    assert len(message.splitlines()) <= 3


def test_aliases_that_blow_a_small_file_up_are_refused() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
    )
    assert said(bomb) == "t.yaml: holds more than 100,000 values"


def test_files_that_are_none_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("big.yaml").write_bytes(b"name: a\n" * 1_250_000)
    Path("folder.yaml").mkdir()

    def why(path: str) -> str:
        with pytest.raises(SpecError) as caught:
            read_yaml(path)
        return str(caught.value)

    assert why("big.yaml") == "big.yaml: has more than 1 MB; no document is as large"
    assert why("folder.yaml") == "folder.yaml: is a folder; expected a YAML file"
    assert why("missing.yaml") == "missing.yaml: cannot read: No such file or directory"
    assert why("a" * 300 + ".yaml").endswith("cannot read: File name too long")


def test_what_is_right_is_read_as_it_is() -> None:
    text = "\ufeffname: 2024-05-01\nepochs: 2\nshuffle: off\nsizes: [1, 2]\ninner: {rate: 1.0e-3}\n"
    document = validate(Outer, parse_yaml(text, "t.yaml"))
    assert document == Outer(name="2024-05-01", epochs=2, shuffle=False, sizes=(1, 2), inner=Inner(rate=0.001))


def test_a_setting_replaces_a_value_and_is_named_in_its_errors() -> None:
    source = parse_yaml("name: a\nepochs: 3\n", "t.yaml")
    changed = validate(Outer, with_settings(source, ["epochs=5", "inner.rate=2", "name=it is"]))
    assert (changed.epochs, changed.inner.rate, changed.name) == (5, 2.0, "it is")
    assert validate(Outer, source).epochs == 3
    with pytest.raises(SpecError) as caught:
        validate(Outer, with_settings(source, ["inner.rate=1e-3"]))
    assert str(caught.value).startswith("--set inner.rate: expected a number, got the text '1e-3'")
    for wrong in ("epochs", "=3", "a..b=3"):
        with pytest.raises(SpecError, match="--set: expected path=value"):
            parse_setting(wrong)


def test_a_signature_is_a_schema_with_its_types_and_defaults() -> None:
    def block(
        inside: int, *, dilation: int = 1, act: Literal["relu", "prelu"] = "relu", bins: "tuple[int, ...]"
    ) -> None:
        del inside, dilation, act, bins

    model = options_model(block)
    assert list(model.model_fields) == ["dilation", "act", "bins"]
    assert model.model_fields["bins"].is_required()

    def loose(inside: int, **options: int) -> None:
        del inside, options

    def untyped(inside: int, *, dilation=1) -> None:  # type: ignore[no-untyped-def]
        del inside, dilation

    with pytest.raises(TypeError, match=r"loose takes \*\*options; a signature is a schema, so name its options"):
        options_model(loose)
    with pytest.raises(TypeError, match="untyped: option 'dilation' needs a type"):
        options_model(untyped)
