"""What goes to workers and comes back: settings by number, and errors with their tracebacks."""

from __future__ import annotations

import itertools
import logging
import pickle
import traceback
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

from daf_nb.envs.accounts import Outcome
from daf_nb.envs.failing import Drop
from daf_nb.envs.settings import Setting
from daf_nb.envs.tape import Tape
from daf_nb.errors import ConfigError

__all__ = ["Numbers", "bare", "error_bytes", "error_of", "packed", "sendable", "unpacked"]

_log = logging.getLogger("daf_nb")


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
        self._old: dict[int, int] = {}

    def outward(self, copy: int, setting: Setting) -> Setting:
        """The setting as its worker gets it."""
        number = next(self._count)
        self._known.setdefault(copy, {})[number] = setting
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
        if _same(own.options, setting.options):
            return own
        return replace(own, options=setting.options)

    def begun(self, copy: int, setting: Setting) -> None:
        """A copy begins to play this setting: forgets those that cannot come back.

        They were sent before the episode that ended now began, as that is when the next one's
        setting was chosen at the earliest.
        """
        known, old = self._known[copy], self._old.get(copy, 0)
        for number in [number for number in known if number < old and number != setting.tag]:
            del known[number]
        self._old[copy] = next(self._count)

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


def _same(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """Options may hold arrays, which do not say whether they are equal."""
    if not ours and not theirs:
        return True
    return ours.keys() == theirs.keys() and _dumped(ours) == _dumped(theirs)


def _dumped(options: Mapping[str, Any]) -> list[bytes]:
    return [packed(options[name], f"option {name!r}") for name in sorted(options)]


def sendable(info: Mapping[str, Any]) -> dict[str, Any]:
    """What a world says beside its observations, but for what cannot be sent; that is told once."""
    kept = {}
    for name, value in info.items():
        try:
            packed(value, name)
        except ConfigError as error:
            if name not in _LEFT_OUT:
                _LEFT_OUT.add(name)
                _log.warning("The info %r is left out: %s", name, error)
        else:
            kept[name] = value
    return kept


_LEFT_OUT: set[str] = set()


def error_bytes(error: BaseException) -> bytes:
    """An error and its cause, as `error_of` reads them."""
    chain: list[Any] = []
    for one in (error, error.__cause__):
        if one is None:
            continue
        written = "".join(traceback.format_exception(one, chain=False))
        try:
            kept = packed((type(one), one.args, vars(one)), "an error")
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
