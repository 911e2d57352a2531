"""Measured times: their quartiles, from the runs that a report carries."""

import statistics
from collections.abc import Mapping, Sequence

from rdslab.errors import SpecError
from rdslab.measure.agent.clock import quartiles
from rdslab.report.record import NAME
from rdslab.report.reports import Report

NO_RUNS = "the report does not carry the runs: write it anew with `rdslab report`"
Runs = Mapping[tuple[str, ...], Sequence[float]]


def runs_in(report: Report, keys: tuple[str, ...]) -> Runs | None:
    """Every run in ms by the place of its time; None for an older report. Raises SpecError for what are no runs."""
    record = report.record or {}
    if "runs" not in record:
        return None
    try:
        return {tuple(str(line[key]) for key in keys): [float(ms) for ms in line["runs_ms"]] for line in record["runs"]}
    except (TypeError, ValueError, KeyError):
        raise SpecError("its runs are broken", "write the report anew", where=str(report.folder / NAME)) from None


def quartiles_of(runs_ms: Sequence[float]) -> dict[str, float]:
    """latency_ms, low_ms, high_ms and p90_ms of runs; empty without any."""
    if not runs_ms:
        return {}
    low, median, high = quartiles(runs_ms)
    more = {"p90_ms": statistics.quantiles(runs_ms, n=10)[-1]} if len(runs_ms) > 1 else {}
    return {"latency_ms": median, "low_ms": low, "high_ms": high, **more}
