"""The audit of a space: what it counts, what it finds to be of no use, and that its intervals hold what is exact."""

import json
from pathlib import Path

import numpy as np
import pytest

from rdslab.cli import main
from rdslab.space import audit_space
from rdslab.space.audit import Audit
from tests.test_space import GROUPS, SHUFFLE, UNIT, space

DEPLOY = "deploy: {size: 128x96, classes: 5, devices: [jetson-tx1]}\n"
WIDE = "w: {tied: {down3.channels: [128, 192], enc3.channels: [128, 192]}}"
DEPTH = "enc3.repeat: {whole: [1, 5]}"
DILATION = "enc3.cycle.dilation: {choice: [[1], [1, 2], [1, 2, 4]]}"


def looked(*genes: str, more: str = "", samples: int = 2000) -> Audit:
    return audit_space(space(*genes, more=DEPLOY + more), samples)


def sampled(monkeypatch: pytest.MonkeyPatch, *genes: str, more: str = "", samples: int = 300) -> Audit:
    monkeypatch.setattr("rdslab.space.audit.ENUMERABLE", 0)
    return looked(*genes, more=more, samples=samples)


def test_an_enumerable_space_is_counted_exactly() -> None:
    found = looked(UNIT, GROUPS, SHUFFLE)
    assert found.exact
    assert (found.size, found.looked) == (18, 18)
    assert found.nets_at_least == found.nets_at_most == 1 + 1 + 2 * 3
    assert found.built.share == found.built.low == 1.0


def test_repeats_that_end_before_a_cycle_does_are_one_net() -> None:
    # at one repeat all three are [1], at two the last two are [1, 2]
    assert looked(DEPTH, DILATION).nets_at_least == 1 + 2 + 3 * 3


def test_a_gene_that_changes_nothing_is_named_and_whether_it_costs() -> None:
    found = looked(UNIT, "enc3.options.shuffle: {choice: [0, 4]}", "enc2.options.dilate: {choice: [dense, both]}")
    assert [(idle.gene, idle.costs, idle.tries) for idle in found.idle] == [
        ("enc3.options.shuffle", True, 0),
        ("enc2.options.dilate", False, 0),
    ]


def test_a_choice_that_is_never_built_is_named_with_the_reason() -> None:
    found = looked(UNIT, "enc3.options.groups: {choice: [1, 2, 3]}")
    (choice,) = found.never_built
    assert (choice.gene, choice.choice) == ("enc3.options.groups", "3")
    assert "groups (=3) must divide the channels (=32)" in choice.why
    assert found.built.share == pytest.approx(5 / 6)
    assert found.clashes == ()


def test_a_pair_that_clashes_is_named_with_the_reason_and_no_other() -> None:
    found = looked(WIDE, DEPTH, "enc3.options.groups: {choice: [1, 2, 3]}")
    (clash,) = found.clashes
    assert (clash.genes, clash.choices) == (("w", "enc3.options.groups"), ("128", "3"))
    assert "groups (=3) must divide the channels (=32)" in clash.why
    assert found.never_built == ()


def test_limits_are_held_over_the_nets_that_can_be_built() -> None:
    plain = looked(DEPTH)
    middle = plain.figures[0].quantiles[2].value
    found = looked(DEPTH, more=f"limits: {{macs: {float(middle)}, receptive_field: 10}}\n")
    assert {share.of: share.share for share in found.within} == {
        "all limits": 0.6,
        f"macs at most {middle:g}": 0.6,
        "receptive_field at least 10": 1.0,
    }


def test_a_space_of_which_nothing_can_be_built_says_why() -> None:
    with pytest.raises(Exception, match="none of 2 nets of space 't' can be built"):
        looked("enc3.options.groups: {choice: [3, 5]}")


GENES = (UNIT, GROUPS, SHUFFLE, DEPTH, DILATION, WIDE)
LIMITS = "limits: {latency_ms.jetson-tx1: 7.5}\n"


