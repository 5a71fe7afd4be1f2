"""The widget: what pages are told and handed, and what a notebook keeps; names are only text."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from daf_nb.errors import ConfigError
from daf_nb.notebook.replay import replay
from daf_nb.notebook.replay.film import Film
from daf_nb.notebook.replay.saved import saved_page
from daf_nb.notebook.replay.stills import decoded
from daf_nb.notebook.replay.take import Take
from daf_nb.notebook.replay.view import ReplayWidget
from daf_nb.testing import Scripted
from tests.notebook.helpers import ask, until
from tests.notebook.replay.helpers import Drawn, filmed, taped, trainer

HOSTILE = "<img src=x onerror=alert(1)>"


def told_by(widget: ReplayWidget) -> list[tuple[dict[str, Any], list[bytes]]]:
    """What the widget sends from now on."""
    sent: list[tuple[dict[str, Any], list[bytes]]] = []

    def send(content: Any, buffers: Any = None) -> None:
        sent.append((content, [bytes(buffer) for buffer in buffers]))

    widget.send = send  # the other end of the wire
    return sent


def test_a_page_gets_the_pictures_and_rows_that_it_asks_for():
    tape = taped(lambda **k: Drawn(limit=30, **k))
    widget = replay(tape).widget
    sent = told_by(widget)
    ask(widget, {"film": 0, "at": 20, "want": [20, 21, 22], "me": "a"})
    until(lambda: len(sent) == 3)
    for content, (picture,) in sent:
        assert decoded(picture)[0, 0, 0] == content["step"]
        assert [row["agent"] for row in content["rows"]] == list(tape.agents)
        json.dumps(content, allow_nan=False)
    assert {content["step"] for content, _ in sent} == {20, 21, 22}


def test_no_more_is_sent_than_was_asked_for():
    widget = replay(taped(lambda **k: Drawn(limit=90, **k))).widget
    sent = told_by(widget)
    ask(widget, {"film": 0, "at": 0, "want": [*range(90)], "me": "a"})
    until(lambda: len(sent) == 32)
    assert widget._films[0].wait(20)
    assert sorted(content["step"] for content, _ in sent) == [*range(32)]
    state = json.dumps(widget.films, allow_nan=False)
    assert len(state) < 20_000


def test_traits_follow_the_films():
    made = replay(
        taped(lambda **k: Drawn(limit=9, **k)),
        policies=trainer(lambda: Drawn(limit=9)).policies,
    )
    assert made.wait(20)
    until(lambda: made.widget.films[0]["known"] == 10)
    film = made.widget.films[0]
    assert (made.widget.last, made.widget.fps, film["last"], film["judged"]) == (9, 7.0, 9, True)
    assert film["agents"] == ["agent_0", "agent_1"]
    assert len(film["curves"]["lines"]) == 2
    assert "9 steps" in film["facts"]
    made.step = 4
    assert made.widget.step == made.step == 4
    with pytest.raises(ConfigError, match="from 0 to 9"):
        made.step = 10
    made.close()


def test_errors_are_told_to_the_page():
    tape = taped(lambda **k: Drawn(limit=9, **k))
    digests = tape.digests.copy()
    digests[5] ^= 1
    made = replay(replace(tape, digests=digests))
    assert made.wait(20)
    until(lambda: made.widget.films[0]["error"])
    assert "step 5" in made.widget.films[0]["error"]
    assert made.widget.last == 4
    assert "step 5" in repr(made)


def test_a_longer_film_beside_gives_the_length():
    films = [filmed(taped(lambda n=n, **k: Drawn(limit=n, **k))) for n in (3, 8)]
    assert all(film.wait(20) for film in films)
    widget = ReplayWidget(films)
    assert widget.last == 8
    assert [film["last"] for film in widget.films] == [3, 8]


def test_as_text_it_says_what_was_played_and_how_it_ended():
    tape = taped(lambda **k: Drawn(limit=9, **k))
    made = replay(tape)
    assert made.wait(20)
    text = repr(made)
    assert f"seed {tape.seed} · 9 steps · return per agent {tape.mean_return:.2f}" in text
    assert "agent_0" in text and "as it was played" in text
    made.close()


def test_a_saved_notebook_has_a_still_and_the_returns_and_hides_them_while_the_widget_lives():
    film = filmed(taped(lambda **k: Drawn(limit=9, **k)))
    assert film.wait(20)
    until(lambda: film.kept(film.still))
    page = saved_page([film], live="daf-live-1")
    assert "data:image/png;base64," in page
    assert "body:has(.daf-live-1) .daf-live-1-saved { display: none; }" in page
    assert "<dt>agent_1</dt>" in page
    assert "step 4 of 9" in page
    film.close()


def test_before_anything_is_known_a_saved_notebook_says_so():
    film = Film(Take("a film", "played anew", "", lambda going_on: taped(Drawn)))
    page = saved_page([film], live="x")
    assert "<img" not in page
    assert "is being played" in page


def test_names_are_text_whatever_they_say():
    class Hostile(Scripted):
        def __init__(self) -> None:
            super().__init__(agents=[HOSTILE, "$\\frac{"], limit=3)

    tape = taped(Hostile)
    film = Film(Take(HOSTILE, HOSTILE, HOSTILE, lambda going_on: tape))
    assert film.wait(20)
    until(lambda: film.kept(film.still))
    assert film.error == ""
    assert film.frame(2).shape == (600, 600, 3)
    page = saved_page([film], live="x")
    assert HOSTILE not in page and "&lt;img src=x" in page
    film.close()


def test_a_film_of_a_thousand_large_pictures_stays_within_its_bound():
    class Noisy(Drawn):
        """700 x 700 pixels that do not compress."""

        def render(self) -> Any:
            frame = super().render()
            rng = np.random.default_rng(self.elapsed)
            return frame if frame is None else rng.integers(0, 256, (700, 700, 3)).astype(np.uint8)

    film = filmed(taped(lambda **k: Noisy(limit=1000, **k)))
    for step in range(0, 1001, 25):
        film.frame(step)
        assert film.size <= 2**25
    film.close()
