"""One row a variant: means with intervals, differences to the base, costs, times, the front, and twins."""

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import pandas as pd

from rdslab.report.frame import COSTS, MISSING, Results
from rdslab.report.images import image_columns
from rdslab.report.noise import front_probabilities
from rdslab.stats import Estimate, PooledSpread, front, holm, mean_estimate, paired_difference, pooled_spread
from rdslab.stats.bootstrap import bootstrap_mean

COLUMNS = {
    "variant": "name of the variant",
    "n": "trials (seeds) that gave a finite mIoU",
    "n_failed": "trials that failed",
    "n_unscored": "trials that finished without a finite mIoU",
    "n_open": "trials that run or wait",
    "miou": "mean over the n seeds, 0..1",
    "miou_sd": "standard deviation over the seeds",
    "miou_low": "low end of the mean's 95 % interval (Student's t, by its own seeds alone); empty for n = 1",
    "miou_high": "high end of it",
    "miou_images_low": "low end of the mean's 95 % interval over the validation images, the nets as they are trained",
    "miou_images_high": "high end of it",
    "drawn_images": "what that interval draws anew: clips, or stretches of neighbouring images",
    "miou_bootstrap_low": "from 10 seeds on, low end of the 95 % studentised bootstrap interval, which assumes no law",
    "miou_bootstrap_high": "high end of it",
    "base": "the variant that the differences are to",
    "difference": "mean over the shared seeds of mIoU minus the base's mIoU",
    "difference_low": "low end of the paired 95 % t interval, not corrected for the number of comparisons",
    "difference_high": "high end of it",
    "difference_images_low": "low end of the difference's 95 % interval over the images, the nets as they are trained",
    "difference_images_high": "high end of it",
    "n_pairs": "seeds that both have",
    "p": "two-sided paired t test",
    "p_holm": "the same, corrected by Holm's method over all differences of this table",
    "p_permutation": "two-sided, signs flipped; from 6 pairs on",
    "p_least": "the smallest that so many pairs can give",
    "effect_size": "Hedges' g: the mean difference over the differences' standard deviation, corrected for small n",
    "params": "trainable parameters of the inference form",
    "macs": "multiply-accumulates at the deployment size",
    "activations": "output elements of convolutions and linear layers",
    "elements": "output elements of every kernel",
    "bytes": "bytes moved at fp32",
    "latency_ms.<device>": "milliseconds",
    "latency_low_ms.<device>": "measured: first quartile; predicted: low end of the 90 % interval",
    "latency_high_ms.<device>": "measured: third quartile; predicted: high end of the 90 % interval",
    "latency_kind.<device>": "measured, predicted or missing",
    "on_front.<device>": "no other variant has a mean mIoU as high at a latency as low (of the same kind of time)",
    "front_probability.<device>": "how probably it is on the true front of mIoU and that latency, 0..1, among times of "
    "its kind, by the spread of the seeds and a prediction's interval; empty where they do not tell",
    "same_function_as": "other variants with the same canonical id: they differ by seeds alone",
    "net_id": "hash of the net as written out",
    "canonical_id": "hash shared by nets that compute the same class of functions",
}


WORDS = ("variant", "base", "drawn_images", "same_function_as", "net_id", "canonical_id")

LAST = ("same_function_as", "net_id", "canonical_id")


@lru_cache(maxsize=8)  # every plot and table asks for it
def variants_frame(results: Results) -> pd.DataFrame:
    """One row a variant in the study's order; the columns are those of COLUMNS, with every device written out.

    Made once for each Results, and not to be changed.
    """
    trials = results.frame
    own = dict(iter(trials.groupby("variant", sort=False)))
    rows = [_row(results, own.get(variant, trials.iloc[:0]), variant) for variant in results.variants]
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = p
    for device in results.devices:
        for row, member in zip(
            rows, front_membership(rows, f"latency_ms.{device}", f"latency_kind.{device}"), strict=True
        ):
            row[f"on_front.{device}"] = member
        for row, sure in zip(rows, front_probabilities(rows, device, seed_spread(results)), strict=True):
            row[f"front_probability.{device}"] = sure
    alike: dict[str, list[str]] = {}
    for row in rows:
        alike.setdefault(row["canonical_id"], []).append(row["variant"])
    for row in rows:
        twins = alike[row["canonical_id"]] if row["canonical_id"] else []
        row["same_function_as"] = ", ".join(name for name in twins if name != row["variant"])
    columns = [name for column in COLUMNS for name in _written_out(column, results.devices)]
    return _typed(pd.DataFrame(rows, columns=_by_device(columns)))


