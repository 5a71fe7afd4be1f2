"""Frozen models, checked when made, whose errors say what came and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from daf_nb.errors import ConfigError, unknown_name

__all__ = ["Settings", "as_data"]


class Settings(BaseModel):
    """A frozen model whose errors say what came, what is allowed, and the nearest known name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(_said(type(self), error, values)) from None


def _said(model: type[BaseModel], error: ValidationError, values: Any) -> str:
    lines: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        name = _name(problem["loc"], values)
        if problem["type"] == "extra_forbidden":
            lines[name] = unknown_name(f"{model.__name__} field", name, model.model_fields)
        elif name in lines:  # another of the types that it may have
            other = problem["msg"].removeprefix("Input should be ")
            lines[name] = f"{lines[name].removesuffix('.')}, or {other}."
        else:
            said = problem["msg"].removeprefix("Value error, ").removesuffix(".")
            lines[name] = f"{name}={problem['input']!r}: {said}." if name else f"{said}."
    return " ".join(lines.values())


def _name(place: tuple[int | str, ...], given: Any) -> str:
    """Where it is in what was given; pydantic names the type that was tried, too."""
    parts: list[str] = []
    for part in place:
        if parts and not isinstance(given, (Mapping, list, tuple)):
            break
        parts.append(str(part))
        try:
            given = cast("Any", given)[part]
        except (LookupError, TypeError):
            given = None
    return ".".join(parts)


def as_data(value: Any) -> Any:
    """Ranges and choices say themselves how they are told as data."""
    if isinstance(value, dict):
        return {key: as_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_data(item) for item in value]
    return value.to_plain() if hasattr(value, "to_plain") else value
