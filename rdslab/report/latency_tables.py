"""The tables of a study of times, for its page."""

from collections.abc import Mapping
from typing import Any

from rdslab.report.cells import Cell, Table, number_cell
from rdslab.report.frame import records
from rdslab.report.latency import TimesResults, beside_frame, error_rows, ratio_rows
from rdslab.report.words import DASH, MINUS, count, known, milliseconds

TEXTS = ("Net", "Size", "The fit knew", "What", "Of")


def errors_table(column: Mapping[str, Any]) -> Table:
    """How far predictions are off, in sample and out of sample apart."""
    rows = [
        [
            Cell(row["what"], row["what"]),
            Cell(str(row["n"]), str(row["n"])),
            number_cell(row["mean"], percent_words),
            number_cell(row["worst"], percent_words),
            Cell(f"{row['inside']} of {row['n']}", str(row["inside"] / row["n"])),
        ]
        for row in error_rows(column)
    ]
    return Table(["What", "n", "Mean error", "Worst error", "Inside their 90 % intervals"], rows, TEXTS)


def beside_table(column: Mapping[str, Any]) -> Table:
    """One row a published time."""
    heads = ["Net", "Size", "Published, ms", "Predicted, ms", "90 % interval", "Error", "The fit knew"]
    heads += ["Fit without the net, ms", "Fit without the size, ms"]
    rows = []
    for row in records(beside_frame(column)):
        ends = f"{milliseconds(row['low_ms'])} to {milliseconds(row['high_ms'])}" if known(row["low_ms"]) else DASH
        cells = [Cell(str(row["variant"]), str(row["variant"])), Cell(str(row["size"]), str(row["size"]))]
        cells += [number_cell(row[name], milliseconds) for name in ("published_ms", "predicted_ms")]
        cells += [Cell(ends), number_cell(row["error"], _signed), Cell(str(row["known"]), str(row["known"]))]
        for by in ("network", "size"):
            ms, error = row[f"{by}_ms"], row[f"{by}_error"]
            text = f"{milliseconds(ms)} ({_signed(error)})" if known(ms) else DASH
            cells.append(Cell(text, repr(float(ms)) if known(ms) else ""))
        rows.append(cells)
    return Table(heads, rows, TEXTS)


def times_table(results: TimesResults) -> Table:
    """A row a net and size, a column a device, form and kind: measured and predicted times never share one."""
    frame, places = results.frame, results.places
    heads = ["Net", "Size"] + [f"{device}, {form}, {kind}, ms" for device, form, kind in places]
    rows = []
    for variant in results.variants:
        for size in results.sizes:
            own = frame[(frame["variant"] == variant) & (frame["size"] == size)]
            cells = [Cell(variant, variant), Cell(size, size)]
            for device, form, kind in places:
                found = own[(own["device"] == device) & (own["form"] == form) & (own["kind"] == kind)]
                cells.append(_time_cell(records(found)[0]) if len(found) else Cell(DASH))
            rows.append(cells)
    return Table(heads, rows if places else [], TEXTS)


def _time_cell(row: Any) -> Cell:
    text = f"{milliseconds(row['latency_ms'])} ({milliseconds(row['low_ms'])} to {milliseconds(row['high_ms'])})"
    energy = f", {milliseconds(row['energy_mj'])} mJ" if known(row["energy_mj"]) else ""
    return Cell(text + energy, repr(float(row["latency_ms"])))


def ratios_table(results: TimesResults) -> Table:
    """A row for MACs, and one for each device, form and kind of time; a column a ratio and size."""
    ratios = ratio_rows(results)
    sizes = len(results.sizes) > 1
    heads = ["Of"] + [f"{row['name']}, {row['size']}" if sizes else str(row["name"]) for row in ratios]
    rows = [[Cell("MACs, counted", "MACs"), *(number_cell(row["macs"], _ratio) for row in ratios)]]
    for place in results.places:
        cells = [Cell(", ".join(place), ", ".join(place))]
        for row in ratios:
            middle, low, high = row["places"].get(place, (float("nan"),) * 3)
            text = _ratio(middle) + (f" ({_ratio(low)} to {_ratio(high)})" if known(low) else "")
            cells.append(Cell(text, repr(middle) if known(middle) else ""))
        rows.append(cells)
    return Table(heads, rows if ratios else [], TEXTS)


def costs_table(results: TimesResults) -> Table:
    """A row a net and size."""
    rows = []
    for net in results.nets:
        for size in results.sizes:
            cost = net["costs"].get(size) or {}
            cells = [Cell(str(net["variant"]), str(net["variant"])), Cell(size, size)]
            cells += [number_cell(cost.get(name), count) for name in ("params", "macs", "bytes")]
            rows.append(cells)
    return Table(["Net", "Size", "Parameters", "MACs", "Bytes at fp32"], rows, TEXTS)


def percent_words(share: float) -> str:
    """0.123 -> '12.3 %'."""
    return f"{100 * share:.1f} %"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f} %".replace("-", MINUS) if known(share) else DASH


def _ratio(value: float) -> str:
    return f"{value:.2f}" if known(value) else DASH
