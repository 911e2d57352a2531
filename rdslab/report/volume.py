"""How much the front of mIoU and a device's latency dominates, with its interval: its hypervolume, in words.

In simulations of 3 to 20 variants the 90 % interval to this reference holds the true volume of 83 to 99 % of tables; it
is below 88 % where truths scatter no more than one seed does, and for few variants far apart.
"""

from collections.abc import Sequence
from functools import lru_cache

from rdslab.report.frame import Results, records
from rdslab.report.membership import timed
from rdslab.report.noise import noisy
from rdslab.report.variants import seed_spread, variants_frame
from rdslab.report.words import device_name, disputed, milliseconds, percent
from rdslab.stats.uncertain import NO_SPREAD, Noisy, Volume, noisy_hypervolume

COMMON = 0.9  # of the variance of predictions' errors: taken for all nets alike, at which intervals are not too narrow
FEWEST = 2  # of one net the reference is the net itself


def reference(points: Sequence[Noisy]) -> tuple[float, float]:
    """The worst mean mIoU and the slowest latency, ms, of points that have both."""
    return min(point.mean or 0.0 for point in points), max(point.latency_ms or 0.0 for point in points)


@lru_cache(maxsize=64)
def volume(results: Results, device: str, kind: str) -> tuple[Volume | None, tuple[float, float], str]:
    """The hypervolume among times of that kind, its reference point, and why there is none.

    In ms times shares of mIoU. Points at the reference add nothing, so only volumes of one reference may be compared.
    """
    rows = [row for row in records(variants_frame(results)) if row[f"latency_kind.{device}"] == kind]
    points = [point for row in rows if not (point := noisy(row, device)).lacks]
    if len(points) < FEWEST:
        return None, (0.0, 0.0), "fewer than two variants have an mIoU and such a latency"
    worst, slowest = reference(points)
    if all(point.mean == worst for point in points) or all(point.latency_ms == slowest for point in points):
        return None, (worst, slowest), "all variants have one mIoU or one latency"
    found = noisy_hypervolume(points, seed_spread(results), (worst, slowest), COMMON if kind == "predicted" else 0.0)
    return found, (worst, slowest), "" if found else NO_SPREAD


def volume_sentences(results: Results) -> list[str]:
    """A sentence for each device and kind of time; for one without any interval too, and why."""
    said = []
    for device, kind in timed(results):
        found, (worst, slowest), why = volume(results, device, kind)
        doubt = " (disputed)" if kind == "predicted" and disputed(results, device) else ""
        of = f"the front of mIoU and {kind} latency on {device_name(device)}{doubt}"
        if found is None:
            said.append(f"How much {of} dominates cannot be told: {why}.")
            continue
        low, middle, high = (milliseconds(100 * value) for value in (found.low, found.median, found.high))
        untold = "" if found.low > 0 else ", not told from nothing"
        said.append(
            f"{of[0].upper()}{of[1:]} dominates {middle} points of mIoU x ms (hypervolume, 90 % interval {low} to "
            f"{high}{untold}), down to the worst mean mIoU seen, {percent(worst)} %, and the slowest latency seen, "
            f"{milliseconds(slowest)} ms; only volumes to the same point compare."
        )
    return said
