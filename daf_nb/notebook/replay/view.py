"""The film as a widget: it hands pictures and numbers to pages, step by step as they ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from daf_nb.notebook.panels.panel import answer_at_once
from daf_nb.notebook.replay.film import Film
from daf_nb.notebook.replay.words import caption, facts

__all__ = ["ReplayWidget"]

_ASSETS = Path(__file__).resolve().parents[1] / "assets"
_PARTS = ("replay_look.js", "replay_steer.js", "replay.js")
"""One module, as a page takes it."""
_MOST = 32
"""Pictures that a page may ask for at a time."""


class ReplayWidget(anywidget.AnyWidget):
    """Films side by side under one cursor.

    Args:
        films: one or two; they begin when the widget is made.

    Attributes:
        step: of the cursor; setting it moves every view.
    """

    _esm = "\n".join((_ASSETS / name).read_text(encoding="utf-8") for name in _PARTS)
    _css = _ASSETS / "replay.css"

    films = traitlets.Any().tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    last = traitlets.Int(0).tag(sync=True)
    fps = traitlets.Float(10.0).tag(sync=True)

    def __init__(self, films: Sequence[Film]) -> None:
        self._films, self._turn = list(films), threading.Lock()
        super().__init__(films=[_told(film) for film in films])
        self.on_msg(self._answer)
        answer_at_once(self)
        for film in films:
            film.subscribe(self.refresh)
            film.begin()
        self.refresh()

    def refresh(self) -> None:
        """Tells the pages what is known by now."""
        with self._turn, self.hold_sync():
            self.films = [_told(film) for film in self._films]
            self.last = max(0, *(film.last or 0 for film in self._films))
            self.fps = max(film.fps for film in self._films)

    def _answer(self, _: Any, content: Mapping[str, Any], buffers: Any) -> None:
        """A page looks at a step, and names those whose pictures it lacks."""
        film = self._films[int(content["film"])]
        heard = self._sender(int(content["film"]))
        steps = [max(0, int(step)) for step in content["want"][:_MOST]]
        film.look(max(0, int(content["at"])), dict.fromkeys(steps, heard), owner=content["me"])

    def _sender(self, place: int) -> Callable[[int, bytes], None]:
        def send(step: int, picture: bytes) -> None:
            numbers = self._films[place].numbers
            assert numbers is not None, "there is a picture"
            self.send({"film": place, "step": step, "rows": numbers.rows(step)}, buffers=[picture])

        return send


def _told(film: Film) -> dict[str, Any]:
    """What a page shows of a film beside its steps."""
    numbers = film.numbers
    return {
        "title": film.take.title,
        "facts": facts(film),
        "caption": caption(film),
        "error": film.error,
        "last": film.last,
        "known": film.known,
        "judged": film.take.players is not None,
        "agents": [] if numbers is None else numbers.agents,
        "curves": {"steps": [], "lines": []} if numbers is None else numbers.curves(),
    }
