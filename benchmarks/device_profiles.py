"""How the shipped device profiles came about: `python benchmarks/device_profiles.py FOLDER [--write]`.

FOLDER holds `published_networks.csv`, published latencies of whole networks, and `kernels.parquet`, the kernels of
these networks in eager form, joined by `trace_key`. Reading Parquet needs pyarrow, which rdslab itself does not:
`pip install 'rdslab[bench]'`.

A profile is of one board, framework (with its version, where that is known) and precision, with at least six traced
networks or sizes. Networks that are the same to the model stay on one side of every split: VGG with batch norm and
without, FCN-ResNet18 for every data set. Rates and errors come from `rdslab.measure.fit`. What other boards say of a
new one holds the numbers where the data do not: a first fit of every board with a wide prior, then a second, with what
the first fits of the *other* boards give. Errors are of the whole procedure, the model chosen anew without what is
left out.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rdslab.measure import fit, solve, unseen
from rdslab.measure.profile import DEVICES, Profile, load_profile, profile_names
from rdslab.records import Cost, Kernel, NodeCost, Size

MULTIPLYING = ("conv", "dwconv", "gconv", "deconv", "mm")
COMMAND = "python benchmarks/device_profiles.py FOLDER"
FEWEST = 6  # traced networks, or sizes
ONE_LAB = "the interval holds for times taken as these were; those of another laboratory differ by more"
CLASSIFIERS = "classification networks only: what upsampling and large maps cost was not seen"
COPIES = "the times hold the copies of the image to the device and of the answer back"


@dataclass(frozen=True)
class About:
    """What the table does not say of a profile."""

    name: str
    board: str
    notes: tuple[str, ...] = (ONE_LAB,)
    disputed: str = ""
    source: str = ""  # where the table's word for it is not enough


TX1_NOTES = (
    "the interval holds for times taken as the paper took them; those of another laboratory differ by more",
    "the times at 480x320 lie above what the other sizes predict, as if taken at 480x360",
    "depthwise kernels occur in one of the four networks only",
    "kernels of the networks as their PyTorch implementations were traced; with rdslab's own counts in their place the "
    "errors are 7.3 % for a new network and 9.0 % for a new size (studies/table_v.yaml)",
)
PROFILES = {
    ("Jetson TX1", "PyTorch 0.3/0.4", "fp32"): About(
        "jetson-tx1",
        "NVIDIA Jetson TX1",
        TX1_NOTES,
        "the paper's prose says Jetson TX2, its Table V says TX1; the fitted numbers lie near a TX1's datasheet",
        "Doan et al.: Real-time Image Semantic Segmentation Networks with Residual Depth-wise Separable Blocks (2018), "
        "Table V",
    ),
    ("RTX 2080", "PyTorch", "fp32"): About("rtx-2080", "NVIDIA GeForce RTX 2080"),
    ("Jetson Nano", "PyTorch", "fp16"): About("jetson-nano-pytorch-fp16", "NVIDIA Jetson Nano"),
    ("Jetson Nano", "TensorRT", "fp16"): About(
        "jetson-nano-trt-fp16",
        "NVIDIA Jetson Nano",
        ("times of three laboratories, TensorRT's version not stated; some are whole frames a second",),
    ),
    ("Jetson Nano", "TensorRT (JetPack 4.6)", "fp16"): About("jetson-nano-trt-jp46-fp16", "NVIDIA Jetson Nano"),
    ("Jetson Xavier", "PyTorch", "fp16"): About("jetson-xavier-pytorch-fp16", "NVIDIA Jetson AGX Xavier"),
    ("Jetson Xavier", "TensorRT", "fp16"): About(
        "jetson-xavier-trt-fp16",
        "NVIDIA Jetson AGX Xavier",
        ("times of two laboratories, TensorRT's version not stated",),
    ),
    ("Jetson Xavier", "TensorRT (JetPack 4.6)", "fp16"): About("jetson-xavier-trt-jp46-fp16", "NVIDIA Jetson Xavier"),
    ("Jetson NX", "TensorRT (JetPack 4.6)", "fp16"): About(
        "jetson-xavier-nx-trt-jp46-fp16",
        "NVIDIA Jetson Xavier NX",
        (ONE_LAB, "the source says Jetson NX; JetPack 4.6 runs on the Xavier NX, not on the Orin NX"),
    ),
    ("Jetson TX2", "TensorRT (JetPack 4.6)", "fp16"): About("jetson-tx2-trt-jp46-fp16", "NVIDIA Jetson TX2"),
    ("Jetson TX2", "TensorRT 3.0", "fp16"): About("jetson-tx2-trt3-fp16", "NVIDIA Jetson TX2", (ONE_LAB, COPIES)),
    ("Jetson TX2", "TensorRT 3.0", "fp32"): About("jetson-tx2-trt3-fp32", "NVIDIA Jetson TX2", (ONE_LAB, COPIES)),
    ("Jetson TX2", "TensorFlow 1.5", "fp32"): About(
        "jetson-tx2-tensorflow15-fp32", "NVIDIA Jetson TX2", (ONE_LAB, COPIES)
    ),
    ("Jetson AGX Orin", "TensorRT (JetPack 5.0.1)", "fp16"): About(
        "jetson-agx-orin-trt-jp501-fp16", "NVIDIA Jetson AGX Orin"
    ),
    ("Jetson Orin Nano", "TensorRT (JetPack 6.0)", "fp16"): About(
        "jetson-orin-nano-trt-jp60-fp16", "NVIDIA Jetson Orin Nano"
    ),
}


def read(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The published times whose kernels are known, and the kernels."""
    try:
        published = pd.read_csv(folder / "published_networks.csv")
        kernels = pd.read_parquet(folder / "kernels.parquet")
    except ImportError:
        sys.exit("reading kernels.parquet needs pyarrow, which rdslab does not: pip install 'rdslab[bench]'")
    except OSError as error:
        sys.exit(f"{folder}: {error.strerror or error}\n  give the folder with published_networks.csv, kernels.parquet")
    return published[published.trace_key.notna()], kernels


