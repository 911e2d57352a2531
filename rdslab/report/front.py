"""The Pareto plot: mean mIoU of each variant against what it costs, with the front, the seeds and the intervals."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

from rdslab.report.frame import Results, number, records
from rdslab.report.variants import front_membership, scores, variants_frame
from rdslab.report.words import device_notes, latency_words, measured_how, missing_times, plural, some

FEW_SEEDS = 5  # below, a bar is the seeds' range: Student's interval of 3 seeds is mostly the word "three"
CROWD = 8  # more points than that make wide horizontal intervals a carpet: they are drawn faint
INTERVALS = {"predicted": "90 % interval", "measured": "quartiles"}  # of the times
MOST_NAMED = 24  # more points than that have numbers beside them, and the names stand below


@dataclass(frozen=True, eq=False)
class FrontPlot:
    """What a Pareto plot shows: `frame` has one row a variant that has both figures, and `xlabel` names the cost.

    Columns: variant, cost, cost_low, cost_high (NaN without interval), kind (measured, predicted or ""), miou, bar_low,
    bar_high (NaN for one seed), n, seeds (tuple of mIoU), on_front, is_base. mIoU in per cent; cost in the unit of
    the label.
    """

    frame: pd.DataFrame
    xlabel: str
    bars: str  # what the vertical bars are, in words
    caption: str

    @property
    def crowded(self) -> bool:
        """Whether the horizontal intervals cover the plot: then they are faint, and labels may lie on them."""
        return _crowded(self.frame)


def _crowded(frame: pd.DataFrame) -> bool:
    widths = (frame["cost_high"] - frame["cost_low"]).dropna()
    share = 0.1 if len(frame) > CROWD else 0.3
    return len(widths) > 1 and float(widths.median()) > share * float(frame["cost"].max() - frame["cost"].min())


def latency_front(results: Results, device: str) -> FrontPlot:
    """mIoU against latency on the device, with the 90 % interval of a prediction or the quartiles of a measurement."""
    rows = records(variants_frame(results))
    parts = {part: f"latency_{part}.{device}" for part in ("ms", "low_ms", "high_ms", "kind")}
    frame, bars = _frame(results, rows, {**parts, "front": f"on_front.{device}"})
    words = latency_words(results, device)
    caption = f"mIoU against {words[0].lower()}{words[1:]}. {_said(results, frame, bars)}{_intervals(frame)}"
    if how := measured_how(results, device):
        caption += f" Measured on: {how}."
    if missing := missing_times(results, device):
        caption += f" Without a time, and so not shown: {some(list(missing))}."
    if notes := device_notes(results, device):
        caption += f" Of the times: {'; '.join(notes)}."
    return FrontPlot(frame, f"{words}, ms", bars, caption)


def macs_front(results: Results) -> FrontPlot:
    """mIoU against giga-MACs of one image at the deployment size."""
    rows = records(variants_frame(results))
    for row, member in zip(rows, front_membership(rows, "macs"), strict=True):
        row["front"] = member
        row["gmacs"] = number(row["macs"]) / 1e9 if not pd.isna(row["macs"]) else math.nan
    frame, bars = _frame(results, rows, {"ms": "gmacs", "front": "front"})
    size = str((results.study.get("deploy") or {}).get("size") or "")
    label = f"Multiply-accumulates{f' at {size}' if size else ''}, G"
    caption = f"mIoU against multiply-accumulates (1 MAC = 2 FLOPs){f' at {size}' if size else ''}. "
    return FrontPlot(frame, label, bars, caption + _said(results, frame, bars))


@lru_cache(maxsize=8)
def _as_range(results: Results) -> bool:
    several = [int(n) for n in variants_frame(results)["n"] if n > 1]
    return bool(several) and min(several) < FEW_SEEDS


def bar_words(results: Results) -> str:
    """What the vertical bars are."""
    return "the range of the seeds" if _as_range(results) else "95 % t intervals over the seeds"


def seed_bars(results: Results, row: Any) -> tuple[float, float]:
    """The ends of a variant's vertical bar, mIoU in per cent: the seeds' range where they are few, else the interval.

    NaN for fewer than two seeds. `row` is one of the variants frame's.
    """
    seeds = [100 * value for value in scores(results, str(row["variant"])).values() if value is not None]
    if len(seeds) < 2:
        return math.nan, math.nan
    return (min(seeds), max(seeds)) if _as_range(results) else (100 * row["miou_low"], 100 * row["miou_high"])


def _frame(results: Results, rows: list[Any], columns: dict[str, str]) -> tuple[pd.DataFrame, str]:
    shown = [r for r in rows if not pd.isna(r["miou"]) and not pd.isna(r[columns["ms"]])]
    several = any(r["n"] > 1 for r in shown)
    made = []
    for row in shown:
        seeds = tuple(100 * v for v in scores(results, str(row["variant"])).values() if v is not None)
        low, high = seed_bars(results, row)
        made.append(
            {
                "variant": row["variant"],
                "cost": float(row[columns["ms"]]),
                "cost_low": number(row.get(columns.get("low_ms", ""))),
                "cost_high": number(row.get(columns.get("high_ms", ""))),
                "kind": str(row.get(columns.get("kind", "")) or ""),
                "miou": 100 * row["miou"],
                "bar_low": low,
                "bar_high": high,
                "n": int(row["n"]),
                "seeds": seeds,
                "on_front": bool(row[columns["front"]]),
                "is_base": row["variant"] in results.bases,
            }
        )
    names = ["variant", "cost", "cost_low", "cost_high", "kind", "miou", "bar_low", "bar_high", "n", "seeds"]
    bars = bar_words(results) if several else ""
    return pd.DataFrame(made, columns=[*names, "on_front", "is_base"]), bars


def _said(results: Results, frame: pd.DataFrame, bars: str) -> str:
    """What the marks mean, and how many seeds stand behind them."""
    if frame.empty:
        return "No variant has both figures."
    counts = sorted(set(frame["n"]))
    seeds = plural(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
    text = f"Each point is the mean of {seeds}"
    text += f", dashes are the seeds, bars are {bars}" if bars else ", and one seed has no bar"
    text += ". The line is the front through the means: a point whose bar reaches over it may belong to it too."
    unscored = [v for v in results.variants if all(s is None for s in scores(results, v).values())]
    return text + (f" Without an mIoU, and so not shown: {some(unscored)}." if unscored else "")


def _intervals(frame: pd.DataFrame) -> str:
    """What hollow and filled mean, and the horizontal bars."""
    marks = {
        "predicted": (" Hollow markers are predictions", "the prediction's 90 % interval"),
        "measured": (" Filled markers are measurements", "the quartiles of the runs"),
    }
    shown = sorted(set(frame["kind"]))
    text = "".join(f"{mark}, their horizontal bars {bar}." for mark, bar in (marks[kind] for kind in shown))
    return text + (" The two kinds have a front each." if len(shown) > 1 else "")
