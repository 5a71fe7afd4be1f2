"""The thread that carries messages to one observer: in order, again if it must, not for ever."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from daf_nb.record.observers.backlog import Backlog
from daf_nb.record.observers.messages import Message
from daf_nb.record.redact import without_secrets

if TYPE_CHECKING:
    from daf_nb.record.sacred_api import RunObserver

__all__ = ["MOST_WAITING", "Courier", "Unsendable"]

MOST_WAITING = 5_000_000  # metric values: 120 MB
INTERVAL = 2.0  # seconds between two calls that could have been one
BACKOFF = (0.5, 30.0)  # seconds, doubled from the first to the second
PROMPT = 0.2  # seconds that a call may take before it counts as stuck
HURRIED = 1.0  # seconds, at most, once the run has ended
WRITE_INTERVAL = 10.0  # seconds between two reports without news

logger = logging.getLogger("daf_nb.record")


class Unsendable(Exception):
    """Raised by an observer for what it will never take: there is no point in trying again."""


class Courier:
    """Carries messages. Every method may be called from any thread; only `wait` waits.

    Metric values that wait are merged; of heartbeats the last one counts. A call that raised is
    made again for as long as the run lives, if it is `repeatable`. Of any other call it is unknown
    what it has done before it raised: it is counted as lost, and the next one is made.

    Args:
        make: makes the observer; called on the thread, and again when it raised.
        name: what the observer is called.
        report: is given what `observers.json` says about it.
        repeatable: the methods that may be called again after they raised.
        interval: seconds between two calls that could have been one.
        most_waiting: metric values; what comes on top is lost, and said.
        backoff: seconds before the first repetition, and at most; doubled in between.
        clean: takes secrets out of what an observer says of its troubles.
    """

    def __init__(
        self,
        make: Callable[[], RunObserver],
        *,
        name: str,
        report: Callable[[Mapping[str, Any]], None],
        repeatable: frozenset[str] = frozenset(),
        interval: float = INTERVAL,
        most_waiting: int = MOST_WAITING,
        backoff: tuple[float, float] = BACKOFF,
        clean: Callable[[str], str] = without_secrets,
    ) -> None:
        self.name, self._clean = name, clean
        self.delivered = self.lost = 0
        self.error: str | None = None
        self._make, self._report, self._repeatable = make, report, repeatable
        self._interval, self._most_waiting, self._backoff = interval, most_waiting, backoff
        self._observer: RunObserver | None = None
        self._news = threading.Condition(threading.RLock())
        self._backlog = Backlog()
        self._under_way: Message | None = None
        self._closing = self._abandoned = self._retrying = False
        self._thread: threading.Thread | None = None
        self._called_at = self._reported_at = 0.0

    @property
    def pending(self) -> int:
        """Pieces that are not delivered yet: events, and values of metrics."""
        with self._news:
            under_way = self._under_way.pieces if self._under_way else 0
            return under_way + self._backlog.pieces

    @property
    def state(self) -> str:
        """Delivering, delivered, behind (something waits that was refused so far) or failed."""
        if self.lost:
            return "failed"
        if self.pending:
            return "behind" if self.error or self._abandoned else "delivering"
        return "delivered" if self._closing else "delivering"

    @property
    def busy(self) -> bool:
        """Whether its thread is at work still."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def answers(self) -> bool:
        """Whether it is at work and gets on with it."""
        stuck = self._under_way is not None and time.monotonic() - self._called_at > PROMPT
        return self.busy and not self._retrying and not stuck

    def put(self, message: Message) -> None:
        """Takes a message on."""
        with self._news:
            self._backlog.put(message)
            self._wake()

    def put_series(
        self, name: str, *, steps: Sequence[int], values: Sequence[float], times: Sequence[Any]
    ) -> None:
        """Takes values of a metric on.

        Raises:
            TypeError, OverflowError: a step or a value is no such number.
        """
        with self._news:
            if self.pending + len(values) > self._most_waiting:
                self.lose(len(values), f"more than {self._most_waiting} values waited")
            else:
                self._backlog.put_series(name, steps=steps, values=values, times=times)
                self._wake()

    def lose(self, pieces: int, why: object) -> None:
        """Counts what cannot be delivered, and remembers why the first time."""
        first, self.lost = not self.lost, self.lost + max(1, pieces)
        if first:
            self.error = self._say(why)
            logger.warning("Observer %s is not given everything: %s", self.name, self.error)

    def close(self) -> None:
        """Says that nothing more will come, and that there is some hurry."""
        with self._news:
            self._closing = True
            self._news.notify_all()

    def wait(self, deadline: float) -> bool:
        """Waits for the delivery until `time.monotonic()` is `deadline`, then gives up.

        Returns:
            Whether everything was delivered.
        """
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        with self._news:
            self._abandoned = self._thread is not None and self._thread.is_alive()
            self._news.notify_all()
        self.report()
        return self.state == "delivered"

    def report(self) -> None:
        """Reports how the delivery stands."""
        self._reported_at = time.monotonic()
        self._report(
            {
                "name": self.name,
                "state": self.state,
                "delivered": self.delivered,
                "pending": self.pending + self.lost,
                "error": self.error,
                "reference": getattr(self._observer, "reference", None),
            }
        )

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name=f"daf_nb observer {self.name}"[:60], daemon=True
            )
            self._thread.start()
        self._news.notify_all()

    def _work(self) -> None:
        self.report()
        while (message := self._next()) is not None:
            self._carry(message)
        close = getattr(self._observer, "close", None) if not self._abandoned else None
        if close is not None:
            try:
                close()
            except Exception as error:
                logger.warning("Observer %s could not be closed: %s", self.name, self._say(error))

    def _next(self) -> Message | None:
        """Waits for something to carry; None when there is nothing more."""
        with self._news:
            while not self._abandoned:
                due = self._called_at + self._interval - time.monotonic()
                hurried = self._closing or self._backlog.urgent or due <= 0
                if self._backlog and hurried:
                    self._called_at = time.monotonic()
                    self._under_way = self._backlog.take()
                    return self._under_way
                if self._closing:
                    return None
                self._news.wait(due if self._backlog else None)
            return None

    def _carry(self, message: Message) -> None:
        pause, longest = self._backoff
        while not self._abandoned:
            try:
                if self._observer is None:
                    self._observer = self._make()
                getattr(self._observer, message.method)(**message.arguments())
            except BaseException as error:
                again = self._observer is None or message.method in self._repeatable
                if isinstance(error, Unsendable) or not again:
                    self._settle(message, lost=error)
                    return
                self._trouble(error)
            else:
                self._settle(message)
                return
            with self._news:
                self._news.wait(min(pause, HURRIED) if self._closing else pause)
            pause = min(2 * pause, longest)

    def _settle(self, message: Message, *, lost: BaseException | None = None) -> None:
        with self._news:
            self._under_way, self._retrying = None, False
            if lost is None:
                self.delivered += message.pieces
                news = self.error is not None and not self.lost
                self.error = self.error if self.lost else None
            else:
                news = not self.lost
                self.lose(message.pieces, lost)
        if news or self._abandoned or time.monotonic() - self._reported_at > WRITE_INTERVAL:
            self.report()

    def _trouble(self, error: BaseException) -> None:
        known, self.error, self._retrying = self.error, self._say(error), True
        if known is None:
            logger.warning(
                "Observer %s does not answer; it is tried again: %s", self.name, self.error
            )
            self.report()

    def _say(self, error: object) -> str:
        text = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else error
        return self._clean(str(text))[:500]
