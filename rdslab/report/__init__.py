"""Reports: a study's facts as tables, plots and one page. No torch here; importing it loads pandas and matplotlib."""

from rdslab.report.chosen import nets_worth_drawing
from rdslab.report.examples import Seen, example_images, example_trials
from rdslab.report.frame import Results
from rdslab.report.latency import TimesResults
from rdslab.report.latency_page import write_times_report
from rdslab.report.page import Extras
from rdslab.report.write import write_report

__all__ = [
    "Extras",
    "Results",
    "Seen",
    "TimesResults",
    "example_images",
    "example_trials",
    "nets_worth_drawing",
    "write_report",
    "write_times_report",
]
