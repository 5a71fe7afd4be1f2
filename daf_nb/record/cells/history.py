"""The cells that ran before this one in the same kernel, and which of them it depends on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daf_nb.record.cells.effects import PROCESS, stirs
from daf_nb.record.cells.names import CellNames
from daf_nb.record.cells.reader import cell_names

__all__ = ["PastCell", "history_rows", "note_outcome", "note_run", "session_history"]

_outcomes: dict[int, bool] = {}
"""How the cells of this kernel ended, as far as somebody told."""
_runs: dict[int, list[Path]] = {}
"""The records of the runs that the cells of this kernel began."""


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


def note_run(folder: Path) -> None:
    """Remembers that the cell that is executed now, or the script, began a run."""
    _runs.setdefault(len(_typed(_shell())) - 1, []).append(folder)


def session_history(own: Path | None = None) -> Callable[[], dict[str, Any]]:
    """Remembers the cells before this one; its result, called, makes `history.json` of them.

    Outside of IPython there are none. To be called in the thread of the cell, its result anywhere.

    Args:
        own: the record that asks. The runs beside it that a cell began are its `runs`, those that
            this cell began before are `earlier`.
    """
    shell = _shell()
    manager = getattr(shell, "history_manager", None)
    typed = list(_typed(shell))
    parsed = list(getattr(manager, "input_hist_parsed", None) or [""])
    outcomes = dict(_outcomes)
    runs = {
        number: [int(one.name) for one in folders if own and one.parent == own.parent]
        for number, folders in _runs.items()
    }

    def content() -> dict[str, Any]:
        past = [
            PastCell(number=number, source=source, python=python, ok=outcomes.get(number))
            for number, (source, python) in enumerate(zip(typed, parsed, strict=False))
            if 0 < number < len(typed) - 1
        ]
        cells = [
            row | ({"runs": runs[row["number"]]} if runs.get(row["number"]) else {})
            for row in history_rows(past, now=parsed[-1])
        ]
        earlier = [one for one in runs.get(len(typed) - 1, ()) if own and one != int(own.name)]
        return {"cells": cells, **({"earlier": earlier} if earlier else {})}

    return content


def history_rows(past: Sequence[PastCell], *, now: str) -> list[dict[str, Any]]:
    """The rows of `history.json`: number, source, needed, ok.

    Needed is a cell that binds a wanted name, or assigns to its attributes or items, or calls its
    methods without using their value; that uses a wanted name, unless that is an import, a
    constant, or a function or class whose use changes nothing, since it may change what the name
    means; that may change the state of an imported package of which something is wanted; whose
    doings beside names are unknown; or that cannot be parsed. Wanted are the names that this cell
    and every needed one use. A cell too many may be needed so.

    Args:
        past: the cells before, in order.
        now: this cell, as Python.
    """
    cells = [(cell, cell_names(cell.python, number=cell.number)) for cell in past]
    current = cell_names(now)
    modules = _modules([*(names for _, names in cells), current])
    still = _still([names for _, names in cells], modules)
    known = set().union(*(names.binds | names.imports | names.outputs for _, names in cells))
    wanted = current.uses & known
    packages = _packages(current.uses | current.imports, modules)
    needed: set[int] = set()
    grown = True
    while grown:
        grown = False
        for cell, names in reversed(cells):
            if cell.number in needed:
                continue
            changed = _changed_packages(names, modules)
            if changed & (packages | PROCESS) or _is_needed(names, wanted, still, modules):
                needed.add(cell.number)
                # What it binds too: a second name for a wanted object may be used to change it.
                wanted |= (names.uses | names.binds) & known
                packages |= _packages(names.uses | names.imports, modules)
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


def _is_needed(
    names: CellNames, wanted: set[str], still: set[str], modules: dict[str, str]
) -> bool:
    called = {call.partition(".")[0] for call in names.calls if "." in call}
    changes = names.changes | (called - set(modules) - names.constants)
    return bool(
        names.acts
        or (names.binds | names.imports | names.outputs | changes) & wanted
        or names.uses & (wanted - still)
    )


def _modules(cells: Iterable[CellNames]) -> dict[str, str]:
    """What each name was imported as."""
    return {name: module for names in cells for name, module in names.modules.items()}


def _packages(names: set[str], modules: dict[str, str]) -> set[str]:
    """The packages behind some names."""
    return {modules[name].partition(".")[0] for name in names & set(modules)}


def _stirred(calls: set[str], modules: dict[str, str]) -> set[str]:
    """The packages whose state some calls may change."""
    parts = [call.replace("()", "").partition(".") for call in calls]
    functions = [f"{modules[name]}{dot}{rest}" for name, dot, rest in parts if name in modules]
    return {function.partition(".")[0] for function in functions if stirs(function)}


def _changed_packages(names: CellNames, modules: dict[str, str]) -> set[str]:
    return _packages(names.changes, modules) | _stirred(names.calls, modules)


def _still(cells: Sequence[CellNames], modules: dict[str, str]) -> set[str]:
    """Names whose use changes nothing.

    Those of imports and constants, and of functions and classes that change nothing themselves and
    use no others. A name that is bound to something else as well is none of them.
    """
    imports, binds = _union(one.imports for one in cells), _union(one.binds for one in cells)
    made: dict[str, set[str]] = {}
    for one in cells:
        for name, uses in one.makes.items():
            made[name] = made.get(name, set()) | uses
    loose = _union(one.binds - one.constants - set(one.makes) for one in cells)
    loose |= _union(one.outputs for one in cells)
    still = (imports | binds) - loose - _union(one.restless for one in cells)
    still -= {
        name for one in cells for name, calls in one.calls_in.items() if _stirred(calls, modules)
    }
    while True:
        restless = {name for name in still & set(made) if made[name] & (binds - still)}
        if not restless:
            return still
        still -= restless


def _union(sets: Iterable[set[str]]) -> set[str]:
    return set().union(*sets)


def _typed(shell: Any) -> Sequence[str]:
    """The cells of this kernel as they were typed; the last is the one that is executed."""
    manager = getattr(shell, "history_manager", None)
    return getattr(manager, "input_hist_raw", None) or [""]


def _shell() -> Any:
    # IPython is looked up, not imported: where it is not running there is nothing to find.
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_shell() if get_shell is not None else None
