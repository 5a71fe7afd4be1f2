"""The record of a run that is begun here: whose child it is, and which cell began it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from daf_nb.record.cells.history import note_run
from daf_nb.record.cells.remaking import Was, now
from daf_nb.record.cells.scope import current
from daf_nb.record.folders import runs_root
from daf_nb.record.recorder import Recorder

__all__ = ["child_recorder"]


def child_recorder(
    *,
    runs_dir: Path | str | None,
    parent: int | None = None,
    was: Was | None = None,
    **options: Any,
) -> Recorder:
    """A recorder for a run that is begun here: linked to the current scope, where there is one.

    Args:
        runs_dir: by default where the scope's run is recorded. Of a run elsewhere the scope knows
            nothing: numbers count in one folder only.
        parent: by default the scope's run.
        was: the recorded run in whose place it is, where a cell is made again.
        **options: the recorder's other arguments.

    Raises:
        ConfigError, RecordError: as `Recorder`.
    """
    scope, remaking = current(), now()
    options |= {"runs_dir": runs_dir, "parent": parent}
    if remaking is not None:
        options = remaking.placed(was, options, free=scope is None)
    linked = False
    if scope is not None:
        given = options["runs_dir"]
        options["runs_dir"] = scope.folder.parent if given is None else runs_root(given)
        linked = options["runs_dir"] == scope.folder.parent
        if linked and options["parent"] is None:
            options["parent"] = scope.id
    recorder = Recorder(**options)
    if scope is not None and linked:
        scope.add_child(recorder.id)
    note_run(recorder.folder)
    if remaking is not None:
        remaking.begun(was, recorder.id)
    return recorder
