"""Results of a study as tables: one row a slot, one row an epoch, one row a class. Shares of 1, milliseconds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import pandas as pd

COSTS = ("params", "macs", "activations", "elements", "bytes")
SCORES = ("miou", "accuracy", "mean_accuracy", "fw_iou")
MISSING = "missing"

COLUMNS = {
    "slot": "number of the trial's place in the study",
    "variant": "name of the variant",
    "seed": "seed of initialisation and data order",
    "state": "done, failed, running or waiting",
    "error": "why a failed trial failed",
    "net_id": "hash of the net as written out",
    "canonical_id": "hash shared by nets that compute the same class of functions",
    "params": "trainable parameters of the inference form",
    "macs": "multiply-accumulates of one image at the deployment size (1 MAC = 2 FLOPs)",
    "activations": "output elements of convolutions and linear layers",
    "elements": "output elements of every kernel",
    "bytes": "bytes moved at fp32",
    "miou": "mean intersection over union, 0..1, over the validation split's confusion matrix",
    "accuracy": "overall pixel accuracy, 0..1",
    "mean_accuracy": "mean over classes of the share of their pixels that is right, 0..1",
    "fw_iou": "IoU weighted by the classes' pixel shares, 0..1",
    "iou.<class>": "IoU of the class, 0..1; empty where the class occurs neither in labels nor in predictions",
    "latency_ms.<device>": "median of the runs, or the prediction, milliseconds",
    "latency_low_ms.<device>": "measured: first quartile of the runs; predicted: low end of the 90 % interval",
    "latency_high_ms.<device>": "measured: third quartile of the runs; predicted: high end of the 90 % interval",
    "latency_kind.<device>": "measured, predicted or missing",
    "hours": "wall clock of the trial's training",
}


def number(value: object) -> float:
    """A float, NaN for what is no finite number."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else math.nan


def records(frame: pd.DataFrame) -> list[Any]:
    """The rows as mappings."""
    return frame.to_dict("records")


def unique(items: Iterable[Any]) -> list[Any]:
    """Each item once, in order of appearance."""
    return list(dict.fromkeys(items))


@dataclass(frozen=True, eq=False)
class Results:
    """All that a report is made from: plain documents, as the ledger stores them.

    `study`: name, title, base (a variant's name), compared (each variant's own base, "" for none), genes (by variant
    what it sets: {place: value}), deploy, data, recipe, seeds, variants, threads. `trials`: one document a slot (slot,
    variant, seed, state, error, net_id, canonical_id, cost, score, times, hours, context_id). `hosts`: the machines.
    `counts`: by slot what each validation image gives to the score (the fields of ImageCounts), where that was stored.
    `documents`: the nets by id, as they were stored. `profiles`: by device the digests of what predicted for it.
    """

    study: Mapping[str, Any]
    trials: Sequence[Mapping[str, Any]]
    hosts: Sequence[Mapping[str, Any]] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    data_identity: str = ""
    counts: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    profiles: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.study.get("name") or "study")

    @property
    def base(self) -> str:
        """The variant all others are compared with; "" when the study names none that it has."""
        base = str(self.study.get("base") or "")
        return base if base in self.variants else ""

    def base_of(self, variant: str) -> str:
        """The variant that this one is compared with; "" for none."""
        compared = self.study.get("compared") or {}
        base = str(compared.get(variant, "" if variant == self.base else self.base) or "")
        return base if base in self.variants else ""

    @cached_property
    def bases(self) -> list[str]:
        """The variants that others are compared with, in the study's order."""
        used = {self.base_of(variant) for variant in self.variants}
        return [variant for variant in self.variants if variant in used or variant == self.base]

    @cached_property
    def slots(self) -> list[Mapping[str, Any]]:
        """The trials by slot."""
        return sorted(self.trials, key=lambda trial: int(trial["slot"]))

    @cached_property
    def variants(self) -> list[str]:
        """The variants in the study's order, and after them any that only trials name."""
        return unique([*map(str, self.study.get("variants") or ()), *(str(t["variant"]) for t in self.slots)])

    @cached_property
    def devices(self) -> list[str]:
        """The study's devices, and after them any that only times name."""
        deploy = self.study.get("deploy") or {}
        found = sorted({device for trial in self.slots for device in trial.get("times") or {}})
        return unique([*map(str, deploy.get("devices") or ()), *found])

    @cached_property
    def classes(self) -> list[str]:
        """The data set's classes, in the order of the scores."""
        return unique(name for trial in self.slots for name in (trial.get("score") or {}).get("iou") or {})

    @cached_property
    def by_variant(self) -> dict[str, list[Mapping[str, Any]]]:
        """The trials of each variant that has any, by slot."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for trial in self.slots:
            found.setdefault(str(trial["variant"]), []).append(trial)
        return found

    def times(self, device: str) -> list[Mapping[str, Any]]:
        """What is known of the device, one document a trial: times, or {"missing": reason}; by slot."""
        return [(trial.get("times") or {}).get(device) or {} for trial in self.slots]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The trials frame, made once; not to be changed."""
        return trials_frame(self)


