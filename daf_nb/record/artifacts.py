"""Where a run's artifacts may lie: inside its folder, and never over the record's own files."""

from __future__ import annotations

from pathlib import Path

from daf_nb.errors import RecordError
from daf_nb.record.folders import safe_name
from daf_nb.record.series import EVENTS, JOURNAL, METRICS

__all__ = ["RESERVED", "artifact_path"]

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
        "run.json",
        "source.py",
        EVENTS,
        JOURNAL,
        METRICS,
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
