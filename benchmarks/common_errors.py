"""How much of what predicted latencies get wrong do related nets have in common? `common_errors.py FOLDER [--out F.md]`

FOLDER as for `device_profiles.py`. Each network is predicted with itself left out, as in `predictors.py`. The log
errors are then split into what a family of networks has in common (a name up to its first digit or
dash) and what is each one's own, by a one-way analysis of variance with random effects. A front of one net's variants
is a front within a family; one of unlike nets has mostly errors of their own.
"""

import argparse
import re
import statistics
from pathlib import Path

import device_profiles
import numpy as np
from predictors import kernels

from rdslab.files import write_whole
from rdslab.measure import solve, unseen
from rdslab.measure.fit import points_of
from rdslab.stats.pareto import Array

HEAD = "| profile | times | families | error within a family | share in common |\n|---|" + "---:|" * 4


def left_out_errors(points: solve.Points, prior: solve.Prior) -> Array:
    """Log of predicted over published, each network left out of its fit."""
    errors = np.zeros(len(points.ms))
    for group in unseen.networks_of(points):
        errors[group] = kernels(prior)(points.part(~group), points.part(group)) - np.log(points.ms[group])
    return errors


def in_common(errors: Array, families: list[str]) -> tuple[float, float] | None:
    """The standard deviation within a family, and the share of the variance between; None where nothing repeats."""
    groups = [errors[np.array(families) == name] for name in sorted(set(families))]
    rest = len(errors) - len(groups)
    if len(groups) < 2 or not rest:
        return None
    within = sum(float(((g - g.mean()) ** 2).sum()) for g in groups) / rest
    between = sum(len(g) * float(g.mean() - errors.mean()) ** 2 for g in groups) / (len(groups) - 1)
    usual = (len(errors) - sum(len(g) ** 2 for g in groups) / len(errors)) / (len(groups) - 1)
    common = max(0.0, (between - within) / usual)
    return float(np.sqrt(within)), common / (common + within)


def table(folder: Path) -> str:
    data = list(device_profiles.boards(folder))
    rough = [device_profiles.profile(*board, solve.BROAD) for board in data]
    lines, shares = [HEAD], []
    for (key, _, measured), first in zip(data, rough, strict=True):
        prior = solve.prior_of([p for p in rough if p.form == first.form and p.board != first.board])
        points = points_of(measured, first.form, key[2])
        families = [re.split(r"[-_\d]", str(name).lower())[0] for name in points.networks]
        found = in_common(left_out_errors(points, prior), families)
        if found is not None:
            shares.append(found[1])
            cells = f"{len(families)} | {len(set(families))} | {100 * found[0]:.1f} % | {found[1]:.2f}"
            lines.append(f"| {first.name} | {cells} |")
            print(lines[-1], flush=True)
    return "\n".join([*lines, f"| median of the boards | | | | {statistics.median(shares):.2f} |"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="published_networks.csv and kernels.parquet")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="write the table there too")
    given = parser.parse_args()
    found = table(given.folder)
    if given.out is not None:
        title = "# What errors of predicted latencies have in common"
        made = f"Made by `python benchmarks/common_errors.py FOLDER --out {given.out}`."
        write_whole(
            given.out, f"{title}\n\n{made}\nEach network left out; families by the names of networks.\n\n{found}\n"
        )


if __name__ == "__main__":
    main()
