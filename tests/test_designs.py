"""Designs: which runs each kind gives, what they are called, and what is said when one is wrong."""

from pathlib import Path

import pytest

from rdslab.errors import SpecError
from rdslab.search.designs import Design
from rdslab.search.plan import Study, load_study
from tests.test_plan import written

STUDY = """\
name: designed
base: rdsnet
set: {width: 0.5}
design:
  kind: factorial
  factors:
    shuffle: {"enc*.options.shuffle": [0, 4]}
    dilation:
      none: {enc3.cycle.dilation: [1]}
      growing: {}
    unit: {"enc*.block": [rds, residual]}
data: {name: synthetic, size: 64x48}
recipe: one_cycle
seeds: [0, 1]
deploy: {size: 128x96, classes: 11}
"""


def designed(folder: Path, *changes: tuple[str, str]) -> Study:
    text = STUDY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return load_study(written(folder, text))


def kind(name: str, more: str = "") -> tuple[str, str]:
    return "kind: factorial", f"kind: {name}" + (f"\n  {more}" if more else "")


def design(study: Study) -> Design:
    assert study.design is not None
    return study.design


def test_a_factorial_has_every_combination_once_and_names_them_by_their_levels(tmp_path: Path) -> None:
    study = designed(tmp_path)
    names = [variant.name for variant in study.variants]
    assert len(set(names)) == 8
    assert names[0] == study.base == "shuffle 0, dilation none, unit rds"
    assert names[-1] == "shuffle 4, dilation growing, unit residual"
    assert study.variants[-1].levels == {"shuffle": "4", "dilation": "growing", "unit": "residual"}


def test_a_run_sets_what_the_study_sets_and_then_its_levels_in_the_order_of_the_factors(tmp_path: Path) -> None:
    last = designed(tmp_path).variants[-1]
    assert last.settings == (("width", 0.5), ("enc*.options.shuffle", 4), ("enc*.block", "residual"))


def test_every_run_is_held_against_the_base_of_the_design(tmp_path: Path) -> None:
    study = designed(tmp_path, kind("one_at_a_time"))
    assert study.compared == {"base": "", "shuffle 4": "base", "dilation growing": "base", "unit residual": "base"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("one_at_a_time", ["base", "shuffle 4", "dilation growing", "unit residual"]),
        ("leave_one_out", ["full", "without shuffle", "without dilation", "without unit"]),
        (
            "pairs",
            [
                *("base", "shuffle 4", "dilation growing", "unit residual"),
                *("shuffle 4, dilation growing", "shuffle 4, unit residual", "dilation growing, unit residual"),
            ],
        ),
    ],
)
def test_the_other_kinds_name_only_what_differs_from_their_base(tmp_path: Path, name: str, expected: list[str]) -> None:
    assert [variant.name for variant in designed(tmp_path, kind(name)).variants] == expected


def test_leave_one_out_begins_with_all_components(tmp_path: Path) -> None:
    study = designed(tmp_path, kind("leave_one_out"))
    assert study.variants[0].levels == {"shuffle": "4", "dilation": "growing", "unit": "residual"}
    assert study.variants[1].levels == {"shuffle": "0", "dilation": "growing", "unit": "residual"}


def test_pairs_never_put_two_levels_of_one_factor_together(tmp_path: Path) -> None:
    study = designed(tmp_path, kind("pairs"), ("[0, 4]", "[0, 2, 4]"))
    names = [variant.name for variant in study.variants]
    assert len(names) == 1 + 4 + 5
    assert not any("shuffle 2" in name and "shuffle 4" in name for name in names)


def test_a_wished_resolution_gives_half_of_the_factorial_and_says_how(tmp_path: Path) -> None:
    found = design(designed(tmp_path, kind("fractional", "resolution: 3")))
    assert found.generators == {"unit": ("shuffle", "dilation")}
    assert found.resolution == 3
    assert sorted(found.runs) == [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]


def test_generators_by_name_decide_which_factor_is_added(tmp_path: Path) -> None:
    found = design(designed(tmp_path, kind("fractional", "generators: {shuffle: [unit, dilation]}")))
    assert found.generators == {"shuffle": ("unit", "dilation")}
    assert all(shuffle == (dilation + unit) % 2 for shuffle, dilation, unit in found.runs)


def test_a_subset_takes_factors_of_any_levels(tmp_path: Path) -> None:
    study = designed(tmp_path, kind("fractional", "runs: 6"), ("[0, 4]", "[0, 2, 4]"))
    assert len(study.variants) == 6
    assert study.base == "shuffle 0, dilation none, unit rds"
    assert 0.8 < (design(study).efficiency or 0) <= 1


