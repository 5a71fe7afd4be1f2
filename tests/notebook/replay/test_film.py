"""A film: what the world drew and gave, whenever it is asked for, within its bounds."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from daf_nb.envs import Tape, World
from daf_nb.errors import ConfigError
from daf_nb.notebook.replay import projector
from daf_nb.notebook.replay.film import Film, FilmError
from daf_nb.notebook.replay.shelf import Shelf
from daf_nb.notebook.replay.stills import decoded
from daf_nb.notebook.replay.take import Take
from tests.notebook.helpers import until
from tests.notebook.replay.helpers import Drawn, filmed, taped
from tests.worlds import Staggered


def test_every_picture_is_that_of_its_step_in_any_order():
    film = filmed(taped(lambda **k: Drawn(limit=9, **k)))
    for step in (0, 9, 4, 9, 2):
        assert_array_equal(film.frame(step), np.full(Drawn.pixels, step, np.uint8))
    assert (film.last, film.fps, film.undrawn, film.error) == (9, 7.0, "", "")
    film.close()


def test_what_was_let_go_is_drawn_again_and_the_bound_holds(monkeypatch):
    film = filmed(taped(lambda **k: Drawn(limit=40, **k)))
    assert film.wait(20)
    one = len(film.kept(film.still) or b"")
    film.close()
    monkeypatch.setattr(Shelf, "ROOM", 6 * one)
    film = filmed(taped(lambda **k: Drawn(limit=40, **k)))
    assert film.wait(20)
    for step in (40, 0, 39, 1, 20):
        assert film.frame(step)[0, 0, 0] == step
        assert film.size <= 7 * one, "the newest and the still are kept in any case"
    assert film.kept(film.still) is not None
    film.close()


def test_only_what_is_near_the_cursor_is_drawn(monkeypatch):
    monkeypatch.setattr(projector, "_AHEAD", 3)
    monkeypatch.setattr(Drawn, "renders", 0)
    film = filmed(taped(lambda **k: Drawn(limit=60, **k)))
    assert film.wait(20)
    until(lambda: film.kept(film.still))
    assert Drawn.renders == len({0, 1, 2, 3, film.still})
    assert film.known == 61
    film.close()


def test_pictures_come_to_who_wants_them_and_others_may_want_too():
    film = filmed(taped(lambda **k: Drawn(limit=30, **k)))
    heard: dict[str, dict[int, int]] = {"page": {}, "other": {}}
    for owner, steps in (("page", (3, 30)), ("other", (12,))):

        def hear(step: int, content: bytes, owner: str = owner) -> None:
            heard[owner][step] = int(decoded(content)[0, 0, 0])

        film.look(steps[0], dict.fromkeys(steps, hear), owner=owner)
    assert film.frame(20)[0, 0, 0] == 20
    until(lambda: len(heard["page"]) == 2 and heard["other"])
    assert heard == {"page": {3: 3, 30: 30}, "other": {12: 12}}
    film.close()


def test_a_tape_that_parts_from_its_world_is_seen_up_to_there_and_it_is_said():
    tape = taped(lambda **k: Drawn(limit=9, **k))
    digests = tape.digests.copy()
    digests[5] ^= 1
    film = filmed(replace(tape, digests=digests))
    assert film.wait(20)
    assert "step 5 gave other" in film.error
    assert film.last == 4
    assert film.frame(4)[0, 0, 0] == 4
    with pytest.raises(FilmError, match="step 5"):
        film.frame(5)
    film.close()


def test_a_world_that_is_not_built_on_a_tapes_word_is_not_built():
    named = replace(taped(Staggered), world=World("tests.worlds:Staggered"))
    film = filmed(Tape.from_bytes(named.to_bytes()))
    assert film.wait(20)
    assert "not built on a tape's word" in film.error
    with pytest.raises(FilmError, match="word"):
        film.frame(0)


def test_there_is_no_step_outside_of_the_tape():
    film = filmed(taped(lambda **k: Drawn(limit=2, **k)))
    for step in (-1, 3):
        with pytest.raises(ConfigError, match="steps 0 to 2"):
            film.frame(step)
    film.close()


def test_an_episode_that_cannot_be_played_says_why():
    def make(going_on: object) -> Tape:
        raise ConfigError("no such thing")

    film = Film(Take("a film", "", "", make))
    assert film.wait(20)
    assert film.error == "ConfigError: no such thing"
    with pytest.raises(FilmError, match="no such thing"):
        film.tape  # noqa: B018 - it waits and raises


def test_an_idle_film_has_no_thread_and_goes_on_when_it_is_looked_at(monkeypatch):
    monkeypatch.setattr(projector, "_LINGER", 0.01)
    monkeypatch.setattr(projector, "_AHEAD", 2)
    film = filmed(taped(lambda **k: Drawn(limit=9, **k)))
    assert film.wait(20)
    until(lambda: not [t for t in threading.enumerate() if t.name == "daf_nb-film-a film"])
    assert film.frame(8)[0, 0, 0] == 8
    film.close()


def test_closing_ends_who_waits():
    started, go_on = threading.Event(), threading.Event()
    tape = taped(lambda **k: Drawn(limit=2, **k))

    def make(going_on: object) -> Tape:
        started.set()
        assert go_on.wait(20)
        return tape

    film = Film(Take("a film", "", "", make))
    film.begin()
    assert started.wait(20)
    closing = threading.Timer(0.05, film.close)
    closing.start()
    with pytest.raises(FilmError, match="closed"):
        film.frame(0)
    go_on.set()
