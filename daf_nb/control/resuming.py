"""How controls stand, as data, and controls that go on from there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from daf_nb.control.journal import Entry
from daf_nb.control.knobs import Knob
from daf_nb.control.script import Script
from daf_nb.errors import ConfigError

if TYPE_CHECKING:
    from daf_nb.control.desk import Desk

__all__ = ["load_state", "state"]

_ELSEWHERE = ("adaptive.", "curriculum.")
"""Knobs whose values are in the state of a controller or of a curriculum."""
_BY = "resume"
_PARTS = {"failed", "held", "journal", "replayed", "script", "taken_back", "values"}


def state(desk: Desk, script: Script) -> dict[str, Any]:
    """All that changes.

    Args:
        desk: of the controls.
        script: theirs.
    """
    own = _own(desk)
    with desk.waiting.lock:
        return {
            "values": {name: knob.read() for name, knob in own.items()},
            "held": [name for name, knob in own.items() if knob.steady()],
            "journal": [entry.to_plain() for entry in desk.journal],
            "taken_back": desk.journal.taken_back,
            "replayed": sorted(desk.replayed.items()),
            "script": script.rows,
            "failed": [[dict(row), why] for row, why in script.failed],
        }


def load_state(
    desk: Desk, script: Script, told: Mapping[str, Any], *, leave: Collection[str] = ()
) -> None:
    """Puts a state into controls whose knobs are as the run's spec has them.

    A schedule of the spec that was in force stays in force; a value that was held is held.

    Args:
        desk: of the controls.
        script: theirs.
        told: what `state` gave.
        leave: knobs that keep their values, by their names without a group's.

    Raises:
        ConfigError: it is not the state of such controls.
    """
    own = _own(desk)
    if not isinstance(told, Mapping) or told.keys() != _PARTS:
        raise ConfigError(f"a state of controls has {', '.join(sorted(_PARTS))}.")
    if told["values"].keys() != own.keys():
        odd = ", ".join(sorted(told["values"].keys() ^ own.keys()))
        raise ConfigError(f"the state is one of other knobs: {odd}.")
    with desk.waiting.lock:
        desk.journal.load(told["journal"], told["taken_back"])
        for name, knob in own.items():
            _keep(desk, knob, [entry for entry in desk.journal if entry.name == name])
        desk.replayed.clear()
        desk.replayed.update(dict(told["replayed"]))
        script.load(told["script"], told["failed"])
        for name in told["held"]:
            knob, value = own[name], told["values"][name]
            if name.partition("[")[0] in leave:
                continue
            if not (knob.steady() and knob.read() == value):
                knob.write(value, _BY)


def _own(desk: Desk) -> dict[str, Knob]:
    return {n: knob for n, knob in desk.knobs.items() if not n.startswith(_ELSEWHERE)}


def _keep(desk: Desk, knob: Knob, entries: Iterable[Entry]) -> None:
    """What an undo of each entry puts back, where that is more than a value.

    The entries tell it: before the first, the knob was as the spec has it, and after each it holds
    the new value, or what it was before the entry that this one takes back.
    """
    spec = knob.keep()
    if spec is None:
        return
    before: dict[int, Callable[[], None]] = {}
    now = spec
    for entry in entries:
        before[entry.number] = now
        desk.journal.keep(entry, now)
        if entry.undoes in before:
            now = before[entry.undoes]
        else:
            now = _holder(knob, entry.new)


def _holder(knob: Knob, value: Any) -> Callable[[], None]:
    return lambda: knob.write(value, _BY)