def test_intervals_of_a_sample_hold_what_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = looked(*GENES, more=LIMITS)
    found = sampled(monkeypatch, *GENES, more=LIMITS)
    assert exact.exact
    assert not found.exact
    assert found.looked == 300
    assert found.nets_at_least <= exact.nets_at_least <= found.nets_at_most <= found.size
    assert found.built.low <= exact.built.share <= found.built.high
    assert 0.05 < exact.within[0].share < 0.95
    assert found.within[0].low <= exact.within[0].share <= found.within[0].high
    held = [
        mine.low <= true.value <= mine.high
        for ours, truth in zip(found.figures, exact.figures, strict=True)
        for mine, true in zip(ours.quantiles, truth.quantiles, strict=True)
    ]
    assert np.mean(held) >= 0.9  # 95 % each


def test_a_sample_finds_the_same_faults_and_says_how_often_it_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    genes = (WIDE, DEPTH, "enc3.options.groups: {choice: [1, 2, 3, 5]}", "enc2.options.shuffle: {choice: [0, 4]}")
    found = sampled(monkeypatch, *genes)
    assert [(choice.choice, choice.tries > 50) for choice in found.never_built] == [("5", True)]
    assert [clash.choices for clash in found.clashes] == [("128", "3")]
    assert [(idle.gene, idle.costs, idle.tries) for idle in found.idle] == [("enc2.options.shuffle", True, 50)]


def test_the_same_seed_draws_the_same_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rdslab.space.audit.ENUMERABLE", 0)
    one = space(*GENES, more=DEPLOY)
    assert audit_space(one, 40, seed=3) == audit_space(one, 40, seed=3)


def answer(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        main(words)
    out, err = capsys.readouterr()
    return int(leaving.value.code or 0), out, err


SMALL = f"""\
name: small
base: rdsnet
genes:
  {UNIT}
  {GROUPS}
  enc2.options.shuffle: {{choice: [0, 4]}}
{DEPLOY}limits: {{receptive_field: 10}}
"""


def test_the_command_answers_people_and_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    status, out, err = answer(["space", "audit", str(path), "--json"], capsys)
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert (found["size"], found["exact"], found["nets_at_least"], found["nets_at_most"]) == (12, True, 4, 4)
    assert [figure["name"] for figure in found["figures"]] == [
        "macs",
        "params",
        "receptive_field",
        "latency_ms.jetson-tx1",
    ]
    assert found["genes"][0] == {"name": "enc3.block", "choices": ["rds", "residual"]}
    status, out, _ = answer(["space", "audit", str(path), "--size", "64x64", "--device", "rtx-2080"], capsys)
    assert status == 0
    assert "distinct nets after canonicalisation: 4" in out
    assert "gene enc2.options.shuffle changes only what nets cost, never what can be learned" in out
    assert "latency_ms.rtx-2080" in out
    assert "at 64x64, 5 classes" in out


def test_check_and_list_know_spaces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "search_spaces" / "small.yaml"
    path.parent.mkdir()
    path.write_text(SMALL)
    status, out, _ = answer(["check", str(path)], capsys)
    assert status == 0
    assert f"{path}: space 'small' is right\n  3 genes, 12 genotypes" in out
    status, out, _ = answer(["list", "spaces", "--json"], capsys)
    assert json.loads(out) == [{"file": "search_spaces/small.yaml", "genes": 3, "genotypes": "12", "title": ""}]
    path.write_text(SMALL.replace("groups", "grups"))
    status, out, err = answer(["space", "audit", str(path)], capsys)
    assert (status, out) == (2, "")
    assert "did you mean 'groups'?" in err


@pytest.mark.parametrize(("words", "said"), [(["--samples", "3"], "--samples: must be 10 to 1,000,000, got 3")])
def test_a_wrong_option_is_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = answer(["space", "audit", "none.yaml", *words], capsys)
    assert status == 2
    assert said in err
