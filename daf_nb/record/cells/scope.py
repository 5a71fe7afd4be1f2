"""Which run the code of a context belongs to: where it prints, and where `log` goes."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import SupportsFloat

import numpy as np

from daf_nb.errors import ConfigError, RecordError
from daf_nb.logs import run_id
from daf_nb.record.cells.capture import follow_streams
from daf_nb.record.recorder import Recorder

__all__ = ["Scope", "current", "log", "open_scope"]


class Scope:
    """A run that is being recorded, as the code inside it sees it.

    Args:
        recorder: its record.
        outer: the scope around it.
        owns_threads: a thread born while this is the only such scope belongs to it.
        step: the step that `log` takes where none is given; by default each name counts from 0.
        seed: what `child_seed` derives from.

    Attributes:
        id: the run's number.
        folder: its record.
        write: adds text to what the run printed.
        closed: nothing belongs to it any more.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        outer: Scope | None = None,
        owns_threads: bool = False,
        step: Callable[[], int] | None = None,
        seed: int | None = None,
    ) -> None:
        self.id: int = recorder.id
        self.folder: Path = recorder.folder
        self.write: Callable[[str], None] = recorder.write  # at every print: no call in between
        self.closed = False
        self.outer, self.owns_threads = outer, owns_threads
        self._recorder, self._step, self._seed = recorder, step, seed
        self._counting = threading.Lock()
        self._counts: dict[str, int] = {}
        self._children = 0

    def log(self, name: str, value: SupportsFloat, step: int | None = None) -> None:
        """Records a metric.

        Args:
            name: any text.
            value: a number, or an array or tensor of one.
            step: by default the training's step; in an experiment, one more than the last of this
                name, from 0.

        Raises:
            RecordError: the value is no number, or what belongs to the scope is over.
        """
        if self.closed:
            raise RecordError(
                f"Run {self.id} is {self._recorder.status} and takes no metric from here: its "
                "block has ended, or this is a forked process. Log inside the block."
            )
        with self._counting:
            if step is None:
                step = self._counts.get(name, -1) + 1 if self._step is None else self._step()
            self._recorder.log_metrics(step, {name: value})
            self._counts[name] = int(step)

    def child_seed(self) -> int | None:
        """The next seed derived from the run's own, in a fixed order; None where it has none."""
        if self._seed is None:
            return None
        with self._counting:
            self._children += 1
            number = self._children
        sequence = np.random.SeedSequence(self._seed, spawn_key=(number,))
        return int(sequence.generate_state(1)[0])

    def add_child(self, number: int) -> None:
        """Says that the run `number`, of the same runs folder, belongs to this one."""
        self._recorder.add_child(number)


_current: ContextVar[Scope | None] = ContextVar("daf_nb_scope", default=None)
_lock = threading.RLock()
_open: list[Scope] = []
_owners: weakref.WeakKeyDictionary[threading.Thread, Scope | None] = weakref.WeakKeyDictionary()
"""Threads without a context of their own: the scope that was open when they were born."""


def current() -> Scope | None:
    """The run that the calling code belongs to: the innermost one that is still open."""
    scope = _current.get()
    if scope is None and _open:
        scope = _owner(threading.current_thread())
    while scope is not None and scope.closed:
        scope = scope.outer
    return scope


def log(name: str, value: SupportsFloat, step: int | None = None) -> None:
    """Records a metric of the current experiment, or of the training that calls this.

    Args:
        name: any text.
        value: a number, or an array or tensor of one.
        step: by default the training's step; in an experiment, one more than the last of this name,
            from 0.

    Raises:
        ConfigError: there is no experiment around this.
        RecordError: the value is no number.
    """
    scope = current()
    if scope is None:
        raise ConfigError(
            f"log({name!r}, ...) has no experiment to log to: call it in a cell that begins with "
            "%%experiment NAME, inside `with daf_nb.experiment(NAME):`, or in a training's "
            "callback."
        )
    scope.log(name, value, step)


@contextlib.contextmanager
def open_scope(scope: Scope) -> Iterator[Scope]:
    """Makes a scope the current one, and the others' again afterwards."""
    with _lock:
        _settle_threads()
        _open.append(scope)
        follow_streams(current)
    token, logged = _current.set(scope), run_id.set(scope.id)
    try:
        yield scope
    finally:
        try:
            _current.reset(token)
            run_id.reset(logged)
        except ValueError:  # a generator that is closed in another context than it began in
            _current.set(scope.outer)
            run_id.set(scope.outer.id if scope.outer is not None else None)
        with _lock:
            _settle_threads()
            scope.closed = True
            if scope in _open:  # else this is a forked child
                _open.remove(scope)
            follow_streams(current if _open else None)


def _owner(thread: threading.Thread) -> Scope | None:
    try:
        owner = _owners[thread]
    except KeyError:
        with _lock:
            return _owners.setdefault(thread, _only())
    if owner is None or _is_alive(owner):
        return owner
    with _lock:  # a pool's thread that was born in an experiment now works for another
        owner = _owners[thread] = _only() or owner
    return owner


def _is_alive(scope: Scope) -> bool:
    return not all(one.closed for one in (scope, *_outers(scope)))


def _settle_threads() -> None:
    """Decides for every thread that was born since the last change of what is open."""
    only = _only()
    for thread in threading.enumerate():
        _owners.setdefault(thread, only)


def _only() -> Scope | None:
    """The one scope that a new thread can belong to: all others are around it."""
    owning = [scope for scope in _open if scope.owns_threads]
    around = {id(outer) for scope in owning for outer in _outers(scope)}
    inner = [scope for scope in owning if id(scope) not in around]
    return inner[0] if len(inner) == 1 else None


def _outers(scope: Scope) -> Iterator[Scope]:
    while scope.outer is not None:
        scope = scope.outer
        yield scope


def _forget_in_forked_child() -> None:
    # Nobody writes the record there: what a worker prints belongs to nothing.
    for scope in _open:
        scope.closed = True
    _open.clear()
    _lock.release()


if hasattr(os, "register_at_fork"):
    # Held while the process forks: no thread that the child lacks can hold it there for ever.
    os.register_at_fork(
        before=_lock.acquire,
        after_in_parent=_lock.release,
        after_in_child=_forget_in_forked_child,
    )
