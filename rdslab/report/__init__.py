"""Reports: a study's facts as tables, plots and one page. No torch here; importing it loads pandas and matplotlib."""

from rdslab.report.frame import Results
from rdslab.report.write import write_report

__all__ = ["Results", "write_report"]
