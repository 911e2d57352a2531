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


def test_a_batch_that_a_net_cannot_be_trained_with_is_refused_before_the_study_begins(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    text = STUDY.replace("base: erfnet", "base: fast_scnn").replace("one_cycle", "{use: one_cycle, batch: 1}")
    path.write_text(text.partition("  - {name: rds,")[0] + text[text.index("data:") :])
    with pytest.raises(SpecError, match="normalises one value a channel with a batch of 1 at 64x64") as caught:
        check(str(path))
    assert "write `batch: 2` or more" in caught.value.hints


def test_a_net_whose_decoder_needs_many_classes_is_right() -> None:
    assert check(str(ROOT / "rdslab" / "zoo" / "espnet.yaml"))["right"]