def network(model: str) -> str:
    """The name that all rows of what is one network to the model share."""
    return re.sub(r"^fcn-resnet18.*", "fcn-resnet18", re.sub(r"^(vgg\d+)_bn$", r"\1", model))


def cost(kernels: pd.DataFrame, name: str, size: Size) -> Cost:
    """A published kernel list as a cost with one node; FLOPs are 2 x MACs of kernels that multiply."""
    found = []
    for row in kernels.itertuples(index=False):
        kind = {"mean": "pool", "max": "pool", "native_layer_norm": "bn"}.get(row.op, row.kind)
        kind = "act" if "softmax" in row.op else kind
        macs = int(row.flops) // 2 if row.kind in MULTIPLYING else 0
        moved = int(row.elems_in), int(row.elems_out), int(row.weights)
        shape = [int(x) for x in (row.taps, row.groups, row.cin, row.cout, row.h, row.w, row.dilation, row.stride)]
        found.append(Kernel(f"aten.{row.op}", kind, macs, *moved, *shape))
    return Cost(name, size, 0, 0, 0, 0, 0, 0, (NodeCost("all", "", 0, 0, 0, 0, 0, 0, 0, 0, tuple(found)),))


Measured = list[tuple[Cost, float]]


def boards(folder: Path) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame, Measured]]:
    """Each board, framework and precision with enough data: its rows, and its costs with times."""
    published, kernels = read(folder)
    lists = dict(tuple(kernels.groupby("trace_key", observed=True)))
    for key, rows in published.groupby(["device", "framework", "precision"]):
        if rows.trace_key.nunique() >= FEWEST:
            measured = [
                (cost(lists[row.trace_key], network(row.model), Size(row.W, row.H)), float(row.latency_ms))
                for row in rows.itertuples()
            ]
            yield key, rows, measured


def form_of(framework: str) -> str:
    return "deployed" if framework.startswith("TensorRT") else "eager"


