"""A journal to be played again: each row at its step."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from daf_nb.control.journal import Entry
from daf_nb.control.knobs import as_number
from daf_nb.errors import ConfigError

__all__ = ["Script"]


class Script:
    """Rows of a journal that wait for their steps.

    Args:
        rows: mappings with `step`, `name`, `new`, and perhaps `by`, in the order of their steps;
            a run's own entries; or a DataFrame of such rows. Those that the run makes again by
            itself (`own`) are left out.

    Attributes:
        failed: (row, why) of each row that could not be applied.

    Raises:
        ConfigError: a row lacks something, or comes before its predecessor.
    """

    def __init__(self, rows: Any) -> None:
        self._rows: deque[dict[str, Any]] = deque()
        self.failed: list[tuple[dict[str, Any], str]] = []
        last = 0
        for given in rows.to_dict("records") if hasattr(rows, "to_dict") else rows:
            row = _checked(given, last)
            last = row["step"]
            if not row.get("own"):
                self._rows.append(row)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What is still to come."""
        return [dict(row) for row in self._rows]

    def load(self, rows: Any, failed: Any) -> None:
        """Goes on where another stood: with its `rows` and its `failed`."""
        self._rows = Script(rows)._rows
        self.failed[:] = [(dict(row), str(why)) for row, why in failed]

    def due(self, step: int) -> list[dict[str, Any]]:
        """The rows whose turn has come at agent-step `step`; each is given once."""
        rows = []
        while self._rows and self._rows[0]["step"] <= step:
            rows.append(self._rows.popleft())
        return rows


def _checked(given: Any, last: int) -> dict[str, Any]:
    row = given.to_plain() if isinstance(given, Entry) else given
    if not isinstance(row, Mapping):
        raise ConfigError(f"a script has rows with step, name and new; {given!r} came.")
    absent = [key for key in ("step", "name", "new") if key not in row]
    if absent:
        raise ConfigError(f"a row of the script lacks {', '.join(absent)}: {dict(row)}.")
    step = as_number(row["step"])
    if step is None or step < 0 or step != int(step):
        raise ConfigError(f"step {row['step']!r} of the script: agent-steps are needed.")
    if step < last:
        raise ConfigError(f"step {row['step']} of the script comes after step {last}.")
    whole = {key: _whole(row[key]) for key in ("number", "undoes") if key in row}
    return {**row, **whole, "step": int(step), "name": str(row["name"])}


def _whole(value: Any) -> int | None:
    """The number of an entry; None for what is none, such as the NaN of a table."""
    number = as_number(value)
    return int(number) if number is not None and number == int(number) else None
