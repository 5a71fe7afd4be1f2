"""The settings in force, each with where it comes from, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from daf_nb.config.lab_config import LabConfig
from daf_nb.config.secrets import without_login

__all__ = ["Explanation", "Row"]


class Row(NamedTuple):
    """One setting: the value is shown with its login hidden."""

    field: str
    value: Any
    source: str
    words: str


class Explanation:
    """Every setting with its value, where it comes from, and what it is for.

    Attributes:
        rows: one `Row` for each field of `LabConfig`, in its order.
        file: the file that was read, or None.
    """

    def __init__(self, config: LabConfig, sources: Mapping[str, str], file: Path | None) -> None:
        self.file = file
        self.rows = tuple(
            Row(name, without_login(getattr(config, name)), sources[name], field.description or "")
            for name, field in LabConfig.model_fields.items()
        )

    def __repr__(self) -> str:
        cells = [(row.field, _shown(row.value), _shown(row.source)) for row in self.rows]
        table = [("setting", "value", "from"), *cells]
        widths = [max(len(line[column]) for line in table) for column in range(3)]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
            for line in table
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("setting", "value", "from", "what it is"))
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in _texts(row)) + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _texts(row: Row) -> tuple[str, str, str, str]:
    return row.field, _shown(row.value), _shown(row.source), row.words


def _shown(value: Any) -> str:
    """A value on one line, whatever marks are in it."""
    text = (", ".join(value) or "()") if isinstance(value, tuple) else str(value)
    return text if text.isprintable() else repr(text)[1:-1]
