"""How two studies beside each other are shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from rdslab.cli.output import print_table, say
from rdslab.records import human
from rdslab.report.frame import MISSING
from rdslab.report.studies import FUNCTION, SharedNet, SharedTime, StudiesBeside
from rdslab.report.words import points, points_interval, probability

DASH = "-"


def show_studies(found: StudiesBeside) -> None:
    """Both studies' variants, the nets that both have, and in words what is not put side by side."""
    for side, name, source in zip("AB", found.names, found.sources, strict=True):
        say(f"{side}: {name}, from {source}")
    if found.variants and any(key in found.variants[0] for key in ("miou", "macs")):
        _show_variants(found.variants)
    reasons: dict[str, list[str]] = {}
    for quantity, why in found.apart.items():
        if why:
            reasons.setdefault("; ".join(why), []).append(quantity)
    for reason, quantities in reasons.items():
        say(f"  {'; '.join(quantities)}: not side by side, for {reason}")
    if found.nets:
        _show_nets(found.nets)
    elif found.times:
        _show_times(found.times)
    elif not found.apart.get("miou"):
        say("no net that both studies have can be held against itself")
    for note in found.notes:
        say(f"  {note}")


def _show_variants(rows: Sequence[Mapping[str, Any]]) -> None:
    devices = [str(key).partition(".")[2] for key in rows[0] if str(key).startswith("latency_ms.")]
    heads = ["study", "variant", *(["size"] if "size" in rows[0] else [])]
    heads += [">mIoU (%)", ">n", ">95 % interval"] if "miou" in rows[0] else []
    heads += [">parameters", ">MACs"] if "macs" in rows[0] else []
    heads += [f">{device}, ms" for device in devices]
    lines = []
    for row in rows:
        line = [str(row[key]) for key in ("study", "variant", "size") if key in row]
        if "miou" in row:
            ends = [_percent(row[key]) for key in ("miou_low", "miou_high")]
            line += [_percent(row["miou"]), str(row["n"]), DASH if DASH in ends else " to ".join(ends)]
        line += [DASH if row[key] is None else human(row[key]) for key in ("params", "macs") if key in row]
        line += [_latency(row, device) for device in devices]
        lines.append(line)
    print_table(heads, lines, "mIoU over the seeds; MACs at the deployment size, 1 MAC = 2 FLOPs")


def _percent(share: float | None) -> str:
    return DASH if share is None else f"{100 * share:.1f}"


def _latency(row: Mapping[str, Any], device: str) -> str:
    ms, kind = row[f"latency_ms.{device}"], row[f"latency_kind.{device}"]
    return MISSING if ms is None else f"{ms:.3g} {kind}"


def _show_nets(nets: Sequence[SharedNet]) -> None:
    lines = []
    for net in nets:
        found = net.estimate
        ends = points_interval(found.low, found.high) if found.low is not None else found.why
        p = probability(net.p_holm) if net.p_holm is not None else DASH
        both = net.a if net.a == net.b else f"{net.a} | {net.b}"
        mean = points(found.mean) if found.mean is not None else DASH
        told = ("B is higher" if (found.mean or 0) > 0 else "B is lower") if net.told else "not told"
        same = "the same net" if net.same == FUNCTION else "same class of functions"
        lines.append([both, same, f"{net.n_a}, {net.n_b}", net.how, mean, ends, p, told])
    heads = ["net (A | B)", "in both", ">n (A, B)", "test", ">B - A, points", ">95 % interval", ">p, Holm", "at 5 %"]
    print_table(
        heads, lines, "mIoU of nets that both studies have; what differs between these is chance or the machine"
    )


def _show_times(times: Sequence[SharedTime]) -> None:
    lines = []
    for line in times:
        ends = f"{line.ratio.low:.3f} to {line.ratio.high:.3f}" if line.ratio.low is not None else DASH
        both = line.a if line.a == line.b else f"{line.a} | {line.b}"
        ms = [f"{value:.4g}" for value in (line.a_ms, line.b_ms)]
        lines.append([both, line.device, line.size, line.form, line.kind, *ms, f"{line.ratio.ratio:.3f}", ends])
    heads = ["net (A | B)", "device", "size", "form", "kind", ">A, ms", ">B, ms", ">B / A", ">95 % interval"]
    print_table(heads, lines, "Latency of nets that both studies have")
