"""Tiny real worlds for the tests, each with one habit; all take keyword arguments only."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

import numpy as np
from gymnasium import spaces

from daf_nb.testing import Scripted


class Counting(Scripted):
    """Nobody dies; each step earns `step_reward`; after `limit` steps the time is up."""

    def __init__(self, *, agents: int = 2, limit: int | None = 10, step_reward: float = 1.0):
        super().__init__(agents=agents, limit=limit)
        self.step_reward = step_reward

    def reward(self, agent: str, action: Any) -> float:
        return self.step_reward


class Staggered(Scripted):
    """Agent i terminates at step `deaths[i]`; the others may go on until `limit`."""

    def __init__(
        self, *, agents: int = 3, deaths: dict[int, int] | None = None, limit: int | None = None
    ):
        super().__init__(agents=agents, deaths=deaths or {0: 2, 1: 4, 2: 6}, limit=limit)


class Visiting(Scripted):
    """Each agent stays away from an episode with probability `absence`; one always comes."""

    def __init__(self, *, agents: int = 4, limit: int = 4, absence: float = 0.5):
        super().__init__(agents=agents, limit=limit, absence=absence)


class SeedEcho(Scripted):
    """Everybody sees the episode's seed, and nothing else; read it with `seed_of`."""

    def __init__(self, *, agents: int = 2, limit: int = 3):
        super().__init__(agents=agents, limit=limit)

    def make_observation_space(self, agent: str) -> spaces.Space:
        return spaces.Box(0, 2**16, (4,), np.float32)

    def observe(self, agent: str) -> Any:
        seed = -1 if self.seed is None else self.seed
        return np.array([seed >> 16 * place & 0xFFFF for place in range(4)], np.float32)


def seed_of(observation: np.ndarray) -> int:
    """The seed that `SeedEcho` shows."""
    return sum(int(word) << 16 * place for place, word in enumerate(observation))


class TwoKinds(Scripted):
    """Wolves see three numbers and have three actions; sheep see five and have two."""

    def __init__(self, *, wolves: int = 2, sheep: int = 1, limit: int = 5):
        super().__init__(
            agents=[*(f"wolf_{i}" for i in range(wolves)), *(f"sheep_{i}" for i in range(sheep))],
            limit=limit,
        )

    def make_observation_space(self, agent: str) -> spaces.Space:
        return spaces.Box(-np.inf, np.inf, (3 if agent.startswith("wolf") else 5,), np.float32)

    def make_action_space(self, agent: str) -> spaces.Space:
        return spaces.Discrete(3 if agent.startswith("wolf") else 2)

    def observe(self, agent: str) -> Any:
        (size,) = self.observation_space(agent).shape or (0,)
        return np.resize(super().observe(agent), size)


class Continuous(Scripted):
    """An action is two numbers in [-1, 1]; the reward has a tenth of their sum."""

    def __init__(self, *, agents: int = 2, limit: int = 5):
        super().__init__(agents=agents, limit=limit)

    def make_action_space(self, agent: str) -> spaces.Space:
        return spaces.Box(-1, 1, (2,), np.float32)


class Masked(Scripted):
    """Before step t + 1 the action t modulo `num_actions` is forbidden, and playing it raises.

    The mask is in the infos, or with `in_observation` beside the observation, in a Dict.
    """

    def __init__(self, *, agents: int = 2, limit: int = 5, in_observation: bool = False):
        self.in_observation = in_observation
        super().__init__(agents=agents, limit=limit, num_actions=4)

    def mask(self) -> np.ndarray:
        mask = np.ones(self.num_actions, np.int8)
        mask[self.elapsed % self.num_actions] = 0
        return mask

    def make_observation_space(self, agent: str) -> spaces.Space:
        plain = super().make_observation_space(agent)
        if not self.in_observation:
            return plain
        mask = spaces.Box(0, 1, (self.num_actions,), np.int8)
        return spaces.Dict({"observation": plain, "action_mask": mask})

    def observe(self, agent: str) -> Any:
        plain = super().observe(agent)
        return {"observation": plain, "action_mask": self.mask()} if self.in_observation else plain

    def info(self, agent: str) -> dict[str, Any]:
        return {} if self.in_observation else {"action_mask": self.mask()}

    def step(self, actions: dict[str, Any]) -> tuple[Any, Any, Any, Any, Any]:
        mask = self.mask()
        for agent, action in actions.items():
            if not mask[action]:
                raise ValueError(f"{agent} played {action}, which is forbidden now")
        return super().step(actions)


