"""Pause, go on, stop, ask: from any thread, obeyed by the trainer at its next boundary."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, TypeVar

from daf_nb.errors import ConfigError
from daf_nb.learn.breaking import Breaking

__all__ = ["Gate"]

_REST = 0.25
"""Seconds between two answers while paused, so that a slider that is being moved is asked about a
few times and not a thousand."""

_EXPECTED = -1
"""In place of a thread that has not come yet."""

T = TypeVar("T")


class Gate:
    """What a boundary asks before it lets training go on. Thread-safe.

    Attributes:
        belongings: makes what a training has for itself, from its claim until its end.
        breaking: how training can end between two boundaries.
    """

    def __init__(self) -> None:
        self.belongings: Callable[[], AbstractContextManager[object]] = nullcontext
        self.breaking = Breaking()
        self._changed = threading.Condition()
        self._paused = self._stopped = self._busy = self._training = False
        self._trainer: int | None = None  # the thread that answers
        self._asked: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._own_claim: ExitStack | None = None

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def stopped(self) -> bool:
        return self._stopped

    def pause(self) -> None:
        """Training waits at its next boundary; where nothing trains, the next one at its first."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Training goes on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def stop(self, *, now: bool = False) -> None:
        """Training ends at its next boundary, paused or not.

        Where nothing trains and nothing is about to, only a pause is forgotten.

        Args:
            now: or within a step, back at the boundary before, where it can go back there.
        """
        with self._changed:
            if self._trainer is None:
                self._paused = False
                return
            self._stopped = True
            self._changed.notify_all()
        if now:
            self.breaking.ask()

    @property
    def taken(self) -> bool:
        """Somebody trains or is about to; for the thread that holds the gate, only if it does."""
        return self._training or self._trainer not in (None, threading.get_ident())

    @property
    def inside(self) -> bool:
        """The training thread asks, between boundaries: in a callback of a rollout or an update."""
        return self._busy and self.held

    @property
    def held(self) -> bool:
        """The calling thread trains."""
        return self._trainer == threading.get_ident()

    @contextmanager
    def between(self) -> Iterator[None]:
        """The training thread is between boundaries."""
        self._busy = True
        try:
            with self.breaking.possible():
                yield
        finally:
            self._busy = False

    def change(self, work: Callable[[], T]) -> Future[T]:
        """As `ask`, but never between boundaries: work of a callback there waits for the next.

        Whoever is `inside` must not wait for it.
        """
        if not self.inside:
            return self.ask(work)
        future: Future[T] = Future()
        with self._changed:
            self._asked.append((work, future))
        return future

    def ask(self, work: Callable[[], T]) -> Future[T]:
        """Runs `work` at the next boundary, in the training thread.

        At once where none trains, or where the training thread itself asks, in a callback.
        """
        future: Future[T] = Future()
        with self._changed:
            if self._trainer not in (None, threading.get_ident()):
                self._asked.append((work, future))
                self._changed.notify_all()
                return future
        _answer(work, future)
        return future

    @contextmanager
    def claim(self) -> Iterator[None]:
        """One training, in this thread or in another that is to `hold` the gate, from before it.

        Others are refused, questions wait, and the `belongings` are this training's. When it ends,
        questions are answered, and no stop or pause is left.

        Raises:
            ConfigError: the trainer trains already.
        """
        with self._changed:
            if self._trainer is not None:
                raise _refusal()
            self._trainer = _EXPECTED
        try:
            with self.belongings():
                try:
                    yield
                finally:
                    with self.hold():
                        self._answer_all()
        finally:
            with self._changed:
                self._trainer, self._stopped, self._paused = None, False, False
                self.breaking.wanted = False
            self._answer_all()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Within a claim, in the thread that trains: what it asks is answered at once."""
        with self._changed:
            before, self._trainer = self._trainer, threading.get_ident()
        try:
            yield
        finally:
            with self._changed:
                self._trainer = before

    @contextmanager
    def guard(self) -> Iterator[None]:
        """While training; it claims the gate, unless this thread holds it.

        No stop or pause is left when it ends.

        Raises:
            ConfigError: the trainer trains already.
        """
        if not self.held:
            with ExitStack() as own_claim:
                own_claim.enter_context(self.claim())
                self._own_claim = own_claim
                try:
                    with self.hold(), self.guard():
                        yield
                finally:
                    self._own_claim = None
            return
        if self._training:
            raise _refusal()
        self._training = True
        try:
            yield
        finally:
            with self._changed:
                self._training = self._stopped = self._paused = self.breaking.wanted = False

    def leave_behind(self) -> None:
        """The thread that trains hangs, and never comes back: its training is over.

        So is its claim, if it made that itself.
        """
        with self._changed:
            self._training = self._busy = self._stopped = self._paused = False
            self.breaking = Breaking()
            own_claim, self._own_claim = self._own_claim, None
        if own_claim is not None:
            own_claim.close()

    def wait_open(self, on_pause: Callable[[], None] = lambda: None) -> bool:
        """A boundary: answers what was asked, waits while paused; False if training must end.

        Args:
            on_pause: called once, before the waiting begins, if it does.
        """
        told = False
        while True:
            answered = self._answer_all()
            if self._paused and not (told or self._stopped):
                told = True
                on_pause()
            with self._changed:
                if self._stopped or not self._paused:
                    return not self._stopped
                if answered:
                    self._changed.wait_for(self._over, _REST)
                self._changed.wait_for(lambda: self._over() or bool(self._asked))

    def _over(self) -> bool:
        """Nothing is paused any more."""
        return self._stopped or not self._paused

    def _answer_all(self) -> bool:
        """What was asked until now; whoever asks meanwhile waits for the next boundary."""
        with self._changed:
            asked, self._asked = self._asked, deque()
        for work, future in asked:
            _answer(work, future)
        return bool(asked)


def _refusal() -> ConfigError:
    return ConfigError("this trainer trains already; wait for it, or stop it first.")


def _answer(work: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
