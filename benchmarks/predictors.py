"""Ways to predict a latency, held against each other: `python benchmarks/predictors.py FOLDER [--out FILE.md]`.

FOLDER as for `device_profiles.py`. Each board's times are predicted with the network left out, by:

- the profile's model (launches, arithmetic, memory; the model chosen anew each time), as `rdslab device fit` has it;
- FLOPs only, T = c x FLOPs^k;
- ridge regression of log T on log kernels, log FLOPs, log bytes, and their depthwise shares;
- gradient boosting on the same features (scikit-learn, from the extra `bench`; left out where it is not installed).

Kendall's tau says whether the order of the networks is right. Penalty and trees are the usual ones, tuned to nothing.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import device_profiles
import numpy as np
from scipy.stats import kendalltau

from rdslab.files import write_whole
from rdslab.measure import solve, unseen
from rdslab.measure.fit import points_of
from rdslab.measure.terms import COLUMNS, COUNT, Array

try:
    from sklearn.ensemble import GradientBoostingRegressor
except ImportError:
    GradientBoostingRegressor = None

PENALTY = 0.1  # of the ridge, on standardised features, in units of one point
Way = Callable[[solve.Points, solve.Points], Array]  # points to learn from, points to predict -> log ms


def features(points: solve.Points) -> Array:
    terms = points.terms(("dwconv",))
    whole = np.column_stack([terms[:, 0], terms[:, 1] + terms[:, 3], terms[:, 2]])
    share = np.column_stack(
        [terms[:, 3] / whole[:, 1], points.tallies[:, COLUMNS.index("dwconv"), COUNT] / whole[:, 0]]
    )
    return np.column_stack([np.log(whole), share])


def flops_only(known: solve.Points, new: solve.Points) -> Array:
    power, factor = np.polyfit(features(known)[:, 1], np.log(known.ms), 1)
    return np.asarray(power * features(new)[:, 1] + factor)


def ridge(known: solve.Points, new: solve.Points) -> Array:
    x, y = features(known), np.log(known.ms)
    middle, spread = x.mean(axis=0), np.where(x.std(axis=0) > 1e-9, x.std(axis=0), 1.0)
    x = (x - middle) / spread
    weights = np.linalg.solve(x.T @ x + PENALTY * np.eye(x.shape[1]), x.T @ (y - y.mean()))
    return (features(new) - middle) / spread @ weights + y.mean()


def boosting(known: solve.Points, new: solve.Points) -> Array:
    trees = GradientBoostingRegressor(n_estimators=200, max_depth=3, learning_rate=0.05, subsample=0.8, random_state=0)
    return np.asarray(trees.fit(features(known), np.log(known.ms)).predict(features(new)))


def kernels(prior: solve.Prior) -> Way:
    def way(known: solve.Points, new: solve.Points) -> Array:
        model = unseen.choose(known, prior)
        return np.log(solve.predicted(new, model, solve.solve(known, model, prior)))

    return way


def left_out(points: solve.Points, way: Way) -> tuple[float, float]:
    """Mean of |predicted / measured - 1| with the network left out, and Kendall's tau of both."""
    logs = np.zeros(len(points.ms))
    for group in unseen.networks_of(points):
        logs[group] = way(points.part(~group), points.part(group))
    return float(np.abs(np.exp(logs) / points.ms - 1).mean()), float(kendalltau(logs, points.ms).statistic)


def table(folder: Path) -> str:
    data = list(device_profiles.boards(folder))
    rough = [device_profiles.profile(*board, solve.BROAD) for board in data]
    ways = ["this model", "FLOPs only", "ridge", *(["gradient boosting"] if GradientBoostingRegressor else [])]
    lines = ["| profile | times | networks | " + " | ".join(ways) + " |", "|---" * 3 + "|---:" * len(ways) + "|"]
    errors = []
    for (key, _, measured), first in zip(data, rough, strict=True):
        prior = solve.prior_of([p for p in rough if p.form == first.form and p.board != first.board])
        points = points_of(measured, first.form, key[2])
        found = [left_out(points, way) for way in (kernels(prior), flops_only, ridge, boosting)[: len(ways)]]
        errors.append([error for error, _ in found])
        cells = " | ".join(f"{100 * error:.1f} % ({tau:.2f})" for error, tau in found)
        lines.append(f"| {first.name} | {len(points.ms)} | {len(set(points.networks))} | {cells} |")
        print(lines[-1], flush=True)
    means = " | ".join(f"{100 * mean:.1f} %" for mean in np.mean(errors, axis=0))
    return "\n".join([*lines, f"| mean of the boards | | | {means} |"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="published_networks.csv and kernels.parquet")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="write the table there too")
    options = parser.parse_args()
    found = table(options.folder)
    print(found)
    if GradientBoostingRegressor is None:
        print("gradient boosting is left out: pip install 'rdslab[bench]'", file=sys.stderr)
    if options.out is not None:
        host = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        text = (
            "# Predicting a latency: this model beside others\n\n"
            "Mean error with the network left out, and in brackets Kendall's tau between predicted and published.\n"
            f"Made by `python benchmarks/predictors.py FOLDER --out {options.out}` on {host}; errors do not depend on "
            f"the machine.\n\n{found}\n"
        )
        write_whole(options.out, text)


if __name__ == "__main__":
    main()
