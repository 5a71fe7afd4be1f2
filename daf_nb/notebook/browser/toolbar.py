"""The buttons of the run browser: which can be pressed, and which ask once more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import ipywidgets as widgets

from daf_nb.notebook.browser.actions import ACTIONS, Action
from daf_nb.notebook.browser.deeds import named
from daf_nb.notebook.browser.jobs import Outcome
from daf_nb.notebook.browser.rows import RunRow
from daf_nb.notebook.panels.panel import answer_at_once

__all__ = ["Toolbar"]


class Toolbar:
    """A button for each action, and "Refresh" and "Undo".

    Args:
        picked: the runs that are picked now.
        begin: called with an action and its runs.
        say: called with what is to be said instead of doing something.
        refresh, undo: called when these are pressed.

    Attributes:
        buttons: name -> button.
        body: all of them.
    """

    def __init__(
        self,
        *,
        picked: Callable[[], Sequence[RunRow]],
        begin: Callable[[Action, Sequence[RunRow]], object],
        say: Callable[[Outcome], object],
        refresh: Callable[[], object],
        undo: Callable[[], object],
    ) -> None:
        self._picked, self._begin, self._say = picked, begin, say
        self._armed: tuple[str, list[int]] | None = None
        self._offered: tuple[str, list[int]] | None = None
        self.buttons: dict[str, widgets.Button] = {}
        for action in ACTIONS:
            button = self._add(action.name, action.icon)
            button.on_click(lambda _, action=action: self._pressed(action))
        self._add("Refresh", "refresh", "look at all runs again").on_click(lambda _: refresh())
        self._add("Undo", "undo", "bring them back from the trash").on_click(lambda _: undo())
        self.body = widgets.HBox(
            list(self.buttons.values()),
            layout=widgets.Layout(flex_flow="row wrap", margin="4px 0 2px"),
        )

    def offer(self, name: str) -> None:
        """The action of this name was refused; its button does what it does `instead` now."""
        if any(action.name == name and action.instead for action in ACTIONS):
            self._offered = name, [row.id for row in self._picked()]

    def update(self, *, busy: Collection[str], undo: bool) -> None:
        """Brings the buttons up to date.

        Args:
            busy: names of what goes on now.
            undo: there is something to undo.
        """
        rows = self._picked()
        ids = [row.id for row in rows]
        if self._armed is not None and self._armed[1] != ids:
            self._armed = None
        if self._offered is not None and self._offered[1] != ids:
            self._offered = None
        for action in ACTIONS:
            button = self.buttons[action.name]
            now = self._now(action)
            reason = "it goes on already" if now.name in busy else now.why_not(rows)
            button.disabled = bool(reason)
            button.tooltip = f"{now.name}: {reason or now.about}"
            armed = self._armed is not None and self._armed[0] == now.name
            button.description = f"Really {now.name.lower()}?" if armed else now.name
            button.button_style = "danger" if armed else "" if now is action else "warning"
        self.buttons["Refresh"].disabled = "Refresh" in busy
        self.buttons["Undo"].disabled = "Undo" in busy
        self.buttons["Undo"].layout.display = None if undo else "none"

    def _add(self, name: str, icon: str, about: str = "") -> widgets.Button:
        tooltip = f"{name}: {about}" if about else None
        button = widgets.Button(description=name, icon=icon, tooltip=tooltip)
        self.buttons[name] = answer_at_once(button)
        return button

    def _now(self, action: Action) -> Action:
        """What a button does: its action, or what is offered instead."""
        offered = self._offered is not None and self._offered[0] == action.name
        return action.instead if offered and action.instead else action

    def _pressed(self, action: Action) -> None:
        action = self._now(action)
        rows = self._picked()
        ids = [row.id for row in rows]
        if reason := action.why_not(rows):
            self._say(Outcome(f"{action.name}: {reason}.", failed=True))
        elif action.asks and self._armed != (action.name, ids):
            self._armed = action.name, ids
            stay = [reason for row in rows if (reason := action.unfit(row))][:1]
            fit = [row for row in rows if not action.unfit(row)]
            note = f" ({stay[0]})" if stay else ""
            self._say(Outcome(f"{action.name} {named(fit)}? Press again to do it{note}."))
        else:
            self._armed = self._offered = None
            self._begin(action, rows)
