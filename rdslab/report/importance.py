"""Which genes set the best nets apart: importances for each objective and for each front, with what chance gives."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from rdslab.report.cells import Cell, Table, number_cell, sort_key
from rdslab.report.frame import Results, number, records
from rdslab.report.variants import variants_frame
from rdslab.report.words import (
    DASH,
    device_name,
    disputed,
    known,
    listed,
    percent,
    plural,
    probability,
    some,
    time_columns,
)
from rdslab.stats.importance import FEWEST, importances

IMPORTANCE = {
    "objective": "what the best are best in; front: by how many nets a net is beaten in mIoU and that latency together",
    "gene": "a place that the variants set, or a factor of the design",
    "values": "different values of it, places left as in the base among them; more than ten numbers are cut in tenths",
    "n": "nets that have the objective; the best are a tenth of them, or ten",
    "importance": "the gene's share of the importance of all genes (PED-ANOVA), 0..1",
    "low": "low end of its 90 % interval, by leaving a twentieth of the nets out at a time",
    "high": "high end of it",
    "chance": "the share that a shuffled order of the nets exceeds in one case of twenty",
    "p": "how often in a shuffled order any gene lies as far above its usual: corrected over the objective's genes",
}
TOLD = 0.05
CUT = 10  # a gene of more different numbers is cut into as many parts
RARE = 5  # a gene is left out where fewer nets differ from its commonest value
LIMITS = (
    "PED-ANOVA ranks genes by how far their values among the best nets differ from those among all: it does not say "
    "which value is better, sees no gene that acts only beside another, and cannot part genes that were set together, "
    "as in hand-written variants or late in a search; of few nets it is mostly chance, and a gene that is not told "
    "from it must not be read as important."
)


@lru_cache(maxsize=8)
def importance_frame(results: Results) -> pd.DataFrame:
    """One row an objective and gene, the most important first; the columns are those of IMPORTANCE.

    Variants of one net are one trial. Empty where why_not says so. Made once for each Results, and not to be changed.
    """
    rows = _nets(results)
    genes, _ = _genes(results, rows)
    losses = _objectives(results, rows)
    found = importances(genes, losses) if len(genes) > 1 else {}
    made = []
    for objective, own in found.items():
        n = int(np.isfinite(losses[objective]).sum())
        for one in own:
            head = {"objective": objective, "gene": one.gene, "values": len(set(genes[one.gene])), "n": n}
            tail = {"importance": one.share, "low": one.low, "high": one.high, "chance": one.noise, "p": one.p}
            made.append(head | tail)
    return pd.DataFrame(made, columns=list(IMPORTANCE))


def why_not(results: Results) -> str:
    """Why there is no importance, or which genes are left out; "" where nothing is to be said."""
    rows = _nets(results)
    genes, rare = _genes(results, rows)
    without = f" Left out, as fewer than {RARE} nets differ in them: {some(rare)}." if rare else ""
    if not genes and not rare:
        return ""
    scored = sum(known(row["miou"]) for row in rows)
    if len(rows) < FEWEST or len(genes) < 2:
        has = f"{plural(len(rows), 'net')} ({scored} with an mIoU), and {plural(len(genes), 'gene')} that vary enough"
        has = has.replace("1 gene that vary", "1 gene that varies")
        needs = f"It takes {FEWEST} nets and two genes in which at least {RARE} nets differ from the rest"
        return f"The importance of genes is not told. {needs}; here are {has}."
    told = set(importance_frame(results)["objective"])
    missing = [objective for objective in _objectives(results, rows) if objective not in told]
    if missing:
        without += f" Not told, as fewer than {FEWEST} nets have it or half of them share its best: {listed(missing)}."
    return without.strip()


def weighed(results: Results) -> bool:
    """Whether a page speaks of it: where the variants set something."""
    return not importance_frame(results).empty or bool(why_not(results))


def _settings(results: Results, variant: str) -> Mapping[str, Any] | None:
    """What the variant sets by gene: a design's levels by factor, else places; None for a variant beside the design."""
    levels = results.study.get("levels") or {}
    found = levels.get(variant) if levels else (results.study.get("genes") or {}).get(variant, {})
    return found if found is None or isinstance(found, Mapping) else {}


