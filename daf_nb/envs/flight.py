"""The pre-flight episode: random actions, every step checked against the world's own contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from gymnasium import spaces
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.failing import WORLDS_OWN, put_briefly, remedy_for, shortened, trimmed
from daf_nb.envs.spaces import agent_spaces
from daf_nb.envs.twin import Twin, copied, outcome
from daf_nb.envs.watch import Visit, Watch
from daf_nb.errors import TrainingEnvironmentError

__all__ = ["MAX_CYCLES", "Flight"]

MAX_CYCLES = 200
"""How long the episode may last, in world steps."""

_REMEDY = "Mend the world, or wrap what it gives (wrappers=...)."


class Flight:
    """One checked episode of a world.

    Args:
        env: the world.
        name: what it is called.
        twin: plays along, to see whether the episode repeats; None where there is none.
        watch: what the world's code is called through.

    Attributes:
        spaces: agent -> what it sees and does.
        findings: kind -> what is allowed but worth knowing.
        seen: agents that took part.
        masked: the world said which actions are allowed.
        early: some agent ended before the episode did.
        kinds: how agents ended: "terminated", "truncated".
        length: world steps played.
    """

    def __init__(
        self, env: ParallelEnv, name: str, twin: Twin | None = None, watch: Watch | None = None
    ) -> None:
        self._call = (watch or Watch()).call
        self._visit = Visit(lambda: f"{name}, pre-flight, step {self.length + 1}")
        self.env, self.name, self.twin = env, name, twin
        self.spaces = agent_spaces(env)
        self.findings: dict[str, str] = {}
        self.seen: set[str] = set()
        self.masked = False
        self.early = False
        self.kinds: set[str] = set()
        self.length = 0

    def play(self, seed: int) -> None:
        """Plays the episode.

        Raises:
            TrainingEnvironmentError: at the first broken contract.
        """
        for index, agent in enumerate(self.spaces):
            self.env.action_space(agent).seed(seed + index)
        try:
            result = self._call(self._visit, self.env.reset, seed=seed)
        except WORLDS_OWN as error:
            raise self._failed("the reset", error) from error
        if not (isinstance(result, tuple) and len(result) == 2):
            self.fail(f"reset returned {type(result).__name__}, not (observations, infos)")
        observations, infos = result
        self.look(self.env.agents, observations, infos)
        if self.twin:
            self.twin.reset(seed, outcome(self.env, observations, {}, {}, {}, infos))
        while self.env.agents and self.length < MAX_CYCLES:
            observations, infos = self.step(observations, infos)
        if self.twin:
            self.twin.again(seed)
            if self.twin.finding:
                self.findings["repeats"] = self.twin.finding

    def step(
        self, observations: Mapping[str, Any], infos: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        acting = list(self.env.agents)
        actions = {agent: self.choose(agent, observations, infos) for agent in acting}
        given = copied(actions)
        try:
            result = self._call(self._visit, self.env.step, actions)
        except WORLDS_OWN as error:
            what = f"step {self.length + 1} with actions {shortened(given)}"
            raise self._failed(what, error) from error
        if not (isinstance(result, tuple) and len(result) == 5):
            self.fail(
                "step did not return (observations, rewards, terminations, truncations, infos)"
            )
        observations, rewards, terminations, truncations, infos = result
        self.length += 1
        parts = {"rewards": rewards, "terminations": terminations, "truncations": truncations}
        for part, values in parts.items():
            if missing := [agent for agent in acting if agent not in values]:
                self.fail(f"{part} say nothing of {', '.join(missing)}, who acted")
        for agent in acting:
            if np.ndim(rewards[agent]) != 0 or not np.isfinite(rewards[agent]):
                self.fail(
                    f"reward of {agent} is {rewards[agent]!r} at step {self.length}, after action "
                    f"{shortened(given[agent])}; expected a finite number"
                )
        self.note_ends(acting, terminations, truncations, observations)
        ended = [agent for agent in acting if agent not in self.env.agents]
        told = [agent for agent in ended if agent in observations]
        self.look([*self.env.agents, *told], observations, infos)
        if self.twin and self.twin.playing:
            self.twin.step(given, outcome(self.env, *result))
        return observations, infos

    def note_ends(
        self,
        acting: Sequence[str],
        terminations: Mapping[str, bool],
        truncations: Mapping[str, bool],
        observations: Mapping[str, Any],
    ) -> None:
        for agent in acting:
            ended = terminations[agent] or truncations[agent]
            if ended:
                self.kinds.add("terminated" if terminations[agent] else "truncated")
                self.early = self.early or bool(self.env.agents)
                if agent in self.env.agents:
                    self.fail(f"{agent} ended but is still among the agents that act")
                if not terminations[agent] and agent not in observations:
                    self.fail(
                        f"{agent} was truncated without a final observation to bootstrap from"
                    )
            elif agent not in self.env.agents:
                self.fail(f"{agent} left the world neither terminated nor truncated")

    def choose(self, agent: str, observations: Mapping[str, Any], infos: Mapping[str, Any]) -> Any:
        space = self.env.action_space(agent)
        seen = observations[agent]
        mask = seen.get("action_mask") if isinstance(seen, Mapping) else None
        if mask is None:
            mask = (infos.get(agent) or {}).get("action_mask")
        if mask is None:
            return space.sample()
        self.masked = True
        allowed = np.asarray(mask, np.int8)
        if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1:
            return space.sample(tuple(np.split(allowed, np.cumsum(space.nvec)[:-1])))
        return space.sample(allowed) if isinstance(space, spaces.Discrete) else space.sample()

    def look(self, agents: Sequence[str], observations: Mapping[str, Any], infos: Any) -> None:
        if not isinstance(infos, Mapping):
            self.fail(f"infos are a {type(infos).__name__}; expected a dict by agent")
        for agent in agents:
            if agent not in self.spaces:
                self.fail(f"{agent} acts but is not among possible_agents")
            if agent not in observations:
                self.fail(f"no observation of {agent}")
            self.seen.add(agent)
            value = observations[agent]
            if self.spaces[agent].masked:
                value = value["observation"]
            self.check(agent, np.asarray(value), self.spaces[agent].observation)

    def check(self, agent: str, value: np.ndarray, space: spaces.Space) -> None:
        where = f"observation of {agent} at step {self.length}"
        if value.shape != (space.shape or ()):
            self.fail(f"{where}: expected shape {space.shape}, got {value.shape}")
        if not np.can_cast(value.dtype, space.dtype or value.dtype, "same_kind"):
            self.fail(f"{where}: expected dtype {space.dtype}, got {value.dtype}")
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            self.fail(f"{where}: {value[~np.isfinite(value)][0]} where a finite number is needed")
        if isinstance(space, spaces.Box):
            outside = (value < space.low) | (value > space.high)
            if outside.any():
                at = tuple(int(i) for i in np.argwhere(outside)[0])
                self.findings.setdefault(
                    "bounds",
                    f"{where}: element {at} is {value[at]}, outside its Box "
                    f"[{space.low[at]}, {space.high[at]}]",
                )
        elif not space.contains(_of_dtype(value, space)):
            self.fail(f"{where}: {value!r} is not in {space}")

    def _failed(self, doing: str, error: BaseException) -> TrainingEnvironmentError:
        trimmed(error)
        return self._broken(f"{doing}: {put_briefly(error)}", remedy_for(error))

    def fail(self, what: str) -> NoReturn:
        raise self._broken(what)

    def _broken(self, what: str, remedy: str = _REMEDY) -> TrainingEnvironmentError:
        message = f"{self.name}, pre-flight: {what}. {remedy}"
        return TrainingEnvironmentError(message, what=what)


def _of_dtype(value: np.ndarray, space: spaces.Space) -> Any:
    """`value` as Discrete and MultiBinary ask for it: a scalar, or an array of their dtype."""
    cast = value.astype(space.dtype or value.dtype)
    return cast if cast.ndim else cast[()]
