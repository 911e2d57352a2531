"""What a written report says answers a claim as its results do."""

import math
from pathlib import Path

from rdslab.report.evidence import evidence_in


def test_times_of_a_report_answer_too(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    assert evidence_in(folder) is None
    (folder / "report.html").write_text("")
    (folder / "times.csv").write_text(
        "variant,size,device,form,kind,latency_ms,low_ms,high_ms\n"
        "rds,640x360,here,eager,measured,10,9,11\nrds,640x360,here,deployed,measured,5,4,6\n"
    )
    (folder / "ratios.csv").write_text(
        "name,size,what,device,form,kind,ratio,low,high\n"
        "alone,640x360,macs,,,,1.98,,\nalone,640x360,latency,here,eager,measured,1.8,1.7,1.9\n"
        "alone,640x360,latency,board,eager,predicted,1.4,,\n"
    )
    (folder / "nets.csv").write_text(
        "variant,size,canonical_id,macs\nrds,640x360,same,527\nrds,1280x720,same,2108\ntwin,640x360,same,527\n"
    )
    found = evidence_in(folder)
    assert found is not None
    value = found.value("latency_ms.here", "rds", "640x360", "deployed")
    assert value is not None
    assert (value.middle, value.low, value.high, value.kind) == (5.0, 4.0, 6.0, "measured")
    ratio = found.ratio("latency_ms.here", "alone", "640x360", "eager")
    assert ratio is not None
    assert (ratio.low, ratio.high) == (1.7, 1.9)
    unsure = found.ratio("latency_ms.board", "alone", "640x360", "eager")
    assert unsure is not None
    assert math.isnan(unsure.low)
    assert found.ratio("latency_ms.here", "alone", "64x64", "eager") is None
    macs = [found.value("macs", "rds", size, "eager") for size in ("640x360", "1280x720", "64x64")]
    assert [cost and cost.middle for cost in macs] == [527, 2108, None]
    assert found.canonical_id("twin") == "same"
