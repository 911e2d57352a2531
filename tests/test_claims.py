"""Claims are read as they are written, and what is wrong with one is said with file, line and the nearest name."""

from pathlib import Path

import pytest

from rdslab.errors import SpecError
from rdslab.search.claims import Claim, claims_of
from rdslab.search.plan import load_study

STUDIES = Path(__file__).parents[1] / "studies"
TIMES = """
name: one
base: rdsnet
variants:
  - {name: rds}
  - {name: residual, set: {"enc*.block": residual}}
deploy: {sizes: [640x360, 1280x720], classes: 19, devices: [jetson-tx1, here]}
ratios:
  - {name: "block at 64x64", over: residual, under: rds}
"""
TRAINED = """
name: one
base: rdsnet
variants:
  - {name: rds}
  - {name: residual, set: {"enc*.block": residual}}
  - {name: "no shuffle, at all", set: {"enc*.options.shuffle": 0}}
  - {name: dilation 1 2 4 2 1, set: {enc3.cycle.dilation: [1, 2, 4, 2, 1]}}
  - {name: rds by 2 - a > b at 2 %, set: {"enc*.options.dropout": 0.1}}
data: {name: synthetic}
recipe: one_cycle
seeds: [0, 1, 2]
deploy: {size: 640x360, classes: 19, devices: [jetson-tx1]}
"""


def read(tmp_path: Path, study: str, *claims: str) -> tuple[Claim, ...]:
    lines = "".join(f"  - name: claim {number}\n    says: '{says}'\n" for number, says in enumerate(claims))
    path = tmp_path / "one.yaml"
    path.write_text(f"{study}claims:\n{lines}")
    return claims_of(load_study(path))


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("macs of rds / residual = 0.5 within 2 %", ("ratio", "macs", "rds", "residual", "=", 0.5, 0.02, "640x360")),
        (
            'latency_ms.here of "block at 64x64" at 1280x720 = 2 within 10 %',
            ("ratio", "latency_ms.here", "block at 64x64", "", "=", 2.0, 0.1, "1280x720"),
        ),
        ("macs of block at 64x64 = 2 within 1e-3 %", ("ratio", "macs", "block at 64x64", "", "=", 2, 1e-5, "640x360")),
        (
            "latency_ms.jetson-tx1: rds <= residual + 5 % at 1280x720",
            ("no_worse", "latency_ms.jetson-tx1", "rds", "residual", "<=", 0.05, 0.0, "1280x720"),
        ),
        (
            "latency_ms.here: rds < residual by 3 ms",
            ("order", "latency_ms.here", "rds", "residual", "<", 3.0, 0.0, "640x360"),
        ),
        (
            "latency_ms.jetson-tx1 at 1280x720 <= 50",
            ("limit", "latency_ms.jetson-tx1", "rds", "", "<=", 50.0, 0.0, "1280x720"),
        ),
        ("macs of residual <= 8.0e+9", ("limit", "macs", "residual", "", "<=", 8e9, 0.0, "640x360")),
    ],
)
def test_a_claim_about_costs_and_times_is_read(says: str, expected: tuple[object, ...], tmp_path: Path) -> None:
    (claim,) = read(tmp_path, TIMES, says)
    found = (claim.kind, claim.quantity, claim.a, claim.b, claim.relation, claim.value, claim.within, claim.size)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("miou: rds > residual", ("order", "miou", "rds", "residual", ">", 0.0)),
        (
            "miou: rds > no shuffle, at all by 0.5 points",
            ("order", "miou", "rds", "no shuffle, at all", ">", 0.005),
        ),
        (
            'miou: "dilation 1 2 4 2 1" > "rds" by 1 points',
            ("order", "miou", "dilation 1 2 4 2 1", "rds", ">", 0.01),
        ),
        (
            "miou: rds by 2 - a > b at 2 % >= dilation 1 2 4 2 1 - 1.5 points",
            ("no_worse", "miou", "rds by 2 - a > b at 2 %", "dilation 1 2 4 2 1", ">=", 0.015),
        ),
        ("iou.Road: rds >= residual - 1 points", ("no_worse", "iou.Road", "rds", "residual", ">=", 0.01)),
        ("iou.traffic light of residual >= 60 %", ("limit", "iou.traffic light", "residual", "", ">=", 0.6)),
        ("hours: rds < residual by 0.5 h", ("order", "hours", "rds", "residual", "<", 0.5)),
        ("hours <= 2 h", ("limit", "hours", "rds", "", "<=", 2.0)),
    ],
)
def test_a_claim_about_what_training_finds_is_read(says: str, expected: tuple[object, ...], tmp_path: Path) -> None:
    (claim,) = read(tmp_path, TRAINED, says)
    found = (claim.kind, claim.quantity, claim.a, claim.b, claim.relation, claim.value)
    assert found == pytest.approx(expected)


