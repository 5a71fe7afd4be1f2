"""Tasks as data: what a record holds of a curriculum, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from daf_nb.curriculum.parameters import from_plain, to_plain
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import ConfigError, unknown_name

__all__ = ["task_from_plain", "task_to_plain"]

_FIELDS = tuple(field.name for field in fields(Task))
_VALUES = ("env_kwargs", "config")


def task_to_plain(task: Task) -> dict[str, Any]:
    """A task as data; its functions are told by their names, and cannot be restored from it."""
    plain = {name: getattr(task, name) for name in _FIELDS}
    for name in _VALUES:
        plain[name] = {key: to_plain(value) for key, value in plain[name].items()}
    for name in ("success", "apply"):
        plain[name] = to_plain(plain[name])
    return plain


def task_from_plain(plain: Mapping[str, Any]) -> Task:
    """A task from the arguments of `add_task`, or from what `task_to_plain` gave.

    Raises:
        ConfigError: an unknown field, a value outside of what is allowed, or a function, which data
            cannot hold.
    """
    given = dict(plain)
    for name in given:
        if name not in _FIELDS:
            raise ConfigError(unknown_name("task field", name, _FIELDS))
    for name in ("name", "difficulty"):
        if name not in given:
            raise ConfigError(f"a task needs its {name}; {given!r} has none.")
    for name in _VALUES:
        values = given[name] = given.get(name) or {}
        if isinstance(values, Mapping):
            given[name] = {key: from_plain(value) for key, value in values.items()}
    for name in ("success", "apply"):
        if isinstance(given.get(name), Mapping):
            raise ConfigError(
                f"task {given['name']!r}: {name} was the function {given[name].get('name')!r}, "
                "which data cannot hold; give the task again."
            )
    for name in ("difficulty", "success"):
        if isinstance(given.get(name), list):
            given[name] = tuple(given[name])
    return Task(**given)