def profile(key: tuple[str, str, str], rows: pd.DataFrame, measured: Measured, prior: solve.Prior) -> Profile:
    _, framework, precision = key
    about = PROFILES[key]
    notes = about.notes
    if set(rows.task) == {"classification"}:
        notes = (CLASSIFIERS, *notes)
    return fit.fit_with_points(
        measured,
        prior,
        name=about.name,
        board=about.board,
        source=about.source or "; ".join(dict.fromkeys(rows.source)),
        framework=framework,
        precision=precision,
        form=form_of(framework),
        command=COMMAND,
        disputed=about.disputed,
        notes=notes,
    )[0]


def report(found: Profile, rows: pd.DataFrame, measured: Measured, prior: solve.Prior) -> None:
    """Errors of one board: of the procedure, by source and network, and of each model on its own."""
    points = fit.points_of(measured, found.form, found.precision)
    whole = unseen.fit(points, prior)
    print(f"\n## {found.name}\n{found.headline}\n{found.combine}, apart {found.flops_per_s_apart or 'none'}")
    print(f"launch_us {found.launch_us:g}  flops_per_s {found.flops_per_s:g}  bytes_per_s {found.bytes_per_s:g}")
    shares = np.abs(np.exp(whole.by_network) - 1)
    low, high = np.log(found.interval.low), np.log(found.interval.high)
    inside = (-whole.by_network > low) & (-whole.by_network < high)
    print(f"leave one network out: mean {100 * shares.mean():.1f} %, median {100 * np.median(shares):.1f} %, ", end="")
    print(f"worst {100 * shares.max():.1f} %; {inside.sum()} of {len(shares)} inside the 90 % interval")
    by_source = pd.Series(shares).groupby(rows.source.str.partition(" ")[0].to_numpy()).mean()
    if len(by_source) > 1:
        print("  by source: " + ", ".join(f"{name} {100 * error:.1f} %" for name, error in by_source.items()))
        for name in by_source.index:
            alone(points.part(rows.source.str.startswith(name).to_numpy()), name, whole.model)
    worst = pd.Series(whole.by_network).groupby(points.networks).mean().map(np.expm1).sort_values(key=np.abs)
    print("  worst networks: " + ", ".join(f"{name} {100 * e:+.0f} %" for name, e in worst.iloc[:-5:-1].items()))
    for model in unseen.models_for(points):
        print(f"  {model.combine:13s}{'+'.join(model.apart):16s}", end="")
        for what, groups in (("network", unseen.networks_of(points)), ("size", unseen.sizes_of(points))):
            logs = unseen.left_out(points, groups, lambda rest, m=model: (m, solve.solve(rest, m, prior)))
            if not np.isnan(logs).all():
                print(f" leave one {what} out {100 * np.nanmean(np.abs(np.exp(logs) - 1)):.1f} %", end="")
        unknowns = solve.solve(points, model, prior)
        own = np.abs(solve.predicted(points, model, unknowns) / points.ms - 1).mean()
        print(f"; in sample {100 * own:.1f} %")


def alone(points: solve.Points, name: str, model: solve.Model) -> None:
    """The error of one laboratory's times alone, each row left out in turn and nothing known of other boards."""
    each = list(np.eye(len(points.ms), dtype=bool))
    logs = unseen.left_out(points, each, lambda rest: (model, solve.solve(rest, model, solve.BROAD)))
    print(f"    {name} alone, leave one row out: {100 * np.abs(np.exp(logs) - 1).mean():.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="published_networks.csv and kernels.parquet")
    parser.add_argument("--write", action="store_true", help="write the shipped profiles")
    parser.add_argument("--only", metavar="NAME", help="this profile only")
    options = parser.parse_args()
    data = list(boards(options.folder))
    rough = [profile(*board, solve.BROAD) for board in data]
    for board, first in zip(data, rough, strict=True):
        if options.only not in (None, first.name):
            continue
        prior = solve.prior_of([p for p in rough if p.form == first.form and p.board != first.board])
        found = profile(*board, prior)
        report(found, *board[1:], prior)
        if options.write:
            found.save(DEVICES / f"{found.name}.yaml")
    if options.write:
        print(f"\n{len(data)} profiles written, {len(profile_names())} shipped")
        for name in profile_names():
            load_profile(name)


if __name__ == "__main__":
    main()
