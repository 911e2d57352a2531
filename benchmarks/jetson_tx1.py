"""How the numbers of `jetson-tx1` came about: `python benchmarks/jetson_tx1.py FOLDER`.

FOLDER holds `published_networks.csv`, published latencies of whole networks, and `kernels.parquet`, the kernels of
these networks in eager form, joined by `trace_key`. Reading Parquet needs pyarrow, which rdslab itself does not:
`pip install pyarrow`.

The model is T = sum over kernels of launch + FLOPs / rate + bytes / bandwidth, with bytes at fp32 = 4 x (elements in +
out + weights) and three positive numbers. They minimise the sum of soft_l1(log(predicted / published)) at scale 0.1:
a relative error, so that 35 ms counts as much as 484 ms, and robust, because one column of the table lies aside.
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.stats import t as student

from rdslab.cost import count
from rdslab.measure import load_profile
from rdslab.network import load_net
from rdslab.records import Size

DEVICE = "Jetson TX1"
MULTIPLYING = ("conv", "dwconv", "gconv", "deconv", "mm")
TERMS = ["kernels", "flops", "bytes"]
COVERAGE = 0.90


def read(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The published times on the board, and the kernels of their networks."""
    try:
        published = pd.read_csv(folder / "published_networks.csv")
        kernels = pd.read_parquet(folder / "kernels.parquet")
    except ImportError:
        sys.exit("reading kernels.parquet needs pyarrow, which rdslab does not: pip install pyarrow")
    except OSError as error:
        sys.exit(f"{folder}: {error.strerror or error}\n  give the folder with published_networks.csv, kernels.parquet")
    return published[published.device == DEVICE], kernels


def points(published: pd.DataFrame, kernels: pd.DataFrame, every_kind: bool, as_480x360: bool = False) -> pd.DataFrame:
    """One row a published time: kernels, FLOPs, bytes. FLOPs of kernels that do not multiply count if `every_kind`."""
    rows = []
    for net, width, height, ms, key in published[["model", "W", "H", "latency_ms", "trace_key"]].itertuples(
        index=False
    ):
        own = kernels[kernels.trace_key == key]
        counted = own if every_kind else own[own.kind.isin(MULTIPLYING)]
        area = 360 / 320 if as_480x360 and (width, height) == (480, 320) else 1.0
        moved = 4 * (area * (own.elems_in + own.elems_out).sum() + own.weights.sum())
        rows.append((net, f"{width}x{height}", len(own), area * counted.flops.sum(), moved, ms))
    return pd.DataFrame(rows, columns=["net", "size", *TERMS, "ms"])


