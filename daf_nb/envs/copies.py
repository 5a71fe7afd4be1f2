"""All copies of a world, stepped here or by workers into shared arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.accounts import Accounts, Outcome, Standing
from daf_nb.envs.arrays import Episode, RowEnd
from daf_nb.envs.guards import Guard
from daf_nb.envs.halves import Half
from daf_nb.envs.hosts import Plan, Staff, staffed
from daf_nb.envs.layout import Layout
from daf_nb.envs.restoring import check_tapes
from daf_nb.envs.seeds import EpisodeSeeds, checked_seed
from daf_nb.envs.settings import Setting
from daf_nb.envs.tape import Tape
from daf_nb.envs.watch import Watch
from daf_nb.envs.worlds import World
from daf_nb.errors import ConfigError

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
        num_workers: worker processes that step them, each a part; 0 steps them all here. What
            comes of it is the same, bit for bit.
        seed: run seed, from which every episode's seed is derived; None draws one.
        held_out: use the seeds that training never uses.
        layout: the agents and spaces of the arrays, which worlds of single tasks may fall short of;
            by default those of the world, exactly.
        rebuild: constructor arguments to change -> a fresh world; for settings that have some.
        world: what the factory builds, for the tapes to say so.
        watch: what the worlds' code is called through; None for one that watches nothing.

    Attributes:
        arrays: what the learner reads.
        ends: the rows that ended in the last step.
        episodes: the episodes that ended in the last step, in copy order.
        seed: the run seed in use.
        starts: how episodes start, and what follows where one cannot, or its world breaks it.
        halves: with workers two, each of half the copies, of which one can be stepped while the
            other's actions are chosen; else one.
        on_tape: told of every episode that ends, with what gives its tape until the next step.

    Raises:
        ConfigError: no copies, one instance given twice, spaces that cannot be trained on, or
            workers to whom the world cannot be sent.
    """

    def __init__(
        self,
        factory: Callable[[], ParallelEnv],
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
        num_envs: int,
        num_workers: int = 0,
        seed: int | None = None,
        held_out: bool = False,
        layout: Layout | None = None,
        rebuild: Callable[[Mapping[str, Any]], ParallelEnv] | None = None,
        world: World | None = None,
        watch: Watch | None = None,
    ) -> None:
        if num_envs < 1:
            raise ConfigError(f"num_envs={num_envs}: at least one copy is needed.")
        if num_workers < 0:
            raise ConfigError(f"num_workers={num_workers}: 0 steps the copies in this process.")
        seed = checked_seed(seed)
        self.num_envs, self.closed = num_envs, False
        self.starts = Accounts(num_envs)
        plan = Plan(factory, rebuild, groups, layout, num_envs)
        self._staff: Staff = staffed(
            plan, self.starts, watch or Watch(), min(num_workers, num_envs)
        )
        self._layout, self.arrays = self._staff.layout, self._staff.arrays
        self._standing: dict[int, Standing] = {}
        for host, _ in self._staff.hosts:
            self._standing.update(host.standing)
        self._guard, self._broken_off = Guard(self.arrays, self._standing), False
        self.halves = [
            Half(
                copies,
                self.arrays,
                self._layout,
                world=world,
                guard=self._guard,
                steppers=self._staff.having(copies),
            )
            for copies in self._staff.halves
        ]
        self.on_tape: Callable[[Episode, Callable[[], Tape]], object] | None = None
        self.ends: list[RowEnd] = []
        self.episodes: list[Episode] = []
        self._held_out = held_out
        self._staff.remember(self._taped)
        self.reseed(seed)

    def reseed(self, seed: int | None, *, same: bool = False) -> None:
        """Starts over at episode 0 under `seed` from the next `reset` on; None draws a seed.

        With `same`, every episode gets this very seed.
        """
        self.settle()
        self.seed = checked_seed(seed)
        held_out, copies = self._held_out, self.num_envs
        self._seeds = EpisodeSeeds(self.seed, num_envs=copies, held_out=held_out, same=same)
        self.starts.in_a_row = [0] * copies
        for host, _ in self._staff.hosts:
            host.reseed(self._seeds)

    @property
    def envs(self) -> list[ParallelEnv]:
        """Per copy, the instance of the world in play.

        Raises:
            ConfigError: they are in other processes; `reach` gets there.
        """
        if not self._staff.here:
            raise ConfigError(
                "the worlds are in worker processes: use get_attr, set_attr and env_method of the "
                "VecEnv, or num_workers=0."
            )
        return self.reach(range(self.num_envs), lambda env: env)

    @property
    def infos(self) -> dict[tuple[int, str], dict[str, Any]]:
        """(copy, agent) -> the world's info of the last step, where it was not empty."""
        return {at: info for host, _ in self._staff.hosts for at, info in host.infos.items()}

    @property
    def reset_infos(self) -> dict[tuple[int, str], dict[str, Any]]:
        """(copy, agent) -> the world's info at the start of the current episode."""
        return {at: info for host, _ in self._staff.hosts for at, info in host.reset_infos.items()}

    def reach(self, copies: Sequence[int], ask: Callable[[ParallelEnv], Any]) -> list[Any]:
        """What `ask` gives of the worlds in play in these copies, one after the other.

        Raises:
            ConfigError: they are in other processes, and `ask` or its answer cannot be sent.
        """
        asked = {
            at: answer
            for host, has in self._staff.hosts
            if (its := sorted({at for at in copies if at in has}))
            for at, answer in zip(its, host.reach(its, ask), strict=True)
        }
        return [asked[at] for at in copies]

    def prepare(self, copy: int, setting: Setting) -> None:
        """Sets what a copy's next episode and all later ones are played with, until told again.

        Raises:
            ConfigError: it does not fit the layout, or needs a world that cannot be rebuilt.
        """
        self._staff.host_of(copy).prepare(copy, setting)

    def reset(self, options: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Starts the next episode of every copy.

        Args:
            options: reset options per copy, for these episodes alone, over those of their settings;
                None for none.

        Raises:
            TrainingEnvironmentError: a world raised, broke its contract, or gave NaN or infinity.
            TaskGenerationError: a setting could not be played, and there was no other.
        """
        self.settle()
        self.arrays.clear(range(self.num_envs))
        given = dict(enumerate(options or ()))
        outcome = Outcome()
        for host, _ in self._staff.hosts:
            host.order("reset", given)
        for host, _ in self._staff.hosts:
            outcome.add(host.done())
        self.take(outcome)
        for half in self.halves:
            for copy in half.copies:
                half.taping.begin(copy)

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
        if self._broken_off:
            self._go_back()
        if not self._staff.here:  # nobody makes a step if one of them cannot
            self._guard.refuse_bad_actions(actions, range(self.num_envs))
        self._broken_off = True
        for half in self.halves:
            half.send(actions)
        outcome = Outcome()
        for half in self.halves:
            outcome.add(half.receive(self.on_tape))
        self.take(outcome)
        self._broken_off = False

    def settle(self) -> None:
        """Waits for halves that were sent and not received; what came of it is of no use."""
        self._staff.settle()
        self._broken_off = False

    def _go_back(self) -> None:
        """The last step was interrupted, or raised: copies in workers go on from before it."""
        self._staff.settle(back=True)
        if not self.playing:
            raise ConfigError("the last step was broken off: call reset first.")
        self._broken_off = False

    def tapes(self) -> list[Tape]:
        """The episodes in progress, one of each copy, as they are now.

        Raises:
            ConfigError: there are none yet.
        """
        if not all(copy.playing for copy in self._standing.values()):
            raise ConfigError("no episodes are in progress: call reset first.")
        for host, _ in self._staff.hosts:
            host.count()
        return self._taped(range(self.num_envs))

    @property
    def playing(self) -> bool:
        """Every copy is in the middle of an episode."""
        return not self.closed and all(copy.playing for copy in self._standing.values())

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
        self.settle()
        chosen = {tape.copy: tape for tape in tapes}
        standing = [self._standing[at] for at in range(self.num_envs)]
        stride = self.halves[0].taping.stride
        check_tapes(chosen, standing, self.arrays, self._seeds, stride=stride)
        for host, has in self._staff.hosts:
            host.order("restore", [tape for at, tape in chosen.items() if at in has])
        for host, _ in self._staff.hosts:
            host.done()
        for half in self.halves:
            for at in half.copies:
                if at in chosen:
                    half.taping.put(chosen[at])
        self.arrays.clear(range(self.num_envs))
        self.take(Outcome())

    def close(self, *, left: bool = False) -> None:
        """Closes every world once, or leaves them all as they are (`left`), as one of them hangs.

        One that raises when it is closed is told of, and the others still close.
        """
        closed, self.closed = self.closed, True
        if not closed:
            self._staff.close(left=left)

    def take(self, outcome: Outcome) -> None:
        """What a step of all halves brought, together."""
        self.ends, self.episodes = outcome.ends, outcome.episodes
        self.starts.drops = outcome.drops

    def _taped(self, copies: range) -> list[Tape]:
        """The episodes in progress of some copies."""
        return [
            half.taping.cut(self._standing[at], self.starts.settings[at])
            for half in self.halves
            for at in half.copies
            if at in copies and self._standing[at].playing
        ]
