"""The lab's settings in a file: TOML or JSON, read as data."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from daf_nb.config.given import Given, anchored
from daf_nb.config.lab_config import PROFILES, LabConfig
from daf_nb.config.project import LAB_FILES
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["PYPROJECT", "LabFile", "read_file", "read_project"]

PYPROJECT = "pyproject.toml"
SECTION = ("tool", "daf_nb")
PROFILE_TABLES = "profiles"


class LabFile(NamedTuple):
    """What a file says.

    Attributes:
        path: the file.
        fields: field -> value, for every profile.
        profiles: profile -> field -> value, which go before `fields`.
    """

    path: Path
    fields: dict[str, Given]
    profiles: dict[str, dict[str, Given]]


def read_project(root: Path) -> LabFile | None:
    """The file of a project: `daf_nb.toml`, else `daf_nb.json`, else `pyproject.toml`'s section.

    Raises:
        ConfigError: as `read_file`.
    """
    for name in LAB_FILES:
        if (root / name).exists():
            return read_file(root / name)
    path = root / PYPROJECT
    # Errors in a file that says nothing of daf_nb are not ours to refuse.
    if not path.is_file() or SECTION[-1] not in _text(path) or _section(_document(path)) is None:
        return None
    return read_file(path)


def read_file(path: Path) -> LabFile:
    """What a file says. Of a `pyproject.toml`, its section [tool.daf_nb].

    Raises:
        ConfigError: it cannot be read, or has a key that is no setting.
    """
    data, prefix = _document(path), ""
    if path.name == PYPROJECT:
        section = _section(data)
        if section is None:
            raise ConfigError(f"{path} has no section [{'.'.join(SECTION)}].")
        data, prefix = section, f"{'.'.join(SECTION)}."
    tables = data.get(PROFILE_TABLES, {})
    if not isinstance(tables, Mapping):
        raise ConfigError(f"{path}: {PROFILE_TABLES}={tables!r} is no table of profiles.")
    unknown = [unknown_name("profile", name, PROFILES) for name in tables if name not in PROFILES]
    if unknown:
        raise ConfigError(f"{path}: {' '.join(unknown)}")
    own = {key: value for key, value in data.items() if key != PROFILE_TABLES}
    return LabFile(
        path,
        _fields(path, own, prefix, {*LabConfig.model_fields}),
        {
            name: _fields(
                path,
                table,
                f"{prefix}{PROFILE_TABLES}.{name}.",
                {*LabConfig.model_fields} - {"profile"},
            )
            for name, table in tables.items()
        },
    )


def _fields(path: Path, table: Any, prefix: str, known: set[str]) -> dict[str, Given]:
    where = f"{path} [{prefix.rstrip('.')}]" if prefix else f"{path}"
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where} is no table of settings.")
    unknown = [unknown_name("key", key, known) for key in table if key not in known]
    if unknown:
        raise ConfigError(f"{where}: {' '.join(unknown)}")
    return {
        # TOML has no word for None.
        key: Given(
            None if value == "none" else anchored(key, value, path.parent),
            f"file {path}:{prefix}{key}",
        )
        for key, value in table.items()
    }


def _document(path: Path) -> Mapping[str, Any]:
    readers = {".toml": tomllib.loads, ".json": json.loads}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"{path}: settings are read from a .toml or a .json file.")
    try:
        data = reader(_text(path))
    except ConfigError:
        raise
    except (ValueError, RecursionError) as error:  # TOML's and JSON's are ValueErrors
        raise ConfigError(f"{path} is no {path.suffix[1:].upper()}: {error}.") from error
    if not isinstance(data, Mapping):
        raise ConfigError(f"{path} holds no table of settings, but {type(data).__name__}.")
    return data


def _text(path: Path) -> str:
    try:
        with open(path, encoding="utf-8", opener=_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError(
                    f"{path} is a pipe or a device; settings are read from a regular file."
                )
            return file.read()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no text in UTF-8: {error}.") from error


def _at_once(path: str, flags: int) -> int:
    """Opens without waiting: a named pipe would wait for somebody who writes to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _section(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for name in SECTION:
        data = data.get(name, None)
        if not isinstance(data, Mapping):
            return None
    return data