def test_a_front_names_its_nets_and_its_cost(tmp_path: Path) -> None:
    first, second = read(
        tmp_path,
        TRAINED,
        "rds is on the front with residual, no shuffle, at all, dilation 1 2 4 2 1",
        'rds is on the front of macs with "no shuffle, at all", residual',
    )
    assert (first.quantity, first.a) == ("latency_ms.jetson-tx1", "rds")
    assert first.others == ("residual", "no shuffle, at all", "dilation 1 2 4 2 1")
    assert (second.quantity, second.others) == ("macs", ("no shuffle, at all", "residual"))


@pytest.mark.parametrize(
    ("says", "said"),
    [
        ("rds is better", "cannot be read: 'rds is better'\n  write it like one of these:\n  macs of rds / residual"),
        ("miou: rds >= residual", "no worse than needs a margin"),
        ("miou of rds > 60", "a limit is written with <= or >="),
        ("macs of rds / residual = 0.5", "how near is near enough?"),
        ("macs of rds / residual = 0.5 within 2", "a ratio is near enough `within 2 %`"),
        ("miou: rds > resdual", "study 'one' has no variant 'resdual'"),
        ("miou: rds > resdual", "did you mean 'residual'?"),
        ("rds is on the front with residual, no shufle", "has no variant 'no shufle'"),
        ("mioo: rds > residual", "there is no quantity 'mioo'"),
        ("mioo: rds > residual", "did you mean 'miou'?"),
        ("miou: rds >= residual - 1.0", "a margin on miou is in points, got 1.0\n  0.5 points are 0.005 of mIoU"),
        ("miou: rds >= residual - 1.0 %", "a margin on miou is in points, got 1.0 %"),
        ("miou of rds >= 60", "a limit of miou is in %, got 60"),
        ("macs: rds < residual by 2 points", "a margin on macs is in its own unit or %, got 2 points"),
        ("hours: rds < residual by 5 %", "a margin on hours is in its own unit or h, got 5 %"),
        ("miou: rds >= residual + 1.0 points", "no worse than is `A >= B - margin`"),
        ("miou: rds >= residual - 0 points", "no worse than is `A >= B - margin`"),
        ("latency_ms.jetson-tx2 of rds <= 50", "study 'one' has no times of 'jetson-tx2'"),
        ("latency_ms.jetson-tx2 of rds <= 50", "did you mean 'jetson-tx1'?"),
        ("latency_ms.jetson-tx1 of rds at 64x64 <= 50", "study 'one' knows nothing at 64x64"),
        ("macs of rds = 1 within 2 %", "a ratio is of two variants, got 'rds' alone"),
        ("macs of block = 1 within 2 %", "study 'one' has no line of `ratios` 'block'\n  it has no `ratios`"),
        ("miou of rds / residual = 1 within 2 %", "a ratio is of costs or times, got miou"),
        ("rds is on the front of fps.jetson-tx1 with residual", "a front is of mIoU and a latency or a cost"),
        ("miou: rds > rds", "'rds' is held against itself"),
        ("rds is on the front with residual, residual", "'residual' is held against itself"),
    ],
)
def test_what_is_wrong_with_a_claim_is_said_with_its_place(says: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        read(tmp_path, TRAINED, says)
    assert str(error.value).startswith(f"{tmp_path / 'one.yaml'}:16: claims[0].says: claim 'claim 0': ")
    assert said in str(error.value)


def test_a_study_of_times_has_no_scores(tmp_path: Path) -> None:
    for says in ("miou: rds > residual", "rds is on the front with residual"):
        with pytest.raises(SpecError, match="study 'one' trains nothing, so it has no miou"):
            read(tmp_path, TIMES, says)


def test_two_claims_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    line = "  - {name: fast, says: latency_ms.here <= 50}\n"
    path.write_text(f"{TIMES}claims:\n{line}{line}")
    with pytest.raises(SpecError, match=r"one.yaml:12: claims\[1\].name: claim 'fast': two claims have this name"):
        claims_of(load_study(path))


def test_a_claim_may_be_about_another_study(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(
        TIMES.replace("name: one", "name: other")
        .replace("name: rds}", "name: mine}")
        .replace("under: rds", "under: mine")
    )
    path = tmp_path / "one.yaml"
    claim = "  - {name: c, says: 'macs of mine / residual = 1 within 2 %', study: STUDY}\n"
    path.write_text(f"{TIMES}claims:\n{claim.replace('STUDY', 'other.yaml')}")
    (found,) = claims_of(load_study(path))
    assert (found.study.name, found.a) == ("other", "mine")
    path.write_text(f"{TIMES}claims:\n{claim.replace('STUDY', 'another.yaml')}")
    with pytest.raises(SpecError, match=r"one.yaml:11: claims\[0\].study: claim 'c': .*another.yaml: cannot read"):
        claims_of(load_study(path))


def test_the_papers_claims_can_be_read() -> None:
    found = claims_of(load_study(STUDIES / "paper_claims.yaml"))
    assert {claim.kind for claim in found} == {"ratio", "order", "no_worse", "limit", "front"}
    assert all(claim.source for claim in found)
