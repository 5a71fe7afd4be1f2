"""What an observer knows about a run besides what Sacred says."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from daf_nb.record.files import read_json
from daf_nb.record.observers.messages import Clean

__all__ = ["About"]


class About(NamedTuple):
    """A run, as its observers are told of it; free of secrets.

    Attributes:
        id: its number, which another runs folder may have too.
        key: 32 hexadecimal digits that no other run has, on whatever machine. They follow from
            what `run.json` says from its first moment, so they are the same ever after.
        name: its name.
        tags: its tags.
        folder: where its files are.
        parent: the number of the run that it belongs to.
        notes: the first line of the cell that launched it.
        kind: "training" or "experiment".
    """

    id: int
    key: str
    name: str
    tags: tuple[str, ...]
    folder: Path
    parent: int | None
    notes: str | None
    kind: str

    @classmethod
    def of(
        cls, *, run_id: int, name: str, folder: Path, tags: Sequence[str], clean: Clean
    ) -> About:
        """Reads what `run.json` says by now."""
        document: Any = None
        with contextlib.suppress(OSError, ValueError):
            document = read_json(folder / "run.json")
        document = document if isinstance(document, Mapping) else {}
        ours = document.get("daf_nb")
        ours = ours if isinstance(ours, Mapping) else {}
        try:
            origin = f"{document['host']['hostname']}/{document['meta']['queue_time']}"
        except (LookupError, TypeError):
            origin = str(folder.resolve())
        return cls(
            id=run_id,
            key=hashlib.sha256(f"{origin}/{run_id}".encode()).hexdigest()[:32],
            name=clean(str(name)),
            tags=tuple(clean([str(tag) for tag in tags])),
            folder=folder,
            parent=ours.get("parent"),
            notes=clean(ours.get("cell_line")),
            kind=str(ours.get("kind") or "training"),
        )
