"""Copies that follow one another, stepped in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.accounts import Accounts, Outcome
from daf_nb.envs.arrays import Arrays
from daf_nb.envs.copy import Copy
from daf_nb.envs.guards import Guard, per_copy
from daf_nb.envs.instances import Instances
from daf_nb.envs.layout import Layout
from daf_nb.envs.restoring import replay
from daf_nb.envs.seeds import EpisodeSeeds
from daf_nb.envs.settings import Setting
from daf_nb.envs.starting import Starter
from daf_nb.envs.tape import Tape
from daf_nb.envs.taping import digests_of
from daf_nb.envs.watch import Watch
from daf_nb.errors import TrainingEnvironmentError

__all__ = ["Local"]

Infos = dict[tuple[int, str], dict[str, Any]]


class Local:
    """Plays the episodes of some copies, and writes what comes of them into their arrays.

    A copy whose agents have all ended starts its next episode within the same step.

    Args:
        instances: the worlds of these copies.
        arrays: of all copies.
        layout: of the arrays.
        accounts: of all copies.
        exact: nothing may be padded.
        watch: what the worlds' code is called through.
        doing: int64 [3], where it says which copy it plays, and last which episode of it.

    Attributes:
        envs: copy -> the instance of the world in play.
        standing: copy -> what it plays.
    """

    def __init__(
        self,
        instances: Instances,
        arrays: Arrays,
        layout: Layout,
        accounts: Accounts,
        *,
        exact: bool,
        watch: Watch,
        doing: np.ndarray | None = None,
    ) -> None:
        self._doing = np.zeros(3, np.int64) if doing is None else doing
        self._instances, self._arrays, self._layout = instances, arrays, layout
        self._accounts = accounts
        self.envs: dict[int, ParallelEnv] = dict(instances.own)
        instances.place(arrays, layout, exact=exact)
        self.standing: dict[int, Copy] = {copy: Copy(copy, arrays, watch) for copy in instances.own}
        self._guard = Guard(arrays, self.standing)
        self._starts = Starter(instances, layout, self._guard, self.envs, accounts, self._doing)

    def reseed(self, seeds: EpisodeSeeds) -> None:
        """Starts over at episode 0 from the next `reset` on, with these seeds."""
        self._starts.reseed(seeds)
        self.renumber(dict.fromkeys(self.standing, -1))

    def renumber(self, numbers: Mapping[int, int]) -> None:
        """Says which episode of each copy was its last."""
        for copy, number in numbers.items():
            self.standing[copy].number = number

    def prepare(self, copy: int, setting: Setting) -> None:
        """As `Copies.prepare`."""
        self._starts.prepare(copy, setting)

    def reset(self, options: Mapping[int, Mapping[str, Any]]) -> Outcome:
        """Starts the next episode of every copy, as `Copies.reset`; options by copy."""
        self._accounts.drops = []
        for copy in self.standing.values():
            self._starts.start(copy, options.get(copy.index, {}))
        return Outcome(drops=self._accounts.drops, begun=list(self.standing))

    def order(self, verb: str, given: Any) -> None:
        """Notes what `done` is to do: the method "reset" or "restore"."""
        self._ordered = verb, given

    def done(self) -> Any:
        """Does what was ordered, now."""
        verb, given = self._ordered
        return getattr(self, verb)(given)

    def send(self, copies: range, actions: Mapping[str, np.ndarray]) -> None:
        """Notes what `receive` is to do."""
        self._given = actions

    def receive(self, copies: range) -> Outcome:
        """Steps some of its copies with the actions that were sent, now; raises as `step`."""
        return self.step(self._given, copies)

    def step(self, actions: Mapping[str, np.ndarray], copies: range) -> Outcome:
        """One step of some of its copies; raises as `Copies.step`.

        Args:
            actions: group -> [all copies, agents of the group, *action shape].
            copies: which.
        """
        outcome, lost = Outcome(), dict[int, TrainingEnvironmentError]()
        doing, broken = self._doing, self._accounts.broken
        mine = [self.standing[copy] for copy in copies]
        for copy, chosen in zip(mine, per_copy(actions, self._arrays, copies), strict=True):
            doing[0], doing[2] = copy.index, copy.number
            try:
                if broken and (its := broken.get((copy.index, copy.number))):
                    copy.length += 1
                    raise its
                copy.step(chosen, outcome.ends)
            except TrainingEnvironmentError as error:
                lost[copy.index] = self._broken(copy, error, outcome)
        while bad := self._guard.nonfinite(outcome.ends, actions, copies):
            lost[bad[0]] = self._broken(self.standing[bad[0]], bad[1], outcome)
        self._accounts.drops = outcome.drops
        for copy in mine:
            if not copy.playing:
                self._go_on(copy, lost.get(copy.index), outcome)
        return outcome

    def restore(self, tapes: Iterable[Tape]) -> None:
        """Puts copies into the middle of their episodes, as `Copies.restore`; checked before."""
        digests = digests_of(self._arrays, self._layout)
        for tape in tapes:
            self._doing[0], self._doing[2] = tape.copy, tape.number
            seat = self._starts.seat(tape.copy, tape.setting)
            replay(self.standing[tape.copy], seat, tape, self._arrays, digests)
            if tape.next_setting is not None:
                self.prepare(tape.copy, tape.next_setting)
            self._arrays.clear(range(tape.copy, tape.copy + 1))

    def count(self) -> None:
        """Nothing: `standing` knows all returns."""

    def remember(self, taped: Callable[[range], list[Tape]]) -> None:
        """Nothing: what is here is not lost."""

    def settle(self, *, back: bool = False) -> None:
        """Nothing: steps are taken when they are received."""

    def dismiss(self) -> None:
        """Nothing: worlds that are here close when they are told to."""

    @property
    def infos(self) -> Infos:
        """(copy, agent) -> the world's info of the last step, where it was not empty."""
        said = ((index, copy.infos) for index, copy in self.standing.items())
        return {(at, agent): info for at, its in said for agent, info in its.items() if info}

    @property
    def reset_infos(self) -> Infos:
        """(copy, agent) -> the world's info at the current episode's start, where not empty."""
        said = ((index, copy.reset_infos) for index, copy in self.standing.items())
        return {(at, agent): info for at, its in said for agent, info in its.items() if info}

    def reach(self, copies: Sequence[int], ask: Callable[[ParallelEnv], Any]) -> list[Any]:
        """What `ask` gives of the worlds in play in these copies, one after the other."""
        return [ask(self.envs[copy]) for copy in copies]

    def close(self, *, left: bool = False) -> None:
        """Closes every world, or leaves them all as they are."""
        if not left:
            self._instances.close()

    def _broken(
        self, copy: Copy, error: TrainingEnvironmentError, outcome: Outcome
    ) -> TrainingEnvironmentError:
        """The error, where its episode is to be dropped: its last step is not told of."""
        if self._accounts.on_failure is None:
            raise error
        outcome.ends = [end for end in outcome.ends if end.copy != copy.index]
        copy.leave(error.what)
        return error

    def _go_on(self, copy: Copy, broken: TrainingEnvironmentError | None, outcome: Outcome) -> None:
        """A copy's episode has ended, or was broken: it begins another."""
        if broken is not None:
            self._starts.start_over(copy, broken)
        else:
            outcome.episodes.append(copy.finish())
            self._starts.start_next(copy)
        outcome.begun.append(copy.index)
