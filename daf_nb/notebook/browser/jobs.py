"""Work that takes its time, away from the kernel's main thread, and what is said of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daf_nb.errors import DafError
from daf_nb.notebook.state import one_line

if TYPE_CHECKING:
    import ipywidgets as widgets

    from daf_nb.record.trash import TrashedRun

__all__ = ["Jobs", "Outcome", "sentence_of"]

_log = logging.getLogger("daf_nb")


@dataclass(frozen=True)
class Outcome:
    """What came of an action.

    Attributes:
        said: a sentence; empty where there is nothing to say.
        failed: it is about something that went wrong.
        shown: what is to be seen below the table; None leaves what is there.
        trashed: runs that an undo would bring back.
        running: it is not the end, more is to come.
        refused: what the action does `instead` would do.
    """

    said: str
    failed: bool = False
    shown: widgets.Widget | None = None
    trashed: tuple[TrashedRun, ...] = ()
    running: bool = False
    refused: bool = False


class Jobs:
    """Runs each piece of work in a thread of its own; one of a name at a time.

    Args:
        told: called, from any thread, whenever there is something new to show.
    """

    def __init__(self, told: Callable[[str, Outcome], object]) -> None:
        self._told = told
        self._turn = threading.Lock()
        self._busy: dict[str, str] = {}
        self._threads: list[threading.Thread] = []

    @property
    def busy(self) -> dict[str, str]:
        """Name -> what is being done, of the work that goes on."""
        with self._turn:
            return dict(self._busy)

    def start(self, name: str, doing: str, work: Callable[[], Iterable[Outcome]]) -> bool:
        """Begins, unless work of this name goes on already; whether it began.

        Args:
            name: of the work.
            doing: what is said while it goes on.
            work: says what came of it, perhaps step by step; may raise.
        """
        with self._turn:
            if name in self._busy:
                return False
            self._busy[name] = doing
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            thread = threading.Thread(
                target=self._do, args=[name, work], name=f"daf_nb-browser-{name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return True

    def wait(self, timeout: float | None = None) -> None:
        """Waits until what goes on now has ended."""
        for thread in list(self._threads):
            thread.join(timeout)

    def _do(self, name: str, work: Callable[[], Iterable[Outcome]]) -> None:
        last = Outcome("")
        try:
            for last in work():
                if last.running:
                    with self._turn:
                        self._busy[name] = last.said
                    self._told(name, last)
        except Exception as error:
            if not isinstance(error, DafError):
                _log.exception("%s failed", threading.current_thread().name)
            last = Outcome(f"{name}: {sentence_of(error)}", failed=True)
        finally:
            with self._turn:
                del self._busy[name]
            self._told(name, last)


def sentence_of(error: BaseException) -> str:
    """An error on one line; those of ours speak for themselves."""
    text = str(error) if isinstance(error, DafError) else f"{type(error).__name__}: {error}"
    return one_line(" ".join(text.split()), limit=600)
