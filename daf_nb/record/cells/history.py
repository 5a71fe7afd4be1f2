"""The cells that ran before this one in the same kernel, and which of them it depends on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from daf_nb.record.cells.names import CellNames
from daf_nb.record.cells.reader import cell_names

__all__ = ["PastCell", "history_rows", "note_outcome", "session_history"]

_outcomes: dict[int, bool] = {}
"""How the cells of this kernel ended, as far as somebody told."""


@dataclass(frozen=True)
class PastCell:
    """A cell that was executed before.

    Attributes:
        number: as in `In [number]`.
        source: as it was typed.
        python: as IPython made Python of it.
        ok: it ended without an error; None where that is not known.
    """

    number: int
    source: str
    python: str
    ok: bool | None = None


def note_outcome(number: int, ok: bool) -> None:
    """Remembers how the cell `In [number]` ended."""
    _outcomes[number] = ok


def session_history() -> Callable[[], dict[str, Any]]:
    """Remembers the cells before this one; its result, called, makes `history.json` of them.

    Outside of IPython there are none. To be called in the thread of the cell, its result anywhere.
    """
    shell = _shell()
    manager = getattr(shell, "history_manager", None)
    typed = list(getattr(manager, "input_hist_raw", None) or [""])
    parsed = list(getattr(manager, "input_hist_parsed", None) or [""])
    outcomes = dict(_outcomes)

    def content() -> dict[str, Any]:
        if len(typed) < 2:
            return {"cells": []}
        past = [
            PastCell(number=number, source=source, python=python, ok=outcomes.get(number))
            for number, (source, python) in enumerate(zip(typed, parsed, strict=False))
            if 0 < number < len(typed) - 1
        ]
        return {"cells": history_rows(past, now=parsed[-1])}

    return content


def history_rows(past: Sequence[PastCell], *, now: str) -> list[dict[str, Any]]:
    """The rows of `history.json`: number, source, needed, ok.

    Needed is a cell that binds a wanted name, or assigns to its attributes or items; that uses a
    wanted name, unless that is an import, a constant, or a function or class that uses only such
    ones, since it may change what the name means; whose doings beside names are unknown; or that
    cannot be parsed. Wanted are the names that this cell and every needed one use. A cell too many
    may be needed so; none is missing that shows in the code.

    Args:
        past: the cells before, in order.
        now: this cell, as Python.
    """
    cells = [(cell, cell_names(cell.python, number=cell.number)) for cell in past]
    still = _still([names for _, names in cells])
    known = set().union(*(names.binds | names.imports | names.outputs for _, names in cells))
    wanted = cell_names(now).uses & known
    needed: set[int] = set()
    grown = True
    while grown:
        grown = False
        for cell, names in reversed(cells):
            if cell.number not in needed and _is_needed(names, wanted, still):
                needed.add(cell.number)
                # What it binds too: a second name for a wanted object may be used to change it.
                wanted |= (names.uses | names.binds) & known
                grown = True
    return [
        {
            "number": cell.number,
            "source": cell.source,
            "needed": cell.number in needed,
            "ok": cell.ok,
        }
        for cell in past
    ]


def _is_needed(names: CellNames, wanted: set[str], still: set[str]) -> bool:
    return bool(
        names.acts
        or (names.binds | names.imports | names.outputs | names.changes) & wanted
        or names.uses & (wanted - still)
    )


def _still(cells: Sequence[CellNames]) -> set[str]:
    """Names whose use changes nothing.

    Those of imports and constants, and of functions and classes that use no others. A name that is
    bound to something else as well is none of them.
    """
    imports, binds = _union(one.imports for one in cells), _union(one.binds for one in cells)
    made: dict[str, set[str]] = {}
    for one in cells:
        for name, uses in one.makes.items():
            made[name] = made.get(name, set()) | uses
    loose = _union(one.binds - one.constants - set(one.makes) for one in cells)
    loose |= _union(one.outputs for one in cells)
    still = (imports | binds) - loose
    while True:
        restless = {name for name in still & set(made) if made[name] & (binds - still)}
        if not restless:
            return still
        still -= restless


def _union(sets: Iterable[set[str]]) -> set[str]:
    return set().union(*sets)


def _shell() -> Any:
    # IPython is looked up, not imported: where it is not running there is nothing to find.
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_shell() if get_shell is not None else None