class Shaped(Scripted):
    """Its arguments say how many agents there are, what they see, what they can do, and how long.

    Everybody sees `size` numbers: index plus one, the stage that `set_stage` set, the `level` of
    the reset options, the step, then ones. An action that it does not have raises. With `masking`,
    action 0 is forbidden. `history` holds (arguments, seed, options, stage) of every reset.
    """

    def __init__(self, **changes: Any):
        self.arguments = changes
        known = {"agents": 2, "size": 4, "num_actions": 3, "limit": 4, "deaths": None}
        given = {**known, "masking": False, **changes}
        self.size, self.masking = given.pop("size"), given.pop("masking")
        self.stage = self.level = self.closed = 0
        self.history: list[tuple[Any, ...]] = []
        super().__init__(**given)

    def set_stage(self, stage: int) -> None:
        self.stage = stage

    def make_observation_space(self, agent: str) -> spaces.Space:
        return spaces.Box(-9, 9, (self.size,), np.float32)

    def observe(self, agent: str) -> Any:
        told = [1 + self.index(agent), self.stage, self.level, self.elapsed]
        return np.array([*told, *[1] * self.size][: self.size], np.float32)

    def info(self, agent: str) -> dict[str, Any]:
        return {"action_mask": np.arange(self.num_actions) > 0} if self.masking else {}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.level = (options or {}).get("level", 0)
        self.history.append((self.arguments, seed, options, self.stage))
        return super().reset(seed=seed, options=options)

    def step(self, actions: dict[str, Any]) -> tuple[Any, Any, Any, Any, Any]:
        for agent, action in actions.items():
            if action >= self.num_actions:
                raise ValueError(f"{agent} played {action} of {self.num_actions} actions")
        return super().step(actions)

    def close(self) -> None:
        self.closed += 1


class Poisoned(Scripted):
    """`value` instead of one agent's reward or observation (`where`) at step `at`; 0: the reset."""

    def __init__(
        self,
        *,
        value: float = np.nan,
        where: str = "reward",
        at: int = 3,
        agent: int = 0,
        agents: int = 2,
        limit: int = 5,
    ):
        super().__init__(agents=agents, limit=limit)
        self.value, self.where, self.at, self.victim = value, where, at, agent

    def strikes(self, agent: str, where: str) -> bool:
        return (where, self.elapsed, self.index(agent)) == (self.where, self.at, self.victim)

    def reward(self, agent: str, action: Any) -> float:
        return self.value if self.strikes(agent, "reward") else super().reward(agent, action)

    def observe(self, agent: str) -> Any:
        observation = super().observe(agent)
        if self.strikes(agent, "observation"):
            observation[0] = self.value
        return observation


class Raising(Scripted):
    """Raises a RuntimeError in step `at`; 0: in the reset."""

    def __init__(self, *, at: int = 3, agents: int = 2, limit: int = 5):
        super().__init__(agents=agents, limit=limit)
        self.at = at

    def observe(self, agent: str) -> Any:
        if self.elapsed == self.at:
            raise RuntimeError(f"the world broke at step {self.at}")
        return super().observe(agent)


class Failing(Scripted):
    """Fails in step `at` (0: in the reset) of the episodes whose seeds leave `rest` by `every`.

    The pre-flight episode, whose seed is 0, goes well by default, unless `every` is 1.
    `how`: it raises an error ("raise"), finds no memory ("memory"), calls sys.exit ("exit"), gives
    NaN ("nan"), an observation of another shape ("shape"), hangs in Python ("hang") or in a call of
    C for `seconds` ("sleep"), kills its process ("die"); or does nothing of it ("none"). `made` and
    `closed` count instances.
    """

    made = closed = 0

    def __init__(
        self,
        *,
        at: int = 3,
        every: int = 3,
        rest: int = 1,
        how: str = "raise",
        seconds: float = 60.0,
        agents: int = 2,
        limit: int = 6,
    ):
        super().__init__(agents=agents, limit=limit)
        self.at, self.how, self.seconds = at, how, seconds
        self.every, self.rest = every, rest % every
        type(self).made += 1

    @property
    def failing(self) -> bool:
        return (
            self.elapsed == self.at
            and self.seed is not None
            and self.seed % self.every == self.rest
        )

    def observe(self, agent: str) -> Any:
        seen = super().observe(agent)
        if self.failing and self.index(agent) == 1:
            if self.how == "nan":
                seen[0] = np.nan
            if self.how == "shape":
                return seen[:2]
        elif self.failing:
            self.fail()
        return seen

    def fail(self) -> None:
        if self.how == "raise":
            raise RuntimeError(f"the world broke at step {self.at}")
        if self.how == "memory":
            bytearray(1 << 62)
        if self.how == "exit":
            sys.exit(3)
        if self.how == "sleep":
            time.sleep(self.seconds)
        if self.how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        while self.how == "hang":
            time.sleep(0.001)

    def close(self) -> None:
        type(self).closed += 1


class WrongShape(Scripted):
    """One agent's observation has `shape` instead of (3,) at step `at`; 0: at the reset."""

    def __init__(
        self,
        *,
        shape: tuple[int, ...] = (4,),
        at: int = 3,
        agent: int = 0,
        agents: int = 2,
        limit: int = 5,
    ):
        super().__init__(agents=agents, limit=limit)
        self.shape, self.at, self.victim = shape, at, agent

    def observe(self, agent: str) -> Any:
        if (self.elapsed, self.index(agent)) == (self.at, self.victim):
            return np.ones(self.shape, np.float32)
        return super().observe(agent)


class Slow(Scripted):
    """Takes five milliseconds a step."""

    def step(self, actions: Any) -> Any:
        time.sleep(0.005)
        return super().step(actions)


class Deadly(Scripted):
    """Ends its process, in the third step of episodes of an odd seed."""

    def step(self, actions: Any) -> Any:
        if self.elapsed == 2 and self.seed is not None and self.seed % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(actions)


class MadeAtHome:
    """Makes a world in the process where it was made, and nowhere else."""

    def __init__(self) -> None:
        self.home = os.getpid()

    def __call__(self) -> Any:
        if os.getpid() != self.home:
            raise OSError("no such world here")
        return Scripted()
