"""rdslab verify: rows deleted or doubled, what report.json carries, older and broken reports, the command."""

import json
from pathlib import Path
from typing import Any

import pytest

from rdslab.network import load_net
from rdslab.records import digest
from rdslab.report.page import OVER_IMAGES
from rdslab.report.record import packed, unpacked
from rdslab.verify import verify_report
from tests.test_cli import answer
from tests.verify_cases import cells, copied, found, named, tamper, times, trained, write

__all__ = ["times", "trained"]


TABLES = [("trained", n) for n in ("trials.csv", "variants.csv", "effects.csv", "claims.csv")]
TABLES += [("times", n) for n in ("times.csv", "nets.csv", "ratios.csv", "beside_mine.csv", "claims.csv")]


@pytest.mark.parametrize("twice", [False, True], ids=["deleted", "doubled"])
@pytest.mark.parametrize(("kind", "table"), TABLES)
def test_a_row_deleted_or_doubled_is_named(
    kind: str, table: str, twice: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    report = copied(request.getfixturevalue(kind), tmp_path)
    rows = cells(report, table)
    write(report, table, [*rows, rows[-1]] if twice else rows[:-1] if len(rows) > 1 else [dict.fromkeys(rows[0], "")])
    assert any(finding.table == table for finding in found(report))
    record = json.loads((report / "report.json").read_text())
    del record["rows"]  # what counts the rows is not what alone tells
    (report / "report.json").write_text(json.dumps(record))
    assert found(report)


@pytest.mark.parametrize("name", ["variants.csv", "effects.csv", "claims.csv"])
def test_a_table_that_was_removed_is_named(name: str, trained: Path, tmp_path: Path) -> None:
    report = copied(trained, tmp_path)
    (report / name).unlink()
    assert any(finding.table == name and "no such table" in str(finding.reported) for finding in found(report))


def changed_net(record: dict[str, Any]) -> None:
    record["nodes"][0]["channels"] *= 2


def renamed_net(record: dict[str, Any]) -> None:
    record["heads"][0]["name"] = "another"


def dropped_net(record: dict[str, Any]) -> None:
    record["nets"].pop(next(iter(record["nets"])))


def broken_net(record: dict[str, Any]) -> None:
    record["nodes"][0]["block"] = "nonsense"


def another_seed(record: dict[str, Any]) -> None:
    record["study"]["seeds"] = [0, 1]


@pytest.mark.parametrize("change", [changed_net, renamed_net, dropped_net, broken_net, another_seed])
def test_what_a_report_carries_cannot_be_changed_either(change: Any, trained: Path, tmp_path: Path) -> None:
    report = copied(trained, tmp_path)
    record = json.loads((report / "report.json").read_text())
    change(record)
    (report / "report.json").write_text(json.dumps(record))
    assert any(finding.table == "report.json" for finding in found(report))


def test_one_net_changed_with_its_digest_still_has_another_id(trained: Path, tmp_path: Path) -> None:
    report = copied(trained, tmp_path)
    record = json.loads((report / "report.json").read_text())
    nets = json.loads(json.dumps(unpacked(record)))
    net_id = next(iter(nets))
    next(node for node in nets[net_id]["nodes"] if node["id"] == "enc3")["repeat"] += 1
    record |= packed(nets)
    assert record["digests"][net_id] == digest(nets[net_id])
    (report / "report.json").write_text(json.dumps(record))
    assert any((one.table, one.column) == ("report.json", "id") for one in found(report))
    assert any((one.table, one.column) == ("trials.csv", "macs") for one in found(report))


@pytest.mark.parametrize(
    ("name", "old", "new"), [("table.tex", "pm", "mp"), ("report.md", "| block rds", "| block RDS")]
)
def test_a_changed_line_of_a_text_is_named(name: str, old: str, new: str, trained: Path, tmp_path: Path) -> None:
    report = copied(trained, tmp_path)
    text = (report / name).read_text()
    assert old in text
    (report / name).write_text(text.replace(old, new, 1))
    (finding,) = found(report)
    assert (finding.table, finding.row.startswith("line ")) == (name, True)


def test_intervals_over_images_in_the_summary_are_left_out_and_the_other_cells_are_not(
    trained: Path, tmp_path: Path
) -> None:
    report = copied(trained, tmp_path)
    path = report / "report.md"
    lines = path.read_text().split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("| Variant | mIoU"))
    for number in range(start, len(lines)):
        if lines[number].startswith("|"):
            own = lines[number].split(" | ")
            added = {0: OVER_IMAGES, 1: "--:"}.get(number - start, "20.0 to 30.0")
            lines[number] = " | ".join([*own[:4], added, *own[4:]])
    path.write_text("\n".join(lines))
    assert found(report) == []
    path.write_text(path.read_text().replace("| block rds", "| block RDS", 1))
    assert any(finding.table == path.name for finding in found(report))