def _written_out(column: str, devices: Iterable[str]) -> list[str]:
    return [column.replace("<device>", d) for d in devices] if "<device>" in column else [column]


def _by_device(columns: list[str]) -> list[str]:
    """All columns of one device stand together."""
    first = [c for c in columns if "." not in c and c not in LAST]
    devices = dict.fromkeys(c.split(".", 1)[1] for c in columns if "." in c)
    timed = [c for device in devices for c in columns if "." in c and c.split(".", 1)[1] == device]
    return [*first, *timed, *LAST]


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    kinds: dict[str, Any] = {}
    for column in frame.columns:
        if column.startswith("n_") or column in ("n", *COSTS):
            kinds[column] = "Int64"
        elif column.startswith("on_front."):
            kinds[column] = "boolean"
        elif column in WORDS or column.startswith("latency_kind."):
            kinds[column] = "object"
        else:
            kinds[column] = "float64"
    return frame.astype(kinds)


def scores(results: Results, variant: str) -> dict[int, float | None]:
    """mIoU by seed of the variant's finished trials, None where it is no number."""
    return _all_scores(results).get(variant, {})


@lru_cache(maxsize=8)
def seed_spread(results: Results) -> PooledSpread:
    """How a variant's mIoU spreads over its seeds, pooled over the variants."""
    return pooled_spread(scores(results, variant).values() for variant in results.variants)


@lru_cache(maxsize=8)
def _all_scores(results: Results) -> dict[str, dict[int, float | None]]:
    frame = results.frame[results.frame["state"] == "done"]
    found: dict[str, dict[int, float | None]] = {}
    for variant, seed, miou in zip(frame["variant"], frame["seed"], frame["miou"], strict=True):
        found.setdefault(str(variant), {})[int(seed)] = float(miou) if math.isfinite(miou) else None
    return found


def _row(results: Results, trials: pd.DataFrame, variant: str) -> dict[str, Any]:
    values = scores(results, variant)
    mean = mean_estimate(values.values())
    base = results.base_of(variant)
    difference = paired_difference(values, scores(results, base)) if base else Estimate(0)
    states = list(trials["state"])
    row: dict[str, Any] = {
        "variant": variant,
        "n": mean.n,
        "n_failed": states.count("failed"),
        "n_unscored": states.count("done") - mean.n,
        "n_open": states.count("running") + states.count("waiting"),
        "base": base,
        "n_pairs": difference.n if base else None,
        "p": difference.p,
        "p_permutation": difference.p_permutation,
        "p_least": difference.p_least,
        "effect_size": difference.effect_size,
    }
    row |= {"miou": mean.mean, "miou_sd": mean.sd, "miou_low": mean.low, "miou_high": mean.high}
    drawn = bootstrap_mean(values.values())
    row |= {"miou_bootstrap_low": drawn.low, "miou_bootstrap_high": drawn.high}
    row |= {"difference": difference.mean, "difference_low": difference.low, "difference_high": difference.high}
    row |= image_columns(results, variant)
    row |= {name: _first(trials[name].dropna()) for name in COSTS}
    row |= {name: _first(v for v in trials[name] if v) or "" for name in ("net_id", "canonical_id")}
    for device in results.devices:
        row |= _latency(trials, device)
    return row


def _first(values: Iterable[Any]) -> Any:
    return next(iter(values), None)


def _latency(trials: pd.DataFrame, device: str) -> dict[str, Any]:
    """The variant's time on the device: all its trials are one net, so the first slot that has one speaks for all."""
    columns = [f"latency_{part}.{device}" for part in ("ms", "low_ms", "high_ms", "kind")]
    timed = trials[trials[columns[-1]] != MISSING]
    if timed.empty:
        return {columns[-1]: MISSING}
    return {column: timed[column].iloc[0] for column in columns}


def front_membership(rows: list[dict[str, Any]], cost: str, kind: str = "") -> list[bool | None]:
    """For each row whether its mean mIoU against `cost` is on the front; None where either is missing.

    Rows of different `kind` (measured, predicted) are never held against each other.
    """
    member: list[bool | None] = [None] * len(rows)
    for one in dict.fromkeys(row.get(kind) for row in rows):
        group = [i for i, r in enumerate(rows) if r.get(kind) == one and _known(r.get("miou")) and _known(r.get(cost))]
        points = [(float(rows[i][cost]), float(rows[i]["miou"])) for i in group]
        for i, on_front in zip(group, front(points, ("minimize", "maximize")), strict=True):
            member[i] = on_front
    return member


def _known(value: Any) -> bool:
    return value is not None and not pd.isna(value)
