"""One server and one browser for all tests; each notebook has a kernel of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import Lab, serve_lab
from tests.browser.notebook import Notebook

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class Desk:
    """Opens notebooks, and closes them together with their kernels."""

    def __init__(self, lab: Lab, context: BrowserContext) -> None:
        self.lab, self.context = lab, context
        self.opened: list[Notebook] = []

    def open(self, *cells: str) -> Notebook:
        count = len([*self.lab.folder.glob("*.ipynb")])
        path = self.lab.write(f"notebook-{count}.ipynb", list(cells))
        self.opened.append(Notebook(self.lab, self.context.new_page(), path.name))
        return self.opened[-1]

    def clear(self) -> None:
        while self.opened:
            notebook = self.opened.pop()
            notebook.page.close()
            self.lab.forget(notebook.name)


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Keeps a picture of what a failed test saw."""
    report = yield
    desk = item.funcargs.get("desk")
    if report.failed and report.when == "call" and desk is not None:
        for notebook in desk.opened:
            picture = desk.lab.folder / f"{item.name}-{notebook.name}.png"
            notebook.page.screenshot(path=picture)
            report.sections.append(("what the browser showed", str(picture)))
    return report


@pytest.fixture(scope="session")
def context():
    """A window of a browser, as wide as a laptop's."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip(
            "browser tests share one server: run them in a process of their own, without -n"
        )
    playwright = pytest.importorskip("playwright.sync_api")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the PATH")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser, args=ARGUMENTS)
        # One context, so that JupyterLab's own files are loaded once.
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(60_000)  # A busy machine is slow, not wrong.
        yield context
        chromium.close()


@pytest.fixture(scope="session")
def lab(context, tmp_path_factory):
    """A JupyterLab; it is not started where there is no browser."""
    with serve_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def desk(lab, context):
    """Opens notebooks, and closes them when a module's tests have ended."""
    desk = Desk(lab, context)
    yield desk
    desk.clear()