def test_another_version_of_a_profile_is_said_and_not_called_a_difference(trained: Path, tmp_path: Path) -> None:
    report = copied(trained, tmp_path)
    record = json.loads((report / "report.json").read_text())
    record["profiles"]["jetson-tx1"] = ["0123456789abcdef"]
    (report / "report.json").write_text(json.dumps(record))
    verified = verify_report(report)
    (left,) = [check for check in verified.checks if check.left_out]
    assert (verified.agrees, left.values) == (True, 0)
    assert left.left_out == "the shipped profile jetson-tx1 is another version"


def test_no_file_of_blocks_is_run(trained: Path, tmp_path: Path) -> None:
    report = copied(trained, tmp_path)
    record = json.loads((report / "report.json").read_text())
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'was_run')!r}, 'w')")
    for head in record["heads"]:
        head["blocks"] = [str(tmp_path / "mine.py")]
    (report / "report.json").write_text(json.dumps(record))
    assert any("which are not run" in check.left_out for check in verify_report(report).checks)
    assert not (tmp_path / "was_run").exists()


def test_an_older_report_is_verified_as_far_as_it_goes(trained: Path, tmp_path: Path) -> None:
    report = copied(trained, tmp_path)
    record = json.loads((report / "report.json").read_text())
    older = {key: record[key] for key in ("report", "study", "data_identity", "versions", "times", "disputed")}
    (report / "report.json").write_text(json.dumps(older))
    verified = verify_report(report)
    assert verified.agrees
    assert any("write it anew with `rdslab report`" in check.left_out for check in verified.checks)
    assert {check.what: check.values for check in verified.checks}["variants.csv, from trials.csv"] > 0
    tamper(report, "variants.csv", "p_holm")
    assert named(found(report), "variants.csv", "p_holm")
    (report / "report.json").unlink()
    assert named(found(report), "variants.csv", "p_holm")


def test_the_command_names_what_differs_and_leaves_with_its_status(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = answer(["verify", str(trained / "report.html")], capsys)
    assert (status, err, "values agree" in out) == (0, "", True)
    report = copied(trained, tmp_path)
    old = tamper(report, "variants.csv", "p")
    status, out, _ = answer(["verify", str(report)], capsys)
    assert (status, "1 value differs" in out, f"{float(old):.10g}" in out) == (1, True, True)
    status, out, _ = answer(["verify", str(report), "--json"], capsys)
    document = json.loads(out)
    (differ,) = document["differ"]
    assert (status, document["agrees"], differ["column"]) == (1, False, "p")
    assert differ["recomputed"] == pytest.approx(float(old))


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("report.json", "{", "is no JSON"),
        ("report.json", '{"report": 99}', "was written by another version"),
        ("report.json", '{"report": 1, "nodes": [], "nets": {"a": {"nodes": [7]}}}', "its nets are broken"),
        ("report.json", '{"report": 1, "document": {"name": "x"}}', "carries no study"),
        ("trials.csv", "slot,variant\n1,a\n", "has no column 'seed'"),
        ("trials.csv", "", "is no table"),
    ],
)
def test_a_broken_report_gets_one_message(
    file: str, text: str, said: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = copied(trained, tmp_path)
    (report / file).write_text(text)
    status, out, err = answer(["verify", str(report)], capsys)
    assert (status, out, "Traceback" in err) == (2, "", False)
    assert said in err
    assert answer(["verify", str(tmp_path / "nothing")], capsys)[0] == 2


def test_a_report_of_two_thousand_nets_stays_small() -> None:
    base = load_net("rdsnet")
    nets = {}
    for number in range(2000):
        dilation = [1 + int(bit) for bit in f"{number % 32:05b}"]
        net = base.with_value("enc3.cycle.dilation", dilation).with_value("enc2.repeat", 1 + number // 32)
        nets[f"{number:016x}"] = net.document()
    carried = json.loads(json.dumps(packed(nets)))
    assert len(json.dumps(carried)) < 500_000
    assert unpacked(carried) == json.loads(json.dumps(nets))
