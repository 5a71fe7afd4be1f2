"""The program of a worker: steps its copies as it is told, until nobody is there to tell it."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
import struct
import sys
import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from daf_nb.envs.accounts import Accounts, Broken, Outcome
from daf_nb.envs.failing import Drop
from daf_nb.envs.hosts import Plan
from daf_nb.envs.instances import Instances
from daf_nb.envs.local import Infos, Local
from daf_nb.envs.settings import Setting
from daf_nb.envs.watch import Watch
from daf_nb.envs.workers.channel import Channel
from daf_nb.envs.workers.parcels import bare, error_bytes, packed, sendable, unpacked
from daf_nb.envs.workers.room import Plane
from daf_nb.envs.workers.ties import TrainersLog, end_with_the_trainer
from daf_nb.errors import ConfigError, TaskGenerationError

__all__ = ["Contract", "main"]

STEP = struct.Struct("<HHB")
"""First copy, past the last, and whether broken episodes are dropped."""


@dataclass(frozen=True)
class Contract:
    """What a worker is hired for.

    Attributes:
        plan: of all copies.
        deadline: seconds that a call of a world may take; None for ever.
        exact: nothing may be padded.
        copies: those that it has.
        place: which worker it is.
        num_workers: of how many.
    """

    plan: Plan
    deadline: float | None
    exact: bool
    copies: range
    place: int
    num_workers: int


class _Worker:
    def __init__(self, contract: Contract, channel: Channel, file: int) -> None:
        self._channel, self._writing = channel, threading.Lock()
        self._waiting: deque[tuple[bytes, bytes]] = deque()
        plan, copies = contract.plan, contract.copies
        assert plan.layout is not None and plan.groups is not None, "hired gives them"
        plane = Plane(
            plan.groups,
            plan.layout,
            num_envs=plan.num_envs,
            num_workers=contract.num_workers,
            file=file,
        )
        self._actions, self._doing = plane.actions, plane.doing[contract.place]
        self._owed: BaseException | None = None
        self._log = TrainersLog(self._say)
        logging.getLogger().addHandler(self._log)
        self.watch = Watch(contract.deadline)
        self.watch.beat = self._beat
        self.watch.told = lambda hang: self._say(b"h", pickle.dumps(hang))
        self.watch.taken_over = lambda hang: self._say(b"H", pickle.dumps(hang))
        self._accounts = Accounts(plan.num_envs)
        self._accounts.on_task_failure = self._ask_for_another
        instances = Instances(plan.factory, plan.rebuild, copies=copies, watch=self.watch)
        self._part = Local(
            instances,
            plane.arrays,
            plan.layout,
            self._accounts,
            exact=contract.exact,
            watch=self.watch,
            doing=self._doing,
        )
        self._doing[0] = -1

    def serve(self) -> None:
        """Does what it is told, until it is told to go."""
        self._beat()
        while True:
            waiting = self._waiting
            kind, content = waiting.popleft() if waiting else self._channel.receive()
            if kind == b"q":
                logging.getLogger().removeHandler(self._log)  # nobody listens any more
                self._part.close()
                return
            try:
                answer = self._do(kind, content)
            except BaseException as error:
                if kind in (b"p", b"r"):
                    self._owed = error
                else:
                    self._say(b"!", error_bytes(error))
            else:
                if answer is not None:
                    self._say(*answer)
            finally:
                self._doing[0] = -1

    def _do(self, kind: bytes, content: bytes) -> tuple[bytes, bytes] | None:
        if self._owed is not None and kind in (b"s", b"c"):
            error, self._owed = self._owed, None
            raise error
        if kind == b"s":
            return self._step(content)
        told = unpacked(content)
        if kind == b"p":
            copy, setting = told
            self._part.prepare(copy, setting)
            return None
        if kind == b"r":
            self._accounts.in_a_row[:] = told
            return None
        verb, given, drops, broken = told
        self._dropping(drops, broken)
        if verb == "ask":
            answer = self._part.reach(*given)
        elif verb == "get":
            answer = {name: getattr(self._part, name) for name in given}
            return b"=", self._packed_infos(answer)
        elif verb == "count":
            answer = {at: (one.length, one.returns) for at, one in self._part.standing.items()}
        else:
            answer = getattr(self._part, verb)(given)
        if isinstance(answer, Outcome):
            return b"o", self._told(answer)
        return b"=", packed(answer, "what the world answered")

    def _step(self, content: bytes) -> tuple[bytes, bytes]:
        first, last, drops = STEP.unpack_from(content)
        actions, broken = self._actions, {}
        if len(content) > STEP.size:
            others, broken = unpacked(content[STEP.size :])
            actions = {**actions, **others}
        self._dropping(bool(drops), broken)
        outcome = self._part.step(actions, range(first, last))
        if outcome.ends or outcome.begun or outcome.drops:
            return b"o", self._told(outcome)
        return b".", b""

    def _told(self, outcome: Outcome) -> bytes:
        """The outcome with settings by their numbers, and what has begun."""
        slim = Outcome(
            outcome.ends,
            [replace(episode, setting=bare(episode.setting)) for episode in outcome.episodes],
            [replace(drop, setting=bare(drop.setting)) for drop in outcome.drops],
            outcome.begun,
        )
        standing = [self._part.standing[copy] for copy in outcome.begun]
        begun = [(one.index, one.number, one.seed, bare(one.setting)) for one in standing]
        try:
            return packed((slim, begun), "what the world said of an episode's end")
        except ConfigError:  # a run does not end because of what nobody may ever read
            for place, episode in enumerate(slim.episodes):
                info = {agent: sendable(its) for agent, its in episode.info.items()}
                slim.episodes[place] = replace(episode, info=info)
            return packed((slim, begun), "what the world said of an episode's end")

    def _packed_infos(self, told: dict[str, Infos]) -> bytes:
        try:
            return packed(told, "infos")
        except ConfigError:
            kept = {k: {at: sendable(i) for at, i in infos.items()} for k, infos in told.items()}
            return packed(kept, "infos")

    def _beat(self) -> None:
        """In the thread of the watch: Python runs here."""
        self._doing[1] += 1

    def _dropping(self, drops: bool, broken: Broken) -> None:
        self._accounts.broken = broken
        self._accounts.on_failure = self._ask_what_follows if drops else None

    def _ask_what_follows(self, drop: Drop) -> Setting:
        setting = self._asked("drop", replace(drop, setting=bare(drop.setting)))
        assert setting is not None, "something always follows"
        return setting

    def _ask_for_another(self, copy: int, error: TaskGenerationError) -> Setting | None:
        return self._asked("task", (copy, error_bytes(error)))

    def _asked(self, about: str, given: Any) -> Setting | None:
        """The trainer's answer to a question in the middle of a step."""
        self._say(b"?", packed((about, given), "a question"))
        while (message := self._channel.receive())[0] != b"a":
            self._waiting.append(message)  # the step of the other half, for example
        return unpacked(message[1])

    def _say(self, kind: bytes, content: bytes) -> None:
        """Also from the thread of the watch."""
        with self._writing:
            self._channel.send(kind, content)


def main() -> None:
    """What a worker's interpreter runs: the descriptors of channel, memory and line are given."""
    end, file, line = map(int, sys.argv[-3:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the trainer's
    end_with_the_trainer(line)
    for descriptor in (end, file, line):  # not for those that worlds start
        os.set_inheritable(descriptor, False)
    channel = Channel(socket.socket(fileno=end))
    try:
        _, content = channel.receive()
        try:
            worker = _Worker(unpacked(content), channel, file)
        except BaseException as error:
            channel.send(b"!", error_bytes(error))
            return
        channel.send(b"=", pickle.dumps(None))
        with worker.watch.on():
            worker.serve()
    except EOFError:
        return
