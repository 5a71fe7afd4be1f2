"""Worlds and settings as plain data for tapes: what is kept, and by name what could not be."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from daf_nb.envs.coding import decode, encode
from daf_nb.envs.settings import Setting
from daf_nb.envs.stages import set_stage
from daf_nb.envs.worlds import World, Wrapper

__all__ = ["setting_to_plain", "to_setting", "to_world", "world_to_plain"]

_MOST_STAGES = 2**31


def world_to_plain(world: World | None, missing: list[str]) -> Any:
    """A world in terms of JSON; adds to `missing` what is no plain data."""
    if world is None:
        return None
    if not isinstance(world.world, str):
        missing.append("world")
    wrappers = [
        _encoded(_as_told(wrapper), f"world.wrappers[{place}]", missing)
        for place, wrapper in enumerate(world.wrappers)
    ]
    return {
        "name": world.name,
        "env_kwargs": _encoded_values(world.env_kwargs, "world.env_kwargs", missing),
        "wrappers": wrappers,
    }


def to_world(plain: Any) -> World | None:
    """What `world_to_plain` was given, less what was missing; nothing is built.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it gives no such thing.
    """
    if plain is None:
        return None
    wrappers = [decode(wrapper) for wrapper in plain["wrappers"]]
    return World(
        str(plain["name"]),
        _decoded_values(plain["env_kwargs"]),
        tuple(wrapper if isinstance(wrapper, tuple) else str(wrapper) for wrapper in wrappers),
    )


def setting_to_plain(setting: Setting | None, name: str, missing: list[str]) -> Any:
    """A setting in terms of JSON; adds to `missing`, under `name`, what is no plain data."""
    if setting is None:
        return None
    tag = setting.tag
    if dataclasses.is_dataclass(tag) and not isinstance(tag, type):
        tag = {field.name: getattr(tag, field.name) for field in dataclasses.fields(tag)}
    stage = _stage(setting)
    if stage is None and setting.prepare is not None:
        missing.append(f"{name}.prepare")
    return {
        "task": setting.task,
        "env_kwargs": _encoded_values(setting.env_kwargs, f"{name}.env_kwargs", missing),
        "options": _encoded_values(setting.options, f"{name}.options", missing),
        "stage": stage,
        "goal": None if setting.goal is None else encode(np.asarray(setting.goal)),
        "tag": _encoded(tag, f"{name}.tag", missing),
        "family": setting.family if isinstance(setting.family, str) else None,
    }


def to_setting(plain: Any) -> Setting | None:
    """What `setting_to_plain` was given, less what was missing; its tag a dict if a dataclass.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it gives no such thing.
    """
    if plain is None:
        return None
    goal, stage, family = decode(plain["goal"]), plain["stage"], plain["family"]
    if goal is not None and not (isinstance(goal, np.ndarray) and goal.ndim == 1):
        raise ValueError("a goal is no list of numbers")
    if stage is not None and not (type(stage) is int and 0 <= stage < _MOST_STAGES):
        raise ValueError(f"stage {stage!r} cannot be")
    return Setting(
        task=str(plain["task"]),
        env_kwargs=_decoded_values(plain["env_kwargs"]),
        options=_decoded_values(plain["options"]),
        prepare=None if stage is None else partial(set_stage, stage),
        goal=goal,
        tag=decode(plain["tag"]),
        family=None if family is None else str(family),
    )


def _as_told(wrapper: Wrapper) -> Any:
    if isinstance(wrapper, str) or callable(wrapper):
        return wrapper
    name, kwargs = wrapper
    return name, dict(kwargs)


def _stage(setting: Setting) -> int | None:
    """The stage that the setting prepares, if that is all it does."""
    prepare = setting.prepare
    if not (isinstance(prepare, partial) and prepare.func is set_stage and not prepare.keywords):
        return None
    (stage,) = prepare.args
    return stage if type(stage) is int and 0 <= stage < _MOST_STAGES else None


def _encoded(value: Any, name: str, missing: list[str]) -> Any:
    try:
        return encode(value)
    except (TypeError, RecursionError):
        missing.append(name)
        return None


def _encoded_values(values: Mapping[str, Any], name: str, missing: list[str]) -> dict[str, Any]:
    """Value by value, so that one that is no plain data does not take the others with it."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        before = len(missing)
        code = _encoded(value, f"{name}[{key!r}]", missing)
        if len(missing) == before:
            kept[str(key)] = code
    return kept


def _decoded_values(plain: Any) -> dict[str, Any]:
    return {key: decode(code) for key, code in plain.items()}
