"""A notebook in a browser, used as a person uses it: keys, presses, and what the page shows."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from tests.browser.lab import Lab

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

__all__ = ["Notebook", "Theme"]

Theme = Literal["light", "dark"]

_CELLS, _OUTPUTS = ".jp-Notebook .jp-Cell", ".jp-OutputArea-output"
_THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


class Notebook:
    """A notebook that lies in a lab's folder, opened in a page.

    Names of controls and texts are regular expressions, searched for without regard to case.

    Args:
        lab: the server.
        page: an empty page whose context may visit the server.
        name: the notebook's file name.

    Attributes:
        dialogs: messages of the browser's own dialogs so far: `alert` and its like.
        strangers: addresses that the page asked for and that are not the server's.
    """

    def __init__(self, lab: Lab, page: Page, name: str) -> None:
        self.lab, self.page, self.name = lab, page, name
        self.dialogs: list[str] = []
        self.strangers: list[str] = []
        page.on("dialog", self._answer)
        page.on("request", self._look_at)
        # A workspace of its own, or the tabs of the notebook before would open, too.
        page.goto(f"{lab.url}lab/workspaces/{Path(name).stem}/tree/{name}?token={lab.token}")
        self._await_kernel()

    @property
    def kernel(self) -> str:
        """The id of its kernel."""
        return self.lab.kernel_of(self.name)

    # Running

    def run_all(self) -> None:
        """Runs every cell, to the end of the last."""
        self._command("notebook:run-all-cells")

    def run_cell(self, index: int) -> None:
        """Puts the cursor into a cell and presses Shift and Enter; does not wait."""
        self.page.locator(_CELLS).nth(index).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def save(self) -> None:
        """Writes the notebook to its file, with what its cells put out."""
        self._command("docmanager:save")

    def reload(self) -> None:
        """Loads the page anew, as F5 does; what was not saved is lost."""
        self.page.reload()
        self._await_kernel()

    def kill_kernel(self) -> None:
        """Kills the kernel's process, as a lack of memory does."""
        self.lab.kill(self.kernel)

    # Looking

    def output(self, index: int) -> Locator:
        """Each thing that a cell put out."""
        return self.page.locator(_CELLS).nth(index).locator(_OUTPUTS)

    def control(self, role: Any, name: str) -> Locator:
        """What a cell put out that has this ARIA role and accessible name, and is visible."""
        pattern = re.compile(name, re.IGNORECASE)
        return self.page.locator(_CELLS).locator(_OUTPUTS).get_by_role(role, name=pattern)

    def text(self) -> str:
        """What all cells put out, as far as it is visible."""
        return "\n".join(self.page.locator(_CELLS).locator(_OUTPUTS).all_inner_texts())

    def wait_text(self, pattern: str, *, seconds: float = 60) -> re.Match[str]:
        """Waits until what the cells put out contains a text; the match.

        Raises:
            AssertionError: it did not come; says what stood there instead.
        """
        end = time.monotonic() + seconds
        while True:
            text = self.text()
            if found := re.search(pattern, text, re.IGNORECASE):
                return found
            if time.monotonic() > end:
                raise AssertionError(f"{pattern!r} did not appear in {seconds} s:\n{text}")
            self.page.wait_for_timeout(50)

    def screenshot(self, path: Path, *, theme: Theme = "light") -> None:
        """A picture of the page in one of JupyterLab's themes, which it keeps."""
        self._command("apputils:change-theme", {"theme": _THEMES[theme]})
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")
        self.page.screenshot(path=path)

    def _answer(self, dialog: Any) -> None:
        if dialog.type != "beforeunload":
            self.dialogs.append(dialog.message)
        dialog.accept()

    def _look_at(self, request: Any) -> None:
        asked, own = urlsplit(request.url), urlsplit(self.lab.url)
        if asked.scheme not in ("data", "blob") and asked.netloc != own.netloc:
            self.strangers.append(request.url)

    def _await_kernel(self) -> None:
        # JupyterLab shows a kernel as idle before it is connected, and what it is told to run
        # then never runs.
        self.page.wait_for_function(
            """() => {
                const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
                const kernel = context?.session?.kernel;
                return context?.isReady && kernel?.connectionStatus === "connected"
                    && ["idle", "busy"].includes(kernel.status);
            }"""
        )

    def _command(
        self, name: str, arguments: dict[str, Any] | None = None, *, seconds: float = 60
    ) -> None:
        self.page.evaluate(
            """async ([name, arguments, milliseconds]) => {
                const late = new Promise((_, reject) => setTimeout(
                    () => reject(new Error(`${name} takes too long`)), milliseconds));
                await Promise.race([window.jupyterapp.commands.execute(name, arguments), late]);
            }""",
            [name, arguments or {}, 1000 * seconds],
        )