def test_variants_beside_a_design_are_held_against_its_base(tmp_path: Path) -> None:
    extra = "variants: [{name: plain}, {name: thin, set: {width: 0.25}, against: plain}]\ndesign:"
    study = designed(tmp_path, ("design:", extra))
    assert len(study.variants) == 10
    assert study.compared["thin"] == "plain"
    assert study.base == "shuffle 0, dilation none, unit rds"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([kind("factorail")], r":5: design\.kind: expected .*\n  did you mean 'factorial'"),
        ([("factors:", "factor:")], r":6: design\.factor: unknown key 'factor'[\s\S]*did you mean 'factors'"),
        ([("[0, 4]", "[0]")], r":7: design\.factors\.shuffle: factor 'shuffle' has one level, '0'; it needs two"),
        ([("[0, 4]", "[]")], r":7: .*factor 'shuffle' has no level"),
        ([("[0, 4]", "4")], r":7: .*expected a list or a mapping, got 4"),
        ([("[0, 4]", "[4, 4]")], r":7: .*two levels of factor 'shuffle' are called '4'"),
        ([("[0, 4]}", "[0, 4], width: [1, 2]}")], r":7: .*has a list of values for .* and more beside it"),
        (
            [('"enc*.block"', '"enc*.options.shuffle"')],
            r":11: .*'shuffle' and 'unit' both set 'enc\*\.options\.shuffle'",
        ),
        ([("design:", "grid: {width: [1]}\ndesign:")], r":4: grid: does not stand beside `design`"),
        ([kind("factorial", "resolution: 4")], r":6: design\.resolution: acts only with kind: fractional"),
        ([kind("pairs", "interactions: true")], r":6: design\.interactions: acts only with kind: fractional"),
        ([kind("fractional")], r":4: design: a fractional design takes one of .* got none"),
        ([kind("fractional", "resolution: 3\n  runs: 4")], r":4: design: .* got resolution and runs"),
        ([kind("fractional", "resolution: 4")], r"no fraction of 3 factors has resolution 4"),
        ([kind("fractional", "resolution: 2")], r":6: design\.resolution: must be >= 3, got 2"),
        ([kind("fractional", "resolution: 3\n  interactions: true")], r":7: design\.interactions: acts only with runs"),
        (
            [kind("fractional", "resolution: 3"), ("[0, 4]", "[0, 2, 4]")],
            r":8: .*regular fraction is of two-level factors; factor 'shuffle' has 3 levels\n  for more .*`runs: N`",
        ),
        ([kind("leave_one_out"), ("[0, 4]", "[0, 2, 4]")], r"factor 'shuffle' has 3 levels"),
        ([kind("fractional", "runs: 3")], r":6: design\.runs: runs must be 4 .* to 7 .*, got 3"),
        ([kind("fractional", "runs: 8")], r"runs must be 4 .* to 7 \(of 8 combinations\), got 8"),
        (
            [kind("fractional", "generators: {unti: [shuffle, dilation]}")],
            r":6: design\.generators\.unti: no factor is called 'unti'[\s\S]*did you mean 'unit'",
        ),
        ([kind("fractional", "generators: {unit: [shuffle, unit]}")], r"'unit' has a generator itself"),
        ([kind("fractional", "generators: {unit: [shuffle, shuffle]}")], r"'shuffle' stands twice"),
        ([kind("fractional", "generators: {unit: [shuffle]}")], r"needs at least 2 of them, got 1"),
    ],
)
def test_a_wrong_design_is_told_with_its_line(tmp_path: Path, changes: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        designed(tmp_path, *changes)


def test_a_design_of_too_many_runs_is_refused(tmp_path: Path) -> None:
    lines = "\n".join(f"    f{i}: {{p{i}: [0, 1]}}" for i in range(14))
    with pytest.raises(SpecError, match=r"131,072 combinations are more than 10,000[\s\S]*kind: fractional"):
        designed(tmp_path, ("    shuffle:", f"{lines}\n    shuffle:"))
    with pytest.raises(SpecError, match=r"takes up to 15 factors, got 17"):
        designed(tmp_path, ("    shuffle:", f"{lines}\n    shuffle:"), kind("fractional", "resolution: 3"))
    with pytest.raises(SpecError, match=r"up to 1,024 combinations, and there are 131,072"):
        designed(tmp_path, ("    shuffle:", f"{lines}\n    shuffle:"), kind("fractional", "runs: 20"))
