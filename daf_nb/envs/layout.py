"""One layout for the worlds of all tasks: what the learner sees, whatever is being played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from gymnasium import spaces

from daf_nb.envs.settings import Setting
from daf_nb.envs.spaces import AgentSpaces, storage
from daf_nb.errors import ConfigError

__all__ = ["Layout", "merge_layouts", "misfit"]


@dataclass(frozen=True)
class Layout:
    """The agents and spaces that the learner sees; worlds of single tasks may have less.

    Attributes:
        spaces: agent -> its spaces, padding and goal included, in the order of rows.
        goal_size: how many numbers of a setting's goal end each observation.
        padded_actions: some task's world has fewer actions than the learner sees; the action masks
            forbid the rest.
    """

    spaces: Mapping[str, AgentSpaces]
    goal_size: int = 0
    padded_actions: bool = False

    def refuse_goal(self, setting: Setting) -> None:
        """Stops at a setting whose goal does not fit.

        Raises:
            ConfigError: it does not.
        """
        size, goal = self.goal_size, setting.goal
        if goal is not None and (np.shape(goal) != (size,) or not np.isfinite(goal).all()):
            raise ConfigError(
                f"{setting}: goal {goal!r}; {size} finite numbers are needed, as the layout's "
                "goal_size says."
            )


def merge_layouts(
    variants: Mapping[str, Mapping[str, AgentSpaces]], *, pad: bool = False, goal_size: int = 0
) -> Layout:
    """The layout that holds the worlds of all tasks.

    Agents are the union of the tasks' agents, those of the task with the most agents first.
    Agents that are alike in every task in which they meet are padded to one shape, so that they can
    still share a policy.

    Args:
        variants: task -> agent -> spaces of that task's world.
        pad: end shorter observations with zeros, and let fewer actions be more with the rest
            masked.
        goal_size: length of the goal that ends each observation; 0 for none.

    Raises:
        ConfigError: the spaces of an agent differ and may not or cannot be padded, or a goal cannot
            be appended to what an agent sees.
    """
    assert variants, "a curriculum has tasks"
    agents: dict[str, dict[str, AgentSpaces]] = {}
    for task in sorted(variants, key=lambda task: -len(variants[task])):  # stable
        for agent in variants[task]:
            agents.setdefault(agent, {})
    for agent, by_task in agents.items():
        by_task.update((task, its[agent]) for task, its in variants.items() if agent in its)
    merged = {agent: _common(agent, by_task, pad) for agent, by_task in agents.items()}
    if pad:
        for family in _families(agents):
            common = _padded([merged[agent] for agent in family])
            assert not isinstance(common, str), "each of them could be padded, and they have met"
            merged.update(dict.fromkeys(family, common))
    padded_actions = any(
        its.action != merged[agent].action
        for agent, by_task in agents.items()
        for its in by_task.values()
    )
    if goal_size:
        merged = {agent: _with_goal(agent, its, goal_size) for agent, its in merged.items()}
    return Layout(merged, goal_size, padded_actions)


def misfit(layout: Layout, own: Mapping[str, AgentSpaces], *, exact: bool) -> str | None:
    """Why a world with the spaces `own` cannot be played on a layout; None where it can.

    Args:
        layout: what the learner sees.
        own: agent -> spaces of the world.
        exact: nothing may be padded.
    """
    for agent, its in own.items():
        if agent not in layout.spaces:
            return f"{agent} is not among the agents laid out: {', '.join(layout.spaces)}"
        slot = layout.spaces[agent]
        if not _holds_observation(slot.observation, its.observation, layout.goal_size, exact):
            room = f", {layout.goal_size} of it for the goal" if layout.goal_size else ""
            return f"{agent} observes {its.observation}; expected {slot.observation}{room}"
        if not _holds_action(slot.action, its.action, exact):
            return f"{agent} acts in {its.action}; expected {slot.action}"
    return None


def _holds_observation(slot: spaces.Space, own: spaces.Space, goal_size: int, exact: bool) -> bool:
    (shape, dtype), (inner, inner_dtype) = storage(slot), storage(own)
    if type(own) is not type(slot) or inner_dtype != dtype:
        return False
    if isinstance(slot, spaces.Box) and len(shape) == len(inner) == 1:
        room = shape[0] - goal_size
        return inner[0] == room if exact else inner[0] <= room
    return own == slot if isinstance(slot, spaces.Discrete) else inner == shape


def _holds_action(slot: spaces.Space, own: spaces.Space, exact: bool) -> bool:
    if isinstance(slot, spaces.Discrete) and isinstance(own, spaces.Discrete):
        return own.n == slot.n if exact else own.n <= slot.n
    if isinstance(slot, spaces.Box) and isinstance(own, spaces.Box):
        return (own.shape, own.dtype) == (slot.shape, slot.dtype)
    return own == slot


def _common(agent: str, by_task: Mapping[str, AgentSpaces], pad: bool) -> AgentSpaces:
    """The spaces of one agent over all tasks."""
    kinds = list(by_task.values())
    if all(kind == kinds[0] for kind in kinds):
        return kinds[0]
    listing = "\n".join(f"  {task}: {its}" for task, its in by_task.items())
    if not pad:
        raise ConfigError(
            f"one policy is to learn all tasks, but the spaces of {agent} differ:\n{listing}\n"
            "Either pad them (pad_spaces=True in the CurriculumConfig), or use arguments of the "
            "world that keep its shapes, such as num_agent_neighbors of mpe2's worlds."
        )
    common = _padded(kinds)
    if isinstance(common, str):
        raise ConfigError(
            f"the {common} of {agent} cannot be padded to one shape:\n{listing}\nObservations can "
            "be padded where all are one-dimensional Boxes of one dtype, actions where all are "
            "Discrete. Bring the others to one shape with wrappers or with arguments of the world."
        )
    return common


def _families(agents: Mapping[str, Mapping[str, AgentSpaces]]) -> list[list[str]]:
    """Agents that meet in some task, and are alike wherever they do."""

    def meetings(one: str, other: str) -> list[bool]:
        theirs = agents[other]
        return [its == theirs[task] for task, its in agents[one].items() if task in theirs]

    families: list[list[str]] = []
    for agent in agents:
        for family in families:
            met = [alike for member in family for alike in meetings(agent, member)]
            if met and all(met):
                family.append(agent)
                break
        else:
            families.append([agent])
    return families


def _padded(kinds: Sequence[AgentSpaces]) -> AgentSpaces | str:
    """Spaces that hold all of `kinds`, or the word for what cannot be padded."""
    observation = _padded_observation([its.observation for its in kinds])
    action = _padded_action([its.action for its in kinds])
    if observation is None or action is None:
        return "actions" if observation is not None else "observations"
    return AgentSpaces(observation, action, masked=any(its.masked for its in kinds))


def _padded_observation(kinds: Sequence[spaces.Space]) -> spaces.Space | None:
    if all(kind == kinds[0] for kind in kinds):
        return kinds[0]
    boxes = [kind for kind in kinds if isinstance(kind, spaces.Box) and len(kind.shape) == 1]
    if len(boxes) < len(kinds) or len({box.dtype for box in boxes}) > 1:
        return None
    longest = max(box.shape[0] for box in boxes)

    def stretched(bounds: Any) -> np.ndarray:
        return np.pad(bounds, (0, longest - len(bounds)))

    low = np.minimum.reduce([stretched(box.low) for box in boxes])
    high = np.maximum.reduce([stretched(box.high) for box in boxes])
    return _box(low, high, boxes[0].dtype)


def _padded_action(kinds: Sequence[spaces.Space]) -> spaces.Space | None:
    if all(kind == kinds[0] for kind in kinds):
        return kinds[0]
    if not all(isinstance(kind, spaces.Discrete) for kind in kinds):
        return None
    return max(kinds, key=lambda kind: kind.n)  # type: ignore[attr-defined] - all are Discrete


def _with_goal(agent: str, its: AgentSpaces, goal_size: int) -> AgentSpaces:
    seen = its.observation
    if not (isinstance(seen, spaces.Box) and len(seen.shape) == 1 and seen.dtype.kind == "f"):
        raise ConfigError(
            f"{agent} observes {seen}: a task's goal can be appended to a one-dimensional Box of "
            "floats only. Flatten the observation with a wrapper, or leave the goal out."
        )
    low, high = np.zeros(goal_size, seen.dtype), np.ones(goal_size, seen.dtype)
    joined = _box(np.append(seen.low, low), np.append(seen.high, high), seen.dtype)
    return replace(its, observation=joined)


def _box(low: np.ndarray, high: np.ndarray, dtype: Any) -> spaces.Box:
    return spaces.Box(low.astype(dtype), high.astype(dtype), dtype=dtype)
