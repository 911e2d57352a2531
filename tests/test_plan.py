"""Studies as data: what they unroll to, and what is said when they are wrong."""

from pathlib import Path

import pytest

from rdslab.errors import SpecError
from rdslab.search.plan import load_study

STUDY = """\
name: small
base: rdsnet
set: {width: 0.5}
variants:
  - {name: plain}
  - {name: residual, set: {"enc*.block": residual}}
data: {name: synthetic, size: 64x48}
recipe: one_cycle
seeds: [0, 1]
deploy: {size: 128x96, classes: 11}
"""


def written(folder: Path, text: str = STUDY, name: str = "study.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_every_variant_meets_every_seed_and_the_first_seed_of_all_comes_first(tmp_path: Path) -> None:
    slots = load_study(written(tmp_path)).slots
    assert [(s.number, s.variant, s.seed) for s in slots] == [
        (0, "plain", 0),
        (1, "residual", 0),
        (2, "plain", 1),
        (3, "residual", 1),
    ]


def test_what_the_study_sets_comes_before_what_a_variant_sets(tmp_path: Path) -> None:
    study = load_study(written(tmp_path))
    assert study.variants[1].settings == (("width", 0.5), ("enc*.block", "residual"))
    assert study.base == "plain"


def test_a_study_without_a_plain_variant_gets_one_called_base(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, STUDY.replace("  - {name: plain}\n", "")))
    assert [v.name for v in study.variants] == ["base", "residual"]
    assert study.base == "base"


def test_one_at_a_time_and_grid_name_their_variants_by_what_they_set(tmp_path: Path) -> None:
    text = STUDY.replace('variants:\n  - {name: plain}\n  - {name: residual, set: {"enc*.block": residual}}\n', "")
    text += "one_at_a_time: {enc2.repeat: [1, 2]}\ngrid: {width: [0.25, 0.5], enc3.cycle.dilation: [[1], [1, 2]]}\n"
    names = [v.name for v in load_study(written(tmp_path, text)).variants]
    assert names == [
        "base",
        "repeat=1",
        "repeat=2",
        "width=0.25, dilation=1",
        "width=0.25, dilation=1-2",
        "width=0.5, dilation=1",
        "width=0.5, dilation=1-2",
    ]


def test_a_study_may_extend_another_and_errors_name_the_file_that_is_wrong(tmp_path: Path) -> None:
    written(tmp_path)
    small = written(tmp_path, "extends: study.yaml\nname: smaller\nseeds: [7]\n", "smaller.yaml")
    study = load_study(small)
    assert (study.name, study.document.seeds, len(study.variants)) == ("smaller", (7,), 2)
    written(tmp_path, STUDY.replace("classes: 11", "classes: eleven"))
    with pytest.raises(SpecError, match=r"study\.yaml:10: deploy\.classes: expected a whole number, got 'eleven'"):
        load_study(small)


def test_a_study_that_extends_itself_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "extends: study.yaml\n" + STUDY)
    with pytest.raises(SpecError, match=r"study\.yaml:1: extends: extends itself"):
        load_study(path)


def test_settings_from_the_command_line_win_and_are_named_in_errors(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert load_study(path, ["seeds=[5]", "data.size=32x32"]).document.data["size"] == "32x32"
    with pytest.raises(SpecError, match=r"^--set seeds: expected a list, got 3"):
        load_study(path, ["seeds=3"])


def test_the_root_of_the_data_is_no_part_of_what_a_study_fixes(tmp_path: Path) -> None:
    fixed = load_study(written(tmp_path), ["data.root=/secret/place"]).fixed()
    assert "secret" not in str(fixed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("seeds: [0, 1]", "seeds: [0, 0]"), r":9: seeds: a seed stands twice"),
        (("seeds: [0, 1]", "seeds: []"), r":9: seeds: .*at least 1"),
        (("128x96", "wide"), r":10: deploy\.size: expected a size as width x height, got 'wide'"),
        (("name: small", "name: ../up"), r":1: name: "),
        (("name: residual,", "name: plain,"), r":6: variants\[1\]: two variants are called 'plain'"),
        (("recipe: one_cycle\n", ""), r"missing key 'recipe'"),
        (("seeds", "sedes"), r"unknown key 'sedes'[\s\S]*did you mean 'seeds'"),
        (("classes: 11}", "classes: 11, devices: [here, here]}"), r"device 'here' stands twice"),
    ],
)
def test_a_wrong_study_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        load_study(written(tmp_path, STUDY.replace(*change)))


def test_a_variant_may_be_held_against_another_than_the_base(tmp_path: Path) -> None:
    more = "  - {name: third, set: {width: 0.25}, against: residual}\ndata:"
    study = load_study(written(tmp_path, STUDY.replace("data:", more)))
    assert study.compared == {"plain": "", "residual": "", "third": "residual"}
    wrong = STUDY.replace("data:", more.replace("against: residual", "against: residul"))
    with pytest.raises(SpecError, match="variant 'third' is to be held against 'residul', which is no other variant"):
        load_study(written(tmp_path, wrong))
