"""What a worker has been told of its copies, and what it has told."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Any

from daf_nb.envs.accounts import Accounts, Outcome, Told
from daf_nb.envs.settings import Setting
from daf_nb.envs.tape import Tape
from daf_nb.envs.workers.parcels import Numbers, error_of, packed, unpacked

__all__ = ["Books"]


class Books:
    """Keeps the trainer's accounts and what its worker knows of them equal.

    Args:
        copies: that the worker has.
        accounts: of all copies.

    Attributes:
        standing: copy -> what it plays, as far as the worker has told.
    """

    def __init__(self, copies: Sequence[int], accounts: Accounts) -> None:
        self._accounts, self._numbers = accounts, Numbers()
        self._prepared: dict[int, Setting] = {}
        self._in_a_row = accounts.in_a_row[:]
        self.standing = {copy: Told(copy) for copy in copies}

    def prepared(self, copy: int, setting: Setting) -> bytes | None:
        """Notes what a copy is to play next, and tells the worker so; None: it knows."""
        known = self._prepared.get(copy) is setting
        told = None if known else self.prepared_again(copy, setting)
        self._accounts.settings[copy] = self._prepared[copy] = setting
        return told

    def prepared_again(self, copy: int, setting: Setting) -> bytes:
        """Tells a new worker what a copy was to play before what flies."""
        self._prepared[copy] = self._accounts.settings[copy]
        return packed((copy, self._numbers.outward(copy, setting)), str(setting))

    def restored(self, tapes: Sequence[Tape]) -> list[Tape]:
        """Notes that copies go on from tapes, and tells the worker so."""
        sent = [self.taped(tape) for tape in tapes]
        for tape in tapes:
            told = Told(tape.copy, tape.number, tape.seed, tape.setting, tape.length, True)
            vars(self.standing[tape.copy]).update(vars(told))
            if tape.next_setting is not None:
                self._accounts.settings[tape.copy] = tape.next_setting
                self._prepared[tape.copy] = tape.next_setting
        return sent

    def taped(self, tape: Tape) -> Tape:
        """A tape as the worker gets it."""
        return self._numbers.tape_outward(tape)

    def drops(self) -> bytes | None:
        """Tells the worker how many drops there were in a row; None: it knows."""
        same = self._in_a_row == self._accounts.in_a_row
        return None if same else self.drops_again()

    def drops_again(self) -> bytes:
        """Tells a new worker."""
        self._in_a_row = self._accounts.in_a_row[:]
        return pickle.dumps(self._in_a_row)

    def brought(self, content: bytes) -> Outcome:
        """What the worker told of a step or reset, noted."""
        slim, begun = unpacked(content)
        for at, number, seed, setting in begun:
            own = self._numbers.homeward(at, setting)
            vars(self.standing[at]).update(vars(Told(at, number, seed, own, 0, True)))
        outcome = self._numbers.all_homeward(slim)
        for at, _, _, setting in begun:
            self._numbers.begun(at, setting)
        for episode in outcome.episodes:
            self._accounts.in_a_row[episode.copy] = self._in_a_row[episode.copy] = 0
        for drop in outcome.drops:
            self._in_a_row[drop.copy] += 1
            self._accounts.in_a_row[drop.copy] = self._in_a_row[drop.copy]
        return outcome

    def counted(self, told: Mapping[int, tuple[int, Mapping[str, float]]]) -> None:
        """Notes copy -> its episode's length and returns."""
        for at, (length, returns) in told.items():
            self.standing[at].length, self.standing[at].returns = length, returns

    def forget_episodes(self) -> None:
        """Nothing is in progress."""
        for told in self.standing.values():
            told.playing = False

    def reply(self, about: str, at: int, given: Any) -> bytes:
        """What a copy is to play next, where what was prepared fails."""
        accounts = self._accounts
        if about == "drop":
            assert accounts.on_failure is not None, "else nothing is dropped"
            drop = self._numbers.drop_homeward(given)
            setting: Setting | None = accounts.on_failure(drop)
        else:
            error: Any = error_of(given[1])
            setting = accounts.on_task_failure and accounts.on_task_failure(at, error)
        if setting is None:
            return pickle.dumps(None)
        accounts.settings[at] = self._prepared[at] = setting
        return packed(self._numbers.outward(at, setting), str(setting))
