"""Where a run's artifacts may lie: inside its folder, and never over the record's own files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from daf_nb.errors import RecordError
from daf_nb.record.folders import safe_name
from daf_nb.record.series import EVENTS, JOURNAL, METRICS, TAPES

if TYPE_CHECKING:
    from daf_nb.record.store import RunStore

__all__ = ["RESERVED", "Artifacts", "artifact_path"]

RESERVED = frozenset(
    [
        "config.json",
        "cout.txt",
        "facts.json",
        "history.json",
        "info.json",
        "lock",
        "metrics.json",
        "observers.json",
        "parts",
        "run.json",
        "script.json",
        "source.py",
        "tapes",
        EVENTS,
        JOURNAL,
        METRICS,
        TAPES,
    ]
)


def artifact_path(folder: Path, name: str) -> Path:
    """The path of the artifact `name` in a run's folder; folders on the way are made.

    Raises:
        RecordError: the name would leave the folder, is not portable, or is the record's own.
    """
    parts = name.split("/")
    if parts[0] in RESERVED or any(part != safe_name(part) for part in parts):
        raise RecordError(
            f"{name[:100]!r} is no name for a file of a run: use letters, digits, '.', '_' and "
            "'-', with '/' between folders, and none of the record's own files. safe_name() "
            "makes any text a name."
        )
    path = folder.joinpath(*parts)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise RecordError(f"{name!r} leads out of the run's folder through a link.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(f"No folder for {name!r} in run {folder.name}: {error}.") from error
    return path


class Artifacts:
    """The artifacts that a run has, which `run.json` lists.

    Args:
        store: the run's folder.
    """

    def __init__(self, store: RunStore) -> None:
        self._store, self._names = store, set(store.document.artifacts)

    def path(self, name: str) -> Path:
        """Where an artifact goes, which is listed from now on; errors as `artifact_path`."""
        path = artifact_path(self._store.folder, name)
        self._names.add(name)
        self._store.update(artifacts=sorted(self._names))
        return path
