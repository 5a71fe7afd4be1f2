"""What a run left: its figures, and the end of its output."""

from __future__ import annotations

import os
from pathlib import Path

from daf_nb.notebook.report.blocks import Block, Code, Picture, Prose, Section
from daf_nb.notebook.report.material import Material
from daf_nb.notebook.report.texts import lines
from daf_nb.record.files import open_regular

__all__ = ["figures", "output"]

LARGEST_FIGURE = 2_000_000  # bytes
ALL_FIGURES = 8_000_000  # bytes
TAIL = 40_000  # bytes of output
TAIL_LINES = 200
_PNG = b"\x89PNG\r\n\x1a\n"
_MEDIA = {".png": "image/png", ".svg": "image/svg+xml"}


def figures(material: Material) -> Section:
    """Figures as bytes; those that are too large, or are no pictures, by name."""
    folder = material.record.folder / "figures"
    blocks: list[Block] = []
    room = ALL_FIGURES
    if folder.is_symlink():
        return Section("Figures", [Prose("figures is a link; it is not followed.", "warn")])
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix not in _MEDIA or path.name.startswith("."):
            continue
        picture = _picture(path, min(room, LARGEST_FIGURE))
        if isinstance(picture, Picture):
            room -= len(picture.data)
        blocks.append(picture)
    return Section("Figures", blocks)


def output(material: Material) -> Section:
    """The last lines that it wrote; without blocks where it wrote nothing."""
    path = material.record.folder / "cout.txt"
    try:
        with open_regular(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            text = file.read(TAIL).decode("utf-8", "replace")
    except FileNotFoundError:
        return Section("Output", ())
    except OSError as error:
        return Section("Output", [Prose(f"cout.txt cannot be read: {error}.", "warn")])
    if not text.strip():
        return Section("Output", ())
    cut = size > TAIL
    if cut:
        text = text.partition("\n")[2]
    caption = f"Its end; {size:,} bytes in all" if cut else "What it wrote"
    return Section("Output", [Code(caption, lines(text, most=TAIL_LINES, tail=True))])


def _picture(path: Path, room: int) -> Picture | Prose:
    try:
        with open_regular(path) as file:
            if (size := file.seek(0, os.SEEK_END)) > room:
                return Prose(f"{path.name} is left out: {size:,} bytes are too many here.", "quiet")
            file.seek(0)
            data = file.readall()
    except OSError as error:
        return Prose(f"{path.name} cannot be read: {error}.", "warn")
    if path.suffix == ".png" and not data.startswith(_PNG):
        return Prose(f"{path.name} is no PNG picture.", "warn")
    return Picture(path.name, _MEDIA[path.suffix], data, f"Figure {path.stem} of the run")
