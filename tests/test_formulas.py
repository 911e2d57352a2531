"""The paper's equations against blocks that are built and counted."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch import nn

from rdslab.blocks import RDS, Residual
from rdslab.cost import formulas
from rdslab.cost.formulas import Verified


@pytest.fixture(scope="module")
def rows() -> list[Verified]:
    return formulas.verify()


def of(rows: list[Verified], equation: int) -> dict[int, Verified]:
    return {row.channels: row for row in rows if row.equation == equation}


def test_every_equation_from_2_to_9_is_verified_at_every_width(rows: list[Verified]) -> None:
    assert {(row.equation, row.channels) for row in rows} == {(e, n) for e in range(2, 10) for n in formulas.WIDTHS}
    assert [row.equation for row in rows] == sorted(row.equation for row in rows)


def test_all_equations_hold_exactly_in_convolution_macs(rows: list[Verified]) -> None:
    assert all(row.exact for row in rows)


@pytest.mark.parametrize(
    ("channels", "ratio", "total", "with_bias"),
    [
        (32, 0.515625, 0.518966, 0.520619),
        (64, 0.5078125, 0.509516, 0.510363),
        (128, 0.50390625, 0.504766, 0.505195),
        (256, 0.501953125, 0.502385, 0.502601),
    ],
)
def test_equation_9_gives_the_papers_figures(
    rows: list[Verified], channels: int, ratio: float, total: float, with_bias: float
) -> None:
    row = of(rows, 9)[channels]
    assert row.formula == row.ours == row.fvcore == row.params == Fraction(ratio)
    assert round(float(row.fvcore_total), 6) == total
    assert round(float(row.params_norm_bias), 6) == with_bias


def test_equation_6_gives_the_papers_figure(rows: list[Verified]) -> None:
    assert round(float(of(rows, 6)[64].ours), 7) == 0.1267361


def test_absolute_counts_are_macs_on_the_map(rows: list[Verified]) -> None:
    n, d = 64, formulas.SIDE
    assert of(rows, 7)[n].ours == 9 * n * d * d + 9 * n * n * d * d
    assert of(rows, 8)[n].params == 18 * n * n
    assert of(rows, 8)[n].params_norm - of(rows, 8)[n].params == 4 * n
    assert of(rows, 8)[n].params_norm_bias - of(rows, 8)[n].params_norm == 2 * n
    assert of(rows, 2)[n].params_norm - of(rows, 2)[n].params == 2 * n


def test_the_sentence_is_said_only_where_it_was_found_exact(rows: list[Verified]) -> None:
    words = formulas.in_words(rows)
    assert words[0] == (
        "RDS / residual = 1/2 + 1/(2N) (eq. 9) holds exactly for convolutions: counted by us and by fvcore at "
        "N = 32, 64, 128, 256, compared as fractions, with nothing rounded."
    )
    wrong = [replace(row, ours=row.ours + Fraction(1, 10**9)) if row.equation == 9 else row for row in rows]
    assert formulas.in_words(wrong)[0].startswith("RDS / residual = 1/2 + 1/(2N) (eq. 9) does not hold")
    assert formulas.in_words([]) == []


def test_the_words_name_what_batch_norm_and_bias_change(rows: list[Verified]) -> None:
    assert "0.515625 becomes 0.518966 in fvcore's total" in formulas.in_words(rows)[1]
    assert "0.520619 with bias too" in formulas.in_words(rows)[1]


def test_one_width_is_enough_and_rows_are_plain_data() -> None:
    document = json.loads(json.dumps(formulas.document(formulas.verify((8,)))))
    assert document["rows"][-1] == {
        "equation": 9,
        "about": "RDS / residual",
        "channels": 8,
        "formula": 0.5625,
        "ours": 0.5625,
        "fvcore": 0.5625,
        "fvcore_total": 680 / 1184,
        "params": 0.5625,
        "params_norm": 680 / 1184,  # 9 * 8 + 9 * 64 + 4 * 8 over 18 * 64 + 4 * 8
        "params_norm_bias": 696 / 1200,
        "exact": True,
    }
    assert document["rows"][0]["formula"] == 9 * 8 * 8 * 16 * 16
    assert len(document["words"]) == 4


def test_a_copy_with_bias_computes_the_same_and_the_block_is_left_alone() -> None:
    block = RDS(8, 8).eval()
    before = sum(p.numel() for p in block.parameters())
    biased = formulas.with_bias(block)
    x = torch.rand(1, 8, 9, 7)
    assert torch.equal(block(x), biased(x))
    assert sum(p.numel() for p in biased.parameters()) == before + 2 * 8
    assert sum(p.numel() for p in block.parameters()) == before


def test_a_copy_without_norm_has_no_batch_norm_at_any_depth() -> None:
    block = nn.Sequential(Residual(8, 8), nn.Sequential(nn.BatchNorm2d(8)))
    bare = formulas.without_norm(block)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in bare.modules())
    assert sum(isinstance(part, nn.BatchNorm2d) for part in block.modules()) == 3
