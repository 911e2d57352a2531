"""Whatever a study's file holds, it is prepared or gets one message: damaged files never raise anything else."""

from pathlib import Path

import pytest

from rdslab.errors import RdslabError
from rdslab.search.plan import study_from
from rdslab.search.prepare import prepare
from rdslab.yamlio import parse_yaml
from tests import test_fuzz_nets as nets

ROOT = Path(__file__).resolve().parents[1]
SEARCH = b"""name: hunt
base: rdsnet
set: {width: 0.25}
search:
  space: SPACE
  objectives: {miou: maximise, latency_ms.jetson-tx1: minimise, macs: minimise}
  limits: {latency_ms.jetson-tx1: 50, receptive_field: {at_least: 100}}
  sampler: tpe
  seed: 3
  trials: 8
  hours: 0.5
  pruning: {kind: rungs, epochs: [1, 2], keep: 0.5}
data: {name: synthetic, size: 48x32, train: 12, val: 4}
recipe: {use: one_cycle, epochs: 3, batch: 4}
seeds: [0, 1]
deploy: {size: 64x64, classes: 11, devices: [jetson-tx1]}
""".replace(b"SPACE", str(ROOT / "search_spaces/rds_small.yaml").encode())
STUDIES = [
    path.read_bytes() for path in sorted((ROOT / "studies").glob("*.yaml")) if b"extends" not in path.read_bytes()
]
GOOD = [SEARCH, SEARCH, *(text for text in STUDIES if len(text) < 2500)]
KEYS = b"""name base set variants net search space objectives limits sampler seed trials hours pruning kind epochs keep
data recipe seeds deploy size classes devices use design factors claims says against""".split()


@pytest.fixture(autouse=True)
def studies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "studies")
    monkeypatch.setattr(nets, "GOOD", GOOD)
    monkeypatch.setattr(nets, "KEYS", KEYS)


def answered(seed: int) -> bool:
    """Whether a damaged file is prepared, or said to be wrong in a few words; raises for anything else."""
    try:
        study = study_from(parse_yaml(nets.damaged(seed), "t.yaml"))
        if len(study.variants) < 10:
            prepare(study)
    except RdslabError as error:
        message = str(error)
        return error.exit_status == 2 and len(message) < 3000 and "pydantic" not in message
    return True


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_200_damaged_studies_are_prepared_or_get_a_message(first: int) -> None:
    assert all(answered(seed) for seed in range(first, first + 50))


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 11_000, 1000))
def test_10_000_damaged_studies_are_prepared_or_get_a_message(first: int) -> None:
    assert all(answered(seed) for seed in range(first, first + 1000))
