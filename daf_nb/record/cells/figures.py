"""Matplotlib's open figures as images, where somebody else has loaded matplotlib."""

from __future__ import annotations

import io
import sys
import weakref
from typing import Any

__all__ = ["NewFigures"]

_kept: weakref.WeakSet[Any] = weakref.WeakSet()
"""Figures that an inner experiment has kept: they are not the outer one's too."""


class NewFigures:
    """Remembers which figures are open when it is made, to tell later which are new."""

    def __init__(self) -> None:
        self._before: weakref.WeakSet[Any] = weakref.WeakSet(_open_figures())

    def images(self) -> list[bytes]:
        """The figures that are open now and were not before, as PNG, in the order of their numbers.

        One that cannot be drawn is left out: whoever shows it gets its error.
        """
        images = []
        for figure in _open_figures():
            if figure in self._before or figure in _kept:
                continue
            _kept.add(figure)
            buffer = io.BytesIO()
            try:
                figure.savefig(buffer, format="png", bbox_inches="tight")
            except Exception:
                continue
            images.append(buffer.getvalue())
        return images


def _open_figures() -> list[Any]:
    # Looked up, not imported: where pyplot is not loaded no figure can be open. Not through pyplot,
    # which makes the figure that it is asked for the current one.
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    try:
        managers = sorted(helpers.Gcf.figs.items()) if helpers is not None else []
        return [manager.canvas.figure for _, manager in managers]
    except Exception:
        return []
