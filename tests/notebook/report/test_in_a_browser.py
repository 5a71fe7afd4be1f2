"""A report in a real browser: it asks for nothing, runs nothing, and fits the page."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from daf_nb.notebook.report import report
from tests.notebook.report.test_report import hostile_record

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_hostile_report_is_inert_and_fits(tmp_path: Path, scheme: str):
    sync_api = pytest.importorskip("playwright.sync_api")
    hostile_record(tmp_path)
    path = report(1, runs_dir=tmp_path)
    asked, said = [], []
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=BROWSER,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(
            color_scheme=scheme, viewport={"width": 1000, "height": 800}
        )  # fmt: skip
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: said.append(message.text))
        page.goto(path.as_uri())
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        for width in (1000, 700):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.emulate_media(media="print")
        printed = page.evaluate("getComputedStyle(document.body).backgroundColor")
        folded = page.evaluate(
            "document.querySelector('details pre').getBoundingClientRect().height"
        )
        pages = page.pdf(format="A4")
        browser.close()
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
    assert said == []
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(22, 24, 28)")
    assert printed == "rgb(255, 255, 255)"
    assert folded > 0
    assert pages.startswith(b"%PDF")
