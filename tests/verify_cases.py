"""Reports to be verified and tampered with: real nets, costs and predictions, made-up scores and runs."""

import csv
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from rdslab.api import report_study
from rdslab.records import Context
from rdslab.search.cells import TimesFacts, measured_cells
from rdslab.search.plan import Study, load_study
from rdslab.search.run import start
from rdslab.times import Host, Protocol, Times
from rdslab.verify import Finding, verify_report
from rdslab.verify.measured import quartiles_of

CLASSES = ("Sky", "Road", "Car")
HOST = Host("cpu", 2, 8.0, "", "Linux", {"torch": "2"})
TRAINED = """\
name: trained
base: rdsnet
set: {width: 0.25}
design:
  kind: factorial
  factors:
    block: {"enc*.block": [rds, residual]}
    dropout: {"enc2.options.dropout": [0.0, 0.1]}
data: {name: synthetic, size: 48x32, train: 12, val: 4}
recipe: {use: one_cycle, epochs: 2, batch: 4}
seeds: [0, 1, 2, 3, 4, 5]
deploy: {size: 64x64, classes: 11, devices: [jetson-tx1, here]}
claims:
  - {name: it costs less, says: 'macs: "block rds, dropout 0.0" < "block residual, dropout 0.0"'}
  - {name: it is better, says: 'miou: "block rds, dropout 0.0" > "block residual, dropout 0.0"'}
"""
TIMES = """\
name: times
base: rdsnet
set: {width: 0.25}
variants:
  - {name: rds}
  - {name: residual, set: {"enc*.block": residual}}
ratios:
  - {name: in the net, over: residual, under: rds}
deploy: {sizes: [64x64, 96x64, 96x96], classes: 11, devices: [jetson-tx1, here]}
published:
  - device: jetson-tx1
    source: made up
    ms: {rds: {64x64: 4.0, 96x64: 4.5, 96x96: 5.0}, residual: {64x64: 4.2, 96x64: 4.9, 96x96: 5.9}}
  - device: mine
    source: made up
    ms: {rds: {64x64: 4.0, 96x64: 4.5, 96x96: 5.0}, residual: {64x64: 4.2, 96x64: 4.9, 96x96: 5.9}}
    fit: {given: 3}
claims:
  - {name: it costs less, says: "macs: rds < residual"}
"""


def entered(
    text: str, folder: Path, seed: int = 1, *, better: float = 0.0, epochs: int = 2, ms: float = 10.0
) -> tuple[Study, str]:
    """A study with all its facts in a database in the folder, scores and runs from a seed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(text)
    study, url = load_study(folder / "study.yaml"), f"sqlite:///{folder / 'study.db'}"
    prepared, ledger = start(study, url)
    chance = random.Random(seed)
    for row in ledger.rows() if study.trains else ():
        ious = {name: 0.3 + better + 0.1 * chance.random() for name in CLASSES}
        score = {"miou": sum(ious.values()) / len(ious), "iou": ious, "images": 4, "split": "val", "history": []}
        score |= {name: 0.5 + 0.1 * chance.random() for name in ("accuracy", "mean_accuracy", "fw_iou")}
        data = {"name": "synthetic", "size": "48x32", "identity": "abc", "split": "val"}
        context = Context(
            {"kind": "score", "data": data, "recipe": {"epochs": epochs}, "torch": "2", "rdslab": "0.1.0"}
        )
        effort = {"hours": 0.1 + 0.01 * chance.random(), "host": {"cpu": "cpu", "versions": {"torch": "2"}}}
        found = [
            (kind, row["net_id"], context, row["seed"], one) for kind, one in (("score", score), ("effort", effort))
        ]
        ledger.close(row["number"], "done", found)
    known = TimesFacts(ledger)
    for cell in measured_cells(study):
        for index, variant in enumerate(prepared.nets):
            known.put(prepared.net_id(variant), cell, {}, measured(ms + index, cell.size, cell.form, chance).document())
    return study, url


def measured(ms: float, size: str, form: str, chance: random.Random) -> Times:
    runs = tuple(ms * (1 + 0.01 * chance.random()) for _ in range(12))
    protocol = Protocol(size, 11, 1, "fp32", "torch", 1, "channels_first", "network", form, "default")
    parts = quartiles_of(runs)
    middle = (parts["latency_ms"], parts["low_ms"], parts["high_ms"])
    return Times("here", False, runs, *middle, protocol, HOST, block_runs=(4, 4, 4), energy_mj=12.5)


def reported(text: str, folder: Path) -> Path:
    """The report of such a study, without the second copy of its trials that would give any change away."""
    study, url = entered(text, folder)
    report_study(study.source.name, folder / "report", storage=url)
    (folder / "report" / "trials.parquet").unlink(missing_ok=True)
    return folder / "report"


def copied(report: Path, folder: Path) -> Path:
    shutil.copytree(report, folder / "copy", ignore=shutil.ignore_patterns("*.png", "*.svg", "*.pdf", "paper"))
    return folder / "copy"


def columns(report: Path, table: str) -> list[str]:
    return list(cells(report, table)[0])


def cells(report: Path, table: str) -> list[dict[str, str]]:
    with (report / table).open(newline="") as file:
        return list(csv.DictReader(file))


def write(report: Path, table: str, rows: list[dict[str, Any]]) -> None:
    with (report / table).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def tamper(report: Path, table: str, column: str) -> str:
    """Another leading digit, or another word, in the last row that has one; what stood there."""
    rows = cells(report, table)
    row = next(row for row in reversed(rows) if row[column])
    old = row[column]
    row[column] = other(old)
    write(report, table, rows)
    return old


def other(text: str) -> str:
    if text in ("True", "False"):
        return "False" if text == "True" else "True"
    try:
        float(text)
    except ValueError:
        return f"{text}x"
    place = next((i for i, letter in enumerate(text) if letter in "123456789"), 0)
    return text[:place] + ("1" if text[place] != "1" else "2") + text[place + 1 :]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reported(TRAINED, tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def times(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reported(TIMES, tmp_path_factory.mktemp("times"))


def found(report: Path) -> list[Finding]:
    return verify_report(report).findings


def named(findings: list[Finding], table: str, column: str) -> bool:
    return any((finding.table, finding.column) == (table, column) for finding in findings)
