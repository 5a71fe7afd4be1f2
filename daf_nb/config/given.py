"""A value that somebody gave, and where: what settings are put together from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from daf_nb.config.lab_config import PATHS
from daf_nb.config.project import working_directory
from daf_nb.errors import ConfigError

__all__ = ["Given", "anchored", "located"]


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

    Raises:
        ConfigError: as `located`.
    """
    # An empty text would be the folder itself; the field refuses it.
    if field not in PATHS or not isinstance(value, (str, Path)) or not str(value).strip():
        return value
    return located(value, folder)


def located(path: Path | str, folder: Path | None = None) -> Path:
    """An absolute path, `~` expanded.

    Args:
        path: as it was given.
        folder: that a relative one is seen from; None for the working directory.

    Raises:
        ConfigError: a home that nobody has, or a relative path without a working directory.
    """
    try:
        path = Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{str(path)!r} is no path: {error}") from error
    if path.is_absolute():
        return path
    return (folder if folder is not None else working_directory()) / path
