"""Every plot of a report, in the order of the page."""

import re

from rdslab.report.chosen import worth_showing
from rdslab.report.curves import curves_caption, curves_frame, draw_curves
from rdslab.report.differences import differences_caption, differences_frame, draw_differences, drawn_differences
from rdslab.report.frame import Results
from rdslab.report.front import latency_front, macs_front
from rdslab.report.heatmap import draw_classes, heat_caption, heat_frame
from rdslab.report.importance import importance_frame
from rdslab.report.importance_plot import draw_importance, importance_caption
from rdslab.report.scatter import draw_front
from rdslab.report.searched import draw_search, search_caption, search_of
from rdslab.report.style import TEXT_WIDTH, Plot, settle
from rdslab.report.words import device_name


def file_names(devices: list[str]) -> dict[str, str]:
    """`front_<device>` by device, with characters that every file system takes, and no name twice."""
    names: dict[str, str] = {}
    for device in devices:
        name = "front_" + (re.sub(r"[^A-Za-z0-9.-]+", "-", device).strip("-.") or "device")
        taken = sum(other == name or other.startswith(f"{name}_") for other in names.values())
        names[device] = f"{name}_{taken + 1}" if taken else name
    return names


def draw_plots(results: Results, width: float = TEXT_WIDTH) -> list[Plot]:
    """Fronts (one a device), differences, MACs, importance where it is told, curves, classes; `width` in inches."""
    plots = []
    for device, name in file_names(results.devices).items():
        front = latency_front(results, device)
        plots.append(
            Plot(name, f"mIoU against latency on {device_name(device)}", front.caption, draw_front(front, width))
        )
    if search_of(results):
        plots.append(Plot("search", "The search as it went on", search_caption(results), draw_search(results, width)))
    forest = differences_frame(results)
    drawn = draw_differences(drawn_differences(results, forest), width)
    plots.append(Plot("differences", "Differences to the base", differences_caption(results, forest), drawn))
    macs = macs_front(results)
    plots.append(Plot("macs", "mIoU against multiply-accumulates", macs.caption, draw_front(macs, width)))
    weights = importance_frame(results)
    if not weights.empty:
        drawn = draw_importance(weights, width)
        plots.append(Plot("importance", "Importance of the genes", importance_caption(weights), drawn))
    history = curves_frame(results)
    drawn = draw_curves(history, {v: results.base_of(v) for v in worth_showing(results)}, width)
    plots.append(Plot("curves", "Learning curves", curves_caption(results, history), drawn))
    heat = heat_frame(results)
    plots.append(Plot("classes", "IoU by class", heat_caption(results, heat), draw_classes(heat, width)))
    for plot in plots:
        settle(plot.figure)
    return plots
