"""VMAS's scenarios (Bettini et al. 2022, arXiv 2207.03530) as batched worlds: `vmas/<scenario>`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from daf_nb.envs.batched.noise import WorldNoise
from daf_nb.envs.batched.protocol import BatchedWorld, Outcome
from daf_nb.envs.batched.scenarios import PREFIX
from daf_nb.envs.batched.tensors import read, walk, write
from daf_nb.errors import ConfigError

__all__ = ["VmasWorld"]

_LEFT = ("viewer", "text_lines", "action_space", "observation_space")


class VmasWorld(BatchedWorld):
    """A scenario of VMAS, all copies at once.

    VMAS draws from torch's global generator and puts it back; here its own functions are called
    beneath that, within a generator of the world's own.

    Args:
        scenario: VMAS's name of it.
        num_envs: copies.
        device: where they are simulated.
        max_steps: steps after which an episode is cut off; VMAS's own default is never, with which
            few scenarios ever end.
        continuous_actions: forces in a Box; else Discrete.
        **kwargs: the scenario's own arguments, and VMAS's `multidiscrete_actions`.

    Raises:
        ConfigError: the scenario refuses its arguments, or agents observe dicts.
    """

    def __init__(
        self,
        scenario: str,
        *,
        num_envs: int,
        device: torch.device | str = "cpu",
        max_steps: int | None = 100,
        continuous_actions: bool = True,
        **kwargs: Any,
    ) -> None:
        from vmas.simulator.environment import Environment

        self.num_envs, self.device = num_envs, torch.device(device)
        self._noise = WorldNoise(self.device)
        self._noise.seed(0)
        env: Any = Environment.__new__(Environment)
        self._env = env
        make = Environment.__init__.__wrapped__  # type: ignore[attr-defined] - beneath its seeds
        with self._noise, torch.no_grad(), warnings.catch_warnings():
            warnings.filterwarnings("error", "Scenario kwargs", UserWarning)
            try:
                make(
                    env,
                    _loaded(scenario),
                    num_envs=num_envs,
                    device=self.device,
                    max_steps=max_steps,
                    continuous_actions=continuous_actions,
                    clamp_actions=True,
                    terminated_truncated=True,
                    **kwargs,
                )
            except (AssertionError, TypeError, UserWarning, ValueError) as error:
                raise ConfigError(f"{PREFIX}{scenario} refused its arguments: {error}") from error
        if not env.world._gravity.any():  # asked for by every entity in every step: not of a GPU
            env.world._gravity = env.world._gravity.cpu()
        self.agents = [agent.name for agent in env.agents]
        pairs = zip(self.agents, env.observation_space, strict=True)
        self._seen = {agent: _ours(space, agent) for agent, space in pairs}
        pairs = zip(self.agents, env.action_space, strict=True)
        self._acts = {agent: _ours(space, agent) for agent, space in pairs}
        self._direct = [continuous_actions and _is_plain(agent, env.world) for agent in env.agents]

    def observation_space(self, agent: str) -> spaces.Space:
        return self._seen[agent]

    def action_space(self, agent: str) -> spaces.Space:
        return self._acts[agent]

    @torch.no_grad()
    def reset(
        self, copies: torch.Tensor | None = None, *, seed: int | None = None
    ) -> Mapping[str, torch.Tensor]:
        """As `BatchedWorld.reset`.

        VMAS resets one copy or all. So all are, at once, and those that were not meant get back
        what they were: whatever tensors have the copies in front.
        """
        if seed is not None:
            self._noise.seed(seed)
        with self._noise:
            if copies is None:
                return self._named(self._env._reset())
            kept = {path: one for path, one in read(self._slots()).items() if self._by_copy(one)}
            self._env._reset(return_observations=False)
            fresh = self._slots()
            merged = {
                path: torch.where(_beside(copies, one), fresh[path].value, one)
                for path, one in kept.items()
                if fresh[path].value.shape == one.shape
            }
            write(fresh, merged, what="this world")
            (seen,) = self._env._get_from_scenario(
                get_observations=True, get_rewards=False, get_infos=False, get_dones=False
            )
            return self._named(seen)

    @torch.no_grad()
    def step(self, actions: Mapping[str, torch.Tensor]) -> Outcome:
        env = self._env
        with self._noise:
            for agent, direct in zip(env.agents, self._direct, strict=True):
                self._set_action(agent, actions[agent.name], direct)
            for agent in env.world.agents:
                env.scenario.env_process_action(agent)
            env.scenario.pre_step()
            env.world.step()
            env.scenario.post_step()
            env.steps += 1
            seen, earned, terminated, truncated = env._get_from_scenario(
                get_observations=True, get_rewards=True, get_infos=False, get_dones=True
            )
        rewards = torch.stack([one.reshape(self.num_envs) for one in earned], 1)
        return self._named(seen), rewards, terminated[:, None], truncated[:, None]

    def state(self) -> dict[str, torch.Tensor]:
        noise = {f"noise/{kind}": one for kind, one in self._noise.state().items()}
        return {**{f"world/{path}": one for path, one in read(self._slots()).items()}, **noise}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        own = _within(state, "world/")
        if own.keys() - self._slots().keys():  # what the scenario keeps from its first step on
            self.step({agent: self._nothing(agent) for agent in self.agents})
        write(self._slots(), own, what=f"{PREFIX} worlds made like this one")
        self._noise.load_state(_within(state, "noise/"))

    def close(self) -> None:
        pass

    def _set_action(self, agent: Any, action: torch.Tensor, direct: bool) -> None:
        """As VMAS does, which asks the device thrice per agent whether all is well."""
        if direct:
            most = agent.action.u_range_tensor
            agent.action.u = action.clamp(-most, most) * agent.action.u_multiplier_tensor
        else:
            self._env._set_action(action.reshape(self.num_envs, -1), agent)

    def _nothing(self, agent: str) -> torch.Tensor:
        space = self._acts[agent]
        empty = np.zeros((self.num_envs, *(space.shape or ())), space.dtype)
        return torch.as_tensor(empty, device=self.device)

    def _named(self, seen: Any) -> dict[str, torch.Tensor]:
        return dict(zip(self.agents, seen, strict=True))

    def _slots(self) -> Any:
        return walk(self._env, leave=_LEFT)

    def _by_copy(self, one: torch.Tensor) -> bool:
        return one.ndim > 0 and len(one) == self.num_envs


def _loaded(scenario: str) -> Any:
    from vmas.scenarios import load

    return load(f"{scenario}.py").Scenario()


def _ours(space: Any, agent: str) -> spaces.Space:
    """A space of gym, which VMAS still uses, as one of gymnasium."""
    kind = type(space).__name__
    if kind == "Box":
        return spaces.Box(space.low, space.high, space.shape, space.dtype)
    if kind == "Discrete":
        return spaces.Discrete(int(space.n))
    if kind == "MultiDiscrete":
        return spaces.MultiDiscrete(space.nvec)
    raise ConfigError(
        f"{agent} has a space of kind {kind}: Box, Discrete and MultiDiscrete can be trained on."
    )


def _is_plain(agent: Any, world: Any) -> bool:
    """Forces and nothing else: no messages, no noise."""
    return (agent.silent or world.dim_c == 0) and not agent.action.u_noise


def _beside(copies: torch.Tensor, one: torch.Tensor) -> torch.Tensor:
    return copies.reshape(-1, *(1,) * (one.ndim - 1))


def _within(state: Mapping[str, torch.Tensor], start: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(start): one for name, one in state.items() if name.startswith(start)}
