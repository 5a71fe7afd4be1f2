"""Films as files: every step is in them, and nothing half written is left."""

from __future__ import annotations

import re
import resource
import signal
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest

from daf_nb.errors import ConfigError
from daf_nb.notebook.replay import FilmError, replay
from daf_nb.notebook.replay.film import Film
from daf_nb.notebook.replay.showing import Replay
from tests.notebook.replay.helpers import Drawn, filmed, taped


class Large(Drawn):
    """Pictures large enough to be told apart in any file; their sides are odd."""

    pixels = (81, 121, 3)

    def render(self) -> np.ndarray | None:
        frame = super().render()
        return None if frame is None else frame * 20


def replay_of(*limits: int) -> Replay:
    return Replay([filmed(taped(lambda limit=n, **k: Large(limit=limit, **k))) for n in limits])


@pytest.mark.parametrize("name", ["film.gif", "film.mp4", "FILM.GIF"])
def test_every_step_is_in_the_file(tmp_path, name):
    path = replay_of(9).save(tmp_path / name, labels=False)
    assert path == tmp_path / name
    frames = iio.imread(path)
    assert frames.shape[:3] == (10, 82, 122)
    greys = frames[:, 20, 30, 0].astype(int)
    assert np.abs(greys - 20 * np.arange(10)).max() <= 6
    assert list(tmp_path.iterdir()) == [path]


def test_two_films_stand_side_by_side_and_the_shorter_waits_at_its_end(tmp_path):
    frames = iio.imread(replay_of(3, 6).save(tmp_path / "film.gif", labels=False))
    assert len(frames) == 7
    left, right = frames[:, 20, 30, 0].astype(int), frames[:, 20, 160, 0].astype(int)
    assert left.tolist() == [0, 20, 40, 60, 60, 60, 60]
    assert right.tolist() == [0, 20, 40, 60, 80, 100, 120]


def test_labels_stand_above_the_pictures(tmp_path):
    frames = iio.imread(replay_of(3).save(tmp_path / "film.gif"))
    assert frames.shape[1] == 81 + 28 + 1
    strips = frames[:, :28]
    assert strips.min() < 100 < strips.max()
    assert (strips[0] != strips[3]).any(), "it tells the step"


@pytest.mark.parametrize(("name", "duration"), [("film.gif", 0.5), ("film.mp4", 0.5)])
def test_the_speed_is_the_users(tmp_path, name, duration):
    path = replay_of(3).save(tmp_path / name, fps=2, labels=False)
    told = iio.immeta(path)
    seconds = told["duration"] / 1000 if name.endswith("gif") else 1 / told["fps"]
    assert seconds == pytest.approx(duration)


def test_what_cannot_be_saved_is_refused_and_leaves_nothing(tmp_path):
    made = replay_of(3)
    for name, fps, said in (("a.avi", None, "gif or"), ("a.gif", 51, "50"), ("a.mp4", 0, "above")):
        with pytest.raises(ConfigError, match=said):
            made.save(tmp_path / name, fps=fps)
    with pytest.raises(ConfigError, match=r"there is no folder .*away; make it first"):
        made.save(tmp_path / "away" / "a.gif")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["film.gif", "film.mp4"])
@pytest.mark.parametrize("room", [0, 100, 2000])
def test_a_full_disk_is_said_and_leaves_the_film_before(tmp_path, name, room):
    made, path = replay_of(9), tmp_path / name
    path.write_bytes(b"the film before")
    made.wait()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(FilmError) as caught:
            made.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert re.search("could not be written there: ffmpeg says .*room left", str(caught.value))
    assert path.read_bytes() == b"the film before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_broken_film_is_no_file_and_the_one_before_stays(tmp_path):
    tape = taped(lambda **k: Large(limit=5, **k))
    path = replay(tape).save(tmp_path / "film.gif")
    before = path.read_bytes()
    digests = tape.digests.copy()
    digests[3] ^= 1
    with pytest.raises(FilmError, match="step 3"):
        replay(replace(tape, digests=digests)).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_saving_does_not_disturb_a_page_that_looks(tmp_path):
    made = replay_of(30)
    film: Film = made.films[0]
    heard: list[int] = []
    film.look(2, dict.fromkeys((2, 3), lambda step, _: heard.append(step)), owner="page")
    made.save(tmp_path / "film.gif")
    film.look(25, {25: lambda step, _: heard.append(step)}, owner="page")
    assert sorted(heard) == [2, 3, 25]
    made.close()
