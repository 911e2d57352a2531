"""Units swapped across networks: what can be built is, and what cannot is named, all of it at once."""

from pathlib import Path

import pytest

from rdslab.cli.checking import check
from rdslab.errors import SpecError

ROOT = Path(__file__).resolve().parents[1]
STUDY = """\
name: swaps
base: erfnet
variants:
  - {name: own}
  - {name: rds, set: {"enc*.block": rds}}
  - {name: shuffled by 3, set: {"enc*.block": {block: rds, options: {shuffle: 3}}}}
  - {name: pooled, net: linknet, set: {"enc*.block": pyramid_add, enc3.options.bins: [1, 2]}}
  - {name: down, set: {down3.block: rds}}
  - {name: joined, set: {enc2.block: concat}}
data: {name: synthetic, size: 64x64}
recipe: one_cycle
seeds: [0]
deploy: {size: 128x96, classes: 11, devices: [jetson-tx1]}
"""


def test_the_shipped_study_can_be_built_and_says_what_its_new_units_lack() -> None:
    notes = check(str(ROOT / "studies" / "swap_blocks.yaml"))["notes"]
    assert notes[0] == "9 variants x 3 seeds = 27 trials"
    assert "erfnet rds: dropped eps (enc2, enc3, dec2, dec1), which the new block lacks" in notes


def test_every_combination_that_cannot_be_built_is_named_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "swaps.yaml"
    path.write_text(STUDY)
    with pytest.raises(SpecError, match="2 of 6 variants cannot be built") as caught:
        check(str(path))
    first, second = caught.value.hints
    assert "swaps.yaml:6: variants[2] (shuffled by 3)" in first
    assert first.endswith("block 'rds' shuffle (=3) must divide the channels (=64)")
    assert "swaps.yaml:9: variants[5] (joined)" in second
    assert second.endswith("block 'concat' reads two or more inputs: `inputs: [NODE, NODE]`")
