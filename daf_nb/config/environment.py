"""The lab's settings in environment variables: `DAF_NB_` and a field's name in capitals."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from daf_nb.config.given import Given, anchored
from daf_nb.config.lab_config import WHOLE, LabConfig
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["FILE_VARIABLE", "from_environment", "variables"]

PREFIX = "DAF_NB_"
FILE_VARIABLE = f"{PREFIX}CONFIG"
"""Names the file of settings."""

OLDER_NAMES = {"DAF_NB_RUNS": "runs_dir"}


def variables() -> tuple[tuple[str, str], ...]:
    """The environment variables that are daf_nb's, as they are now; case does not count."""
    # Asked one by one: another thread may change the environment meanwhile.
    found = [(name, os.environ.get(name)) for name in list(os.environ) if _is_ours(name)]
    return tuple(sorted((name.upper(), value) for name, value in found if value is not None))


def from_environment() -> dict[str, Given]:
    """What the environment says, by field. An empty variable says nothing, and `none` says None.

    Raises:
        ConfigError: a variable that begins with DAF_NB_ and is no field's.
    """
    known = {_name_of(field): field for field in LabConfig.model_fields} | OLDER_NAMES
    found = dict(variables())
    allowed = {*known, FILE_VARIABLE}
    unknown = [unknown_name("environment variable", name, allowed) for name in {*found} - allowed]
    if unknown:
        raise ConfigError(" ".join(sorted(unknown)))
    given = {
        field: Given(_parsed(field, value), f"environment variable {_name_of(field)}")
        for field, value in _source()().items()
    }
    for name, field in OLDER_NAMES.items():
        if field not in given and (value := found.get(name)):
            given[field] = Given(_parsed(field, value), f"environment variable {name}")
    return given


def _parsed(field: str, value: Any) -> Any:
    if field in WHOLE and isinstance(value, str):
        try:
            return TypeAdapter(int).validate_python(value)
        except ValidationError:
            return value  # the field refuses it, and says where it came from
    return anchored(field, value)


def _name_of(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


def _is_ours(name: str) -> bool:
    return name.upper().startswith(PREFIX)


def _source() -> Any:
    from pydantic_settings import EnvSettingsSource

    return EnvSettingsSource(_model())


@cache
def _model() -> Any:
    # Loaded on first use: a world in a worker process needs no settings.
    from pydantic_settings import BaseSettings, SettingsConfigDict

    class Environment(LabConfig, BaseSettings):
        """The fields, for pydantic-settings to read; texts are decoded by the fields' own rules."""

        model_config = SettingsConfigDict(
            env_prefix=PREFIX,
            env_ignore_empty=True,
            env_parse_none_str="none",
            enable_decoding=False,
        )

    return Environment
