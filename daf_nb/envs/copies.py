"""All copies of a world, stepped in this process into shared arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.arrays import Arrays, Episode, RowEnd
from daf_nb.envs.copy import Copy
from daf_nb.envs.guards import Guard, per_copy
from daf_nb.envs.instances import Instances
from daf_nb.envs.layout import Layout
from daf_nb.envs.restoring import check_tapes, replay
from daf_nb.envs.seat import Seat
from daf_nb.envs.seeds import EpisodeSeeds, fresh_seed
from daf_nb.envs.settings import Setting
from daf_nb.envs.spaces import agent_spaces
from daf_nb.envs.tape import Tape
from daf_nb.envs.taping import Taping
from daf_nb.envs.worlds import World
from daf_nb.errors import ConfigError, TaskGenerationError

__all__ = ["Copies"]

_AS_IT_IS = Setting()


class Copies:
    """`num_envs` copies of a world, with seeds, deaths, limits and episodes kept apart.

    After `reset` or `step`, read `arrays`, `ends` and `episodes`; they are overwritten by the next
    step. A copy whose agents have all ended starts its next episode within the same step, under the
    setting prepared for it last.

    Args:
        factory: returns a fresh world at each call.
        groups: group -> its agents, which must have equal spaces; by default all agents are one
            group named "all".
        num_envs: copies.
        seed: run seed, from which every episode's seed is derived; None draws one.
        held_out: use the seeds that training never uses.
        layout: the agents and spaces of the arrays, which worlds of single tasks may fall short of;
            by default those of the world, exactly.
        rebuild: constructor arguments to change -> a fresh world; needed for settings that have
            some.
        world: what the factory builds, for the tapes to say so.

    Attributes:
        envs: per copy, the instance of the world in play.
        arrays: what the learner reads.
        ends: the rows that ended in the last step.
        episodes: the episodes that ended in the last step, in copy order.
        infos: (copy, agent) -> the world's info of the last step, where it was not empty.
        reset_infos: (copy, agent) -> the world's info at the start of the current episode.
        seed: the run seed in use.
        on_task_failure: asked with the copy and the error when a setting cannot be played; what it
            returns is prepared instead, until one can be or it returns None and the error is
            raised.
        on_tape: told of every episode that ends, within the step, with a function that gives its
            tape, for as long as this lasts; None where nobody listens.

    Raises:
        ConfigError: no copies, one instance given twice, or spaces that cannot be trained on.
    """

    def __init__(
        self,
        factory: Callable[[], ParallelEnv],
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
        num_envs: int,
        seed: int | None = None,
        held_out: bool = False,
        layout: Layout | None = None,
        rebuild: Callable[[Mapping[str, Any]], ParallelEnv] | None = None,
        world: World | None = None,
    ) -> None:
        if num_envs < 1:
            raise ConfigError(f"num_envs={num_envs}: at least one copy is needed.")
        self.closed = False
        self._instances = Instances(factory, rebuild, num_envs=num_envs)
        self.envs: list[ParallelEnv] = list(self._instances.own)
        try:
            self._layout = layout or Layout(agent_spaces(self.envs[0]))
            by_agent = self._layout.spaces
            self.arrays = Arrays(groups or {"all": list(by_agent)}, by_agent, num_envs=num_envs)
            self._instances.place(self.arrays, self._layout, exact=layout is None)
        except BaseException:
            self.close()
            raise
        self._copies = [Copy(i, self.arrays) for i in range(num_envs)]
        self._guard = Guard(self.arrays, self._copies)
        self._taping = Taping(self.arrays, self._layout, world)
        self.num_envs = num_envs
        self.on_task_failure: Callable[[int, TaskGenerationError], Setting | None] | None = None
        self.on_tape: Callable[[Episode, Callable[[], Tape]], object] | None = None
        self.ends: list[RowEnd] = []
        self.episodes: list[Episode] = []
        self._held_out = held_out
        self._settings = [_AS_IT_IS] * num_envs
        self.reseed(seed)

    def reseed(self, seed: int | None) -> None:
        """Starts over at episode 0 under `seed` from the next `reset` on; None draws a seed."""
        self.seed = fresh_seed() if seed is None else seed
        self._seeds = EpisodeSeeds(self.seed, num_envs=self.num_envs, held_out=self._held_out)
        for copy in self._copies:
            copy.number = -1

    @property
    def infos(self) -> dict[tuple[int, str], dict[str, Any]]:
        said = ((c.index, c.infos) for c in self._copies)
        return {(at, agent): info for at, its in said for agent, info in its.items() if info}

    @property
    def reset_infos(self) -> dict[tuple[int, str], dict[str, Any]]:
        said = ((c.index, c.reset_infos) for c in self._copies)
        return {(at, agent): info for at, its in said for agent, info in its.items() if info}

    def prepare(self, copy: int, setting: Setting) -> None:
        """Sets what a copy's next episode and all later ones are played with, until told again.

        The running episode goes on as it is. World and setting meet at the reset.

        Raises:
            ConfigError: a goal that does not fit the layout, or arguments to change of a world that
                cannot be rebuilt.
        """
        self._layout.refuse_goal(setting)
        self._instances.refuse_rebuilding(setting)
        self._settings[copy] = setting

    def reset(self, options: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Starts the next episode of every copy.

        Args:
            options: reset options per copy, for these episodes alone, over those of their settings;
                None for none.

        Raises:
            TrainingEnvironmentError: a world raised, broke its contract, or gave NaN or infinity.
            TaskGenerationError: a setting could not be played, and there was no other.
        """
        self._clear()
        for copy in self._copies:
            self._start(copy, options[copy.index] if options else {})
        self._guard.refuse_nonfinite(self.ends, None)

    def step(self, actions: Mapping[str, np.ndarray]) -> None:
        """One step of every copy.

        Args:
            actions: group -> [copies, agents of the group, *action shape]; what stands in rows that
                are not alive is ignored.

        Raises:
            TrainingEnvironmentError: a world raised, broke its contract, or gave NaN or infinity.
            ConfigError: an action outside its space.
            TaskGenerationError: a setting could not be played, and there was no other.
        """
        self._guard.refuse_bad_actions(actions)
        self._clear()
        self._taping.before_step(actions)
        for copy, chosen in zip(self._copies, per_copy(actions, self.arrays), strict=True):
            copy.step(chosen, self.ends)
        self._guard.refuse_nonfinite(self.ends, actions)
        self._taping.after_step(self.ends)
        for copy in self._copies:
            if not copy.playing:
                self.episodes.append(copy.finish())
                if self.on_tape is not None:
                    self.on_tape(self.episodes[-1], partial(self._taping.cut, copy, None))
                self._start(copy, {})
        if self.episodes:
            self._guard.refuse_nonfinite(self.ends, None)

    def tapes(self) -> list[Tape]:
        """The episodes in progress, one of each copy, as they are now.

        Raises:
            ConfigError: there are none yet.
        """
        if not all(copy.playing for copy in self._copies):
            raise ConfigError("no episodes are in progress: call reset first.")
        return [self._taping.cut(copy, self._settings[copy.index]) for copy in self._copies]

    def restore(self, tapes: Iterable[Tape]) -> None:
        """Puts copies into the middle of their episodes, from where they go on as those taped did.

        Their parts of `arrays` become what they were, but for rewards and ends, zeros as after a
        reset; their next settings are prepared. Copies without a tape stay as they are.

        Args:
            tapes: from `tapes` of copies of the same world, with the same seed, number and layout.

        Raises:
            ConfigError: the tapes are not for these copies, or leave out one that never began.
            TrainingEnvironmentError: an episode went another way than on its tape: in which step,
                and in what. The copies are of no more use.
            TaskGenerationError: a setting could not be played.
        """
        chosen = {tape.copy: tape for tape in tapes}
        check_tapes(chosen, self._copies, self.arrays, self._seeds, stride=self._taping.stride)
        digests = self._taping.digests_of(1)
        for at, tape in chosen.items():
            self.prepare(at, tape.setting)
            seat = self._instances.ready(at, tape.setting)
            self.envs[at] = seat.env
            replay(self._copies[at], seat, tape, self.arrays, digests)
            self._taping.put(tape)
            if tape.next_setting is not None:
                self.prepare(at, tape.next_setting)
        self._clear()

    def close(self) -> None:
        """Closes every world once; one that raises there is told of, and the others still close."""
        if not self.closed:
            self.closed = True
            self._instances.close()

    def _clear(self) -> None:
        """Forgets what the last step brought."""
        self.ends, self.episodes = [], []
        self.arrays.terminated[:] = self.arrays.truncated[:] = False
        self.arrays.rewards[:] = 0

    def _start(self, copy: Copy, options: Mapping[str, Any]) -> None:
        seat, setting = self._ready(copy.index)
        if options:
            setting = replace(setting, options={**setting.options, **options})
        self.envs[copy.index] = seat.env
        copy.reset(seat, setting, self._seeds(copy.index, copy.number + 1))
        self._taping.begin(copy.index)

    def _ready(self, copy: int) -> tuple[Seat, Setting]:
        """The copy's seat, prepared for its setting, or for another if that one fails."""
        while True:
            setting = self._settings[copy]
            try:
                return self._instances.ready(copy, setting), setting
            except TaskGenerationError as error:
                other = self.on_task_failure and self.on_task_failure(copy, error)
                if other is None:
                    raise
                self.prepare(copy, other)
