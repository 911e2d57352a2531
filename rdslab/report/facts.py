"""What the page's script knows: every variant's figures as columns, so that 2,000 of them stay small."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rdslab.report.frame import COSTS, Results, classes_frame, history_frame, kind_of, records
from rdslab.report.front import seed_bars
from rdslab.report.membership import membership_words, memberships
from rdslab.report.provenance import settings
from rdslab.report.variants import scores, variants_frame
from rdslab.report.words import latency_words, listed, plural, time_columns

DIGITS = 5  # significant ones: more than a seed's mIoU or a median time has
MOST_EPOCHS = 60  # a longer curve keeps this many of its points, the last among them
COST_AXES = {
    "macs": ("Multiply-accumulates", "G", 1e9),
    "params": ("Parameters", "M", 1e6),
    "activations": ("Activations", "M", 1e6),
    "bytes": ("Bytes moved at fp32", "MB", 1e6),
}


def page_facts(results: Results) -> dict[str, Any]:
    """Axes with a value for each variant, and what else is told of a variant; None where nothing is known.

    `axes`: key, words, unit, kind (measured, predicted or ""), best (least or most), group, values, low, high, and of a
    latency its device and front (how surely each variant is on that device's front); an axis without any value is left
    out. `names`, `bases`, `is_base`, `genes`, `n`, `states`, `seeds`, `ids`, `twins`, `protocols` and `curves` are as
    long as there are variants.
    """
    rows = records(variants_frame(results))
    axes = [*_time_axes(results, rows), *_cost_axes(results, rows), *_score_axes(results, rows), *_class_axes(results)]
    said, protocols = _protocols(results)
    epochs, curves = _curves(results)
    return {
        "axes": [axis for axis in axes if any(value is not None for value in axis["values"])],
        "names": [row["variant"] for row in rows],
        "bases": [row["base"] for row in rows],
        "is_base": [row["variant"] in results.bases for row in rows],
        "genes": [_genes(results, str(row["variant"])) for row in rows],
        "n": [int(row["n"]) for row in rows],
        "states": [_states(row) for row in rows],
        "seeds": [_seeds(results, str(row["variant"])) for row in rows],
        "ids": [[row["net_id"], row["canonical_id"]] for row in rows],
        "twins": [row["same_function_as"] for row in rows],
        "said": said,
        "protocols": protocols,
        "epochs": epochs,
        "curves": curves,
    }


def embedded(facts: Mapping[str, Any]) -> str:
    """The facts as JSON that may stand inside a script element: nothing in it can end that element."""
    text = json.dumps(facts, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def rounded(value: Any, factor: float = 1.0) -> float | int | None:
    """A number of few digits, None for what is none."""
    if value is None or value != value or not math.isfinite(float(value)):
        return None
    short = float(f"{factor * float(value):.{DIGITS}g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short


def _axis(key: str, words: str, unit: str, values: Iterable[Any], **more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "kind": "",
        "best": "least",
        "group": "Cost",
        "low": None,
        "high": None,
        "device": "",
        "front": [],
    }
    return {"key": key, "words": words, "unit": unit, **usual, **more, "values": [*values]}


def _time_axes(results: Results, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """One for each device and kind of its times: what is measured and what is predicted never share an axis."""
    axes = []
    for number, (device, kind) in enumerate(time_columns(results)):
        own = [row if row[f"latency_kind.{device}"] == kind else {} for row in rows]
        ends = {part: [rounded(row.get(f"latency_{part}_ms.{device}")) for row in own] for part in ("low", "high")}
        values = [rounded(row.get(f"latency_ms.{device}")) for row in own]
        words = latency_words(results, device, kind)
        told = memberships(results, device, kind)
        front = [membership_words(told[v]) if (v := str(row["variant"])) in told else "" for row in rows]
        axes.append(
            _axis(f"time{number}", words, "ms", values, kind=kind, group="Latency", device=device, front=front, **ends)
        )
    return axes


def _cost_axes(results: Results, rows: Sequence[Any]) -> list[dict[str, Any]]:
    size = str((results.study.get("deploy") or {}).get("size") or "")
    at = {name: f" at {size}" if size and name != "params" else "" for name in COSTS}
    return [
        _axis(name, words + at[name], unit, [None if _none(row[name]) else rounded(row[name], 1 / one) for row in rows])
        for name, (words, unit, one) in COST_AXES.items()
    ]


def _none(value: Any) -> bool:
    return value is None or value != value or str(value) == "<NA>"


def _score_axes(results: Results, rows: Sequence[Any]) -> list[dict[str, Any]]:
    bars = [seed_bars(results, row) for row in rows]
    ends = {"low": [rounded(low) for low, _ in bars], "high": [rounded(high) for _, high in bars]}
    axes = [_axis("miou", "mIoU", "%", [rounded(r["miou"], 100) for r in rows], best="most", group="Score", **ends)]
    if results.base:
        ends = {part: [rounded(row[f"difference_{part}"], 100) for row in rows] for part in ("low", "high")}
        values = [rounded(row["difference"], 100) for row in rows]
        words = "mIoU, difference to the base"
        axes.append(_axis("difference", words, "points", values, best="most", group="Score", **ends))
    return axes


def _class_axes(results: Results) -> list[dict[str, Any]]:
    frame = classes_frame(results)
    iou = {(row["variant"], row["class"]): rounded(row["iou"], 100) for row in records(frame)}
    return [
        _axis(
            f"iou{number}", f"IoU of {name}", "%", [iou.get((variant, name)) for variant in results.variants],
            best="most", group="IoU of a class",
        )
        for number, name in enumerate(results.classes)
    ]  # fmt: skip


def _genes(results: Results, variant: str) -> list[list[str]]:
    """What the variant sets, place and value."""
    genes = (results.study.get("genes") or {}).get(variant) or {}
    return [
        [str(place), settings(value) if isinstance(value, Mapping) else _value(value)] for place, value in genes.items()
    ]


def _value(value: Any) -> str:
    return listed(value) if isinstance(value, list | tuple) else str(value)


def _states(row: Any) -> str:
    """'1 failed, 2 still open', or ''."""
    words = {"n_failed": "failed", "n_unscored": "finished without an mIoU", "n_open": "still open"}
    return ", ".join(f"{int(row[column])} {word}" for column, word in words.items() if row[column])


def _seeds(results: Results, variant: str) -> list[list[Any]]:
    found = scores(results, variant)
    return [[seed, rounded(miou, 100)] for seed, miou in found.items() if miou is not None]


def _protocols(results: Results) -> tuple[list[str], list[dict[str, int]]]:
    """How times were taken, each way once; and by variant which of them holds on which device."""
    said: dict[str, int] = {}
    by_device: list[dict[str, int]] = []
    for variant in results.variants:
        own: dict[str, int] = {}
        for trial in results.by_variant.get(variant, ()):
            for device, times in (trial.get("times") or {}).items():
                if device not in own and kind_of(times) != "missing":
                    own[device] = said.setdefault(protocol_words(times), len(said))
        by_device.append(own)
    return list(said), by_device


def protocol_words(times: Mapping[str, Any]) -> str:
    """'batch 1, fp32, torch, 1 thread, channels_first, network in the timer, eager; on CPU name; certified'."""
    protocol, host = times.get("protocol") or {}, times.get("host") or {}
    threads = plural(int(protocol["threads"]), "thread") if protocol.get("threads") else ""
    batch = f"batch {protocol['batch']}" if protocol.get("batch") else ""
    inside = f"{protocol['inside']} in the timer" if protocol.get("inside") else ""
    parts = [protocol.get("size"), batch, protocol.get("precision"), protocol.get("backend"), threads]
    parts += [protocol.get("layout"), inside, protocol.get("form")]
    words = [", ".join(str(part) for part in parts if part)]
    words += [f"on {host.get('gpu') or host.get('cpu')}"] if host.get("gpu") or host.get("cpu") else []
    if kind_of(times) == "measured":
        words.append("certified" if (times.get("certificate") or {}).get("certified") else "not certified")
    return "; ".join(word for word in words if word)


def _curves(results: Results) -> tuple[list[list[int]], list[list[list[Any]]]]:
    """The epochs that curves have, each list once; and by variant [seed, number of its list, mIoU in per cent]."""
    frame = history_frame(results)
    frame = frame[frame["miou"].notna() & frame["epoch"].notna()]
    found: dict[str, list[list[Any]]] = {}
    axes: dict[tuple[int, ...], int] = {}
    for _, own in frame.groupby("slot", sort=False):
        step = math.ceil(len(own) / MOST_EPOCHS)
        kept = own.iloc[::-1].iloc[::step].iloc[::-1]
        number = axes.setdefault(tuple(int(epoch) for epoch in kept["epoch"]), len(axes))
        values = [round(100 * miou, 2) for miou in kept["miou"]]
        found.setdefault(str(own["variant"].iloc[0]), []).append([int(own["seed"].iloc[0]), number, values])
    return [list(axis) for axis in axes], [found.get(variant, []) for variant in results.variants]
