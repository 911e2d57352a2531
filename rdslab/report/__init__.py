"""Reports: a study's facts as tables, plots and one page. No torch here; importing it loads pandas and matplotlib."""

from rdslab.report.frame import Results
from rdslab.report.latency import TimesResults
from rdslab.report.latency_page import write_times_report
from rdslab.report.write import write_report

__all__ = ["Results", "TimesResults", "write_report", "write_times_report"]