def fit(table: pd.DataFrame) -> NDArray[np.float64]:
    """Milliseconds per kernel, per FLOP and per byte."""
    terms, ms = table[TERMS].to_numpy(float), table.ms.to_numpy(float)
    scale = terms.mean(axis=0)  # each unknown is then the mean time of its term

    def residuals(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log((terms / scale) @ x / ms)

    start = np.full(len(TERMS), ms.mean() / len(TERMS))
    found = least_squares(residuals, start, loss="soft_l1", f_scale=0.1, bounds=(1e-9, np.inf))
    return np.asarray(found.x / scale)


def predicted(table: pd.DataFrame, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(table[TERMS].to_numpy(float) @ numbers)


def left_out(table: pd.DataFrame, column: str) -> pd.Series:
    """predicted / published of every point, by a fit that saw no point with the same net, or the same size."""
    ratio = pd.Series(index=table.index, dtype=float)
    for value in table[column].unique():
        held = table[column] == value
        ratio[held] = predicted(table[held], fit(table[~held])) / table[held].ms
    return ratio


def interval(ratio: pd.Series, groups: int) -> tuple[float, float]:
    """What a prediction is to be multiplied by for its 90 % interval.

    exp(-+ t s): s is the root mean square of log(published / predicted) over the points left out, t is Student's with
    groups - 1 degrees of freedom: the points of one network, or of one size, err alike and count as one.
    """
    s = math.sqrt(float((np.log(ratio) ** 2).mean()))
    half = float(student.ppf((1 + COVERAGE) / 2, groups - 1)) * s
    return math.exp(-half), math.exp(half)


def report(title: str, table: pd.DataFrame) -> None:
    launch, flop, byte = fit(table)
    print(f"\n{title}")
    print(f"  launch_us {1e3 * launch:.1f}   flops_per_s {1e3 / flop:.4g}   bytes_per_s {1e3 / byte:.4g}")
    print(f"  mean error of the fit on its own points {100 * error(predicted(table, fit(table)) / table.ms):.1f} %")
    for column, what in (("net", "leave_one_network_out"), ("size", "leave_one_resolution_out")):
        ratio = left_out(table, column)
        low, high = interval(ratio, table[column].nunique())
        print(f"  {what}: mean error {100 * error(ratio):.1f} %, worst {100 * (ratio - 1).abs().max():.1f} %, ", end="")
        print(f"90 % interval {low:.2f} to {high:.2f}")
        for value in table[column].unique():
            each = ", ".join(f"{100 * (r - 1):+.1f}" for r in ratio[table[column] == value])
            print(f"    {value:10s} {each} %")


def error(ratio: pd.Series | NDArray[np.float64]) -> float:
    return float(np.abs(np.asarray(ratio) - 1).mean())


def shipped(table: pd.DataFrame) -> None:
    """The shipped profile on the same points."""
    profile = load_profile("jetson-tx1")
    numbers = np.array([profile.launch_us * 1e-3, 1e3 / profile.flops_per_s, 1e3 / profile.bytes_per_s])
    ratio = predicted(table, numbers) / table.ms
    print(f"\nThe shipped profile on these points: mean error {100 * error(ratio):.1f} %")
    print(
        table.assign(predicted_ms=(ratio * table.ms).round(1), error=ratio - 1).to_string(float_format="{:,.3g}".format)
    )


def same_kernels(published: pd.DataFrame, kernels: pd.DataFrame) -> None:
    """RDS-Net's kernels as rdslab counts them, beside the table's."""
    for row in published[published.model == "RDS-Net"].itertuples(index=False):
        theirs = kernels[kernels.trace_key == row.trace_key]
        ours = count(load_net("rdsnet"), Size(int(row.W), int(row.H)), 19)
        print(f"\nrdsnet at {ours.size}, 19 classes: kernels of rdslab / of the table")
        for kind in sorted({k.kind for k in ours.kernels} | set(theirs.kind)):
            mine, other = [k for k in ours.kernels if k.kind == kind], theirs[theirs.kind == kind]
            own, their = (
                1e-6 * sum(k.bytes for k in mine),
                4e-6 * (other.elems_in + other.elems_out + other.weights).sum(),
            )
            flops, their_flops = 2e-6 * sum(k.macs for k in mine), 1e-6 * other.flops.sum()
            print(f"  {kind:7s}{len(mine):4d} / {len(other):<4d}", end="")
            print(f"MB {own:.2f} / {their:.2f}, MFLOPs {flops:,.1f} / {their_flops:,.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="published_networks.csv and kernels.parquet")
    published, kernels = read(parser.parse_args().folder)
    table = points(published, kernels, every_kind=False)
    print(f"{DEVICE}: {len(table)} published times, {table.net.nunique()} networks at {table['size'].nunique()} sizes")
    report("FLOPs of all kernels, as the table has them", points(published, kernels, every_kind=True))
    report("FLOPs = 2 x MACs, as rdslab counts", table)
    report("The same, were 480x320 in truth 480x360", points(published, kernels, every_kind=False, as_480x360=True))
    shipped(table)
    same_kernels(published, kernels)


if __name__ == "__main__":
    main()
