"""A variant on the plot with its errors, and how probably it is on the front: what variants.py itself needs of that."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from rdslab.report.frame import MISSING, number
from rdslab.report.words import known
from rdslab.stats import PooledSpread
from rdslab.stats.uncertain import Membership, Noisy, membership


def noisy(row: Any, device: str) -> Noisy:
    """A row of the variants frame as a point of mIoU against the device's latency.

    A prediction's latency has its 90 % interval; a measured one is taken as exact: the quartiles of its runs say how
    runs scatter, not how far their median is off.
    """
    mean = float(row["miou"]) if known(row["miou"]) else None
    predicted = row[f"latency_kind.{device}"] == "predicted"
    exact = Noisy(mean, int(row["n"]), number(row[f"latency_ms.{device}"]), predicted=predicted)
    low, high = (number(row[f"latency_{part}_ms.{device}"]) for part in ("low", "high"))
    return replace(exact, low_ms=low, high_ms=high) if predicted and low > 0 and math.isfinite(high) else exact


def told(rows: Sequence[Any], device: str, spread: PooledSpread) -> list[Membership]:
    """How surely each row is on the front of all of them, which have times of one kind. The same are drawn once."""
    return _drawn(tuple(noisy(row, device) for row in rows), spread)


@lru_cache(maxsize=64)
def _drawn(points: tuple[Noisy, ...], spread: PooledSpread) -> list[Membership]:
    return membership(points, spread)


def front_probabilities(rows: Sequence[Any], device: str, spread: PooledSpread) -> list[float | None]:
    """By row how probably it is on the front among times of its kind; None where that is not told."""
    found: list[float | None] = [None] * len(rows)
    kinds = [row[f"latency_kind.{device}"] for row in rows]
    for kind in dict.fromkeys(kinds):
        own = [place for place, other in enumerate(kinds) if other == kind != MISSING]
        for place, one in zip(own, told([rows[place] for place in own], device, spread), strict=True):
            found[place] = one.probability
    return found
