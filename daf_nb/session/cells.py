"""A recorded cell made again: the cells that it needs and itself, in a fresh kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daf_nb.errors import ConfigError, RecordError
from daf_nb.record import RunRecord, load_run
from daf_nb.record.facts import versions
from daf_nb.record.files import TEARS
from daf_nb.record.folders import project_root
from daf_nb.record.reading.contents import Contents
from daf_nb.session.cell_differences import STOPPED, cell_difference, children_of
from daf_nb.session.cell_run import CellRun, Step
from daf_nb.session.differences import boundaries
from daf_nb.session.reproduction import Reproduction
from daf_nb.session.settled import settled

__all__ = ["reproduce_cell"]

_LEAST, _TIMES = 300.0, 10.0
"""A cell may take so many seconds, and so many times as long as it took."""


def reproduce_cell(
    record: RunRecord, *, trust: bool, timeout: float | None
) -> Reproduction[CellRun]:
    """See `daf_nb.session.again.reproduce`."""
    if not trust:
        raise ConfigError(
            f"Run {record.id} is a cell: making it again executes the code in its source.py and "
            "history.json, with your rights, and anybody may have written these files. "
            f"load_run({record.id}).cell and .history show it; pass trust=True to execute it."
        )
    if timeout is not None and not timeout > 0:
        raise ConfigError(f"timeout={timeout!r}: seconds are needed, or None.")
    source = record.source
    if not source.text.strip():
        raise RecordError(f"Run {record.id} cannot be made again: its record holds no code of it.")
    directory, notes = _directory(record)
    if timeout is None:
        taken = record.duration
        timeout = _LEAST + (_TIMES * taken if taken == taken else 0.0)
    run = CellRun(record, steps=list(_steps(record)), directory=directory, timeout=timeout)
    notes += _other_versions(record)
    if record.status in STOPPED:
        notes.append(f"as far as it came before it was {record.status}")
    return Reproduction(record, run, compare=cell_difference, notes=tuple(notes))


def _steps(record: RunRecord) -> Iterator[Step]:
    """What is executed, in order; the cell itself comes last."""
    history = Contents(id=record.id, folder=record.folder).mapping("history.json", optional=True)
    for row in record.history:
        if row.get("needed") and isinstance(row.get("source"), str):
            runs = _runs(record, row.get("runs"))
            yield Step(row["source"], runs, number=row.get("number"), ok=row.get("ok"))
    earlier = [run["id"] for run in _runs(record, history.get("earlier"))]
    inside = [one.id for one in _descendants(record, set())]
    runs = _runs(record, sorted({*earlier, record.id, *inside}))
    source = record.source
    if source.kind == "script":
        yield Step(_as_script(source.name), [], number=None, ok=True, silent=True)
    yield Step(source.text, runs, number=None, ok=None)


def _runs(record: RunRecord, numbers: Any) -> list[dict[str, Any]]:
    """What runs were like: arguments of `Was`, and their numbers."""
    found = []
    for number in numbers if isinstance(numbers, list) else ():
        if type(number) is not int:
            continue
        try:
            run = load_run(number, runs_dir=record.folder.parent)
            found.append({"id": number, **_was(run, wanted=number == record.id)})
        except (RecordError, *TEARS):  # one that was deleted, or is broken: its seed is not known
            continue
    return found


def _was(run: RunRecord, *, wanted: bool) -> dict[str, Any]:
    seed = run.config.get("seed")
    steps = boundaries(run) if run.kind == "training" and run.status in STOPPED else []
    return {
        "kind": run.kind,
        "name": run.name,
        "seed": seed if type(seed) is int else None,
        "fields": settled(run) if run.kind == "training" else {},
        "until": steps[-1] if steps else None,
        "wanted": wanted,
    }


def _descendants(record: RunRecord, seen: set[int]) -> Iterator[RunRecord]:
    for child in children_of(record):
        if child.id not in seen:
            seen.add(child.id)
            yield child
            yield from _descendants(child, seen)


def _directory(record: RunRecord) -> tuple[Path, list[str]]:
    """Where its kernel was started; a substitute, and what is to be said of it."""
    told = record.source.directory
    if told and Path(told).is_dir():
        return Path(told), []
    here = project_root()
    where = f"{told} is not here" if told else "where it ran is not recorded"
    return here, [f"executed in {here}, as {where}"]


def _other_versions(record: RunRecord) -> list[str]:
    was, now = record.facts.get("versions"), versions()
    if not isinstance(was, dict):
        return []
    other = [f"{name} {was[name]} then, {now[name]} here" for name in sorted(was.keys() & now)
             if was[name] != now[name]]  # fmt: skip
    return [f"other versions: {', '.join(other)}"] if other else []


def _as_script(name: str) -> str:
    """What a script finds that a cell does not; its arguments are not recorded."""
    folder = str(Path(name).parent)
    return (
        f"__file__ = {name!r}\n"
        f"__import__('sys').argv = [{name!r}]\n"
        f"__import__('sys').path.insert(0, {folder!r})"
    )
