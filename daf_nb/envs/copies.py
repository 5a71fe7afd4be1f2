"""All copies of a world, stepped in this process into shared arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.arrays import Arrays, Episode, RowEnd
from daf_nb.envs.copy import Copy
from daf_nb.envs.guards import Guard, per_copy
from daf_nb.envs.instances import Instances
from daf_nb.envs.layout import Layout
from daf_nb.envs.restoring import check_tapes, replay
from daf_nb.envs.seeds import EpisodeSeeds, fresh_seed
from daf_nb.envs.settings import Setting
from daf_nb.envs.spaces import agent_spaces
from daf_nb.envs.starting import Starter
from daf_nb.envs.tape import Tape
from daf_nb.envs.taping import Taping
from daf_nb.envs.watch import Watch
from daf_nb.envs.worlds import World
from daf_nb.errors import ConfigError, TrainingEnvironmentError

__all__ = ["Copies"]


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
        rebuild: constructor arguments to change -> a fresh world; for settings that have some.
        world: what the factory builds, for the tapes to say so.
        watch: what the worlds' code is called through; None for one that watches nothing.

    Attributes:
        envs: per copy, the instance of the world in play.
        arrays: what the learner reads.
        ends: the rows that ended in the last step.
        episodes: the episodes that ended in the last step, in copy order.
        infos: (copy, agent) -> the world's info of the last step, where it was not empty.
        reset_infos: (copy, agent) -> the world's info at the start of the current episode.
        seed: the run seed in use.
        starts: how episodes start, and what follows where one cannot, or its world breaks it.
        on_tape: told of every episode that ends, with what gives its tape until the next step.

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
        watch: Watch | None = None,
    ) -> None:
        watch = watch or Watch()
        if num_envs < 1:
            raise ConfigError(f"num_envs={num_envs}: at least one copy is needed.")
        self.closed = False
        self._instances = Instances(factory, rebuild, num_envs=num_envs, watch=watch)
        self.envs: list[ParallelEnv] = list(self._instances.own)
        try:
            self._layout = layout or Layout(agent_spaces(self.envs[0]))
            by_agent = self._layout.spaces
            self.arrays = Arrays(groups or {"all": list(by_agent)}, by_agent, num_envs=num_envs)
            self._instances.place(self.arrays, self._layout, exact=layout is None)
        except BaseException:
            self.close()
            raise
        self._copies = [Copy(i, self.arrays, watch) for i in range(num_envs)]
        self._guard = Guard(self.arrays, self._copies)
        self.starts = Starter(self._instances, self._layout, self._guard, self.envs)
        self._taping = Taping(self.arrays, self._layout, world)
        self.num_envs = num_envs
        self.on_tape: Callable[[Episode, Callable[[], Tape]], object] | None = None
        self.ends: list[RowEnd] = []
        self.episodes: list[Episode] = []
        self._held_out = held_out
        self.reseed(seed)

    def reseed(self, seed: int | None, *, same: bool = False) -> None:
        """Starts over at episode 0 under `seed` from the next `reset` on; None draws a seed.

        With `same`, every episode gets this very seed.
        """
        self.seed = fresh_seed() if seed is None else seed
        held_out, copies = self._held_out, self.num_envs
        self._seeds = EpisodeSeeds(self.seed, num_envs=copies, held_out=held_out, same=same)
        self.starts.reseed(self._seeds)
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

        Raises:
            ConfigError: it does not fit the layout, or needs a world that cannot be rebuilt.
        """
        self.starts.prepare(copy, setting)

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
            self.starts.start(copy, options[copy.index] if options else {})
            self._taping.begin(copy.index)

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
        broken = dict[int, TrainingEnvironmentError]()
        for copy, chosen in zip(self._copies, per_copy(actions, self.arrays), strict=True):
            try:
                copy.step(chosen, self.ends)
            except TrainingEnvironmentError as error:
                broken[copy.index] = self._broken(copy, error)
        while bad := self._guard.nonfinite(self.ends, actions):
            broken[bad[0]] = self._broken(self._copies[bad[0]], bad[1])
        self._taping.after_step(self.ends)
        for copy in self._copies:
            if not copy.playing:
                self._go_on(copy, broken.get(copy.index))

    def tapes(self) -> list[Tape]:
        """The episodes in progress, one of each copy, as they are now.

        Raises:
            ConfigError: there are none yet.
        """
        if not all(copy.playing for copy in self._copies):
            raise ConfigError("no episodes are in progress: call reset first.")
        return [self._taping.cut(copy, self.starts.settings[copy.index]) for copy in self._copies]

    @property
    def playing(self) -> bool:
        """Every copy is in the middle of an episode."""
        return not self.closed and all(copy.playing for copy in self._copies)

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
            seat = self.starts.seat(at, tape.setting)
            replay(self._copies[at], seat, tape, self.arrays, digests)
            self._taping.put(tape)
            if tape.next_setting is not None:
                self.prepare(at, tape.next_setting)
        self._clear()

    def close(self, *, left: bool = False) -> None:
        """Closes every world once, or leaves them all as they are (`left`), as one of them hangs.

        One that raises when it is closed is told of, and the others still close.
        """
        closed, self.closed = self.closed or left, True
        if not closed:
            self._instances.close()

    def _clear(self) -> None:
        """Forgets what the last step brought."""
        self.ends, self.episodes, self.starts.drops = [], [], []
        self.arrays.terminated[:] = self.arrays.truncated[:] = False
        self.arrays.rewards[:] = 0

    def _broken(self, copy: Copy, error: TrainingEnvironmentError) -> TrainingEnvironmentError:
        """The error, where its episode is to be dropped: its last step is not told of."""
        if self.starts.on_failure is None:
            raise error
        self.ends = [end for end in self.ends if end.copy != copy.index]
        copy.leave(error.what)
        return error

    def _go_on(self, copy: Copy, broken: TrainingEnvironmentError | None) -> None:
        """A copy's episode has ended, or was broken: it begins another."""
        if broken is not None:
            self.starts.start_over(copy, broken)
        else:
            self.episodes.append(episode := copy.finish())
            if self.on_tape is not None:
                self.on_tape(episode, self._taping.ended(episode))
            self.starts.start_next(copy)
        self._taping.begin(copy.index)
