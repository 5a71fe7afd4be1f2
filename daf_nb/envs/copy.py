"""One copy of a world: its episode, its deaths and limits, written into its part of the arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daf_nb.envs.arrays import Arrays, Episode, RowEnd
from daf_nb.envs.failing import MEND, WORLDS_OWN, BrokenPromise, Drop, failure, shortened
from daf_nb.envs.seat import Seat
from daf_nb.envs.settings import Setting
from daf_nb.envs.watch import Visit, Watch
from daf_nb.errors import TrainingEnvironmentError

__all__ = ["Copy"]


class Copy:
    """Plays one episode after another, each in the seat and under the setting it is given.

    Args:
        index: which copy this is.
        arrays: where it writes; only row `index` is touched.
        watch: what its world is called through.

    Attributes:
        number: the current episode's number, -1 before the first.
        seed: the current episode's seed.
        setting: what the current episode is played with.
        length: world steps in the current episode, with the one under way.
        playing: some agent is still in the world.
        infos: agent -> the world's info of the last step.
        reset_infos: agent -> the world's info at the current episode's start.
    """

    _seat: Seat

    def __init__(self, index: int, arrays: Arrays, watch: Watch) -> None:
        self.index = index
        self._call, self._visit = watch.call, Visit(lambda: self.where)
        self.number = -1
        self.seed = 0
        self.setting = Setting()
        self.length = 0
        self.playing = False
        self.infos: Mapping[str, dict[str, Any]] = {}
        self.reset_infos: Mapping[str, dict[str, Any]] = {}
        self._column = arrays.column
        self._rewards = arrays.rewards[index]
        self._terminated = arrays.terminated[index]
        self._truncated = arrays.truncated[index]
        self._alive = arrays.alive[index]
        self._observations = [block[index] for block in arrays.observations.values()]
        self._masks = [mask[index] for mask in arrays.masks.values()]
        self._returns: dict[str, float] = {}
        self._lengths: dict[str, int] = {}
        self._died = False
        self._last_infos: dict[str, Mapping[str, Any]] = {}

    @property
    def returns(self) -> dict[str, float]:
        """Agent -> sum of its rewards so far, for the agents that took part."""
        return {agent: float(value) for agent, value in self._returns.items()}

    def begin(self, setting: Setting, seed: int) -> None:
        """Goes on to the next episode, of which there is nothing yet; `reset` starts it."""
        self.number += 1
        self.seed, self.setting, self.length = seed, setting, 0
        self._returns, self._lengths, self._died = {}, {}, False
        self._last_infos = {}
        self._blank()

    def reset(self, seat: Seat, setting: Setting, seed: int) -> None:
        """Starts the next episode: in `seat`, prepared for `setting`, with `seed`."""
        self.begin(setting, seed)
        self._seat = seat
        seat.open(setting.goal)
        try:
            options = dict(setting.options) or None
            result = self._call(self._visit, seat.world.reset, seed=seed, options=options)
            observations, infos = result
        except WORLDS_OWN as error:
            raise failure(self.where, error) from error
        if not seat.world.agents:
            raise self.broken("the episode began without agents")
        self.reset_infos = infos or {}
        self._enter(seat.world.agents, observations, self.reset_infos)

    def step(self, actions: Sequence[Any], ends: list[RowEnd]) -> None:
        """One world step; appends the agents' ends to `ends`.

        Args:
            actions: one action per column; those of agents that are not alive are ignored.
            ends: where finished rows are told.
        """
        world, column = self._seat.world, self._column
        acting = {agent: actions[column[agent]] for agent in world.agents}
        self.length += 1
        try:
            result = self._call(self._visit, world.step, acting)
            observations, rewards, terminations, truncations, infos = result
        except WORLDS_OWN as error:
            given = f"Its actions were {shortened(acting)}."
            raise failure(self.where, error, more=given) from error
        self.infos = infos
        staying = world.agents
        try:
            for agent in acting:
                at, reward = column[agent], rewards[agent]
                self._rewards[at] = reward
                self._returns[agent] += reward
                self._lengths[agent] += 1
                terminated, truncated = terminations[agent], truncations[agent]
                if terminated or truncated:
                    if info := infos.get(agent):
                        self._last_infos[agent] = dict(info)  # the world may use it again
                    ends.append(self._end(agent, at, observations, terminated))
                elif agent not in staying:
                    raise BrokenPromise(f"{agent} left the world neither terminated nor truncated")
        except BrokenPromise as broken:
            raise self.broken(str(broken)) from None
        except KeyError as error:
            raise self.broken(
                f"the world's step said nothing of {error}; rewards, terminations and truncations "
                "must name every agent that acted"
            ) from error
        except (AttributeError, TypeError, ValueError) as error:
            raise self.broken(f"what the world's step gave cannot be read: {error}") from error
        self._enter(staying, observations, infos)

    def finish(self) -> Episode:
        """The episode that has just ended."""
        return Episode(
            copy=self.index,
            number=self.number,
            seed=self.seed,
            setting=self.setting,
            length=self.length,
            returns=self.returns,
            terminated=self._died,
            info=self._last_infos,
        )

    @property
    def where(self) -> str:
        """Copy, episode, seed, task and step, for messages."""
        task = f", {self.setting}" if self.setting.task else ""
        step = f"step {self.length}" if self.length else "the reset"
        return f"copy {self.index}, episode {self.number} (seed {self.seed}{task}), {step}"

    def broken(self, what: str) -> TrainingEnvironmentError:
        """What to raise where the world did something that it must not do."""
        return TrainingEnvironmentError(f"{self.where}: {what}. {MEND}", what=what)

    def leave(self, what: str) -> Drop:
        """The episode is of no use: its part of the arrays shows nothing of it any more.

        Args:
            what: why, in words.
        """
        self.playing = False
        self._blank()
        self._rewards[:] = 0
        self._terminated[:] = self._truncated[:] = False
        self.infos = self.reset_infos = {}
        return Drop(
            copy=self.index,
            number=self.number,
            seed=self.seed,
            setting=self.setting,
            step=self.length,
            what=what,
        )

    def _blank(self) -> None:
        self._alive[:] = False
        for block in self._observations:
            block[...] = 0
        for mask in self._masks:
            mask[...] = True

    def _enter(
        self,
        agents: Sequence[str],
        observations: Mapping[str, Any],
        infos: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Writes the observations of the agents that act next; newcomers become alive."""
        self.playing = bool(agents)
        alive, column, seat = self._alive, self._column, self._seat
        slots, read = seat.slots, seat.read
        try:
            for agent in agents:
                if agent not in column or not alive[column[agent]]:
                    self._admit(agent)
                slots[agent][...] = read(agent, observations, infos)
        except BrokenPromise as broken:
            raise self.broken(str(broken)) from None
        except (AttributeError, TypeError, ValueError) as error:
            raise self.broken(f"what the world gave cannot be read: {error}") from error

    def _admit(self, agent: str) -> None:
        self._seat.admit(agent)
        self._alive[self._column[agent]] = True
        self._returns.setdefault(agent, 0.0)
        self._lengths.setdefault(agent, 0)

    def _end(
        self, agent: str, at: int, observations: Mapping[str, Any], terminated: bool
    ) -> RowEnd:
        self._alive[at] = False
        self._terminated[at], self._truncated[at] = terminated, not terminated
        self._died = self._died or bool(terminated)
        final = self._seat.dismiss(agent, observations, needed=not terminated)
        return RowEnd(
            copy=self.index,
            agent=agent,
            observation=final,
            terminated=bool(terminated),
            truncated=not terminated,
            episode_return=float(self._returns[agent]),
            length=self._lengths[agent],
        )
