"""mpe2's simple_spread and simple_tag in Python floats, from the actions to the views.

What mpe2 computes on arrays of two numbers is computed here on the numbers, in its order, hence the
same bits; all views are gathered from one array. Positions and velocities are read from the world's
own agents and written back in every step, so that rendering, `state` and whoever else looks finds
them there. Sizes, speeds and the like are read at the beginning of each episode.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from daf_nb.envs.followed import follows
from daf_nb.envs.particles import Particles, log_add_exp_of_zero
from daf_nb.envs.scene_views import view_parts

__all__ = ["Scenes"]

Places = list[list[float]]

_WAYS = ((0.0, 0.0), (-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0))
_NOTHING = -746.0  # exp of this and of what is less is zero


class Scenes:
    """One episode of simple_spread or simple_tag.

    Args:
        raw: mpe2's world, just reset; see `fits`.
    """

    def __init__(self, raw: Any) -> None:
        self._raw, self._world, self._otherwise = raw, raw.world, Particles(raw)
        world = raw.world
        agents, entities = world.agents, world.entities
        self._number = len(agents)
        self._names = [agent.name for agent in agents]
        self._states = [entity.state for entity in entities]
        self._pairs = [
            (a, b, first.size + second.size, second.movable)
            for a, first in enumerate(agents)
            for b, second in enumerate(entities[a + 1 :], start=a + 1)
            if first.collide and second.collide
        ]
        self._thrust = [5.0 if agent.accel is None else agent.accel for agent in agents]
        self._pushes = [[[x * thrust, y * thrust] for x, y in _WAYS] for thrust in self._thrust]
        self._kinds = [(agent.mass, agent.max_speed) for agent in agents]
        self._begun = False
        self._rewards: Callable[[Places], list[float]]
        tag = _kind_of(raw.scenario) == "simple_tag"
        self._rewards = self._tag_rewards if tag else self._spread_rewards
        others = len(entities)
        self._index, self._parts = view_parts(
            tuple(tag and agent.adversary for agent in agents),
            tuple(not (tag and landmark.boundary) for landmark in world.landmarks),
            silence=0 if tag else world.dim_c,
        )
        own = 2 * self._number
        self._source = np.zeros(own + 2 * others + own * others + 1)
        self._places = self._source[own:][: 2 * others].reshape(others, 2)
        self._own_places = self._places[: self._number, None]
        self._apart = self._source[own + 2 * others : -1].reshape(self._number, others, 2)
        self._note(*self._read())

    @staticmethod
    def fits(raw: Any) -> bool:
        """Whether this world, just reset, does nothing but what is followed here."""
        scenario, world = raw.scenario, raw.world
        kind = _kind_of(scenario)
        return (
            bool(kind)
            and Particles.fits(raw)
            and follows("particles", raw, world)
            and follows("scenes", raw, world)
            and follows(kind, scenario)
            and scenario.num_agent_neighbors is None
            and scenario.num_landmark_neighbors is None
            and (world.dim_p, len(world.agents) > 0) == (2, True)
            and (kind == "simple_tag" or raw.local_ratio is not None)
            and all(agent.movable and agent.silent for agent in world.agents)
            and not any(a.action_callback or a.u_noise or a.c_noise for a in world.agents)
            and not any(landmark.movable for landmark in world.landmarks)
        )

    def cycle(self, actions: Sequence[Any]) -> dict[str, float]:
        """Everybody acts, then the world moves; returns agent -> reward."""
        raw, world, number = self._raw, self._world, self._number
        places, speeds = self._read()
        forces = self._wanted(actions)
        wanted = [*forces]
        if not self._push(places, forces):
            rewards = self._otherwise.cycle(actions)
            self._note(*self._read())
            return rewards
        self._move(places, speeds, forces)
        pairs = np.array(speeds + wanted)  # new ones in every step, as mpe2 makes them
        for agent, place, speed, u in zip(
            world.agents, places, pairs[:number], pairs[number:], strict=False
        ):
            agent.action._u = u
            agent.state._p_vel = speed
            at = agent.state._p_pos
            at[0], at[1] = place
        self._note(places, speeds)
        if not self._begun:
            self._begun = True
            for agent in world.agents:
                agent.action.c = np.zeros(world.dim_c)
        rewards = raw.rewards = dict(zip(self._names, self._rewards(places), strict=True))
        raw._populate_benchmark_data()
        raw.steps += 1
        if raw.steps >= raw.max_cycles:
            raw.truncations = dict.fromkeys(raw.agents, True)
        elif raw.scenario.is_terminal(world):
            raw.terminations = dict.fromkeys(raw.agents, True)
        return rewards.copy()

    def observe(self) -> dict[str, np.ndarray]:
        """Agent -> its view, float32; all are parts of one array."""
        np.subtract(self._places, self._own_places, out=self._apart)
        views = self._source.take(self._index).astype(np.float32)
        return {name: views[part] for name, part in zip(self._names, self._parts, strict=True)}

    def _read(self) -> tuple[Places, Places]:
        return (
            [state._p_pos.tolist() for state in self._states],
            [state._p_vel.tolist() for state in self._states[: self._number]],
        )

    def _note(self, places: Places, speeds: Places) -> None:
        numbers = [number for pair in speeds + places for number in pair]
        self._source[: len(numbers)] = numbers

    def _wanted(self, actions: Sequence[Any]) -> Places:
        """What each agent pushes itself with."""
        if self._raw.continuous_actions:
            wanted = []
            for action, sensitivity in zip(actions, self._thrust, strict=True):
                x, y = (action[2:5:2] - action[1:4:2]).tolist()  # in the actions' own precision
                wanted.append([(0.0 + x) * sensitivity, (0.0 + y) * sensitivity])
            return wanted
        return [push[int(a) % 5] for push, a in zip(self._pushes, actions, strict=True)]

    def _push(self, places: Places, forces: Places) -> bool:
        """Adds what bodies do to each other; False where two are in one place."""
        margin, contact = self._world.contact_margin, self._world.contact_force
        for agent, (x, y) in enumerate(forces):
            forces[agent] = [x + 0.0, y + 0.0]
        for a, b, touching, movable in self._pairs:
            (ax, ay), (bx, by) = places[a], places[b]
            dx, dy = ax - bx, ay - by
            distance = math.sqrt(dx * dx + dy * dy)
            if distance == 0.0:
                return False
            overlap = -(distance - touching) / margin
            if overlap < _NOTHING:
                continue
            penetration = log_add_exp_of_zero(overlap) * margin
            fx = contact * dx / distance * penetration
            fy = contact * dy / distance * penetration
            x, y = forces[a]
            forces[a] = [fx + x, fy + y]
            if movable:
                x, y = forces[b]
                forces[b] = [-fx + x, -fy + y]
        return True

    def _move(self, places: Places, speeds: Places, forces: Places) -> None:
        dt, kept = self._world.dt, 1 - self._world.damping
        for place, speed, (fx, fy), (mass, most) in zip(
            places, speeds, forces, self._kinds, strict=False
        ):
            vx, vy = speed
            place[0] += vx * dt
            place[1] += vy * dt
            vx, vy = vx * kept + fx / mass * dt, vy * kept + fy / mass * dt
            if most is not None:
                pace = math.sqrt(vx * vx + vy * vy)
                if pace > most:
                    vx, vy = vx / pace * most, vy / pace * most
            speed[:] = vx, vy

    def _touch(self, places: Places, one: int, other: int) -> bool:
        (ax, ay), (bx, by) = places[one], places[other]
        dx, dy = ax - bx, ay - by
        agents = self._world.agents
        return math.sqrt(dx * dx + dy * dy) < agents[one].size + agents[other].size

    def _spread_rewards(self, places: Places) -> list[float]:
        raw, number, agents = self._raw, self._number, self._world.agents
        scenario, local, own = raw.scenario, raw.local_ratio, places[: self._number]
        shared = 0.0
        for x, y in places[number:]:
            squares = [(ax - x) * (ax - x) + (ay - y) * (ay - y) for ax, ay in own]
            shared -= math.sqrt(min(squares))
        bumped = [0.0] * number
        stage = scenario.CURRICULUM_STAGES[scenario.curriculum_stage]
        if not scenario.curriculum or stage["collision_penalty"]:
            for one, (ax, ay) in enumerate(own):
                for other in range(one + 1, number):
                    bx, by = own[other]
                    apart = math.sqrt((ax - bx) * (ax - bx) + (ay - by) * (ay - by))
                    if apart < agents[one].size + agents[other].size:
                        bumped[one] -= agents[one].collide
                        bumped[other] -= agents[other].collide
        return [shared * (1 - local) + reward * local for reward in bumped]

    def _tag_rewards(self, places: Places) -> list[float]:
        agents = self._world.agents
        chasing = [at for at, agent in enumerate(agents) if agent.adversary]
        caught = {
            at: sum(self._touch(places, at, other) for other in chasing)
            for at, agent in enumerate(agents)
            if not agent.adversary
        }
        catches = 10.0 * sum(caught.values())
        rewards = []
        for at, agent in enumerate(agents):
            if agent.adversary:
                rewards.append(catches if agent.collide else 0.0)
                continue
            reward = -10 * caught[at] if agent.collide else 0
            for along in places[at]:
                reward -= _outside(abs(along))
            rewards.append(float(reward))
        local = self._raw.local_ratio
        if local is not None:  # tag's shared reward is nothing
            rewards = [0.0 * (1 - local) + own * local for own in rewards]
        return rewards


def _outside(x: float) -> float:
    """What simple_tag takes from the prey that leaves the screen."""
    if x < 0.9:
        return 0
    return (x - 0.9) * 10 if x < 1.0 else min(np.exp(2 * x - 2), 10)


def _kind_of(scenario: Any) -> str:
    """Which of the two a scenario is, "" where it is neither."""
    from mpe2.simple_spread import simple_spread
    from mpe2.simple_tag import simple_tag

    if isinstance(scenario, simple_spread.Scenario):
        return "simple_spread"
    return "simple_tag" if isinstance(scenario, simple_tag.Scenario) else ""
