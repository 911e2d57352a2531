"""How surely each variant lies on the front of mIoU against a device's latency, given seeds and intervals."""

from functools import lru_cache

from rdslab.report.cells import Cell, sort_key
from rdslab.report.frame import MISSING, Results, records
from rdslab.report.noise import told
from rdslab.report.variants import seed_spread, variants_frame
from rdslab.report.words import DASH, device_name, kinds, some
from rdslab.stats.uncertain import Membership


@lru_cache(maxsize=64)
def memberships(results: Results, device: str, kind: str) -> dict[str, Membership]:
    """By variant that has a time of that kind: among those, never beside times of the other kind."""
    rows = [row for row in records(variants_frame(results)) if row[f"latency_kind.{device}"] == kind]
    found = told(rows, device, seed_spread(results))
    return {str(row["variant"]): one for row, one in zip(rows, found, strict=True)}


def front_words(results: Results, variant: str) -> list[str]:
    """A device each on whose front the variant may lie: 'jetson-tx1: possible, 42 %', or 'jetson-tx1: by the means'.

    A study's only device is not named.
    """
    said = []
    for device, kind in timed(results):
        one, name = memberships(results, device, kind).get(variant), f"{device}: " if len(results.devices) > 1 else ""
        if one is not None and one.word in ("certain", "possible"):
            said.append(f"{name}{membership_words(one)}")
        elif one is not None and not one.word and variant in _of_the_means(results, device):
            said.append(f"{name}by the means")
    return said


def front_cell(results: Results, variant: str) -> Cell:
    """Those words for a table, sorted by the greatest of the probabilities; on a front by the means counts as 1."""
    words = front_words(results, variant)
    own = [memberships(results, device, kind).get(variant) for device, kind in timed(results)]
    chances = [one.probability for one in own if one is not None and one.probability is not None]
    return Cell("; ".join(words) or DASH, sort_key(max(chances, default=1.0 if words else None)))


@lru_cache(maxsize=64)
def _of_the_means(results: Results, device: str) -> set[str]:
    frame = variants_frame(results)
    return set(frame.loc[frame[f"on_front.{device}"].fillna(False), "variant"])


def membership_words(one: Membership) -> str:
    """'possible, 42 %'; '' where nothing can be told."""
    return f"{one.word}, {100 * one.probability:.0f}\N{NO-BREAK SPACE}%" if one.probability is not None else ""


def front_sentences(results: Results) -> list[str]:
    """A sentence for each device and kind of time: who is on the front for certain, and who may be."""
    said = []
    for device, kind in timed(results):
        found = memberships(results, device, kind)
        certain, possible = ([v for v, one in found.items() if one.word == word] for word in ("certain", "possible"))
        if certain or possible:
            parts = [f"certain: {some(certain)}"] if certain else ["nobody for certain"]
            parts += [f"possible: {some(possible)}"] if possible else []
            said.append(f"On the front of mIoU and {kind} latency on {device_name(device)}: {'; '.join(parts)}.")
    return said


def timed(results: Results) -> list[tuple[str, str]]:
    """Each device with each kind of time that it has."""
    return [(device, kind) for device in results.devices for kind in kinds(results, device) if kind != MISSING]
