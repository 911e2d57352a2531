"""Example images in a real browser: on the page, in a net's dialog, on a phone, for a screen reader; and their size."""

from pathlib import Path

import numpy as np
import pytest

from rdslab.report import Seen
from tests.browser_cases import started, visiting, with_browser, write  # noqa: F401
from tests.fake_results import FIVE, results
from tests.test_report_examples import CLASSES, looked

pytestmark = with_browser


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(results(FIVE), tmp_path_factory.mktemp("looking"), looked(["rds", "residual", "separable"]))


def test_a_nets_dialog_holds_what_it_sees(visit, looking):
    page = visit(looking)
    table = page.get_by_role("region", name="All variants")
    table.get_by_role("button", name="residual", exact=True).click()
    dialog = page.locator("#detail")
    assert dialog.get_by_role("heading", name="What it sees").is_visible()
    for words in ("Ground truth of", "What residual sees in", "Where residual is wrong in"):
        assert dialog.get_by_role("img", name=f"{words} clip/frame 1").is_visible()
    assert dialog.get_by_role("img", name="What rds sees").count() == 0
    page.keyboard.press("Escape")
    table.get_by_role("button", name="rds no dilation").click()
    assert "This page holds no pictures of this net" in dialog.inner_text()


def test_the_cover_can_be_lifted_in_both_places_at_once(visit, looking):
    page = visit(looking)
    picture = page.locator("main .veil").first
    shown = lambda: float(picture.evaluate("node => getComputedStyle(node).opacity"))  # noqa: E731
    before = shown()
    page.get_by_label("How strongly the classes cover the image").focus()
    page.keyboard.press("Home")
    assert (before, shown()) == (0.65, 0.0)
    page.get_by_role("region", name="All variants").get_by_role("button", name="rds (base)").click()
    inside = page.locator("#detail").get_by_label("How strongly the classes cover the image")
    assert inside.input_value() == "0"
    inside.press("End")
    assert shown() == 1.0
    assert page.locator("main .veiled input").input_value() == "100"


def test_photo_and_labels_lie_on_each_other(visit, looking):
    page = visit(looking)
    stack = page.get_by_role("img", name="What rds sees in clip/frame 0")
    boxes = [part.bounding_box() for part in stack.locator("> *").all()]
    assert boxes[0] == boxes[1] == stack.bounding_box()
    assert boxes[0]["width"] / boxes[0]["height"] == pytest.approx(8 / 6, rel=0.02)
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth === 8)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 390])
def test_axe_finds_no_serious_fault_in_example_images(visit, looking, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = visit(looking, color_scheme=scheme, viewport={"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(page).response["violations"]
    page.get_by_role("region", name="All variants").get_by_role("button", name="rds (base)").click()
    found += axe.Axe().run(page).response["violations"]
    assert [(f["id"], f["nodes"][0]["html"][:200]) for f in found if f["impact"] in ("serious", "critical")] == []


def test_without_script_all_is_there_but_the_slider(browser, looking):
    page = browser.new_context(offline=True, java_script_enabled=False).new_page()
    page.goto(looking.as_uri())
    assert page.get_by_role("img", name="What separable sees in clip/frame 1").is_visible()
    assert page.locator("input[type=range]").count() == 0
    page.context.close()


def test_as_many_nets_and_images_as_there_may_be_stay_below_six_megabytes(tmp_path):
    """Labels with more edges than those of a trained net have; photos of noise, which no JPEG makes small."""
    chance = np.random.default_rng(0)
    names, nets = [f"frame {i}" for i in range(8)], [f"net {i}" for i in range(12)]

    def labels() -> np.ndarray:
        return np.kron(chance.integers(0, 3, (36, 48)), np.ones((10, 10))).astype(np.uint8)

    photo = np.kron(chance.integers(0, 256, (120, 160, 3)), np.ones((3, 3, 1))).astype(np.uint8)
    truth = {name: labels() for name in names}
    own = {net: {name: labels() for name in names} for net in nets}
    seen = Seen("streets", CLASSES, dict.fromkeys(names, photo), truth, own, dict.fromkeys(nets, 0))
    assert 0.2e6 < write(results(FIVE), tmp_path, seen).stat().st_size < 6e6