def kind_of(times: Mapping[str, Any]) -> str:
    """measured, predicted, or missing."""
    if not math.isfinite(number(times.get("latency_ms"))):
        return MISSING
    return "predicted" if times.get("predicted") else "measured"


def trials_frame(results: Results) -> pd.DataFrame:
    """One row a slot, by slot; the columns are those of COLUMNS, with every class and device written out."""
    columns = ["slot", "variant", "seed", "state", "error", "net_id", "canonical_id", *COSTS, *SCORES]
    columns += [f"iou.{name}" for name in results.classes]
    for device in results.devices:
        columns += [f"latency_{part}.{device}" for part in ("ms", "low_ms", "high_ms", "kind")]
    rows = [_row(trial, results) for trial in results.slots]
    frame = pd.DataFrame(rows, columns=[*columns, "hours"])
    whole = dict.fromkeys(("slot", "seed", *COSTS), "Int64")
    text = {c: "object" for c in frame.columns if c in TEXT or c.startswith("latency_kind.")}
    rest = {c: "float64" for c in frame.columns if c not in whole and c not in text}
    return frame.astype({**whole, **text, **rest})


TEXT = ("variant", "state", "error", "net_id", "canonical_id")


def _row(trial: Mapping[str, Any], results: Results) -> dict[str, object]:
    cost, score = trial.get("cost") or {}, trial.get("score") or {}
    row: dict[str, object] = {
        "slot": int(trial["slot"]),
        "seed": trial.get("seed"),
        "hours": number(trial.get("hours")),
    }
    row |= {name: str(trial.get(name) or "") for name in TEXT}
    row |= {name: cost.get(name) for name in COSTS}
    row |= {name: number(score.get(name)) for name in SCORES}
    row |= {f"iou.{name}": number((score.get("iou") or {}).get(name)) for name in results.classes}
    for device in results.devices:
        times = (trial.get("times") or {}).get(device) or {}
        kind = kind_of(times)
        for part in ("ms", "low_ms", "high_ms"):
            key = "latency_ms" if part == "ms" else part
            row[f"latency_{part}.{device}"] = math.nan if kind == MISSING else number(times.get(key))
        row[f"latency_kind.{device}"] = kind
    return row


def history_frame(results: Results) -> pd.DataFrame:
    """One row an epoch of a trial: slot, variant, seed, epoch, miou, loss, lr, seconds."""
    columns = ["slot", "variant", "seed", "epoch", "miou", "loss", "lr", "seconds"]
    rows = []
    for trial in results.slots:
        for epoch in (trial.get("score") or {}).get("history") or ():
            head = {"slot": int(trial["slot"]), "variant": str(trial["variant"]), "seed": int(trial["seed"])}
            rows.append(head | {name: number(epoch.get(name)) for name in columns[3:]})
    return pd.DataFrame(rows, columns=columns)


@lru_cache(maxsize=8)
def classes_frame(results: Results) -> pd.DataFrame:
    """One row a variant and class: variant, class, iou, n, trials.

    `iou` is the mean over those n of the variant's scored trials that have the class; NaN where none has. Made once for
    each Results, and not to be changed.
    """
    frame = results.frame
    done = frame[(frame["state"] == "done") & frame["miou"].notna()]
    groups = dict(iter(done.groupby("variant", sort=False)))
    rows = []
    for variant in results.variants:
        own = groups.get(variant, done.iloc[:0])
        for name in results.classes:
            values = [value for value in own[f"iou.{name}"] if not math.isnan(value)]
            mean = math.fsum(values) / len(values) if values else math.nan
            rows.append({"variant": variant, "class": name, "iou": mean, "n": len(values), "trials": len(own)})
    return pd.DataFrame(rows, columns=["variant", "class", "iou", "n", "trials"])
