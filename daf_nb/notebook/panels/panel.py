"""What every panel shares: it is displayed, looked after by one thread, and kept when saved."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from IPython.display import display, update_display

from daf_nb.notebook.curves import main_curves
from daf_nb.notebook.markup import digest_html, snapshot_html, style_html
from daf_nb.notebook.panels.watcher import Watcher
from daf_nb.notebook.source import Source, source_of
from daf_nb.notebook.state import RunState, one_line, sentence
from daf_nb.notebook.text import describe
from daf_nb.notebook.words import digest

if TYPE_CHECKING:
    from daf_nb.session import Run

__all__ = ["Panel", "answer_at_once"]

_WIDGET = "application/vnd.jupyter.widget-view+json"
_SNAPSHOT_INTERVAL = 5.0
"""Seconds between two states of the same kind in the saved notebook."""


class Panel:
    """A view of a run, live or recorded. It shows what the run says and passes on what is asked.

    A subclass fills `body` and says in `show` what is to be seen. Displayed, or once `widget` was
    asked for, a thread of its own looks at the run, until the run has ended. With the widgets goes
    a plain HTML output, hidden while they live, which is what a saved notebook still shows when its
    kernel is gone.

    Args:
        run: what to show.
        interval: seconds between two looks.

    Attributes:
        source: what it reads.
        body: what it shows, to be placed inside of another panel that looks after it.
    """

    def __init__(self, run: Run | Source, *, interval: float = 1.0) -> None:
        self.source = source_of(run)
        self.body = widgets.VBox()
        self._owner: Panel = self
        self._interval = interval
        self._class = f"daf-live-{uuid.uuid4().hex[:12]}"
        self._looking = threading.RLock()
        self._watcher: Watcher | None = None
        self._frame: widgets.VBox | None = None
        self._notice = widgets.HTML()
        self._unsubscribe: Callable[[], object] = _nothing
        self._saved: tuple[object, float] | None = None  # None: not on any page yet

    def show(self, state: RunState) -> None:
        """Brings what is seen up to date; quick, and sends nothing that did not change."""
        raise NotImplementedError

    @property
    def widget(self) -> widgets.VBox:
        """The widgets, to be placed in a layout of one's own; looked after from now on."""
        if self._frame is None:
            style = widgets.HTML(style_html(), layout=widgets.Layout(display="none"))
            self._frame = widgets.VBox([style, self.body, self._notice])
            self._frame.add_class(self._class)
            self._frame.add_class("daf-panel")
            if self.look() is not None:
                self._begin()
        return self._frame

    def look(self) -> float | None:
        """Looks once; seconds until it is worth looking again, None for never."""
        with self._looking:
            state = self.source.read()
            self.show(state)
            self._keep(state)
            if self._notice.value:
                self._notice.value = ""
        if state.done:
            unsubscribe, self._unsubscribe = self._unsubscribe, _nothing
            unsubscribe()
            return None
        return self._interval / 10 if state.wish or state.fraction == 1 else self._interval

    def refresh(self) -> None:
        """Looks soon, by the thread that looks anyway; at once where there is none."""
        watcher = self._owner._watcher
        if watcher is not None and watcher.alive:
            watcher.wake()
        else:
            self._owner.look()

    def add(self, part: Panel) -> None:
        """Looks after another panel, whose body is inside of this one's."""
        part._owner = self

    def __repr__(self) -> str:
        return describe(self.source)

    def _ipython_display_(self) -> None:
        model = self.widget.model_id
        view = {"version_major": 2, "version_minor": 0, "model_id": model}
        display({_WIDGET: view, "text/plain": repr(self)}, raw=True)
        with self._looking:  # or a look could come between, and find nothing to update
            state = self.source.read()
            display(self._snapshot(state), raw=True, display_id=self._class)
            self._saved = (state.status, state.done), time.monotonic()

    def _begin(self) -> None:
        name = f"daf_nb-panel-{self.source.id}"
        self._watcher = watcher = Watcher(self.look, failed=self._say, name=name)
        self._unsubscribe = self.source.subscribe(watcher.wake)

    def _say(self, error: Exception) -> None:
        said = escape(one_line(f"{type(error).__name__}: {error}", limit=300))
        self._notice.value = (
            f'<div class="daf-view"><p class="daf-warn">What is shown may be old: {said}</p></div>'
        )

    def _keep(self, state: RunState) -> None:
        """Gives the saved notebook a newer state, now and then."""
        if self._saved is None:
            return
        kind, moment = self._saved
        if kind != (state.status, state.done) or time.monotonic() - moment > _SNAPSHOT_INTERVAL:
            update_display(self._snapshot(state), raw=True, display_id=self._class)
            self._saved = (state.status, state.done), time.monotonic()

    def _snapshot(self, state: RunState) -> dict[str, str]:
        at, told = time.strftime("%H:%M:%S"), digest(self.source)
        curves = main_curves(self.source.history, self.source.groups)
        page = snapshot_html(state, curves, at=at, live=self._class, more=digest_html(told))
        lines = [f"{heading}: {'; '.join(lines)}" for heading, lines in told.items()]
        text = "\n".join([f"State at {at}: {sentence(state)}", *lines])
        return {"text/html": page, "text/plain": text}


def _nothing() -> None:
    pass


def answer_at_once(widget: widgets.Widget) -> Any:
    """Lets a press be heard while a cell runs, `run.wait()` for one; the widget.

    JupyterLab sends it to a subshell (https://github.com/jupyterlab/jupyterlab/pull/17363), but
    ipykernel 7.4 sends it on to the shell that made the widget, which is busy with the cell.
    """
    comm: Any = widget.comm
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = None
    return widget
