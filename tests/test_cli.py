"""The command line is a contract: its verbs, options, exit statuses and words."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from rdslab.cli import main

VERBS = {
    "list": {"--size", "--classes", "--device", "--json", "--csv", "--latex"},
    "show": {"--size", "--classes", "--svg", "--set", "--json"},
    "cost": {"--size", "--classes", "--per-node", "--audit", "--training", "--set", "--json"},
    "formulas": {"--json"},
    "check": {"--schema", "--json"},
    "time": {"--device", "--size", "--classes", "--threads", "--channels-last", "--precision", "--set", "--json"}
    | {"--backend", "--form", "--inside", "--calibrate"},
    "train": {"--out", "--data", "--root", "--size", "--recipe", "--seed", "--threads", "--set", "--json"}
    | {"--weights", "--by", "--partial", "--skip"},
    "load": {"--by", "--partial", "--skip", "--classes", "--data", "--root", "--size", "--out", "--set", "--json"},
    "evaluate": {"--data", "--root", "--size", "--set", "--json"},
    "predict": {"--out", "--json"},
    "export": {"--out", "--size", "--classes", "--opset", "--data", "--root", "--set", "--json"},
    "choose": {"--under", "--device", "--size", "--classes", "--weights", "--study", "--own", "--risk", "--threads"}
    | {"--json", "--csv", "--latex"},
    "compare": {"--size", "--classes", "--without-times", "--json"},
    "plan": {"--spread", "--spread-from", "--effect", "--power", "--no-probe", "--storage", "--root", "--set"}
    | {"--json"},
    "run": {"--workers", "--storage", "--root", "--set", "--retry-failed", "--force", "--json"}
    | {"--engine", "--address"},
    "worker": {"--storage", "--set"},
    "measure": {"--storage", "--device", "--give-up", "--again", "--set", "--json"},
    "status": {"--storage", "--watch", "--json"},
    "dashboard": {"--storage", "--host", "--port"},
    "report": {"--out", "--storage", "--root", "--examples", "--json"},
    "verify": {"--json"},
    "data check": {"--data", "--root", "--size", "--set", "--json"},
    "space audit": {"--size", "--classes", "--device", "--samples", "--seed", "--set", "--json"},
    "device list": {"--json"},
    "device show": {"--json"},
    "device profile": {"--out", "--device", "--nets", "--held-out", "--size", "--classes", "--threads", "--precision"}
    | {"--form", "--board", "--json"},
    "device fit": {"--out", "--board", "--json"},
}


def commands(group: Any, above: str = "") -> dict[str, set[str]]:
    found = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= commands(command, f"{above}{name} ")
        else:
            found[f"{above}{name}"] = {o for p in command.params for o in p.opts if o.startswith("--")} - {"--help"}
    return found


def test_the_command_line_is_frozen() -> None:
    from rdslab.cli.app import app

    assert commands(typer.main.get_command(app)) == VERBS


def answer(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        main(words)
    out, err = capsys.readouterr()
    return int(leaving.value.code or 0), out, err


def test_cost_gives_the_published_figures_exactly(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = answer(["cost", "rdsnet", "--size", "1024x512", "--classes", "19", "--json"], capsys)
    (found,) = json.loads(out)
    assert (status, err) == (0, "")
    assert (found["name"], found["params"], found["macs"]) == ("rdsnet", 927_906, 10_653_401_088)


@pytest.mark.parametrize(
    "words",
    [
        ["list", "nets", "--json"],
        ["list", "blocks", "--json"],
        ["list", "datasets", "--json"],
        ["list", "devices", "--json"],
        ["show", "rdsnet", "--json"],
        ["cost", "rdsnet", "rdsnet_code", "--size", "64x64", "--per-node", "--audit", "--json"],
        ["time", "rdsnet", "--device", "jetson-tx1", "--json"],
        ["device", "list", "--json"],
        ["device", "show", "jetson-tx1", "--json"],
        ["data", "check", "--data", "synthetic", "--size", "32x32", "--set", "data.train=2", "--json"],
    ],
)
def test_json_is_one_document_and_nothing_else(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = answer(words, capsys)
    assert status == 0
    assert json.loads(out) is not None
    assert answer([w for w in words if w != "--json"], capsys)[0] == 0


def test_a_prediction_says_so_with_its_interval(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = answer(["time", "rdsnet", "--device", "jetson-tx1", "--size", "640x360", "--json"], capsys)
    (found,) = json.loads(out)
    assert found["predicted"] is True
    assert found["low_ms"] < found["latency_ms"] < found["high_ms"]
    _, out, _ = answer(["time", "rdsnet", "--device", "jetson-tx1", "--size", "640x360"], capsys)
    assert "predicted" in out
    assert "disputed" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cost", "rdsnt"], "no net is called 'rdsnt'"),
        (["cost", "rdsnet", "--size", "big"], "expected a size as width x height, got 'big'"),
        (["cost", "rdsnet", "--size", "31x31"], "31x31 is too small for net 'rdsnet'\n  the least it takes is 32x32"),
        (["cost", "rdsnet", "--classes", "1"], "classes must be from 2 to 254, got 1"),
        (["cost", "rdsnet", "--set", "enc2.options.groups=3"], "groups (=3) must divide the channels (=64)"),
        (["cost", "rdsnet", "--set", "enc2.options.grups=3"], "did you mean 'groups'?"),
        (["cost", "rdsnet", "--set", "enc3.options.dilation=2"], "set enc3.cycle.dilation"),
        (["cost", "rdsnet", "--set", "nonsense"], "--set: expected path=value, got 'nonsense'"),
        (["list", "nots"], "nothing is listed as 'nots'"),
        (["time", "rdsnet", "--device", "jetson-tx"], "did you mean 'jetson-tx1'?"),
        (["run", "nope.yaml"], "nope.yaml: cannot read: No such file or directory"),
        (["train", "rdsnet", "--out", "o", "--set", "recipe.epohcs=3"], "did you mean 'epochs'?"),
        (["train", "rdsnet", "--out", "o", "--set", "epochs=3"], "begin with data., net. or recipe."),
        (["train", "rdsnet", "--out", "o", "--data", "camvid", "--root", "/none"], "the data root does not exist"),
        (["train", "rdsnet", "--out", "o", "--data", "camvit"], "did you mean 'camvid'?"),
        (["check"], "nothing to check"),
        (["frobnicate"], "No such command 'frobnicate'"),
    ],
)
def test_a_wrong_request_gets_one_message_and_status_two(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = answer(words, capsys)
    assert status == 2
    assert said in err
    assert out == ""
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_where_a_mistake_was_met() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rdslab", "--debug", "cost", "rdsnt"], capture_output=True, text=True, check=False
    )
    assert "Traceback" in done.stderr


def test_help_loads_no_torch() -> None:
    code = "import sys; from rdslab.cli.app import app; sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_check_tells_kinds_apart_and_writes_schemas(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    files = [
        "studies/demo.yaml",
        "rdslab/zoo/rdsnet.yaml",
        "rdslab/train/recipes/paper.yaml",
        "rdslab/measure/devices/jetson-tx1.yaml",
    ]
    status, out, _ = answer(["check", *[str(root / f) for f in files], "--schema", str(tmp_path), "--json"], capsys)
    assert status == 0
    assert [found["kind"] for found in json.loads(out)] == ["study", "net", "recipe", "device"]
    schema = json.loads((tmp_path / "net.schema.json").read_text())
    rules = {
        rule["if"]["properties"]["block"]["const"]: rule["then"] for rule in schema["$defs"]["NodeDocument"]["allOf"]
    }
    assert "shuffle" in rules["rds"]["properties"]["options"]["properties"]
    assert {p.stem for p in tmp_path.iterdir()} == {
        f"{k}.schema" for k in ("net", "study", "recipe", "device", "space")
    }


def test_check_of_a_document_of_no_kind_says_what_kinds_there_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("colour: blue\n")
    status, _, err = answer(["check", str(path)], capsys)
    assert status == 2
    assert "its keys tell no kind of document" in err
    assert "a net has nodes" in err


def test_shipped_studies_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted((Path(__file__).parents[1] / "studies").glob("*.yaml")):
        status, out, err = answer(["check", str(path)], capsys)
        assert (status, err) == (0, ""), path
        assert "is right" in out
