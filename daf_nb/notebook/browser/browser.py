"""The run browser: a table of all runs, and buttons for those that are picked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from daf_nb.notebook.browser.actions import OPEN, Action
from daf_nb.notebook.browser.asking import asked, numbers
from daf_nb.notebook.browser.deeds import named, restore_trashed
from daf_nb.notebook.browser.finding import Finding
from daf_nb.notebook.browser.grid import RunGrid
from daf_nb.notebook.browser.hearing import apply
from daf_nb.notebook.browser.jobs import Jobs, Outcome, sentence_of
from daf_nb.notebook.browser.notes import Notes
from daf_nb.notebook.browser.rows import RunRow, read_rows
from daf_nb.notebook.browser.saved import Saved
from daf_nb.notebook.browser.showing import close, put_away
from daf_nb.notebook.browser.text import table_text
from daf_nb.notebook.browser.toolbar import Toolbar
from daf_nb.notebook.browser.watching import Attendance
from daf_nb.notebook.markup import style_html
from daf_nb.record import runs_root
from daf_nb.record.trashed import TrashedRun

__all__ = ["RunBrowser"]

_IDLE = 10.0
"""Seconds between two looks where nothing is alive."""


class RunBrowser:
    """All runs of a folder, to be found, picked, and worked with.

    What can be done on the page can be done here: set `search`, `status`, `tag` and `sort`,
    `select` runs, and `click()` a button. What takes its time is done in threads; `wait` waits.
    While a page shows the browser, it looks at the runs by itself.

    Args:
        runs_dir: see `runs_root`.
        interval: seconds between two looks while a run is alive.

    Attributes:
        root: the folder of all runs.
        search, status, tag, sort: what is asked for; setting one shows what it finds.
        buttons: name -> button: one for each action, "Refresh" and "Undo".
        shown: holds what was opened last.
        widget: all of it, to be placed in a layout of one's own.

    Raises:
        RecordError: the folder cannot be listed.
    """

    def __init__(self, *, runs_dir: Path | str | None = None, interval: float = 2.0) -> None:
        self.root = runs_root(runs_dir)
        self._interval = interval
        self._turn, self._reading = threading.RLock(), threading.Lock()
        self._finding = Finding()
        self._trashed: tuple[TrashedRun, ...] = ()
        self._closed = self._alive = False
        self._saved, self._notes = Saved(), Notes()
        self._jobs = Jobs(self._told)
        self._attendance = Attendance(self._look, failed=self._failed)
        self._grid = RunGrid(self._heard)
        self._toolbar = Toolbar(
            picked=self._picked,
            begin=self._begin,
            say=self._say,
            refresh=lambda: self._start("Refresh", "Reading the runs", self._refreshed),
            undo=self._undo,
        )
        self.buttons = self._toolbar.buttons
        self.shown = widgets.VBox()
        self.shown.add_class("daf-shown")
        style = widgets.HTML(style_html(), layout=widgets.Layout(display="none"))
        self.widget = widgets.VBox(
            [style, self._grid, self._toolbar.body, self._notes.widget, self.shown]
        )
        for name in ("daf-browser", self._saved.name):
            self.widget.add_class(name)
        self.refresh()

    @property
    def rows(self) -> list[RunRow]:
        """The runs that are found, in order."""
        return list(self._finding.rows)

    search = asked("search", "Words that must all be in number, name, tags, cell, world, status.")
    status = asked("status", "The only status that is wanted; empty for any.")
    tag = asked("tag", "A tag that is wanted; empty for any.")
    sort = asked("sort", 'A column, with "-" in front for descending order.')

    @property
    def selected(self) -> list[int]:
        """Numbers of the runs that are picked, found or not, in the order of picking."""
        return list(self._finding.picked)

    def select(self, ids: Iterable[int]) -> None:
        """Picks these runs and no others.

        Raises:
            RecordError: there is no such run.
            ConfigError: no list of numbers.
        """
        wanted = numbers(ids)
        with self._turn:
            before = self.selected
            self._finding.pick(wanted)  # or refuses, and nothing was changed
            self._finding.pick(before, on=False)
            self._finding.pick(wanted)
            self._show()

    @property
    def message(self) -> str:
        """What goes on and what came of the last action, each on a line."""
        return self._notes.text(self._jobs.busy.values())

    def refresh(self) -> None:
        """Looks at all runs now.

        Raises:
            RecordError: the folder cannot be listed.
        """
        with self._reading:
            known = read_rows(self.root, self._finding.known)
            with self._turn:
                before, self._alive = self._alive, any(row.alive for row in known.values())
                self._finding.learn(known)
                self._notes.stale = ""
                self._show()
        if self._alive and not before:
            self._attendance.wake()

    def wait(self, timeout: float | None = None) -> None:
        """Waits until what goes on now has ended."""
        self._jobs.wait(timeout)

    def close(self) -> None:
        """Takes the browser off every page; what goes on goes on."""
        self._attendance.end()
        with self._turn:
            self._closed = True
            for view in self.shown.children:
                put_away(view)
            self.shown.children = ()
            close(self.widget)

    def __repr__(self) -> str:
        return table_text(self.rows, width=100, height=24)

    def _ipython_display_(self) -> None:
        with self._turn:  # or a look could come between, and find nothing to update
            self._saved.display(self.widget.model_id, self._finding.rows)

    def _picked(self) -> list[RunRow]:
        with self._turn:
            return [self._finding.known[number] for number in self._finding.picked]

    def _ask(self, **fields: str) -> None:
        with self._turn:
            self._finding.ask(**fields)
            self._grid.typist = ""
            self._show()

    def _heard(self, content: Mapping[str, Any]) -> None:
        """From a page."""
        if "here" in content:
            self._attendance.here()
        elif "open" in content:
            with self._turn:
                row = self._finding.known.get(int(content["open"]))
            if row is not None:
                self._begin(OPEN, [row])
        else:
            with self._turn:
                apply(self._finding, content)
                self._show()

    def _begin(self, action: Action, rows: Sequence[RunRow]) -> None:
        doing = f"{action.doing} {named(rows)}"
        self._start(action.name, doing, lambda: action.do(self.root, rows))

    def _undo(self) -> None:
        if runs := self._trashed:
            self._start("Undo", "Undoing", lambda: restore_trashed(self.root, runs))

    def _start(self, name: str, doing: str, work: Callable[[], Iterable[Outcome]]) -> None:
        self._notes.last = Outcome("")
        self._jobs.start(name, doing, work)
        self._show()

    def _refreshed(self) -> Iterator[Outcome]:
        self.refresh()
        yield Outcome("")

    def _told(self, name: str, outcome: Outcome) -> None:
        """From the thread of an action: it goes on, or it has ended."""
        if name in ("Delete", "Undo") and (outcome.trashed or not outcome.failed):
            self._trashed = outcome.trashed
        with self._turn:
            if outcome.shown is not None:
                self._place(outcome.shown)
            if not outcome.running:
                self._notes.last = outcome
            if outcome.refused:
                self._toolbar.offer(name)
        try:
            self.refresh()
        except Exception as error:
            self._failed(error)

    def _place(self, view: widgets.Widget) -> None:
        """Shows one thing below the table, instead of the one before."""
        before = [view] if self._closed else [one for one in self.shown.children if one is not view]
        self.shown.children = () if self._closed else (view,)
        for one in before:
            put_away(one)

    def _say(self, outcome: Outcome) -> None:
        self._notes.last = outcome
        self._show()

    def _look(self) -> float:
        self.refresh()
        with self._turn:
            if not self._closed:
                self._saved.keep(self._finding.rows)
        return self._interval if self._alive else _IDLE

    def _failed(self, error: Exception) -> None:
        self._notes.stale = f"What is shown may be old: {sentence_of(error)}"
        with contextlib.suppress(Exception):  # the same once more; the notes were shown before it
            self._show()

    def _show(self) -> None:
        """Brings what is seen up to date; sends nothing that did not change."""
        with self._turn:
            if self._closed:
                return
            busy = self._jobs.busy
            self._notes.update(busy.values())  # first, as they also say what the others raise
            self._grid.fill(self._finding)
            self._toolbar.update(busy=busy, undo=bool(self._trashed))
