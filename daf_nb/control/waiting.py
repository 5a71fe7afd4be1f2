"""Requests that wait for a boundary, the newest of each knob; and who hears of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping

from daf_nb.control.knobs import Knob
from daf_nb.control.requests import Request, State
from daf_nb.errors import ConfigError

__all__ = ["Waiting"]

_log = logging.getLogger("daf_nb")


class Waiting:
    """What was asked and has not had its turn. Thread-safe.

    Listeners are told outside of the lock: they may hold locks of their own.

    Attributes:
        lock: of what waits, and of whoever carries it out.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._requests: dict[str, Request] = {}
        self._listeners: list[Callable[[Request], None]] = []
        self._called = False

    @property
    def requests(self) -> Mapping[str, Request]:
        """Knob -> its request, in the order of the asking."""
        with self.lock:
            return dict(self._requests)

    def subscribe(self, listener: Callable[[Request], None]) -> Callable[[], None]:
        """Tells `listener` of every request; what ends it is returned."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def put(self, request: Request, knob: Knob) -> tuple[Request | None, bool]:
        """Lets a request wait; nobody is told yet.

        It takes the place of an earlier one for the knob; a movement takes that one up, and an
        undo goes further back.

        Returns:
            What it took the place of; and whether nothing was waiting, so that someone must be
            called.

        Raises:
            ConfigError: a movement of what is off, or that the knob refuses.
        """
        with self.lock:
            earlier = self._requests.get(request.name)
            if request.relative:
                _follow_on(request, earlier, knob)
            if earlier is not None:
                request.go_further_back(earlier)
                del self._requests[request.name]
            self._requests[request.name] = request
            first, self._called = not self._called, True
        return earlier, first

    def take(self) -> list[Request]:
        """All that waits, in order; it waits no longer."""
        with self.lock:
            ready, self._requests, self._called = list(self._requests.values()), {}, False
        return ready

    def withdraw(self, names: Collection[str]) -> Request | None:
        """The newest request for one of these knobs, which waits no longer; not one of an undo."""
        with self.lock:
            asked = [r for r in self._requests.values() if r.name in names and r.undoes is None]
            if not asked:
                return None
            del self._requests[asked[-1].name]
        return self.end(asked[-1], "withdrawn")

    @property
    def undoing(self) -> list[int]:
        """The numbers of journal entries that are about to be taken back."""
        with self.lock:
            undos = [r for r in self._requests.values() if r.undoes is not None]
        return [number for r in undos for number in (r.undoes, *r.also_undoes) if number]

    def end(self, request: Request, state: State, message: str = "") -> Request:
        """Ends a request without its turn, and tells; the request."""
        request.end(state, message=message)
        self.tell(request)
        return request

    def tell(self, request: Request) -> None:
        """Tells all listeners; one that fails is logged, and harms nobody."""
        for listener in list(self._listeners):
            try:
                listener(request)
            except Exception:
                _log.exception("a listener to the controls failed at %r", request)


def _follow_on(request: Request, earlier: Request | None, knob: Knob) -> None:
    """A movement, from where its knob is, or will be by an earlier request."""
    knob.refuse()
    before = knob.read() if earlier is None or earlier.relative else earlier.value
    if before is None:
        raise ConfigError(f"knob {knob.name!r} is {knob.off}; set it to a number first.")
    knob.check(before * request.factor + request.amount, clip=True)
    if earlier is not None:
        request.after(earlier)
