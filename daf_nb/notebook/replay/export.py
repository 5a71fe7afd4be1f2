"""Films as GIF or MP4, written frame by frame by the ffmpeg that imageio brings."""

from __future__ import annotations

import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from daf_nb.errors import ConfigError
from daf_nb.notebook.replay.film import Film, FilmError
from daf_nb.notebook.state import figure, one_line

__all__ = ["write_film"]

_GAP = 12
"""Pixels between two films."""
_FASTEST = {".gif": 50.0, ".mp4": 120.0}
"""Steps per second; GIF counts hundredths of a second, and browsers show nothing faster."""
_KINDS = {
    # A palette for each frame, so that ffmpeg need not hold all of them.
    ".gif": (
        *(
            "-filter_complex",
            "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1",
        ),
        *("-vcodec", "gif", "-pix_fmt", "pal8"),
    ),
    ".mp4": ("-vcodec", "libx264", "-pix_fmt", "yuv420p", "-crf", "10"),
}


def write_film(films: Sequence[Film], path: Path, *, fps: float | None, labels: bool) -> Path:
    """Writes films side by side; see `Replay.save`."""
    kind = path.suffix.lower()
    if kind not in _KINDS:
        raise ConfigError(f"{path.name}: a film is saved as .gif or .mp4.")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.parent}; make it first.")
    last = max(film.tape.length for film in films)
    for film in films:
        film.wait()
        if film.error:
            raise FilmError(f"{film.take.title}: {film.error}")
    speed = min(max(film.fps for film in films), _FASTEST[kind]) if fps is None else fps
    if not 0 < speed <= _FASTEST[kind]:
        raise ConfigError(f"fps={speed:g}: above 0 and at most {_FASTEST[kind]:g} for {kind}.")
    beside = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}{kind}")
    try:
        beside.touch()  # what the folder refuses is said in the system's words
        _write(films, beside, last, speed, labels=labels, how=_KINDS[kind])
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def _write(
    films: Sequence[Film],
    path: Path,
    last: int,
    fps: float,
    *,
    labels: bool,
    how: Sequence[str],
) -> None:
    first = _frame(films, 0, labels=labels)
    height, width = first.shape[:2]
    with _encoder(path, (width, height), fps, how) as send:
        send(first)
        for step in range(1, last + 1):
            send(_fitted(_frame(films, step, labels=labels), height, width))


@contextmanager
def _encoder(
    path: Path, size: tuple[int, int], fps: float, how: Sequence[str]
) -> Iterator[Callable[[np.ndarray], object]]:
    """What takes frames to ffmpeg; behind it the file is whole.

    imageio's own writer is not used: it does not look how ffmpeg ended, and leaves the beginning of
    a film where the disk was full.

    Raises:
        FilmError: ffmpeg could not write it.
    """
    from imageio_ffmpeg import get_ffmpeg_exe

    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", f"{fps:g}")
    command = [get_ffmpeg_exe(), "-y", "-v", "error", *raw, "-i", "-", "-an", *how, str(path)]
    with tempfile.TemporaryFile() as said:
        about: dict[str, Any] = {"stdin": subprocess.PIPE, "stderr": said}
        # A session of its own: Ctrl-C in a terminal is for Python, which ends it.
        process = subprocess.Popen(command, start_new_session=True, **about)
        assert process.stdin is not None, "asked for"
        try:
            with suppress(BrokenPipeError), process.stdin as pipe:  # why it ended, it says itself
                yield pipe.write
            failed = process.wait()
        finally:
            process.kill()
            process.wait()
        if failed:
            said.seek(0)
            reason = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise FilmError(
                f"{path.parent}: the film could not be written there: ffmpeg says "
                f"{one_line(reason) or 'nothing'}. Look whether there is room left."
            )


def _frame(films: Sequence[Film], step: int, *, labels: bool) -> np.ndarray:
    """All films at a step; one that has ended stands still. Its sides are even, as H.264 needs."""
    parts = []
    for film in films:
        at = min(step, film.tape.length)
        pixels = film.frame(at)
        parts.append(np.vstack([_label(film, at, pixels.shape[1]), pixels]) if labels else pixels)
    height = max(len(part) for part in parts)
    parts = [_fitted(part, height, part.shape[1]) for part in parts]
    gap = np.full((height, _GAP, 3), 255, np.uint8)
    whole = np.hstack([parts[0], *(piece for part in parts[1:] for piece in (gap, part))])
    return _fitted(whole, height + height % 2, whole.shape[1] + whole.shape[1] % 2)


def _fitted(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cut or filled up with white, to a size."""
    if pixels.shape[:2] == (height, width):
        return np.ascontiguousarray(pixels)
    fitted = np.full((height, width, 3), 255, np.uint8)
    part = pixels[:height, :width]
    fitted[: part.shape[0], : part.shape[1]] = part
    return fitted


def _label(film: Film, step: int, width: int) -> np.ndarray:
    """Whose film it is, and how far it is, as a strip above the picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    numbers = film.numbers
    assert numbers is not None, "the film has been played"
    total = numbers.mean_total(step)
    words = f"step {step} of {film.tape.length}   return {figure(total)}"
    room = max(8, width // 7 - len(words))
    strip = Figure(figsize=(width / 100, 0.28), dpi=100, facecolor="white")
    about = {"va": "center", "fontsize": 9, "parse_math": False}
    strip.text(6 / width, 0.5, one_line(film.take.title, limit=room), weight="bold", **about)
    strip.text(1 - 6 / width, 0.5, words, ha="right", **about)
    canvas = FigureCanvasAgg(strip)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :width, :3]
