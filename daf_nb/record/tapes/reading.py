"""The tapes of a run, read back as data: which there are, and one of them."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from daf_nb.errors import ConfigError, RecordError, unknown_name
from daf_nb.record.files import open_regular, own_files
from daf_nb.record.tapes.policy import LARGEST
from daf_nb.record.tapes.rows import TapeRow, Thinning, file_name
from daf_nb.record.tapes.shelf import Shelf
from daf_nb.record.tapes.writing import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from daf_nb.curriculum import CurriculumManager
    from daf_nb.envs.tape import Tape

__all__ = ["read_tape", "shelf_of", "tape_table"]

_COLUMNS = ("kept", "step", "copy", "number", "seed", "task", "length", "mean_return", "success")
_WORDS = ("best", "last", "worst")
_MOST = 2 * LARGEST
"""Bytes of a file that are read."""


def shelf_of(folder: Path, rows: Iterable[TapeRow | Thinning]) -> Shelf:
    """The tapes of a run that are kept, and whose files are there: one may be being written.

    Args:
        folder: the run's.
        rows: of its log.
    """
    there = {path.name for path in own_files(folder / FOLDER)}
    return Shelf(
        row for row in rows if isinstance(row, Thinning) or file_name(row.episode) in there
    )


def tape_table(shelf: Shelf) -> pd.DataFrame:
    """One row per tape: see `RunRecord.tapes`."""
    rows = {
        episode: {**row.to_plain(), "kept": "+".join(shelf.reasons(episode))}
        for episode, row in sorted(shelf.rows.items())
    }
    index = pd.Index(list(rows), dtype="int64", name="episode")
    table = pd.DataFrame(list(rows.values()), index, columns=[*_COLUMNS, "evaluation"])
    whole = dict.fromkeys(("step", "copy", "number", "seed", "length"), "int64")
    numbers = dict.fromkeys(("mean_return", "success"), "float64")
    texts = dict.fromkeys(("kept", "task"), "object")
    return table.astype({**whole, **numbers, **texts, "evaluation": "Int64"})


def read_tape(
    folder: Path,
    shelf: Shelf,
    which: int | str,
    *,
    spec: Mapping[str, Any],
    trust: bool = False,
    curriculum: CurriculumManager | None = None,
) -> Tape:
    """One tape: see `RunRecord.tape`."""
    from daf_nb.envs.tape import Tape
    from daf_nb.record.tapes.remaking import made_whole

    row = shelf.rows[_chosen(folder, shelf, which)]
    said = f"Run {folder.name}: the tape of episode {row.episode}"
    try:
        with open_regular(folder / FOLDER / file_name(row.episode)) as file:
            content = file.read(_MOST + 1)
        if len(content) > _MOST:
            raise ConfigError(f"it is larger than {_MOST:,} bytes, as no tape is.")
        tape = Tape.from_bytes(content)
    except (OSError, ConfigError) as error:
        raise RecordError(f"{said} cannot be read: {error}") from error
    its = (tape.copy, tape.number, tape.seed, tape.length)
    if its != (row.copy, row.number, row.seed, row.length):
        raise RecordError(f"{said} is not the one that was kept there: its file was changed.")
    return made_whole(tape, spec, trust=trust, curriculum=curriculum)


def _chosen(folder: Path, shelf: Shelf, which: int | str) -> int:
    if isinstance(which, str) and which not in _WORDS:
        raise RecordError(unknown_name("tape", which, _WORDS))
    if not shelf.rows:
        raise RecordError(
            f"Run {folder.name} has no tapes: no episode of it has ended yet, or its world is a "
            "batched one, whose episodes are not taped (replay(seed=0) plays one anew), or it was "
            f"recorded by a version that kept none: reproduce({folder.name}) trains it once more, "
            "and does."
        )
    words = {"best": shelf.best, "worst": shelf.worst, "last": max(shelf.rows)}
    try:
        found = words[which] if isinstance(which, str) else operator.index(which)
    except TypeError:
        raise RecordError(f"tape {which!r}: a number, or one of {', '.join(_WORDS)}.") from None
    if found is not None and found in shelf.rows:
        return found
    near = sorted(shelf.rows, key=lambda one: abs(one - (found or 0)))[:5]
    raise RecordError(
        f"Run {folder.name} has no tape {which!r}, among {len(shelf.rows)}: such as "
        f"{', '.join(map(str, sorted(near)))}. load_run({folder.name}).tapes shows all."
    )
