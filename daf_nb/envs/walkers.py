"""Multiwalker, a cycle at a time: Box2D's own steps and rays, and little beside them.

A walker spends much of its step in numpy calls on single numbers, in dicts of everybody made for
each, and in asking Box2D for the same vector again. The arithmetic here is its own, float32 where
its is, hence the same bits; the tests compare whole episodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from daf_nb.envs.followed import follows
from daf_nb.envs.walker_ground import contact_detector
from daf_nb.envs.walker_views import WalkerViews

__all__ = ["Walkers"]


class Walkers:
    """One episode of multiwalker.

    Args:
        raw: multiwalker's innermost world, just reset; see `fits`.
    """

    def __init__(self, raw: Any) -> None:
        from pettingzoo.sisl.multiwalker import multiwalker_base as base

        self._raw, self._world, self._base = raw, raw.env, base
        world = raw.env
        self._views = WalkerViews(world)
        self._drawn = world.render_mode is not None
        self._speeds = np.array([base.SPEED_HIP, base.SPEED_KNEE] * 2, np.float32)
        self._torque, self._most = np.float32(base.MOTORS_TORQUE), np.float32(1)
        # Box2D does not keep its listeners alive; the world's own attribute does.
        world.world.contactListener_bug_workaround = contact_detector(world)
        world.world.contactListener = world.world.contactListener_bug_workaround

    @staticmethod
    def fits(raw: Any) -> bool:
        """Whether this world, just reset, does nothing but what is followed here."""
        world = raw.env
        return (
            raw.render_mode != "human"
            and world.render_mode != "human"
            and follows("walkers", raw, world, *world.walkers)
            and follows("walkers", world.world.contactListener_bug_workaround)
            and min(world.position_noise, world.angle_noise) >= 0
        )

    def cycle(self, actions: Sequence[Any]) -> dict[str, float]:
        """Everybody sets its motors, then the world moves.

        Args:
            actions: one per live walker, in order.

        Returns:
            agent -> reward.
        """
        raw, world = self._raw, self._world
        agents = raw.agents
        numbers = [raw.agent_name_mapping[agent] for agent in agents]
        self._set_motors([world.walkers[number] for number in numbers], actions)
        world.world.Step(1.0 / self._base.FPS, 6 * 30, 2 * 30)
        rewards, world.last_dones = self._judge()
        world.last_rewards = np.array(rewards)
        world.frames += 1
        for agent, number in zip(agents, numbers, strict=True):
            raw.rewards[agent] = world.last_rewards[number]
            raw.terminations[agent] = world.last_dones[number]
        raw.agent_selection = agents[-1]
        raw._agent_selector.reinit([agent for agent in agents if not raw.terminations[agent]])
        if raw._agent_selector.agent_order:
            raw.agent_selection = raw._agent_selector.next()
        if world.frames >= world.max_cycles:
            raw.terminations = dict.fromkeys(agents, True)
        raw._deads_step_first()
        raw.steps += len(agents)
        return dict(raw.rewards)

    def observe(self) -> dict[str, np.ndarray]:
        """Agent -> what it senses, float32 [31]."""
        raw, seen = self._raw, self._world.last_obs
        numbers = raw.agent_name_mapping
        return {agent: np.array(seen[numbers[agent]], np.float32) for agent in raw.agents}

    def _set_motors(self, walkers: list[Any], actions: Sequence[Any]) -> None:
        pulls = np.asarray(actions, np.float32).reshape(len(walkers), 4)
        speeds = (self._speeds * np.sign(pulls)).tolist()
        torques = (self._torque * np.minimum(np.abs(pulls), self._most)).tolist()
        for walker, turning, pulling in zip(walkers, speeds, torques, strict=True):
            for joint, speed, torque in zip(walker.joints, turning, pulling, strict=True):
                joint.motorSpeed = speed
                joint.maxMotorTorque = torque

    def _judge(self) -> tuple[list[float], list[bool]]:
        """What the step is worth to each walker, shared as the world shares it, and who is done."""
        world, base = self._world, self._base
        world.last_obs, angles, along = self._views.look()
        if self._drawn:
            world.scroll = (
                np.mean(along)
                - base.VIEWPORT_W / base.SCALE / 5
                - (world.n_walkers - 1) * base.WALKER_SEPERATION * base.TERRAIN_STEP
            )
        carried = world.package.position.x
        shaping = world.forward_reward * 130 * carried / base.SCALE
        forward = shaping - world.prev_package_shaping
        world.prev_package_shaping = shaping
        rewards = []
        for i, angle in enumerate(angles):
            reward = 0.0
            if angle is not None:
                upright = -5.0 * abs(angle)
                reward = upright - float(world.prev_shaping[i])
                world.prev_shaping[i] = upright
            rewards.append(reward + forward)
        fallen = world.fallen_walkers.tolist()
        for i, walker in enumerate(world.walkers):
            if fallen[i]:
                rewards[i] += world.fall_reward
                if world.remove_on_fall:
                    walker._destroy()
                if not world.terminate_on_fall:
                    rewards[i] += world.terminate_reward
        done = fallen
        if (world.terminate_on_fall and any(fallen)) or world.game_over or carried < 0:
            rewards = [reward + world.terminate_reward for reward in rewards]
            done = [True] * len(fallen)
        elif carried > (world.terrain_length - base.TERRAIN_GRASS) * base.TERRAIN_STEP:
            done = [True] * len(fallen)
        local = world.local_ratio
        shared = float(np.add.reduce(rewards)) / len(rewards)
        return [shared * (1.0 - local) + reward * local * local for reward in rewards], done
