"""A replay: one film, or two side by side, on a page, as text, as a file."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from IPython.core.getipython import get_ipython
from IPython.display import display, update_display

from daf_nb.envs import Tape
from daf_nb.errors import ConfigError
from daf_nb.notebook.replay.export import write_film
from daf_nb.notebook.replay.film import Film
from daf_nb.notebook.replay.saved import page_name, saved_page
from daf_nb.notebook.replay.view import ReplayWidget
from daf_nb.notebook.replay.words import describe

__all__ = ["Replay"]

_WIDGET = "application/vnd.jupyter.widget-view+json"
_LOOKED = 0.2
"""Seconds for which the text of a replay waits for its numbers."""


class Replay:
    """One episode, or two that begin alike, to be looked at step by step.

    Shown as widgets in a notebook, with a still picture that a saved notebook keeps; as text
    elsewhere. Worlds are played and drawn in threads, when somebody looks.

    Args:
        films: one, or two.

    Attributes:
        films: as given.
    """

    def __init__(self, films: Sequence[Film]) -> None:
        self.films = list(films)
        self._widget: ReplayWidget | None = None
        self._name = page_name()
        self._turn = threading.Lock()
        self._shown = self._kept = False

    @property
    def widget(self) -> ReplayWidget:
        """The widget, to be placed in a layout of one's own."""
        if self._widget is None:
            self._widget = ReplayWidget(self.films)
            self._widget.add_class(self._name)
        return self._widget

    @property
    def tapes(self) -> list[Tape]:
        """The tape of each film; waits for episodes that are being played.

        Raises:
            FilmError: one could not be played.
        """
        return [film.tape for film in self.films]

    @property
    def step(self) -> int:
        """The step of the cursor, in world steps; setting it moves the view."""
        return self.widget.step

    @step.setter
    def step(self, step: int) -> None:
        last = max(tape.length for tape in self.tapes)
        if not 0 <= step <= last:
            raise ConfigError(f"step {step}: from 0 to {last} is there.")
        self.widget.step = step

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until every step has been played; whether that is so. Errors are in the films.

        Args:
            timeout: seconds; None for as long as it takes.
        """
        end = None if timeout is None else time.monotonic() + timeout
        return all(
            film.wait(None if end is None else max(0.0, end - time.monotonic()))
            for film in self.films
        )

    def frame(self, step: int, *, film: int = 0) -> np.ndarray:
        """A picture, uint8 [height, width, 3]; waits for it.

        Raises:
            ConfigError: there is no such step.
            FilmError: it could not be made.
        """
        return self.films[film].frame(step)

    def save(self, path: Path | str, *, fps: float | None = None, labels: bool = True) -> Path:
        """Writes the films, side by side, as GIF or MP4; waits until that is done.

        Args:
            path: ends in `.gif` or `.mp4`; a file that is there is replaced once the new one is
                whole.
            fps: steps per second; by default what the world says, or 10.
            labels: write above the pictures whose they are, and step and return so far.

        Returns:
            The path.

        Raises:
            ConfigError: another ending, or no such speed.
            FilmError: an episode could not be played to its end.
        """
        return write_film(self.films, Path(path), fps=fps, labels=labels)

    def close(self) -> None:
        """Ends the threads and takes the widget off every page."""
        for film in self.films:
            film.close()
        if self._widget is not None:
            self._widget.close()

    def __repr__(self) -> str:
        for film in self.films:
            film.begin()
        self.wait(_LOOKED)
        return "\n\n".join(describe(film) for film in self.films)

    def _ipython_display_(self) -> None:
        if getattr(get_ipython(), "kernel", None) is None:
            display({"text/plain": repr(self)}, raw=True)  # a terminal has no widgets
            return
        model, text = self.widget.model_id, repr(self)
        view = {"version_major": 2, "version_minor": 0, "model_id": model}
        display({_WIDGET: view, "text/plain": text}, raw=True)
        with self._turn:
            display(self._page(), raw=True, display_id=self._name)
            first, self._shown = not self._shown, True
        if first:
            for film in self.films:
                film.subscribe(self._keep)
            self._keep()

    def _keep(self) -> None:
        """Gives the saved notebook its picture, once there is nothing more to come."""
        with self._turn:
            ready = (film.ended and (film.kept(film.still) or film.error) for film in self.films)
            if not self._kept and all(ready):
                self._kept = True
                update_display(self._page(), raw=True, display_id=self._name)

    def _page(self) -> dict[str, Any]:
        text = "\n\n".join(describe(film) for film in self.films)
        return {"text/html": saved_page(self.films, live=self._name), "text/plain": text}
