"""What goes to workers and comes back: settings by number, and errors with their tracebacks."""

from __future__ import annotations

import itertools
import pickle
import traceback
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from daf_nb.envs.accounts import Outcome
from daf_nb.envs.failing import Drop
from daf_nb.envs.settings import Setting
from daf_nb.envs.tape import Tape
from daf_nb.errors import ConfigError

__all__ = ["Numbers", "bare", "error_bytes", "error_of", "packed", "unpacked"]

_KEPT = 32
"""Settings that are remembered of a copy; more than it may be given within a step."""


def packed(what: Any, name: str) -> bytes:
    """As bytes, code that a notebook defines included.

    Raises:
        ConfigError: that cannot be; `name` says what it is.
    """
    import cloudpickle

    try:
        return cloudpickle.dumps(what)
    except Exception as error:  # whatever objects raise that were not made to be pickled
        raise ConfigError(
            f"{name} cannot be sent to a worker process ({type(error).__name__}: {error}). Use "
            "num_workers=0, or make it of what can be pickled."
        ) from error


def unpacked(content: bytes) -> Any:
    """What was `packed`, by this process or one that it started; never what lay in a file."""
    return pickle.loads(content)  # noqa: S301 (over a socket that nobody else has)


class Numbers:
    """The settings of copies that a worker has: here they are themselves, there they are numbered.

    A setting is equal to itself alone, and those who gave it know it by its tag. So a worker gets
    it with a number as its tag, and gives that number back.
    """

    def __init__(self) -> None:
        self._count = itertools.count()
        self._known: dict[int, dict[int, Setting]] = {}
        self._kin: dict[Hashable, int] = {}

    def outward(self, copy: int, setting: Setting) -> Setting:
        """The setting as its worker gets it."""
        number = next(self._count)
        known = self._known.setdefault(copy, {})
        known[number] = setting
        if len(known) > _KEPT:
            del known[next(iter(known))]
        family = setting.family
        if setting.prepare is not None and family is None:
            # A function that is sent twice is two functions there, whose worlds would be two.
            family = "prepare", self._kin.setdefault(setting.kin, len(self._kin))
        return replace(setting, tag=number, family=family)

    def tape_outward(self, tape: Tape) -> Tape:
        """The tape of a copy as its worker gets it."""
        following = tape.next_setting
        return replace(
            tape,
            world=None,
            setting=self.outward(tape.copy, tape.setting),
            next_setting=None if following is None else self.outward(tape.copy, following),
        )

    def homeward(self, copy: int, setting: Setting) -> Setting:
        """The setting that was sent, with the reset options that it was played with."""
        own = self._known[copy][setting.tag]
        if own.options != setting.options:
            return replace(own, options=setting.options)
        return own

    def all_homeward(self, outcome: Outcome) -> Outcome:
        """What a worker's step or reset brought, with the settings that were sent."""
        return Outcome(
            outcome.ends,
            [replace(e, setting=self.homeward(e.copy, e.setting)) for e in outcome.episodes],
            [self.drop_homeward(drop) for drop in outcome.drops],
            outcome.begun,
        )

    def drop_homeward(self, drop: Drop) -> Drop:
        """As `all_homeward`, of one episode."""
        return replace(drop, setting=self.homeward(drop.copy, drop.setting))


def bare(setting: Setting) -> Setting:
    """What `homeward` reads of a setting."""
    return Setting(options=setting.options, tag=setting.tag)


def error_bytes(error: BaseException) -> bytes:
    """An error and its cause, as `error_of` reads them."""
    chain: list[Any] = []
    for one in (error, error.__cause__):
        if one is None:
            continue
        written = "".join(traceback.format_exception(one, chain=False))
        try:
            kept = pickle.dumps((type(one), one.args, vars(one)))
        except Exception:  # an object of the world's is among them
            kept = pickle.dumps((RuntimeError, (f"{type(one).__name__}: {one}",), {}))
        chain.append((kept, written))
    return packed(chain, "an error")


def error_of(content: bytes) -> BaseException:
    """The error; its cause has the traceback of the worker as a note."""
    made: list[BaseException] = []
    for kept, written in unpacked(content):
        try:
            kind, args, attributes = unpacked(kept)
            one = kind.__new__(kind, *args)
            one.args = args
            vars(one).update(attributes)
        except Exception:  # its class cannot be found or made here
            one = RuntimeError(written.strip().splitlines()[-1])
        made.append(one)
        if len(made) == 2:
            one.add_note(f"In the worker process:\n{written.rstrip()}")
    if len(made) == 2:
        made[0].__cause__ = made[1]
    return made[0]
