"""What the learner sees: of a world as it is, or of all worlds that a curriculum's tasks make."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

from daf_nb.curriculum import Change, CurriculumManager, Task
from daf_nb.envs import (
    Layout,
    Watch,
    World,
    agent_spaces,
    close_world,
    merge_layouts,
    preflight,
)
from daf_nb.errors import ConfigError, DafWarning, TaskGenerationError

__all__ = ["check_alike", "plain_layout", "task_layout"]

_MOST_VARIANTS = 64


def task_layout(manager: CurriculumManager, world: World) -> tuple[Layout, list[Change]]:
    """What the learner sees of all tasks: their agents' union, padded and with goals where asked.

    Builds a world for each choice of constructor arguments, and for the ends of their ranges.

    Returns:
        The layout; and the tasks that were left out, as changes for the journal.

    Raises:
        TaskGenerationError: a task's world cannot be made, and is not to be left out.
        ConfigError: spaces of tasks differ, or a goal cannot be appended.
    """
    found: dict[str, Any] = {}
    variants: dict[str, Any] = {}
    changes: list[Change] = []
    for task in manager.book:
        for number, env_kwargs in enumerate(_variants(task)):
            key = repr(sorted(env_kwargs.items()))
            if key not in found:
                try:
                    found[key] = _spaces_of(task, world.changed(env_kwargs))
                except TaskGenerationError as error:
                    changes += manager.leave_out(error, task.name)
                    warnings.warn(f"left out: {error}", DafWarning, stacklevel=2)
                    break
            variants[f"{task.name} {env_kwargs}" if number else task.name] = found[key]
    goals = manager.book.goals()
    size = 0 if goals is None else len(goals.names)
    return merge_layouts(variants, pad=manager.config.pad_spaces, goal_size=size), changes


def plain_layout(world: World) -> Layout:
    """What the learner sees of a world as it is."""
    env = world.build()
    try:
        return Layout(agent_spaces(env))
    finally:
        close_world(env, world.name)


def check_alike(layout: Layout, task: str, world: World, watch: Watch) -> None:
    """Looks whether policies can learn on another world.

    Args:
        layout: what they were made for.
        task: what the other world is visited as.
        world: the other world.
        watch: of the calling thread.

    Raises:
        ConfigError: its agents or spaces differ from those trained.
    """
    spaces = preflight(world, watch=watch).spaces
    if spaces != layout.spaces:
        listing = "; ".join(f"{agent}: {its}" for agent, its in spaces.items())
        ours = "; ".join(f"{agent}: {its}" for agent, its in layout.spaces.items())
        raise ConfigError(
            f"task {task!r} has other agents or spaces ({listing}) than the policies were made for "
            f"({ours})."
        )


def _spaces_of(task: Task, world: World) -> Any:
    try:
        return plain_layout(world).spaces
    except Exception as error:
        raise TaskGenerationError(
            f"task {task.name!r} cannot be made: {error}", task=task.name
        ) from error


def _variants(task: Task) -> list[dict[str, Any]]:
    """Every combination of corners; of too many, all first, all last, and one other at a time."""
    corners = task.corners()
    if math.prod(len(values) for values in corners.values()) <= _MOST_VARIANTS:
        combinations = itertools.product(*corners.values())
        return [dict(zip(corners, values, strict=True)) for values in combinations]
    found = []
    for end in (0, -1):
        base = {name: values[end] for name, values in corners.items()}
        found.append(base)
        found += [{**base, name: value} for name, values in corners.items() for value in values]
    return found
