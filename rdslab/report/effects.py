"""What each factor of a design did: main effects and interactions on mIoU, each with its interval."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rdslab.report.cells import Cell, Table, number_cell, sort_key
from rdslab.report.differences import LEVEL
from rdslab.report.frame import Results, records, unique
from rdslab.report.variants import scores
from rdslab.report.words import known, listed, plural, points, points_interval, probability, some
from rdslab.stats.effects import Effect, effects

EFFECTS = {
    "effect": "a factor, or two for their interaction",
    "level": "its level, held against the factor's first; of an interaction both",
    "estimate": "difference of marginal means of mIoU, 0..1; of an interaction, what both levels do beyond each alone",
    "low": "low end of the 95 % interval; spread: how seeds disagree about runs",
    "high": "high end of it",
    "p": "two-sided t test",
    "p_holm": "the same, corrected by Holm's method over all effects",
    "df": "degrees of freedom of the spread",
    "aliased_with": "effects that the runs cannot tell from it",
    "why": "what is missing where there is no estimate or no interval",
}


def effects_frame(results: Results) -> pd.DataFrame:
    """One row an effect; the columns are those of EFFECTS. Empty where the study has no design, or no score.

    Variants of one net are one run: their scores are the same training.
    """
    factors = results.study.get("factors") or {}
    levels = results.study.get("levels") or {}
    nets = {str(trial["variant"]): str(trial.get("net_id") or trial["variant"]) for trial in results.slots}
    first: dict[str, str] = {}
    for variant in results.variants:
        if levels.get(variant):
            first.setdefault(nets.get(variant, variant), variant)
    values = {tuple(levels[v][name] for name in factors): scores(results, v) for v in first.values()}
    found = effects(values, factors) if values else []
    return pd.DataFrame([_row(effect) for effect in found], columns=list(EFFECTS))


def _row(effect: Effect) -> dict[str, object]:
    named = {"effect": " x ".join(effect.factors), "level": ", ".join(effect.levels)}
    numbers = {name: getattr(effect, name) for name in ("estimate", "low", "high", "p", "p_holm", "df", "why")}
    return {**named, **numbers, "aliased_with": ", ".join(" x ".join(names) for names in effect.aliased_with)}


def effects_table(results: Results) -> Table:
    """The same for the page, in points."""
    rows = []
    for row in records(effects_frame(results)):
        words = [str(row["effect"]), str(row["level"])]
        said = f"not told from {row['aliased_with']}" if row["aliased_with"] and not row["why"] else str(row["why"])
        cells = [*(Cell(word, word) for word in words), number_cell(row["estimate"], points)]
        cells += [Cell(points_interval(row["low"], row["high"]), sort_key(row["low"]))]
        rows.append([*cells, *(number_cell(row[key], probability) for key in ("p", "p_holm")), Cell(said, said)])
    heads = ["Effect", "Level", "Estimate (points)", "95 % interval", "p", "p, Holm", "Remark"]
    return Table(heads, rows, ("Effect", "Level", "Remark"))


def effects_sentences(results: Results) -> list[str]:
    """Which effects are told from the seeds, over all of them together; nothing where the study has no design."""
    rows = records(effects_frame(results))
    tested = [row for row in rows if known(row["p_holm"])]
    if not tested:
        return [f"No effect of the design can be tested: {listed(unique(row['why'] for row in rows))}."] if rows else []
    told = [row for row in tested if row["p_holm"] < LEVEL]
    tells = "is" if len(told) == 1 else "are"
    said = f"Of {plural(len(tested), 'effect')} of the design's factors, {len(told) or 'none'} "
    said += f"{tells if told else 'is'} told from the seeds at 5 % over all of them together (Holm's correction)"
    return [f"{said}: {some([_told(row) for row in told])}." if told else f"{said}."]


def _told(row: Mapping[str, Any]) -> str:
    alias = f", not told from {row['aliased_with']}" if row["aliased_with"] else ""
    return f"{row['effect']} {row['level']} ({points(row['estimate'])} points{alias})"


def effects_csv(results: Results) -> str:
    """One line an effect, full precision, empty where nothing is known."""
    return str(effects_frame(results).to_csv(index=False, lineterminator="\n"))
