"""Frozen models, checked when made, whose errors say what came and what is allowed."""

from __future__ import annotations

from typing import Any

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
            raise ConfigError(_said(type(self), error)) from None


def _said(model: type[BaseModel], error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(unknown_name(f"{model.__name__} field", name, model.model_fields))
        else:
            said = problem["msg"].removeprefix("Value error, ").removesuffix(".")
            lines.append(f"{name}={problem['input']!r}: {said}." if name else f"{said}.")
    return " ".join(lines)


def as_data(value: Any) -> Any:
    """Ranges and choices say themselves how they are told as data."""
    if isinstance(value, dict):
        return {key: as_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_data(item) for item in value]
    return value.to_plain() if hasattr(value, "to_plain") else value
