"""What the plots show, where their labels stand, and that they are the same bytes each time."""

import math

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rdslab.report.curves import curves_frame, draw_curves, spread
from rdslab.report.differences import differences_frame, draw_differences
from rdslab.report.frame import Results
from rdslab.report.front import FrontPlot, latency_front, macs_front
from rdslab.report.heatmap import heat_caption, heat_frame
from rdslab.report.plots import file_names
from rdslab.report.scatter import draw_front
from rdslab.report.style import COLUMN_WIDTH, TEXT_WIDTH, Plot, inlined, png, short, shortened, svg
from tests.fake_results import FIVE, forty, results, sixteen


@pytest.fixture(scope="module")
def study() -> Results:
    return results(sixteen())


@pytest.fixture(scope="module")
def front(study: Results) -> FrontPlot:
    return latency_front(study, "jetson-tx1")


def labels(figure: Figure) -> np.ndarray:
    """Left, bottom, right, top of each label beside a point, in pixels as drawn."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    texts = [text for text in figure.axes[0].texts if str(text.get_gid()).startswith("label")]
    return np.array([text.get_window_extent(renderer).extents for text in texts])


def overlaps(boxes: np.ndarray) -> int:
    a, b = boxes[:, None], boxes[None]
    both = (a[..., :2] < b[..., 2:]).all(-1) & (b[..., :2] < a[..., 2:]).all(-1)
    return int((both.sum() - len(boxes)) / 2)


def test_the_front_frame_by_hand(study, front):
    frame = front.frame.set_index("variant")
    base = frame.loc["rds"]
    own = [100 * trial["score"]["miou"] for trial in study.trials[:3]]
    assert base["seeds"] == pytest.approx(tuple(own))
    assert (base["miou"], base["bar_low"], base["bar_high"]) == pytest.approx((sum(own) / 3, min(own), max(own)))
    assert (base["cost"], base["cost_low"], base["kind"], base["n"]) == (12.5, pytest.approx(11.0), "predicted", 3)
    assert base["is_base"]
    assert frame["is_base"].sum() == 1
    assert front.xlabel == "Latency on jetson-tx1 at 640x360, predicted (disputed), ms"


def test_bars_are_the_range_of_few_seeds_and_t_intervals_of_many(front):
    assert front.bars == "the range of the seeds"
    many = latency_front(results(FIVE, seeds=6), "here")
    assert many.bars == "95 % t intervals over the seeds"
    assert many.bars in many.caption
    assert "range" not in many.caption


@pytest.mark.parametrize(
    ("device", "hollow", "words"),
    [("jetson-tx1", True, "predicted, bar: 90 % interval"), ("here", False, "measured, bar: quartiles")],
)
def test_predicted_points_are_hollow_with_their_interval_and_the_legend_says_so(study, device, hollow, words):
    front = latency_front(study, device)
    axes = draw_front(front).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [words]
    marks = [line for line in axes.lines if line.get_marker() in "oD" and len(line.get_xdata()) == 1]
    assert {line.get_markerfacecolor() == "white" for line in marks} == {hollow}
    bars = {tuple(line.get_xdata()) for line in axes.lines if len(set(line.get_ydata())) == 1}
    assert {(row["cost_low"], row["cost_high"]) for row in front.frame.to_dict("records")} <= bars
    low, high = axes.get_xlim()
    assert low < front.frame["cost_low"].min()
    assert front.frame["cost_high"].max() < high


def test_a_caption_names_what_is_not_shown(study):
    made = results(FIVE)
    for trial in made.trials[3:6]:
        trial["times"]["here"] = {"missing": "the middle half of 52 runs spreads over 31 %"}
    front = latency_front(made, "here")
    assert "Without a time, and so not shown: residual." in front.caption
    assert "residual" not in list(front.frame["variant"])
    assert "disputed: the source's prose says TX2" in latency_front(study, "jetson-tx1").caption


def test_costs_are_in_giga_macs():
    frame = macs_front(results(FIVE)).frame.set_index("variant")
    assert frame.loc["residual", "cost"] == 2.12
    assert math.isnan(frame.loc["residual", "cost_low"])


@pytest.mark.parametrize("width", [TEXT_WIDTH, COLUMN_WIDTH])
def test_labels_of_sixteen_close_points_do_not_overlap(front, width):
    figure = draw_front(front, width)
    boxes = labels(figure)
    assert len(boxes) == 16
    assert overlaps(boxes) == 0
    renderer = FigureCanvasAgg(figure).get_renderer()
    left, bottom, right, top = figure.axes[0].get_window_extent(renderer).extents
    assert (boxes[:, :2] >= (left, bottom)).all()
    assert (boxes[:, 2:] <= (right, top)).all()


def test_labels_stay_off_the_markers(front):
    figure = draw_front(front)
    boxes = labels(figure)
    points = figure.axes[0].transData.transform(front.frame[["cost", "miou"]].to_numpy())
    inside = (points[None] > boxes[:, None, :2]).all(-1) & (points[None] < boxes[:, None, 2:]).all(-1)
    assert not inside.any()


def test_forty_points_have_numbers_and_their_whole_names_below():
    figure = draw_front(macs_front(results(forty(), seeds=2)))
    assert [text.get_text() for text in figure.axes[0].texts if str(text.get_gid()).startswith("label")][-1] == "40"
    assert overlaps(labels(figure)) == 0
    below = "".join(text.get_text() for text in figure.texts)
    assert all(name in below for name in forty())


def test_the_same_plot_is_the_same_bytes(front):
    first, second = (Plot("front", "Front", front.caption, draw_front(front)) for _ in range(2))
    assert png(first) == png(second)
    text = svg(first)
    assert text == svg(second) == svg(first)
    assert "<dc:date>" not in text


def test_inlined_plots_share_no_ids(front):
    text = svg(Plot("front", "Front", front.caption, draw_front(front)))
    one, other = inlined(text, "one", 'say "front" & <more>'), inlined(text, "two", "front")
    assert 'aria-label="say &quot;front&quot; &amp; &lt;more>"' in one
    ids = [set(part.split('id="')[1:]) for part in (one, other)]
    assert {i.split('"')[0] for i in ids[0]}.isdisjoint({i.split('"')[0] for i in ids[1]})
    assert "url(#one-" in one
    assert 'href="#one-' in one


def test_names_that_look_like_formulas_are_drawn_as_they_are():
    front = latency_front(results({"a$b$c": FIVE["rds"], "x_1^2 \\alpha": FIVE["residual"]}), "here")
    figure = draw_front(front)
    assert {text.get_text() for text in figure.axes[0].texts if str(text.get_gid()).startswith("label")} == set(
        front.frame["variant"]
    )
    assert png(Plot("front", "Front", "", figure))


def test_the_forest_plot_says_n_and_the_interval(study):
    figure = draw_differences(differences_frame(study))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[:3] == ["difference", "95 % interval", "n"]
    assert texts.count("3") == 15
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(sixteen())[1:]


def test_the_mean_curve_is_over_epochs_that_all_seeds_have():
    made = results({"rds": FIVE["rds"]}, seeds=2)
    made.trials[1]["score"]["history"] = made.trials[1]["score"]["history"][:5]
    frame = curves_frame(made).set_index(["seed", "epoch"])
    at_two = [100 * trial["score"]["history"][1]["miou"] for trial in made.trials]
    assert frame.loc[(0, 2), "mean"] == pytest.approx(sum(at_two) / 2)
    assert math.isnan(frame.loc[(0, 6), "mean"])


@pytest.mark.parametrize(("variants", "panels"), [(FIVE, 1), (sixteen(), 16)])
def test_many_variants_get_a_panel_each(variants, panels):
    made = results(variants, seeds=2)
    figure = draw_curves(curves_frame(made), {v: made.base_of(v) for v in made.variants})
    assert len([axes for axes in figure.axes if axes.get_visible()]) == panels


def test_labels_at_the_ends_of_curves_are_moved_apart_no_more_than_needed():
    assert spread([1.0, 5.0], 1.0) == [1.0, 5.0]
    assert spread([2.0, 2.0, 2.0], 1.0) == pytest.approx([1.0, 2.0, 3.0])
    assert spread([0.0, 0.5, 9.0], 1.0) == pytest.approx([-0.25, 0.75, 9.0])


def test_the_heat_map_knows_absent_classes():
    made = results(FIVE)
    for trial in made.trials:
        trial["score"]["iou"]["Fence"] = None
    frame = heat_frame(made)
    assert list(frame.index) == list(FIVE)
    assert frame["Fence"].isna().all()
    assert "Absent (neither in the labels nor predicted, in no mean): Fence." in heat_caption(made, frame)


def test_long_names_lose_their_middle_and_stay_different():
    assert short("abcdefghij", 7) == "abc…hij"
    names = shortened(["stage 1 of many blocks in a row", "stage 1 of some blocks in a row"], 16)
    assert len(set(names)) == 2
    assert all(len(name) <= 16 for name in names)


def test_file_names_hold_what_every_file_system_takes():
    names = file_names(["jetson-tx1", "ssh://me@board:22", "ssh:/me@board:22", "???"])
    assert names["jetson-tx1"] == "front_jetson-tx1"
    assert names["ssh://me@board:22"] == "front_ssh-me-board-22"
    assert len(set(names.values())) == 4
