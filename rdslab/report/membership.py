"""How surely each variant lies on the front of mIoU against a device's latency, given seeds and intervals."""

import math
from functools import lru_cache
from typing import Any

from rdslab.report.frame import MISSING, Results, number, records
from rdslab.report.variants import scores, variants_frame
from rdslab.report.words import device_name, kinds, known, some
from rdslab.stats import pooled_spread
from rdslab.stats.uncertain import Membership, Noisy, membership


@lru_cache(maxsize=64)
def memberships(results: Results, device: str, kind: str) -> dict[str, Membership]:
    """By variant that has a time of that kind: among those, never beside times of the other kind.

    A prediction's latency has its 90 % interval; a measured one is taken as exact: the quartiles of its runs say how
    runs scatter, not how far their median is off.
    """
    spread = pooled_spread(scores(results, variant).values() for variant in results.variants)
    rows = [row for row in records(variants_frame(results)) if row[f"latency_kind.{device}"] == kind]
    found = membership([_noisy(row, device, kind) for row in rows], spread)
    return {str(row["variant"]): told for row, told in zip(rows, found, strict=True)}


def _noisy(row: Any, device: str, kind: str) -> Noisy:
    low, high = (number(row[f"latency_{part}_ms.{device}"]) for part in ("low", "high"))
    ends = (low, high) if kind == "predicted" and low > 0 and math.isfinite(high) else (None, None)
    mean = float(row["miou"]) if known(row["miou"]) else None
    return Noisy(mean, int(row["n"]), number(row[f"latency_ms.{device}"]), *ends)


def front_words(results: Results, variant: str) -> list[str]:
    """A device each on whose front the variant may lie: 'jetson-tx1: possible, 42 %', or 'jetson-tx1: by the means'.

    A study's only device is not named.
    """
    said = []
    for device, kind in _timed(results):
        told, name = memberships(results, device, kind).get(variant), f"{device}: " if len(results.devices) > 1 else ""
        if told is not None and told.word in ("certain", "possible"):
            said.append(f"{name}{membership_words(told)}")
        elif told is not None and not told.word and variant in _of_the_means(results, device):
            said.append(f"{name}by the means")
    return said


@lru_cache(maxsize=64)
def _of_the_means(results: Results, device: str) -> set[str]:
    frame = variants_frame(results)
    return set(frame.loc[frame[f"on_front.{device}"].fillna(False), "variant"])


def membership_words(told: Membership) -> str:
    """'possible, 42 %'; '' where nothing can be told."""
    return f"{told.word}, {100 * told.probability:.0f}\N{NO-BREAK SPACE}%" if told.probability is not None else ""


def front_sentences(results: Results) -> list[str]:
    """A sentence for each device and kind of time: who is on the front for certain, and who may be."""
    said = []
    for device, kind in _timed(results):
        found = memberships(results, device, kind)
        certain, possible = ([v for v, told in found.items() if told.word == word] for word in ("certain", "possible"))
        if certain or possible:
            parts = [f"certain: {some(certain)}"] if certain else ["nobody for certain"]
            parts += [f"possible: {some(possible)}"] if possible else []
            said.append(f"On the front of mIoU and {kind} latency on {device_name(device)}: {'; '.join(parts)}.")
    return said


def _timed(results: Results) -> list[tuple[str, str]]:
    return [(device, kind) for device in results.devices for kind in kinds(results, device) if kind != MISSING]
