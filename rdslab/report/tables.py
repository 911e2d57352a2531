"""The tables beside the page: every trial and every variant as CSV, and the variants as LaTeX."""

import importlib.util
import io
from typing import Any

import pandas as pd

from rdslab.report.frame import Results
from rdslab.report.variants import variants_frame
from rdslab.report.words import base_words, device_notes, known, latency_words, milliseconds, percent, time_columns


def trials_csv(results: Results) -> str:
    """One line a slot, full precision, empty where nothing is known."""
    return str(results.frame.to_csv(index=False, lineterminator="\n"))


def trials_parquet(results: Results) -> bytes | None:
    """The same table as Parquet, with the columns' types; None where pyarrow is not installed."""
    if importlib.util.find_spec("pyarrow") is None:
        return None
    stream = io.BytesIO()
    results.frame.to_parquet(stream, engine="pyarrow", index=False)
    return stream.getvalue()


def variants_csv(results: Results) -> str:
    """One line a variant, full precision, empty where nothing is known."""
    return str(variants_frame(results).to_csv(index=False, lineterminator="\n"))


def table_tex(results: Results) -> str:
    """A booktabs tabular: n with every mean, an interval with every difference, nothing bold, predictions called so.

    What the columns mean stands above it as comments, to be made into the caption.
    """
    frame = variants_frame(results)
    table = pd.DataFrame({"Variant": frame["variant"].astype("object")})
    table["n"] = [str(n) for n in frame["n"]]
    table["mIoU (%)"] = [_spread(m, s) for m, s in zip(frame["miou"], frame["miou_sd"], strict=True)]
    if results.base:
        table["Difference (points)"] = [_signed(d, 100) for d in frame["difference"]]
        ends = zip(frame["difference_low"], frame["difference_high"], strict=True)
        table["95 % interval"] = [f"[{_signed(a, 100)}, {_signed(b, 100)}]" if known(a) else "--" for a, b in ends]
    table["Params (M)"] = [_scaled(v, 1e6) for v in frame["params"]]
    table["MACs (G)"] = [_scaled(v, 1e9) for v in frame["macs"]]
    for device, kind in time_columns(results):
        head = latency_words(results, device, kind).replace("Latency on ", "") + " (ms)"
        cells = zip(frame[f"latency_ms.{device}"], frame[f"latency_kind.{device}"], strict=True)
        table[head] = [_time(value, own) if own == kind else "--" for value, own in cells]
    styler = table.style.hide(axis="index").format(escape="latex", subset=["Variant"])
    styler = styler.format_index(escape="latex", axis=1)
    columns = "l" + "r" * (len(table.columns) - 1)
    return "\n".join(_comments(results)) + "\n" + str(styler.to_latex(hrules=True, column_format=columns))


def _comments(results: Results) -> list[str]:
    said = [
        f"Study {results.name}. Needs \\usepackage{{booktabs}}.",
        "mIoU: mean over n seeds, plus or minus the standard deviation over the seeds.",
        "Params, MACs (1 MAC = 2 FLOPs): inference form, at the deployment size.",
    ]
    if results.base:
        said.append(
            f"Difference to {base_words(results)} over the seeds both have, with its paired 95 % t interval "
            "(uncorrected)."
        )
    for device in results.devices:
        said += [f"{device}: {note}" for note in device_notes(results, device)]
    return ["% " + " ".join(line.split()) for line in said]


def _spread(mean: float, sd: float) -> str:
    if not known(mean):
        return "--"
    return f"${percent(mean)} \\pm {100 * sd:.1f}$" if known(sd) else f"${percent(mean)}$"


def _signed(value: float, factor: float) -> str:
    return f"${factor * value:+.2f}$" if known(value) else "--"


def _scaled(value: Any, unit: float) -> str:
    return "--" if pd.isna(value) else f"{float(value) / unit:.3g}"


def _time(value: float, kind: str) -> str:
    """A prediction carries its mark in every cell: columns get cut out of tables."""
    if not known(value):
        return "--"
    return f"${milliseconds(value)}$" + (r"\textsuperscript{pred.}" if kind == "predicted" else "")
