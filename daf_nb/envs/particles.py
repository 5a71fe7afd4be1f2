"""mpe2's physics in Python floats: the same operations in the same order, hence the same bits.

mpe2 computes on arrays of two numbers, where numpy spends its time on being called. Everything here
follows `mpe2._mpe_utils.core.World.step` line by line; the tests compare whole episodes bit by bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from daf_nb.envs.followed import follows
from daf_nb.envs.turns import observed

__all__ = ["Particles", "log_add_exp_of_zero"]

_LOG_2 = math.log(2)


class Particles:
    """One episode of a particle world: what `SimpleEnv.step` does at the last agent of a cycle.

    For the other agents it only notes the action and clears rewards.

    Args:
        raw: mpe2's world, just reset; see `fits`.
    """

    def __init__(self, raw: Any) -> None:
        from mpe2._mpe_utils.core import World

        self._raw = raw
        self._quick = isinstance(raw.world, World) and follows("particles", raw.world)

    @staticmethod
    def fits(raw: Any) -> bool:
        """Whether this world, just reset, does nothing but what is followed here."""
        return raw.render_mode != "human" and follows("particles", raw)

    def cycle(self, actions: Sequence[Any]) -> dict[str, float]:
        """Everybody acts, then the world moves; returns agent -> reward."""
        raw = self._raw
        raw.current_actions = list(actions)
        if self._quick:
            raw.world.step = partial(_step, raw.world)
        try:
            raw._execute_world_step()
        finally:
            if self._quick:
                del raw.world.step
        raw.steps += 1
        if raw.steps >= raw.max_cycles:
            raw.truncations = dict.fromkeys(raw.agents, True)
        elif raw.scenario.is_terminal(raw.world):
            raw.terminations = dict.fromkeys(raw.agents, True)
        return dict(raw.rewards)

    def observe(self) -> dict[str, Any]:
        """Agent -> what it sees now."""
        return observed(self._raw)


def _step(world: Any) -> None:
    agents, entities = world.agents, world.entities
    plain = world.dim_p == 2 and not any(
        agent.action_callback or agent.u_noise or agent.c_noise for agent in agents
    )
    places = [entity.state.p_pos.tolist() for entity in entities]
    forces: list[tuple[float, float] | None] = [None] * len(entities)
    if not plain or not _push(world, entities, places, forces):
        type(world).step(world)
        return
    for entity, place, force in zip(entities, places, forces, strict=True):
        if entity.movable:
            _move(world, entity, place, force)
    for agent in agents:
        agent.state.c = np.zeros(world.dim_c) if agent.silent else agent.action.c + 0.0


def _push(
    world: Any,
    entities: list[Any],
    places: list[list[float]],
    forces: list[tuple[float, float] | None],
) -> bool:
    """Sums the forces on each entity; False where two are in one place, which has no direction."""
    for i, agent in enumerate(world.agents):
        if agent.movable:
            ux, uy = agent.action.u.tolist()
            forces[i] = (ux + 0.0, uy + 0.0)
    margin, contact = world.contact_margin, world.contact_force
    colliders = [i for i, entity in enumerate(entities) if entity.collide]
    for position, a in enumerate(colliders):
        first, (ax, ay) = entities[a], places[a]
        for b in colliders[position + 1 :]:
            second, (bx, by) = entities[b], places[b]
            dx, dy = ax - bx, ay - by
            distance = math.sqrt(dx * dx + dy * dy)
            if distance == 0.0:
                return False
            overlap = -(distance - (first.size + second.size)) / margin
            penetration = log_add_exp_of_zero(overlap) * margin
            fx = contact * dx / distance * penetration
            fy = contact * dy / distance * penetration
            if first.movable:
                gx, gy = forces[a] or (0.0, 0.0)
                forces[a] = (fx + gx, fy + gy)
            if second.movable:
                gx, gy = forces[b] or (0.0, 0.0)
                forces[b] = (-fx + gx, -fy + gy)
    return True


def log_add_exp_of_zero(y: float) -> float:
    """`numpy.logaddexp(0, y)`, branch by branch."""
    if y == 0.0:
        return _LOG_2
    return math.log1p(math.exp(y)) if y < 0.0 else y + math.log1p(math.exp(-y))


def _move(world: Any, entity: Any, place: list[float], force: tuple[float, float] | None) -> None:
    state, dt, kept = entity.state, world.dt, 1 - world.damping
    vx, vy = state.p_vel.tolist()
    state.p_pos[:] = place[0] + vx * dt, place[1] + vy * dt
    vx, vy = vx * kept, vy * kept
    if force is not None:
        mass = entity.mass
        vx += force[0] / mass * dt
        vy += force[1] / mass * dt
    if entity.max_speed is not None:
        speed = math.sqrt(vx * vx + vy * vy)
        if speed > entity.max_speed:
            vx, vy = vx / speed * entity.max_speed, vy / speed * entity.max_speed
    state.p_vel = np.array([vx, vy])
