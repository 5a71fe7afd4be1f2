"""Ctrl-C while a run is begun or waited for: it ends within a step; pressed again, at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daf_nb.session.run import Run

__all__ = ["end_at_once", "see_out", "uninterrupted"]

PATIENCE = 2.0
"""Seconds that a run which is to end at once gets, before its record ends without its thread."""


def see_out(run: Run) -> None:
    """Ends a run within a step, and waits until it is recorded; interrupted once more, at once.

    Raises:
        KeyboardInterrupt: it was interrupted, when the run has ended.
    """
    run.stop(now=True)
    try:
        run.finished.wait()
    except KeyboardInterrupt:
        end_at_once(run)
        raise


def end_at_once(run: Run, *, patience: float = PATIENCE) -> None:
    """Ends a run in the middle of a step; its record too, where the step goes on for good."""
    try:
        run.trainer.gate.breaking.force()
        run.finished.wait(patience)
    finally:
        run.give_up(
            "a step of its world, or what else it does, did not come to an end; that thread goes "
            "on until it does, and touches the run no more"
        )


@contextmanager
def uninterrupted() -> Iterator[None]:
    """What Ctrl-C must not cut in two: an interrupt in it comes when it is over."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    pressed: list[tuple[Any, ...]] = []
    signal.signal(signal.SIGINT, lambda *press: pressed.append(press))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        before(*pressed[-1])
