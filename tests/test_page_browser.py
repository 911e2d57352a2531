"""The page in a real browser, offline: no error, hover, click, limits, keyboard, phone, dark, axe-core."""

import random
from pathlib import Path
from typing import Any

import pytest

from rdslab.report.variants import variants_frame
from tests.browser_cases import started, visiting, with_browser, write  # noqa: F401
from tests.fake_results import FIVE, forty, results
from tests.test_report_importance import searched

pytestmark = with_browser
GENES = {"residual": {"enc*.block": "residual"}, "separable": {"enc*.block": "separable", "width": 0.5}}


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(results(FIVE, genes=GENES), tmp_path_factory.mktemp("five"))


@pytest.fixture(scope="module")
def weighed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(searched(48), tmp_path_factory.mktemp("weighed"))


def centre(page: Any, number: int) -> tuple[float, float]:
    page.locator("#pareto").scroll_into_view_if_needed()
    box = page.locator(f'#pareto .dot[data-i="{number}"]').bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_hovering_over_a_point_tells_all_of_its_net(visit, five):
    page = visit(five)
    page.mouse.move(*centre(page, 1))
    text = page.locator("#tip").inner_text()
    for said in ("residual", "Sets enc*.block = residual", "n = 3 seeds", "2.12 G", "Parameters 0.424 M", "22.5 ms"):
        assert said in text
    assert "predicted (disputed)" in text
    assert "640x360, batch 1, fp32, 1 thread; not certified" in text  # the measured time's protocol
    assert "Sky " in text
    page.mouse.move(2, 2)
    assert page.locator("#tip").is_hidden()


def test_a_click_opens_drawing_curves_and_classes_and_escape_goes_back(visit, five):
    page = visit(five)
    page.mouse.click(*centre(page, 2))
    dialog = page.locator("#detail")
    assert dialog.get_by_role("heading", name="separable").is_visible()
    assert dialog.locator(".drawing svg").count() == 1
    assert dialog.locator("svg.curve path.own").count() == 3
    assert dialog.locator("svg.curve path.base").count() == 3
    assert dialog.get_by_role("row").count() == 12
    page.keyboard.press("Escape")
    assert dialog.is_hidden()
    assert page.evaluate("document.activeElement.id") == "pareto"


def test_limits_filter_plot_and_tables(visit, five):
    page = visit(five)
    page.get_by_text("Limits: show only").click()
    page.get_by_label("Latency on jetson-tx1 at 640x360, predicted (disputed), at most, ms").fill("12.3")
    assert page.locator("#pareto .dot").count() == 2
    assert "2 of 5 variants shown" in page.locator("#count").inner_text()
    table = page.get_by_role("region", name="All variants")
    assert table.locator("tbody tr:visible").count() == 2
    page.get_by_label("Name or setting with the words").fill("separable width")
    assert [dot.get_attribute("data-i") for dot in page.locator("#pareto .dot").all()] == ["2"]
    page.get_by_label("mIoU, at least, %").fill("99")
    assert "no variant has both figures within these limits" in page.locator("#pareto").inner_text()
    page.get_by_role("button", name="No limits").click()
    assert page.locator("#pareto .dot").count() == 5
    assert table.locator("tbody tr:visible").count() == 5


def test_axes_logarithm_and_names_can_be_chosen(visit, five):
    page = visit(five)
    assert page.locator("#pareto").inner_text().count("rds no dilation") == 0
    page.get_by_label("Names at").select_option("all")
    assert page.locator("#pareto").inner_text().count("rds no dilation") == 1
    page.get_by_label("Across: device or cost").select_option("params")
    assert "Parameters, M" in page.locator("#pareto").inner_text()
    assert page.locator("#pareto .dot.hollow").count() == 0  # nothing predicted is shown now
    before = centre(page, 1)
    page.get_by_label("logarithmic across").check()
    assert centre(page, 1)[0] == pytest.approx(before[0], abs=1)  # the most stays at the right,
    assert page.get_by_label("logarithmic across").is_checked()
    page.get_by_role("combobox", name="Upwards").select_option("iou3")
    assert "IoU of Road, %" in page.locator("#pareto").inner_text()
    page.get_by_role("combobox", name="Upwards").select_option("difference")
    assert page.get_by_label("logarithmic upwards").is_disabled()
    assert page.locator("#pareto .dot").count() == 4  # the base has no difference to itself


def test_the_front_is_the_one_that_python_finds(visit, five):
    page = visit(five)
    frame = variants_frame(results(FIVE))
    for name, device in (("time0", "jetson-tx1"), ("time1", "here")):
        page.get_by_role("combobox", name="Across").select_option(name)
        expected = {i for i, member in enumerate(frame[f"on_front.{device}"]) if member}
        blue = {int(dot.get_attribute("data-i")) for dot in page.locator("#pareto .dot.on").all()}
        assert 0 < len(expected) < len(frame)
        assert blue == expected - {0}  # the base keeps its own colour
        assert f"{len(expected)} on the front" in page.locator("#count").inner_text()


def test_all_of_it_by_keyboard(visit, five):
    page = visit(five)
    page.locator("#choose-labels").focus()
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "pareto":
            break
    assert page.evaluate("document.activeElement.id") == "pareto"
    page.keyboard.press("Home")
    assert "separable: Latency on jetson-tx1" in page.locator("#spoken").inner_text()
    assert "point 1 of 5" in page.locator("#spoken").inner_text()
    page.keyboard.press("End")
    assert "residual: " in page.locator("#spoken").inner_text()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="Close").is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert page.locator("#detail").is_hidden()
    page.get_by_role("button", name="Parameters").focus()
    page.keyboard.press("Enter")
    assert page.locator("table[data-variants] tbody tr td:first-child").first.inner_text() == "separable"
    page.keyboard.press("Enter")
    assert page.locator("table[data-variants] tbody tr td:first-child").first.inner_text() == "residual"


