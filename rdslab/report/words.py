"""How figures are written for people: per cent, points, milliseconds; and what a device's times are called."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from rdslab.records import human
from rdslab.report.frame import MISSING, Results, kind_of, unique

MOST_LISTED = 12
MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"


def base_words(results: Results) -> str:
    """What differences are to: the base by its name, or every variant's own."""
    if len(results.bases) == 1:
        return f"the base {results.bases[0]}"
    return f"each variant's own base ({', '.join(results.bases)})"


def known(value: Any) -> bool:
    """Whether there is a number to write."""
    return value is not None and value == value and not (isinstance(value, float) and math.isinf(value))


def percent(share: Any) -> str:
    """0.5432 -> '54.3'."""
    return f"{100 * float(share):.1f}" if known(share) else DASH


def points(share: Any, *, sign: bool = True) -> str:
    """A difference of shares in percentage points: 0.0123 -> '+1.23'."""
    if not known(share):
        return DASH
    text = f"{100 * float(share):+.2f}" if sign else f"{100 * float(share):.2f}"
    return text.replace("-", MINUS)


def points_interval(low: Any, high: Any) -> str:
    """'−0.12 to +2.34', or a dash without an interval."""
    return f"{points(low)} to {points(high)}" if known(low) and known(high) else DASH


def milliseconds(value: Any) -> str:
    """Three significant digits: '0.123', '49.1', '188'."""
    if not known(value):
        return DASH
    value = float(value)
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{min(digits, 4)}f}"


def count(value: Any) -> str:
    """1234567 -> '1.23 M'."""
    return human(float(value)) if known(value) else DASH


def probability(p: Any) -> str:
    """'0.03', '< 0.001', or a dash."""
    if not known(p):
        return DASH
    return "< 0.001" if p < 0.001 else f"{float(p):.2g}" if p < 0.1 else f"{float(p):.2f}"


def plural(number: int, word: str) -> str:
    """'1 seed', '3 seeds', '11 classes'."""
    return f"{number} {word}" if number == 1 else f"{number} {word}{'es' if word.endswith('s') else 's'}"


def listed(names: Iterable[Any]) -> str:
    """'a', 'a and b', 'a, b and c'; semicolons where a name holds a comma."""
    words = [str(name) for name in names]
    comma = "; " if any("," in word for word in words) else ", "
    return " and ".join([comma.join(words[:-1]), words[-1]] if len(words) > 1 else words)


def some(names: Sequence[str]) -> str:
    """The names, or the first dozen and how many more."""
    if len(names) <= MOST_LISTED:
        return listed(names)
    return listed([*names[:MOST_LISTED], f"{len(names) - MOST_LISTED} more"])


@lru_cache(maxsize=64)  # asked for in every cell
def kinds(results: Results, device: str) -> list[str]:
    """The kinds of times the device has: measured, predicted, both or none."""
    return sorted({kind_of(t) for t in results.times(device)} - {MISSING})


def device_notes(results: Results, device: str) -> list[str]:
    """What the device's times say of themselves, each once."""
    return unique(str(note) for times in results.times(device) for note in times.get("notes") or ())


def disputed(results: Results, device: str) -> bool:
    """Whether somebody has doubts about the device's profile: said wherever its times are shown."""
    return any("disputed" in note.lower() for note in device_notes(results, device))


def device_name(device: str) -> str:
    """The device in a sentence: `here` is the machine that ran the study."""
    return "the study's machine" if device == "here" else device


def measured_how(results: Results, device: str) -> str:
    """The machine and protocol of the measured times: 'CPU name, 1 thread, fp32, channels_first', or ''."""
    found = []
    for times in results.times(device):
        if kind_of(times) == "measured":
            host, protocol = times.get("host") or {}, times.get("protocol") or {}
            threads = plural(int(protocol["threads"]), "thread") if protocol.get("threads") else ""
            parts = [
                host.get("gpu") or host.get("cpu"),
                threads,
                *(protocol.get(k) for k in ("precision", "layout", "form")),
            ]
            found.append(", ".join(str(part) for part in parts if part))
    return "; ".join(unique(f for f in found if f))


def device_size(results: Results, device: str) -> str:
    """The input size that the times hold for."""
    sizes = unique(str(p["size"]) for t in results.times(device) if (p := t.get("protocol") or {}).get("size"))
    return listed(sizes) or str((results.study.get("deploy") or {}).get("size") or "")


def time_columns(results: Results) -> list[tuple[str, str]]:
    """Each device with a kind of its times: measured and predicted ones never share a column. "" where it has none."""
    return [(device, kind) for device in results.devices for kind in kinds(results, device) or [""]]


def latency_words(results: Results, device: str, kind: str = "") -> str:
    """'Latency on jetson-tx1 at 640x360, predicted (disputed)', of all kinds that there are, or of one."""
    size, kind = device_size(results, device), kind or " or ".join(kinds(results, device))
    text = f"Latency on {device_name(device)}{f' at {size}' if size else ''}{f', {kind}' if kind else ''}"
    return text + (" (disputed)" if disputed(results, device) else "")


def missing_times(results: Results, device: str) -> dict[str, str]:
    """Reason by variant, for the variants without any time on the device."""
    reasons: dict[str, str] = {}
    for variant in results.variants:
        own = results.by_variant.get(variant, [])
        times: list[Mapping[str, Any]] = [(t.get("times") or {}).get(device) or {} for t in own]
        if not any(kind_of(t) != MISSING for t in times):
            reasons[variant] = next((str(t["missing"]) for t in times if t.get("missing")), "no time is stored")
    return reasons
