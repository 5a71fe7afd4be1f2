"""A value that somebody gave, and where: what settings are put together from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from daf_nb.config.lab_config import PATHS

__all__ = ["Given", "anchored"]


class Given(NamedTuple):
    """A field's value as it came, and where it came from, in words."""

    value: Any
    source: str


def anchored(field: str, value: Any, folder: Path | None = None) -> Any:
    """A relative path as seen from where it is written down; any other value as it is.

    Args:
        field: whose value it is.
        value: what was given.
        folder: of the file that it is written in; None for the working directory.
    """
    if field not in PATHS or not isinstance(value, (str, Path)) or not str(value):
        return value
    path = Path(value).expanduser()
    return (folder / path if folder is not None else path).absolute()
