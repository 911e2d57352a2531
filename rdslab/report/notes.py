"""What a report says in sentences: what was compared, what can be told, what failed, what is missing."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from rdslab.report.differences import HIGHER, LOWER, TWINS, differences_frame
from rdslab.report.effects import effects_sentences
from rdslab.report.frame import Results, records
from rdslab.report.images import image_sentences
from rdslab.report.variants import scores, variants_frame
from rdslab.report.words import base_words, missing_times, plural, points, some
from rdslab.stats import pooled_spread


def compared(results: Results) -> str:
    """One sentence: how many variants, against what, on which data, how often, at which size."""
    study, others = results.study, len(results.variants) - len(results.bases)
    data, deploy, recipe = (study.get(key) or {} for key in ("data", "deploy", "recipe"))
    against = f" against {base_words(results)}" if results.bases else ""
    details = ", ".join(str(data[key]) for key in ("size", "split") if data.get(key))
    text = f"{plural(others, 'variant')}{against} on {data.get('name', 'unnamed data')}"
    text += f" ({details})" if details else ""
    text += f", {plural(len(study.get('seeds') or ()), 'seed')} each"
    if named := recipe.get("name") if isinstance(recipe, Mapping) else recipe:
        text += f", trained by the recipe {named}"
    if deploy.get("size"):
        text += f"; costs and times at {deploy['size']}"
        text += f" with {plural(int(deploy['classes']), 'class')}" if deploy.get("classes") else ""
    return text + "."


def headline(results: Results) -> list[str]:
    """The findings, none of them more than the intervals allow."""
    frame = variants_frame(results)
    said = [_progress(results, frame)]
    if not frame["n"].sum():
        return [*said, "There is no mIoU to compare."]
    said += effects_sentences(results)
    if not results.base:
        said.append("The study names no base among its variants, so no differences are computed.")
    else:
        said += _differences(differences_frame(results), base_words(results).removeprefix("the base "))
    spread = pooled_spread(scores(results, variant).values() for variant in results.variants)
    if spread.sd is not None:
        said.append(
            f"The mIoU of a variant spreads over its seeds by {points(spread.sd, sign=False)} points "
            f"(standard deviation, pooled over {plural(spread.groups, 'variant')}, df = {spread.df})."
        )
    else:
        said.append(
            "No variant has two seeds with an mIoU: nothing can be said of the spread, and no interval is given."
        )
    return [*said, *in_parts(results), *image_sentences(results), *twins(results)]


def in_parts(results: Results) -> list[str]:
    """A sentence on the trials whose batches memory did not hold; none without such."""
    found = []
    for trial in results.slots:
        least = [e["at_once"] for e in (trial.get("score") or {}).get("history") or () if e.get("at_once")]
        found += [f"{trial['variant']} (seed {trial['seed']}, {min(least)} at once)"] if least else []
    if not found:
        return []
    return [f"Memory did not hold a batch, so that batch norm saw fewer images than in other trials: {some(found)}."]


def _progress(results: Results, frame: pd.DataFrame) -> str:
    total, scored = len(results.slots), int(frame["n"].sum())
    if not any(trial.get("state") == "done" for trial in results.slots):
        text = f"No trial has finished: {plural(total, 'trial')} planned" if total else "The study has no trials yet"
    else:
        text = f"{scored} of {plural(total, 'trial')} finished with an mIoU"
    for column, words in (("n_failed", "failed"), ("n_unscored", "finished without an mIoU"), ("n_open", "still open")):
        if number := int(frame[column].sum()):
            text += f", {number} {words}"
    return text + "."


def _differences(frame: pd.DataFrame, base: str) -> list[str]:
    tested = frame[frame["p_holm"].notna()]
    if tested.empty:
        return [f"No difference to {base} has an interval: it takes two seeds that both variants share."]
    pairs = sorted({int(n) for n in tested["n"]})
    n = f"n = {pairs[0]} pairs of seeds each" if len(pairs) == 1 else f"n = {pairs[0]} to {pairs[-1]} pairs of seeds"
    told = tested[tested["verdict"].isin([HIGHER, LOWER])]
    family = f" for all {len(tested)} together" if len(tested) > 1 else ""
    how = f"at 5 %{family} (paired t test, Holm's correction, {n})"
    start = f"Of {plural(len(tested), 'difference')} in mIoU to {base},"
    if told.empty:
        said = [f"{start} none is told from the seeds {how}."]
    else:
        each = [
            f"{r['variant']} ({points(abs(r['difference']), sign=False)} points {r['verdict']})" for r in records(told)
        ]
        said = [f"{start} {len(told)} {'is' if len(told) == 1 else 'are'} told from the seeds {how}: {some(each)}."]
    loose = tested[(tested["excludes_zero"] == True) & ~tested.index.isin(told.index) & (tested["verdict"] != TWINS)]  # noqa: E712
    if len(loose):
        said.append(
            f"On its own, without correction for {len(tested)} comparisons, the 95 % interval excludes 0 for "
            f"{some(list(loose['variant']))}; where nothing differs, one interval in twenty does so by chance."
        )
    rest = int(((tested["excludes_zero"] == False) & (tested["verdict"] != TWINS)).sum())  # noqa: E712
    if rest:
        said.append(
            f"{plural(rest, 'interval')} {'holds' if rest == 1 else 'hold'} 0: "
            f"{'that variant' if rest == 1 else 'those variants'} cannot be told from the base."
        )
    return said


def twins(results: Results) -> list[str]:
    """A sentence for each group of variants that are one net, or compute one class of functions."""
    frame = variants_frame(results)
    said = []
    for canonical, group in frame[frame["canonical_id"] != ""].groupby("canonical_id", sort=False):
        if len(group) < 2 or not canonical:
            continue
        names = some(list(group["variant"]))
        if group["net_id"].nunique() == 1:
            said.append(f"{names} are one and the same net.")
        else:
            said.append(
                f"{names} compute the same class of functions (a channel shuffle beside a dense convolution is only a "
                "permutation of its filters): any difference in mIoU between them is seeds. Their times may differ."
            )
    return said


def failures(results: Results) -> list[dict[str, Any]]:
    """The trials without a score, and why: slot, variant, seed, state, reason."""
    rows = []
    for trial in results.slots:
        state, miou = str(trial.get("state") or ""), (trial.get("score") or {}).get("miou")
        if state == "failed":
            reason = str(trial.get("error") or "no reason is stored")
        elif state == "done" and (miou is None or miou != miou):
            reason = "the score holds no finite mIoU" if trial.get("score") else "no score is stored"
        else:
            continue
        rows.append({"slot": trial["slot"], "variant": trial["variant"], "seed": trial.get("seed"), "reason": reason})
    return rows


def absent_times(results: Results) -> list[dict[str, str]]:
    """The variants without a time on a device, and why: device, variant, reason."""
    return [
        {"device": device, "variant": variant, "reason": reason}
        for device in results.devices
        for variant, reason in missing_times(results, device).items()
    ]


def to_repeat(study: Mapping[str, Any], command: str) -> list[str]:
    """The commands that make the trials and their report, less roots; one where the report's says both."""
    made, reported = without_roots(str(study.get("command") or "")), without_roots(command)
    return [line for line in ("" if reported.startswith(f"{made} ") else made, reported) if line]


def without_roots(command: str) -> str:
    """The command with the place of the data left out: reports are shown to others."""
    value = r"(?:\"[^\"]*\"|'[^']*'|\S+)"
    command = re.sub(rf"(--root[= ])\s*{value}", r"\1DIR", command)
    return re.sub(rf"(\bdata\.root=|\bRDSLAB_DATA=){value}", r"\1DIR", command)
