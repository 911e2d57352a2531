"""Which variants a figure shows where there are too many for all: those that somebody would ask for."""

from collections.abc import Collection, Sequence
from functools import lru_cache

from rdslab.report.frame import Results
from rdslab.report.variants import front_membership, variants_frame

MOST_DRAWN = 40
MOST_ROWS = 60  # of a figure or table in which every variant has a line
WHICH = "the bases, those on a front, then those of the highest mean mIoU"


@lru_cache(maxsize=8)
def on_fronts(results: Results) -> list[str]:
    """The variants on the front of the means against any device's latency, MACs or parameters; the study's order."""
    rows = variants_frame(results).to_dict("records")
    member = [[row[f"on_front.{device}"] is True for row in rows] for device in results.devices]
    member += [[found is True for found in front_membership(rows, cost)] for cost in ("macs", "params")]  # type: ignore[arg-type]
    return [str(row["variant"]) for row, *found in zip(rows, *member, strict=True) if any(found)]


def worth_showing(results: Results, most: int = MOST_ROWS) -> list[str]:
    """All variants, or the `most` that are WHICH; in the study's order."""
    if len(results.variants) <= most:
        return results.variants
    frame = variants_frame(results)
    best = frame.sort_values("miou", ascending=False, kind="stable", na_position="last")["variant"]
    wanted = set(list(dict.fromkeys([*results.bases, *on_fronts(results), *map(str, best)]))[:most])
    return [variant for variant in results.variants if variant in wanted]


def worth_drawing(results: Results) -> list[str]:
    """The variants whose nets a page draws: those on a front and the bases, not too many; in the study's order."""
    wanted = set(list(dict.fromkeys([*results.bases, *on_fronts(results)]))[:MOST_DRAWN])
    return [variant for variant in results.variants if variant in wanted]


def nets_worth_drawing(results: Results) -> list[str]:
    """The ids of those variants' nets."""
    ids = dict(zip(*(variants_frame(results)[column] for column in ("variant", "net_id")), strict=True))
    return list(dict.fromkeys(str(ids[variant]) for variant in worth_drawing(results) if ids[variant]))


def left_out(shown: Sequence[str] | Collection[str], all_of: Collection[str]) -> str:
    """A sentence on what a figure does not show, '' where it shows all."""
    if len(shown) >= len(all_of):
        return ""
    return f" Shown: {len(shown)} of {len(all_of)} variants: {WHICH}; the tables hold all."