def _nets(results: Results) -> list[Any]:
    """The rows of the variants frame, one a net."""
    rows = [row for row in records(variants_frame(results)) if _settings(results, str(row["variant"])) is not None]
    return list({str(row["net_id"] or row["variant"]): row for row in reversed(rows)}.values())[::-1]


def _genes(results: Results, rows: Sequence[Any]) -> tuple[dict[str, list[str]], list[str]]:
    """By gene each net's value as a word, and the genes that vary too little to be judged."""
    settings = [_settings(results, str(row["variant"])) or {} for row in rows]
    genes: dict[str, list[str]] = {}
    rare = []
    for place in dict.fromkeys(place for own in settings for place in own):
        words = _words([own.get(place) for own in settings])
        common = Counter(words).most_common(1)[0][1]
        if len(words) - common >= RARE:
            genes[str(place)] = words
        elif common < len(words):
            rare.append(str(place))
    return genes, rare


def _words(values: Sequence[Any]) -> list[str]:
    """The values as words that tell them apart, "" where one is left as the base has it; many numbers in tenths."""
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(set(numbers)) > CUT and len(numbers) == sum(v is not None for v in values):
        ends = np.quantile(numbers, np.arange(1, CUT) / CUT)
        return ["" if v is None else str(int(np.searchsorted(ends, float(v)))) for v in values]
    return ["" if v is None else json.dumps(v, default=str, sort_keys=True) for v in values]


def _objectives(results: Results, rows: Sequence[Any]) -> dict[str, list[float]]:
    """By objective a figure a net, less is better, NaN where there is none; kinds of times are apart."""
    miou = [-number(row["miou"]) for row in rows]
    macs = [float(row["macs"]) if not pd.isna(row["macs"]) else float("nan") for row in rows]
    losses = {"mIoU": miou, "MACs": macs}
    for device, kind in time_columns(results):
        own = [row[f"latency_kind.{device}"] == kind for row in rows]
        times = [
            number(row[f"latency_ms.{device}"]) if one else float("nan") for row, one in zip(rows, own, strict=True)
        ]
        doubt = " (disputed)" if kind == "predicted" and disputed(results, device) else ""
        where = f"{device_name(device)}, {kind}{doubt}"
        if kind:
            losses |= {f"latency: {where}": times, f"front: {where}": _beaten_by(miou, times)}
    return losses


def _beaten_by(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """By how many each is beaten: as good in both and better in one (Fonseca and Fleming 1993). 0 on the front.

    It needs no scale between the two, and orders more finely than the number of a net's front.
    """
    a, b = np.array([first, second], dtype=float)
    with np.errstate(invalid="ignore"):
        better = (a[:, None] <= a) & (b[:, None] <= b) & ((a[:, None] < a) | (b[:, None] < b))
    count = better.sum(axis=0).astype(float)
    count[~(np.isfinite(a) & np.isfinite(b))] = np.nan
    return [float(value) for value in count]


def importance_table(results: Results) -> Table:
    """The same for the page, in per cent."""
    rows = []
    for row in records(importance_frame(results)):
        told = "yes" if row["p"] < TOLD else "no"
        ends = f"{percent(row['low'])} to {percent(row['high'])}" if known(row["low"]) else DASH
        cells = [Cell(row["gene"], row["gene"]), Cell(row["objective"], row["objective"])]
        cells += [number_cell(row["importance"], percent), Cell(ends, sort_key(row["low"]))]
        cells += [number_cell(row["chance"], percent), number_cell(row["p"], probability)]
        rows.append([*cells, Cell(told, told)])
    heads = ["Gene", "Objective", "Importance (%)", "90 % interval", "By chance up to (%)", "p", "Told from chance"]
    return Table(heads, rows, ("Gene", "Objective", "Told from chance"))


def importance_csv(results: Results) -> str:
    """One line an objective and gene, full precision."""
    return str(importance_frame(results).to_csv(index=False, lineterminator="\n"))
