"""Looks at what a thread does, again and again: how its time is divided."""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from types import FrameType

__all__ = ["StackSampler"]

_EVERY = 0.002
"""Seconds between two looks, on the average."""
_GOLDEN = 0.618034
"""Between half and one and a half of it, in this sequence: a loop of that period is seen whole."""
_SWITCH = 2e-5
"""Seconds after which Python code gives way to the thread that looks.

With the usual 5 ms it would be seen only where it gives way by itself: in torch's operations.
"""


class StackSampler:
    """Divides the time of a thread among parts, by its stack every 2 ms.

    What it costs the thread is the looks themselves, some tens of microseconds each.

    Args:
        part_of: (frames as "module:function", innermost first) -> part.

    Attributes:
        seconds: part -> seconds; each look counts for the time since the one before.
    """

    def __init__(self, part_of: Callable[[Sequence[str]], str]) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._part_of = part_of
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, thread: int) -> None:
        """Looks at a thread from now on.

        Args:
            thread: its identifier.
        """
        name = "daf_nb-profile"
        self._thread = threading.Thread(target=self._look, args=(thread,), name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Looks no more; nothing where it never did."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self, thread: int) -> None:
        usual = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH)
        try:
            before, number = time.perf_counter(), 0
            while not self._over.is_set():
                number += 1
                time.sleep(_EVERY * (0.5 + number * _GOLDEN % 1))
                stack = _names(sys._current_frames().get(thread))
                now = time.perf_counter()
                self.seconds[self._part_of(stack)] += now - before
                before = now
        finally:
            sys.setswitchinterval(usual)


def _names(frame: FrameType | None) -> list[str]:
    names = []
    while frame is not None:
        names.append(f"{frame.f_globals.get('__name__')}:{frame.f_code.co_name}")
        frame = frame.f_back
    return names
