"""Settings put together: call, then environment, then file, then profile, then default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from daf_nb.config.environment import FILE_VARIABLE, from_environment, variables
from daf_nb.config.files import LabFile, read_file, read_project
from daf_nb.config.given import Given, anchored
from daf_nb.config.lab_config import LabConfig
from daf_nb.config.profiles import TABLE
from daf_nb.config.secrets import without_login
from daf_nb.errors import ConfigError

__all__ = ["Resolved", "file_named_by_environment", "resolved"]


class Resolved(NamedTuple):
    """Settings, and where each came from.

    Attributes:
        config: the settings in force.
        sources: field -> where its value came from, in words.
        file: the file that was read, or None.
    """

    config: LabConfig
    sources: dict[str, str]
    file: Path | None


def resolved(calls: Mapping[str, Given], *, file: Path | None, root: Path) -> Resolved:
    """Puts the settings together.

    Args:
        calls: what was given by calls.
        file: the file that a call named, or None for the environment's or the project's.
        root: the project's folder.

    Raises:
        ConfigError: a name, a value or a file that cannot be, with where it came from.
    """
    environment = from_environment()
    named = file or file_named_by_environment()
    found = _read(named, by_call=file is not None) if named else read_project(root)
    fields = found.fields if found else {}
    profile = _profile(calls, environment, fields)
    layers = [
        _of_profile(profile, root),
        fields,
        found.profiles.get(profile or "", {}) if found else {},
        environment,
        calls,
    ]
    everything = [*layers, *(found.profiles.values() if found else ())]
    _check([given for layer in everything for given in layer.items()])
    merged: dict[str, Given] = {}
    for layer in layers:
        merged |= layer
    values = {name: _made(given.value, merged) for name, given in merged.items()}
    sources = {
        name: merged[name].source if name in merged else "default"
        for name in LabConfig.model_fields
    }
    return Resolved(LabConfig(**values), sources, found.path if found else None)


def file_named_by_environment() -> Path | None:
    """The file that DAF_NB_CONFIG names; None where it names none."""
    name = dict(variables()).get(FILE_VARIABLE)
    return Path(name).expanduser().absolute() if name else None


def _read(path: Path, *, by_call: bool) -> LabFile:
    try:
        return read_file(path)
    except ConfigError as error:
        raise error if by_call else ConfigError(f"{FILE_VARIABLE}: {error}") from None


def _profile(*layers: Mapping[str, Given]) -> str | None:
    for layer in layers:
        if "profile" in layer:
            _check([("profile", layer["profile"])])
            return layer["profile"].value
    return None


def _of_profile(profile: str | None, root: Path) -> dict[str, Given]:
    table = TABLE.get(profile or "", {})
    return {
        name: Given(anchored(name, value, root), f"profile {profile}")
        for name, value in table.items()
    }


def _made(value: Any, beside: Mapping[str, Given]) -> Any:
    """A profile's value may depend on what is set beside it."""
    return (
        value({name: given.value for name, given in beside.items()}) if callable(value) else value
    )


def _check(given: list[tuple[str, Given]]) -> None:
    """Refuses values that cannot be, also where another goes before them."""
    problems = []
    for name, (value, source) in given:
        if not callable(value):
            try:
                LabConfig(**{name: value})
            except ConfigError as error:
                problems.append(f"{source}: {without_login(str(error))}")
    if problems:
        raise ConfigError(" ".join(problems))
