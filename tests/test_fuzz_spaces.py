"""Whatever a space's file holds, it is audited or gets one message: damaged files never raise anything else."""

from pathlib import Path

import pytest

from rdslab.errors import RdslabError
from rdslab.space import audit_space, check_space, space_from
from rdslab.yamlio import parse_yaml
from tests import test_fuzz_nets as nets

SPACES = Path(__file__).resolve().parents[1] / "search_spaces"
GOOD = [
    b"name: s\nbase: rdsnet\ngenes:\n"
    b"  enc3.block: {choice: [rds, residual, {block: rds, options: {dilate: both}}]}\n"
    b"  enc3.repeat: {whole: [2, 8], step: 2}\n"
    b"  enc2.options.groups: {choice: [1, 2, 4]}\n"
    b"  enc2.options.shuffle: {choice: [0, 4], when: {enc2.options.groups: [2, 4]}}\n"
    b"  wide: {tied: {down3.channels: [96, 128], enc3.channels: [96, 128]}}\n"
    b"deploy: {size: 64x64, classes: 5, devices: [jetson-tx1]}\n"
    b"limits: {macs: 8.0e+9, latency_ms.jetson-tx1: 50, receptive_field: {at_least: 100}}\n",
    *[path.read_bytes() for path in sorted(SPACES.glob("*.yaml"))],
]
KEYS = b"name base set genes choice whole step tied when deploy size devices limits macs block options repeat".split()


@pytest.fixture(autouse=True)
def few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every space is sampled, and little is tried."""
    monkeypatch.setattr("rdslab.space.audit.ENUMERABLE", 0)
    monkeypatch.setattr("rdslab.space.faults.TRIES", 2)
    monkeypatch.setattr("rdslab.space.faults.MOST_PAIRS", 2)
    monkeypatch.setattr("rdslab.space.space.TRIES", 2)
    monkeypatch.setattr(nets, "GOOD", GOOD)
    monkeypatch.setattr(nets, "KEYS", KEYS)


def answered(seed: int) -> bool:
    """Whether a damaged file is looked at, or said to be wrong in a few words; raises for anything else."""
    try:
        space = space_from(parse_yaml(nets.damaged(seed), "t.yaml"))
        if seed % 20 == 0:
            check_space(space)
        audit_space(space, 4, seed)
    except RdslabError as error:
        message = str(error)
        return error.exit_status == 2 and len(message) < 3000 and "pydantic" not in message
    return True


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_200_damaged_spaces_are_audited_or_get_a_message(first: int) -> None:
    assert all(answered(seed) for seed in range(first, first + 50))


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 11_000, 1000))
def test_10_000_damaged_spaces_are_audited_or_get_a_message(first: int) -> None:
    assert all(answered(seed) for seed in range(first, first + 1000))
