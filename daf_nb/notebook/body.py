"""The body of a cell magic, run as if it were the cell: its prompt, its history, its traceback."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from daf_nb.record.source import Source, launching_source

__all__ = ["run_body", "show_no_more", "whole_cell"]


def run_body(shell: Any, cell: str) -> Any:
    """Runs a body; IPython's `ExecutionResult`. An error is shown, and not raised.

    The value of its last expression is displayed, and is `Out` of the cell around.
    """
    with _as_plain_cell(shell, cell):
        return shell.run_cell(cell, store_history=False)


def whole_cell(shell: Any, line: str, cell: str) -> Source:
    """The whole cell as it was typed, its magic line included."""
    here = launching_source()
    typed = _typed(shell, cell)
    text = f"%%experiment {line}\n{cell}" if typed is None else typed
    return replace(here, text=text.rstrip("\n"))


def _typed(shell: Any, cell: str) -> str | None:
    """The newest cell of the history, if it is the one that has this body."""
    history = getattr(shell.history_manager, "input_hist_raw", None) or [""]
    newest = history[-1]
    same = newest.lstrip().startswith("%%") and newest.rstrip().endswith(cell.rstrip())
    return newest if same else None


@contextlib.contextmanager
def _as_plain_cell(shell: Any, cell: str) -> Iterator[None]:
    """IPython looks into its history for the semicolon that hides a value: there is the body now.

    The source of a run that the body starts is found in the same place.
    """
    parsed = shell.history_manager.input_hist_parsed
    if _typed(shell, cell) is None:
        yield
        return
    place, whole = len(parsed) - 1, parsed[-1]
    with contextlib.suppress(Exception):
        parsed[place] = shell.transform_cell(cell)
    cache = shell.compile.cache

    def numbered(code: str, number: int = 0, raw_code: str | None = None) -> str:
        # IPython counts on when a cell begins, and a traceback names the cell by this number.
        return cache(code, number - 1, raw_code=raw_code)

    shell.compile.cache = numbered
    try:
        yield
    finally:
        shell.compile.cache = cache
        if len(parsed) > place:  # else the cell has reset the history
            parsed[place] = whole


def show_no_more(shell: Any, error: BaseException) -> None:
    """The body has shown the error; the cell around it is in error too, but silently."""
    show = shell.showtraceback

    def showtraceback(*args: Any, **options: Any) -> None:
        if shell.__dict__.get("showtraceback") is showtraceback:
            del shell.__dict__["showtraceback"]
        if sys.exc_info()[1] is not error:
            show(*args, **options)

    shell.showtraceback = showtraceback
