"""A study of three variants with scores, times and costs, for tests of what its claims come to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rdslab.search.plan import Study, load_study

STUDY = """
name: one
base: rdsnet
variants:
  - {name: rds}
  - {name: residual, set: {"enc*.block": residual}}
  - {name: twin, set: {"enc*.options.shuffle": 0}}
data: {name: synthetic}
recipe: one_cycle
seeds: [0, 1, 2, 3, 4]
deploy: {size: 640x360, classes: 19, devices: [jetson-tx1]}
"""
SCORES = {  # per cent, seeds 0 to 4; each seed moves both
    "rds": [31.0, 30.2, 31.9, 30.5, 31.4],
    "residual": [29.0, 28.4, 29.8, 28.4, 29.5],
    "twin": [31.5, 30.6, 32.4, 31.1, 31.8],
}
MS = {"rds": (50.0, 45.0, 56.0), "residual": (80.0, 71.0, 91.0), "twin": (49.0, 44.0, 55.0)}
LESS_HOURS = {"rds": 5.2, "residual": 3.22, "twin": 5.2}
MACS = {"rds": 527, "residual": 1000, "twin": 527}


def rows(scores: Mapping[str, list[float]] = SCORES, *, twins: bool = True) -> list[dict[str, Any]]:
    return [
        {
            "variant": variant,
            "seed": seed,
            "state": "done",
            "canonical_id": "same" if twins and variant != "residual" else variant,
            "miou": values[seed] / 100,
            "iou.Road": values[seed] / 100,
            "hours": values[seed] / 2 - LESS_HOURS[variant],
            "macs": MACS[variant],
            "latency_kind.jetson-tx1": "predicted",
            **dict(
                zip(
                    ("latency_ms.jetson-tx1", "latency_low_ms.jetson-tx1", "latency_high_ms.jetson-tx1"),
                    MS[variant],
                    strict=True,
                )
            ),
        }
        for variant, values in scores.items()
        for seed in range(len(values))
    ]


def read(path: Path, *claims: str) -> Study:
    names = ("claim", *(f"claim {number}" for number in range(2, len(claims) + 1)))
    lines = "".join(f"  - {{name: {name}, says: '{says}'}}\n" for name, says in zip(names, claims, strict=True))
    path.write_text(f"{STUDY}claims:\n{lines}")
    return load_study(path)
