"""A tape that was read, made whole again by what its run's spec says."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

from pettingzoo.utils.env import ParallelEnv

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum import CurriculumManager
from daf_nb.envs import World, is_known_world
from daf_nb.envs.tape import Tape
from daf_nb.errors import ConfigError, RecordError
from daf_nb.record.redact import REDACTED

__all__ = ["made_whole"]


def made_whole(
    tape: Tape,
    spec: Mapping[str, Any],
    *,
    trust: bool,
    curriculum: CurriculumManager | None,
) -> Tape:
    """The tape with what it lacks and the spec has; what it lacks still is named in `missing`.

    Args:
        tape: from a record.
        spec: the run's.
        trust: whether the world, and what a task applies to it, may be imported by their names.
        curriculum: whose tasks were played; None for that of the spec.

    Raises:
        RecordError: the spec, or the curriculum, is not the one that the tape was played with.
    """
    try:
        if tape.world is None:
            tape = _with_world(tape, spec)
        if trust and tape.world is not None and not spec.get("world_instance"):
            own = tape.world.name == spec.get("world")
            tape = _with_code(tape, tape.world, spec, own=own)
        lacking = [m for m in tape.missing if m.startswith("setting.") and not m.endswith(".tag")]
        if lacking and (curriculum is not None or trust):
            tape = tape.remade(_course(spec, curriculum).remade)
    except (ConfigError, KeyError, TypeError, ValueError, AttributeError, ImportError) as error:
        raise RecordError(
            f"the tape of task {tape.task!r} cannot be made whole by the run's spec: {error}"
        ) from error
    return tape


def _with_world(tape: Tape, spec: Mapping[str, Any]) -> Tape:
    """The spec's world, less what was hidden there."""
    told, wrappers = spec.get("env_kwargs") or {}, spec.get("wrappers") or []
    hidden = [name for name, value in told.items() if REDACTED in repr(value)]
    kept = {name: value for name, value in told.items() if name not in hidden}
    pairs = tuple(w if isinstance(w, str) else (w[0], dict(w[1])) for w in wrappers)
    world = World(str(spec["world"]), kept, pairs)
    missing = [*tape.missing, *(f"world.env_kwargs[{name!r}]" for name in hidden)]
    missing += [
        f"world.wrappers[{place}]"
        for place, wrapper in enumerate(pairs)
        if REDACTED in repr(wrapper) or (isinstance(wrapper, str) and "." in wrapper)
    ]
    if spec.get("world_instance"):
        missing.append("world")
    return replace(tape, world=world, missing=tuple(missing))


def _with_code(tape: Tape, world: World, spec: Mapping[str, Any], *, own: bool) -> Tape:
    """Its world as what is imported by its name when it is built; and its wrappers, likewise."""
    found, wrappers = set[str](), list(world.wrappers)
    if isinstance(world.world, str) and not is_known_world(world.world):
        world = replace(world, world=_maker(world.world))
        found.add("world")
    for place, told in enumerate(spec.get("wrappers") or () if own else ()):
        name = f"world.wrappers[{place}]"
        if name in tape.missing and isinstance(told, str) and REDACTED not in told:
            wrappers[place] = _imported(told)
            found.add(name)
    missing = tuple(name for name in tape.missing if name not in found)
    return replace(tape, world=replace(world, wrappers=tuple(wrappers)), missing=missing)


def _maker(name: str) -> Callable[..., ParallelEnv]:
    def make(**env_kwargs: Any) -> ParallelEnv:
        return World(name, env_kwargs).build()

    module, _, attribute = name.partition(":")
    make.__module__, make.__qualname__ = module, attribute or "parallel_env"
    return make


def _course(spec: Mapping[str, Any], curriculum: CurriculumManager | None) -> Any:
    from daf_nb.learn.curriculum import CurriculumCourse

    if curriculum is None:
        told = dict(spec["curriculum_config"])
        told["tasks"] = [_with_functions(task) for task in told["tasks"]]
        curriculum = CurriculumManager(CurriculumConfig(**told))
    return CurriculumCourse(curriculum, lambda episode: None)


def _with_functions(task: Mapping[str, Any]) -> dict[str, Any]:
    """What it applies is imported; its success is not asked for here."""
    found = {**task, "success": None}
    if isinstance(found.get("apply"), Mapping):
        found["apply"] = _imported(str(found["apply"]["name"]))
    return found


def _imported(path: str) -> Any:
    """What a dotted name stands for: its longest part that is a module, and the rest in it."""
    parts = path.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:count]))
            return reduce(getattr, parts[count:], module)
        except (AttributeError, ImportError):
            continue
    raise ConfigError(f"nothing is found under {path!r}; give the curriculum: curriculum=...")
