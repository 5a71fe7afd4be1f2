"""A wrapper that lets a world testify: what it really did, beside what a bridge makes of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pettingzoo import ParallelEnv
from pettingzoo.utils.wrappers import BaseParallelWrapper

__all__ = ["EPISODE", "RESET", "STEP", "Testimony", "Witness"]

STEP = "witness"
"""Key of a step's `Testimony` in the infos."""
RESET = "witness_reset"
"""Key of a reset's `Testimony` in the infos."""
EPISODE = "witness_episode"
"""Key of the episode's number in the infos of both, as the name of a task is carried."""


@dataclass(frozen=True, eq=False)
class Testimony:
    """What happened to one agent in one step of its world, or at a reset (`step` 0).

    Attributes:
        world: a name for this instance of the world, unlike any other's.
        episode: how many times the world had been reset before this episode.
        step: number of steps that the episode has taken, this one included.
        agent: whose testimony it is.
        observation: what the agent sees after the step.
        action: what the world received from the agent; None at a reset.
        reward: what the agent earned.
        terminated: the step was the agent's last by the world's own rules.
        truncated: the step was the agent's last by a limit from outside them.
        world_over: no agent is left after the step.
        seed: what the episode was reset with.
        ledger: the file in which the world writes that it was closed, if it does.
    """

    world: str
    episode: int
    step: int
    agent: str
    observation: Any
    action: Any
    reward: float
    terminated: bool
    truncated: bool
    world_over: bool
    seed: int | None
    ledger: Path | None

    @property
    def ended(self) -> bool:
        """The step was the agent's last."""
        return self.terminated or self.truncated

    @property
    def episode_key(self) -> tuple[str, int]:
        """Which episode of which instance, among all."""
        return self.world, self.episode


class Witness(BaseParallelWrapper):
    """Adds a `Testimony` to every info of a world, for bridges to be checked against.

    Put it outermost. Observations, rewards and ends pass through untouched.

    Args:
        env: the world.
        ledger: a file to which `close()` appends this instance's name; it works across processes.
    """

    def __init__(self, env: ParallelEnv, *, ledger: Path | None = None) -> None:
        super().__init__(env)
        self.ledger = ledger
        # A bridge may copy an instance that it has not reset: the name waits for the reset.
        self.name: str | None = None
        self.episode = -1
        self.elapsed = 0
        self.last_seed: int | None = None

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        self.name = self.name or uuid.uuid4().hex
        self.episode += 1
        self.elapsed = 0
        self.last_seed = seed
        observations, infos = self.env.reset(seed=seed, options=options)
        testify = self._clerk(observations, {}, {}, {}, {}, world_over=False)
        return observations, {
            agent: {**infos.get(agent, {}), RESET: testify(agent), EPISODE: self.episode}
            for agent in self.env.agents
        }

    def step(self, actions: dict[str, Any]) -> tuple[Any, Any, Any, Any, Any]:
        acting = list(self.env.agents)
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        self.elapsed += 1
        testify = self._clerk(
            observations, actions, rewards, terminated, truncated, world_over=not self.env.agents
        )
        infos = dict(infos)
        for agent in acting:
            infos[agent] = {
                **infos.get(agent, {}),
                STEP: testify(agent),
                EPISODE: self.episode,
            }
        return observations, rewards, terminated, truncated, infos

    def close(self) -> None:
        self.env.close()
        if self.ledger is not None and self.name is not None:
            with self.ledger.open("a") as ledger:
                ledger.write(f"{self.name}\n")

    def _clerk(
        self,
        observations: dict[str, Any],
        actions: dict[str, Any],
        rewards: dict[str, float],
        terminated: dict[str, bool],
        truncated: dict[str, bool],
        *,
        world_over: bool,
    ) -> Callable[[str], Testimony]:
        assert self.name is not None
        name = self.name

        def testify(agent: str) -> Testimony:
            observation = observations.get(agent)
            if isinstance(observation, np.ndarray):
                # A world may reuse its buffer for the next step.
                observation = observation.copy()
            return Testimony(
                world=name,
                episode=self.episode,
                step=self.elapsed,
                agent=agent,
                observation=observation,
                action=actions.get(agent),
                reward=float(rewards.get(agent, 0.0)),
                terminated=bool(terminated.get(agent, False)),
                truncated=bool(truncated.get(agent, False)),
                world_over=world_over,
                seed=self.last_seed,
                ledger=self.ledger,
            )

        return testify
