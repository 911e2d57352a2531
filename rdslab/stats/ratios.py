"""The ratio of two times, each from blocks of runs, with its interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from rdslab.stats.intervals import LEVEL


@dataclass(frozen=True)
class Ratio:
    """b / a. What cannot be told is None, and `why` says the reason."""

    ratio: float
    low: float | None = None
    high: float | None = None
    level: float = LEVEL
    why: str = ""


def ratio_of(a: float, b: float, blocks_a: Sequence[float], blocks_b: Sequence[float], level: float = LEVEL) -> Ratio:
    """The ratio b / a of two medians with an interval from the medians of their blocks of runs.

    The blocks' log medians are taken as independent (Welch's t): a bootstrap over so few blocks would be too narrow.
    It covers what changes from block to block within a run, not what changes from one day to another.
    """
    ratio = b / a
    if min(len(blocks_a), len(blocks_b)) < 2:
        return Ratio(ratio, level=level, why="fewer than two blocks of runs")
    logs = [np.log(np.asarray(blocks, float)) for blocks in (blocks_a, blocks_b)]
    parts = [float(np.var(values, ddof=1)) / len(values) for values in logs]
    error = math.sqrt(sum(parts))
    if error == 0.0:
        return Ratio(ratio, level=level, why="no spread over the blocks")
    df = sum(parts) ** 2 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, logs, strict=True))
    half = float(stats.t.ppf(0.5 + level / 2, df)) * error
    return Ratio(ratio, ratio * math.exp(-half), ratio * math.exp(half), level)
