"""A browser for the tests of the page, and a report to open in it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rdslab.report import Extras, Results, Seen, nets_worth_drawing, write_report

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NEEDED = "RDSLAB_NEEDS_BROWSER"  # where it is set, these tests must not be left out
with_browser = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get(NEEDED), reason="there is no Chromium: apt-get install chromium"
)

DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><title>a net</title><text y="9">n</text></svg>'
)
CLAIM = {
    "name": "Half the cost",
    "says": "macs of rds / residual = 0.5 within 2 %",
    "answer": "refuted",
    "why": "0.519.",
}


@pytest.fixture(scope="module", name="browser")
def started() -> Iterator[Any]:
    with playwright.sync_playwright() as play:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = play.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield browser
        browser.close()


def write(made: Results, out: Path, seen: Seen | None = None) -> Path:
    extras = Extras(verdicts=[CLAIM], drawings=dict.fromkeys(nets_worth_drawing(made), DRAWING), seen=seen)
    return write_report(made, out, "rdslab report made_up.yaml", extras)[0]


@pytest.fixture(name="visit")
def visiting(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page offline; at the end nothing was fetched and nothing was said on the console."""
    contexts, said = [], []

    def opened(path: Path, **settings: Any) -> Any:
        context = browser.new_context(offline=True, **{"viewport": {"width": 1100, "height": 900}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith(("file:", "data:")) else said.append(request.url)
        )
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
