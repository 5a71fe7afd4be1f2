"""What all pictures share: a figure that shows itself once, colours, and names taken literally."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from daf_nb.errors import ConfigError
from daf_nb.notebook.state import one_line

__all__ = ["PALETTE", "QUIET", "Picture", "given_axes", "literal"]

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Colours that can be told apart with any colour vision (Okabe and Ito 2008)."""
QUIET = "#8c8c8c"

_LONGEST_NAME = 32


class Picture(Figure):
    """A figure that pyplot does not know of, so that a notebook shows it once: as a cell's value.

    matplotlib teaches IPython to show figures only once pyplot is in use; this one needs no pyplot.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(layout="constrained", **kwargs)

    def _repr_png_(self) -> bytes:
        data = io.BytesIO()
        self.savefig(data, format="png")
        return data.getvalue()


def literal(text: object) -> str:
    """Any text as one line that matplotlib shows as it is: no formula between dollar signs."""
    return one_line(str(text), limit=_LONGEST_NAME).replace("$", r"\$")


def given_axes(axes: Any, wanted: Sequence[str]) -> list[Axes]:
    """The caller's axes as a list.

    Args:
        axes: one `Axes`, or a sequence or array of them.
        wanted: what each of them will show.

    Raises:
        ConfigError: there are more or fewer than wanted.
    """
    flat = np.array(axes, dtype=object).ravel().tolist()
    if len(flat) != len(wanted):
        told = ", ".join(wanted)
        raise ConfigError(f"{len(flat)} axes were given; {len(wanted)} are needed: {told}.")
    return flat