def test_a_name_in_the_table_opens_the_same(visit, five):
    page = visit(five)
    page.get_by_role("region", name="All variants").get_by_role("button", name="rds no dilation").click()
    assert page.locator("#detail-name").inner_text() == "rds no dilation"
    assert "This page holds the drawings" in page.locator("#detail").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 390])
def test_axe_finds_no_serious_fault(visit, five, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = visit(five, color_scheme=scheme, viewport={"width": width, "height": 844})
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    first = axe.Axe().run(page).response
    assert len(first["passes"]) > 20
    found = first["violations"]
    page.mouse.click(*centre(page, 1))
    found += axe.Axe().run(page).response["violations"]
    serious = [(f["id"], f["nodes"][0]["html"][:200]) for f in found if f["impact"] in ("serious", "critical")]
    assert serious == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_importance_of_genes_is_open_to_all(visit, weighed, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = visit(weighed, color_scheme=scheme)
    violations = axe.Axe().run(page).response["violations"]
    assert [f["id"] for f in violations if f["impact"] in ("serious", "critical")] == []
    assert page.get_by_role("img", name="Importance of the genes").is_visible()
    table = page.get_by_role("region", name="Importance of the genes", exact=True)
    table.get_by_role("button", name="Importance (%)").focus()
    page.keyboard.press("Enter")
    shares = [float(text) for text in table.locator("tbody tr td:nth-child(3)").all_inner_texts()]
    assert len(shares) == 24
    assert shares == sorted(shares)
    page.get_by_role("link", name="Importance", exact=True).click()
    assert page.locator("#importance").is_visible()


def test_a_phone_shows_it_without_scrolling_sideways(visit, five):
    page = visit(five, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#pareto").bounding_box()["width"] > 330
    page.touchscreen.tap(*centre(page, 1))
    assert page.locator("#detail-name").inner_text() == "residual"
    assert page.locator("#detail").bounding_box()["width"] <= 390


def test_colours_follow_the_scheme(visit, five):
    def colours(page: Any) -> list[str]:
        return [
            page.locator(place).first.evaluate(f"element => getComputedStyle(element).{what}")
            for place, what in (("body", "backgroundColor"), ('#plot-curves [style*="var(--ink)"]', "fill"))
        ]

    light, dark = (colours(visit(five, color_scheme=scheme)) for scheme in ("light", "dark"))
    assert light[0] == "rgb(255, 255, 255)"
    assert dark[0] != light[0]
    assert dark[1] != light[1]


def test_without_script_tables_and_plots_stand_whole(browser, five):
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(five.as_uri())
    assert page.locator("#explorer").is_hidden()
    assert page.locator("#plot-front_jetson-tx1 svg").is_visible()
    assert page.get_by_role("region", name="All variants").locator("tbody tr:visible").count() == 5
    context.close()


def test_who_is_on_the_front_is_sorted_by_probability(visit, five):
    page = visit(five)
    table = page.get_by_role("region", name="All variants")
    table.get_by_role("button", name="On the front").click()
    table.get_by_role("button", name="On the front").click()
    chances = variants_frame(results(FIVE))[["front_probability.jetson-tx1", "front_probability.here"]].max(axis=1)
    order = chances.sort_values(ascending=False, kind="stable").index
    names = table.locator("tbody tr td:first-child").all_inner_texts()
    assert [name.removesuffix(" (base)") for name in names] == [list(FIVE)[i] for i in order]


def test_forty_long_names(visit, tmp_path):
    made = results(forty(), seeds=1, deploy={})
    for trial in made.trials:
        trial |= {"times": {}, "score": {**trial["score"], "history": []}}
    page = visit(write(made, tmp_path))
    assert page.get_by_role("combobox", name="Across").input_value() == "macs"
    assert page.locator("#pareto .dot").count() == 40
    page.get_by_label("Rows of All variants with the words").fill("STAGE 39 OF")
    rows = page.get_by_role("region", name="All variants").locator("tbody tr")
    fitting = [text for text in rows.all_text_contents() if "39" in text]
    assert rows.filter(visible=True).count() == len(fitting) < 40
    assert page.get_by_text(f"{len(fitting)} of {len(fitting)} rows that fit, 40 in all").is_visible()


@pytest.mark.long
def test_two_thousand_trials_open_in_two_seconds_and_six_megabytes(visit, tmp_path):
    chance = random.Random(5)
    many = {f"net {i}": (0.3 + 0.3 * chance.random(), 5 + 50 * chance.random(), 10**9 + i * 10**6) for i in range(2000)}
    genes = {name: {"enc3.block": "rds", "enc3.repeat": i % 8, "width": 0.5} for i, name in enumerate(many)}
    path = write(results(many, seeds=1, genes=genes), tmp_path)
    assert path.stat().st_size < 6e6
    drawn = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"
    taken = []
    for _ in range(3):  # others may use the machine meanwhile
        page = visit(path)
        assert page.locator("#pareto .dot").count() == 2000
        taken.append(page.evaluate(drawn))
    assert min(taken) < 2000
    table = page.get_by_role("region", name="All variants")
    assert table.locator("tbody tr:visible").count() == 50
    page.get_by_role("button", name="Show all rows").first.click()
    assert table.locator("tbody tr:visible").count() == 2000
