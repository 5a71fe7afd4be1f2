"""Copies in a worker process, as the trainer sees them; lost ones are rebuilt from their tapes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.accounts import Accounts, Broken, Outcome, Told
from daf_nb.envs.instances import refuse_rebuilding
from daf_nb.envs.local import Infos
from daf_nb.envs.seeds import EpisodeSeeds
from daf_nb.envs.settings import Setting
from daf_nb.envs.tape import Tape
from daf_nb.envs.watch import Watch
from daf_nb.envs.workers.books import Books
from daf_nb.envs.workers.line import Flying, Line, Message
from daf_nb.envs.workers.losses import Losses
from daf_nb.envs.workers.parcels import error_of, packed, unpacked
from daf_nb.envs.workers.room import Plane
from daf_nb.envs.workers.worker import STEP, Contract
from daf_nb.errors import TrainingEnvironmentError

__all__ = ["Remote"]

_log = logging.getLogger("daf_nb")


class Remote:
    """A `Host` whose copies are in another process.

    A worker that is killed, or ends, is replaced: its copies' episodes are played again from the
    tapes, and what was under way is asked for once more, so that nothing differs. One that ends
    twice in the same step does so because of its world, whose episode then counts as broken.

    Args:
        contract: what the worker does.
        plane: the shared memory.
        accounts: of all copies.
        watch: told of hangs.
    """

    def __init__(self, contract: Contract, plane: Plane, accounts: Accounts, watch: Watch) -> None:
        self._contract, self._plane, self._accounts = contract, plane, accounts
        self._copies = contract.copies
        self._possible = contract.plan.rebuild is not None
        self._books = Books(self._copies, accounts)
        self._taped: Callable[[range], list[Tape]] = lambda copies: []
        self._seeds: EpisodeSeeds | None = None
        doing = plane.doing[contract.place]
        self._line = Line(
            self,
            packed(contract, "the world"),
            file=plane.file,
            doing=doing,
            losses=Losses(doing, self.standing, accounts),
            watch=watch,
        )

    def ready(self) -> None:
        """Waits until the worlds are made.

        Raises:
            TrainingEnvironmentError: the worker ended before.
        """
        try:
            self._answer_of(self._line.next())
        except EOFError:
            said = self._line.process.said_of_end()
            raise TrainingEnvironmentError(
                f"the worker of copies {min(self._copies)} to {max(self._copies)} {said} while it "
                "made its worlds. Use num_workers=0 to see what happens."
            ) from None
        for at in self._copies:
            self.prepare(at, self._accounts.settings[at])

    # What a host does

    @property
    def standing(self) -> Mapping[int, Told]:
        return self._books.standing

    def reseed(self, seeds: EpisodeSeeds) -> None:
        self._seeds = seeds
        for told in self.standing.values():
            told.number = -1
        self._call("reseed", seeds)

    def prepare(self, copy: int, setting: Setting) -> None:
        assert self._contract.plan.layout is not None, "hired gives it"
        self._contract.plan.layout.refuse_goal(setting)
        refuse_rebuilding(setting, possible=self._possible)
        if told := self._books.prepared(copy, setting):
            self._line.post(b"p", told)

    def order(self, verb: str, given: Any) -> None:
        anew = frozenset(self._copies)
        if verb == "restore":
            anew = frozenset(tape.copy for tape in given)
            given = self._books.restored(given)
        self._ask(verb, given, anew)

    def done(self) -> Any:
        return self._answered()

    def send(self, copies: range, actions: Mapping[str, np.ndarray]) -> None:
        others: dict[str, np.ndarray] = {}
        these = slice(copies.start, copies.stop)
        for name, part in actions.items():
            if part.dtype == self._plane.actions[name].dtype:
                self._plane.actions[name][these] = part[these]
            else:
                others[name] = part
        head = STEP.pack(copies.start, copies.stop, self._accounts.on_failure is not None)

        def content(broken: Broken) -> bytes:
            if not (others or broken):
                return head
            return head + packed((others, broken), "an action")

        if told := self._books.drops():
            self._line.post(b"r", told)
        due = dict(zip(copies, self._accounts.settings[these], strict=True))
        self._line.fly(Flying(b"s", content, due, copies))

    def receive(self, copies: range) -> Outcome:
        flying = self._line.flying
        assert flying and flying[0].copies == copies, "steps are answered in order"
        return self._answered()

    def count(self) -> None:
        self._books.counted(self._call("count", None))

    @property
    def infos(self) -> Infos:
        return self._call("get", ("infos",))["infos"]

    @property
    def reset_infos(self) -> Infos:
        return self._call("get", ("reset_infos",))["reset_infos"]

    def reach(self, copies: Sequence[int], ask: Callable[[ParallelEnv], Any]) -> list[Any]:
        return self._call("ask", (copies, ask))

    def remember(self, taped: Callable[[range], list[Tape]]) -> None:
        self._taped = taped

    def settle(self, *, back: bool = False) -> None:
        line = self._line
        while line.flying and not (back or line.broken_off):
            try:
                self._answered()
            except Exception as error:
                _log.debug("what a worker said last was not waited for: %s", error)
        if back or line.broken_off:
            line.replace(self._bring_back if back else self._begin_anew)

    def dismiss(self) -> None:
        if not self._line.broken_off:
            self._line.process.dismiss()

    def close(self, *, left: bool = False) -> None:
        self._line.process.close(left=left or self._line.broken_off)
        self._line.flying.clear()

    # What the line to the worker asks

    def reply(self, about: str, given: Any) -> tuple[int, Callable[[], bytes]]:
        """What answers a question: what a copy is to play next, where what was prepared fails."""
        at = given.copy if about == "drop" else given[0]
        return at, lambda: self._books.reply(about, at, given)

    def again(self) -> None:
        """Brings a worker that was just started to where a lost one was, before what flies."""
        self._renew()
        anew = frozenset().union(*(one.anew for one in self._line.flying))
        self._play_again(anew)

    # How it gets there

    def _call(self, verb: str, given: Any) -> Any:
        if self._line.flying or self._line.broken_off:
            self.settle(back=self._line.broken_off)
        self._ask(verb, given)
        return self._answered()

    def _ask(self, verb: str, given: Any, anew: frozenset[int] = frozenset()) -> None:
        drops = self._accounts.on_failure is not None

        def content(broken: Broken) -> bytes:
            return packed((verb, given, drops, broken), "what the worlds are asked")

        due = {at: self._accounts.settings[at] for at in anew}
        self._line.fly(Flying(b"c", content, due, anew=anew))

    def _answered(self) -> Any:
        return self._answer_of(self._line.answered())

    def _answer_of(self, message: Message) -> Any:
        kind, content = message
        if kind == b".":
            return Outcome()
        if kind == b"!":
            error = error_of(content)
            raise error from error.__cause__
        if kind == b"=":
            return unpacked(content)
        return self._books.brought(content)

    # Another worker

    def _bring_back(self) -> None:
        """Brings a new worker to where the tapes end, in place of one that was broken off."""
        self._renew()
        try:
            self._play_again(frozenset())
        except TrainingEnvironmentError as error:
            _log.warning("A step was broken off, and cannot be gone back to: reset. %s", error)
            self._books.forget_episodes()

    def _begin_anew(self) -> None:
        """Tells a new worker what it has to know, but for episodes: others follow."""
        self._renew()
        self._books.forget_episodes()

    def _renew(self) -> None:
        """Tells a new worker what all before it were told."""
        self._answer_of(self._line.next())  # its worlds are made
        for at in self._copies:
            self._line.post(b"p", self._books.prepared_again(at, self._due(at)))
        if self._seeds is not None:
            self._call_once("reseed", self._seeds)
        self._call_once("renumber", {at: told.number for at, told in self.standing.items()})
        self._line.post(b"r", self._books.drops_again())

    def _play_again(self, anew: frozenset[int]) -> None:
        """Has it play the episodes in progress, but for copies that are to play something else."""
        tapes = [
            self._books.taped(replace(tape, next_setting=self._due(tape.copy)))
            for tape in self._taped(self._copies)
            if tape.copy not in anew
        ]
        with self._plane.arrays.kept([at for at in self._copies if not self._flies(at)]):
            self._call_once("restore", tapes)

    def _due(self, at: int) -> Setting:
        """What a copy's next episode was to be played with before what flies."""
        for one in self._line.flying:
            if at in one.settings:
                return one.settings[at]
        return self._accounts.settings[at]

    def _flies(self, copy: int) -> bool:
        return any(copy in one.copies or copy in one.anew for one in self._line.flying)

    def _call_once(self, verb: str, given: Any) -> Any:
        """As `_call`; a loss rises."""
        self._line.post(b"c", packed((verb, given, False, {}), "what the worlds are asked"))
        return self._answer_of(self._line.next())
