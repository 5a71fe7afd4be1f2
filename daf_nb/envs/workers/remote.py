"""Copies in a worker process, as the trainer sees them; lost ones are rebuilt from their tapes."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.accounts import Accounts, Outcome, Told
from daf_nb.envs.hangs import Hang
from daf_nb.envs.instances import refuse_rebuilding
from daf_nb.envs.local import Infos
from daf_nb.envs.seeds import EpisodeSeeds
from daf_nb.envs.settings import Setting
from daf_nb.envs.tape import Tape
from daf_nb.envs.watch import Watch
from daf_nb.envs.workers.losses import Losses
from daf_nb.envs.workers.parcels import Numbers, error_of, packed, unpacked
from daf_nb.envs.workers.process import Process
from daf_nb.envs.workers.room import Plane
from daf_nb.envs.workers.worker import STEP, Contract
from daf_nb.errors import TrainingEnvironmentError

__all__ = ["Remote"]

_log = logging.getLogger("daf_nb")
Message = tuple[bytes, bytes]


@dataclass
class _Flying:
    """A message whose answer is awaited.

    Attributes:
        kind: what it is.
        content: what it says, if the steps of some copies are to count as broken.
        copies: that make a step.
        anew: that are to play something else, whatever they played.
    """

    kind: bytes
    content: Callable[[Mapping[int, TrainingEnvironmentError]], bytes]
    copies: range = range(0)
    anew: frozenset[int] = frozenset()


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

    Attributes:
        standing: copy -> what it plays, as far as the worker has told.
    """

    def __init__(self, contract: Contract, plane: Plane, accounts: Accounts, watch: Watch) -> None:
        self._contract, self._plane, self._accounts = contract, plane, accounts
        self._watch, self._copies = watch, contract.copies
        self._possible = contract.plan.rebuild is not None
        self._packed = packed(contract, "the world")
        self.standing = {copy: Told(copy) for copy in self._copies}
        self._taped: Callable[[range], list[Tape]] = lambda copies: []
        self._numbers, self._losses = Numbers(), Losses(plane.doing[contract.place])
        self._flying: list[_Flying] = []
        self._seeds: EpisodeSeeds | None = None
        self._prepared: dict[int, Setting] = {}
        self._in_a_row = accounts.in_a_row[:]
        self._process = self._started()

    def ready(self) -> None:
        """Waits until the worlds are made.

        Raises:
            TrainingEnvironmentError: the worker ended before.
        """
        try:
            self._answer_of(self._next())
        except EOFError:
            said = self._process.said_of_end()
            raise TrainingEnvironmentError(
                f"the worker of copies {min(self._copies)} to {max(self._copies)} {said} while it "
                "made its worlds. Use num_workers=0 to see what happens."
            ) from None
        for at in self._copies:
            self.prepare(at, self._accounts.settings[at])

    # What a host does

    def reseed(self, seeds: EpisodeSeeds) -> None:
        self._seeds = seeds
        for told in self.standing.values():
            told.number = -1
        self._call("reseed", seeds)

    def prepare(self, copy: int, setting: Setting) -> None:
        assert self._contract.plan.layout is not None, "hired gives it"
        self._contract.plan.layout.refuse_goal(setting)
        refuse_rebuilding(setting, possible=self._possible)
        self._accounts.settings[copy] = setting
        if self._prepared.get(copy) is not setting:
            outward = self._numbers.outward(copy, setting)
            self._post(b"p", packed((copy, outward), str(setting)))
            self._prepared[copy] = setting

    def order(self, verb: str, given: Any) -> None:
        anew = frozenset(self._copies)
        if verb == "restore":
            anew = frozenset(tape.copy for tape in given)
            tapes, given = given, [self._numbers.tape_outward(tape) for tape in given]
            for tape in tapes:
                told = Told(tape.copy, tape.number, tape.seed, tape.setting, tape.length, True)
                vars(self.standing[tape.copy]).update(vars(told))
                if tape.next_setting is not None:
                    self._accounts.settings[tape.copy] = tape.next_setting
                    self._prepared[tape.copy] = tape.next_setting
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

        def content(broken: Mapping[int, TrainingEnvironmentError]) -> bytes:
            if not (others or broken):
                return head
            return head + packed((others, dict(broken)), "an action")

        if self._in_a_row != self._accounts.in_a_row:
            self._in_a_row = self._accounts.in_a_row[:]
            self._post(b"r", pickle.dumps(self._in_a_row))
        self._fly(_Flying(b"s", content, copies))

    def receive(self, copies: range) -> Outcome:
        assert self._flying and self._flying[0].copies == copies, "steps are answered in order"
        return self._answered()

    def count(self) -> None:
        for at, (length, returns) in self._call("count", None).items():
            self.standing[at].length, self.standing[at].returns = length, returns

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

    def settle(self) -> None:
        """Takes what is still to come, which is of no use to anybody."""
        while self._flying:
            try:
                self._answered()
            except Exception as error:
                _log.debug("what a worker said last was not waited for: %s", error)

    def close(self, *, left: bool = False) -> None:
        self._process.close(left=left or bool(self._flying))
        self._flying.clear()

    # How it gets there

    def _call(self, verb: str, given: Any) -> Any:
        assert not self._flying, "nothing else is under way"
        self._ask(verb, given)
        return self._answered()

    def _ask(self, verb: str, given: Any, anew: frozenset[int] = frozenset()) -> None:
        drops = self._accounts.on_failure is not None
        told = packed((verb, given, drops), "what the worlds are asked")
        self._fly(_Flying(b"c", lambda broken: told, anew=anew))

    def _post(self, kind: bytes, content: bytes) -> None:
        with suppress(EOFError):  # noticed, and mended, by who waits for an answer
            self._process.channel.send(kind, content)

    def _fly(self, flying: _Flying) -> None:
        self._flying.append(flying)
        self._post(flying.kind, flying.content({}))

    def _answered(self) -> Any:
        """The answer to what was asked first of what is under way."""
        broken: dict[int, TrainingEnvironmentError] = {}
        lost = False
        while True:
            try:
                if lost:
                    self._revive(broken)
                message = self._next()
                break
            except EOFError:
                broken |= self._losses.lost(self._process, self.standing, self._accounts)
            except Stuck as stuck:
                broken |= self._losses.stuck(stuck.hang, self._accounts)
            lost = True
        self._losses.answered()
        self._flying.pop(0)
        return self._answer_of(message)

    def _next(self) -> Message:
        """What the worker says next, but for questions and hangs, which are seen to."""
        channel = self._process.channel
        while True:
            kind, content = channel.receive()
            if kind == b"?":
                channel.send(b"a", self._answer(*unpacked(content)))
            elif kind == b"l":
                name, level, said = unpacked(content)
                logging.getLogger(name).log(level, "%s", said)
            elif kind == b"h":
                self._watch.told(unpacked(content))
            elif kind == b"H":
                raise Stuck(unpacked(content))
            else:
                return kind, content

    def _answer_of(self, message: Message) -> Any:
        kind, content = message
        if kind == b".":
            return Outcome()
        if kind == b"!":
            error = error_of(content)
            raise error from error.__cause__
        if kind == b"=":
            return unpacked(content)
        slim, begun = unpacked(content)
        for at, number, seed, setting in begun:
            own = self._numbers.homeward(at, setting)
            vars(self.standing[at]).update(vars(Told(at, number, seed, own, 0, True)))
        outcome = self._numbers.all_homeward(slim)
        self._keep_count(outcome)
        return outcome

    def _keep_count(self, outcome: Outcome) -> None:
        for episode in outcome.episodes:
            self._accounts.in_a_row[episode.copy] = self._in_a_row[episode.copy] = 0
        for drop in outcome.drops:
            self._in_a_row[drop.copy] += 1
            self._accounts.in_a_row[drop.copy] = self._in_a_row[drop.copy]

    def _answer(self, about: str, given: Any) -> bytes:
        """What a copy is to play next, where what was prepared does not do."""
        accounts = self._accounts
        if about == "drop":
            at, drop = given.copy, self._numbers.drop_homeward(given)
            assert accounts.on_failure is not None, "else nothing is dropped"
            setting: Setting | None = accounts.on_failure(drop)
        else:
            at, content = given
            error: Any = error_of(content)
            setting = accounts.on_task_failure and accounts.on_task_failure(at, error)
        if setting is None:
            return pickle.dumps(None)
        accounts.settings[at] = self._prepared[at] = setting
        return packed(self._numbers.outward(at, setting), str(setting))

    # Losing it, and getting another

    def _started(self) -> Process:
        process = Process(self._plane.file)
        process.channel.send(b"b", self._packed)
        return process

    def _revive(self, broken: Mapping[int, TrainingEnvironmentError]) -> None:
        """Another worker, in the middle of the same episodes, is asked all that is under way."""
        self._process.close(left=True)
        self._process = self._started()
        self._prepared.clear()
        self.ready()
        assert self._seeds is not None, "copies are seeded when they are made"
        self._call_once("reseed", self._seeds)
        numbers = {at: told.number for at, told in self.standing.items()}
        self._call_once("renumber", numbers)
        self._in_a_row = [-1] * len(self._in_a_row)
        anew = frozenset().union(*(one.anew for one in self._flying))
        tapes = [tape for tape in self._taped(self._copies) if tape.copy not in anew]
        with self._plane.arrays.kept([at for at in self._copies if not self._flies(at)]):
            self._call_once("restore", [self._numbers.tape_outward(tape) for tape in tapes])
        for one in self._flying:
            its = {at: error for at, error in broken.items() if at in one.copies}
            self._post(one.kind, one.content(its))

    def _flies(self, copy: int) -> bool:
        return any(copy in one.copies or copy in one.anew for one in self._flying)

    def _call_once(self, verb: str, given: Any) -> Any:
        """As `_call`; a loss rises."""
        self._post(b"c", packed((verb, given, False), "what the worlds are asked"))
        return self._answer_of(self._next())


class Stuck(Exception):
    """A world of the worker hangs in a call of C."""

    def __init__(self, hang: Hang) -> None:
        super().__init__(str(hang))
        self.hang = hang
