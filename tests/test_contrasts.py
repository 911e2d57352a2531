"""How sharply a design shows its effects: as least squares has it, and as often as it says."""

from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from rdslab.search.contrasts import contrasts_of
from rdslab.search.designs import Design
from rdslab.stats.effects import effects
from tests.test_designs import design, designed, kind


def levels_of(found: Design) -> dict[str, list[str]]:
    return {factor.name: [level.name for level in factor.levels] for factor in found.factors}


@pytest.mark.parametrize("seeds", [2, 5])
def test_a_two_level_factorial_has_the_textbook_errors(tmp_path: Path, seeds: int) -> None:
    found = contrasts_of(design(designed(tmp_path)), seeds)
    assert found is not None
    assert (found.df, found.tested, found.aliases) == (7 * (seeds - 1), 6, {})
    assert found.errors["unit"] == pytest.approx(2 / sqrt(8 * seeds))
    assert found.errors["shuffle x unit"] == pytest.approx(4 / sqrt(8 * seeds))


def test_a_factor_of_three_levels_is_two_effects(tmp_path: Path) -> None:
    found = contrasts_of(design(designed(tmp_path, ("[0, 4]", "[0, 2, 4]"))), 3)
    assert found is not None
    assert found.tested == 4 + 5  # of four and five contrasts: shuffle counts twice, so do its interactions
    assert found.errors["shuffle"] == pytest.approx(sqrt(2 / (4 * 3)))


def test_a_fraction_says_what_it_cannot_tell_apart(tmp_path: Path) -> None:
    found = contrasts_of(design(designed(tmp_path, kind("fractional", "resolution: 3"))), 3)
    assert found is not None
    assert found.aliases["unit"] == ("shuffle x dilation",)
    assert found.tested == 3


def test_other_kinds_and_one_seed_have_none(tmp_path: Path) -> None:
    assert contrasts_of(design(designed(tmp_path, kind("pairs"))), 5) is None
    assert contrasts_of(design(designed(tmp_path)), 1) is None


def test_an_effect_is_found_as_often_as_planned(tmp_path: Path) -> None:
    plan = design(designed(tmp_path, kind("fractional", "resolution: 3")))
    contrasts = contrasts_of(plan, 3)
    assert contrasts is not None
    smallest = contrasts.detectable(1.0, level=0.05, power=0.8)["unit"]
    generator, told = np.random.default_rng(0), []
    for _ in range(300):
        block = generator.normal(0, 5, 3)
        values = {
            tuple(plan.levels(run).values()): dict(enumerate(run[2] * smallest + block + generator.normal(0, 1, 3)))
            for run in plan.runs
        }
        (unit,) = [effect for effect in effects(values, levels_of(plan)) if effect.factors == ("unit",)]
        told.append(unit.p is not None and unit.p < 0.05 / contrasts.tested)
    assert np.mean(told) == pytest.approx(0.8, abs=0.06)
