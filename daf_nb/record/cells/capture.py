"""A tee on standard output and error: what is printed is shown as ever, and recorded too."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

__all__ = ["Writer", "follow_streams"]

STREAMS = ("stdout", "stderr")


class _Inside(threading.local):
    """Whether this thread is in a tee: one below another only passes on."""

    tee = False


_inside = _Inside()


class Writer(Protocol):
    """Something that takes text."""

    def write(self, text: str, /) -> None: ...


class _Tee:
    """Stands in for a stream. What nobody records costs one look-up."""

    def __init__(self, stream: Any, current: Callable[[], Writer | None]) -> None:
        self.stream = stream
        self._current = current

    def write(self, text: str) -> int:
        if _inside.tee:
            return self.stream.write(text)
        _inside.tee = True
        try:
            try:
                writer = self._current()
                if writer is not None and isinstance(text, str):
                    writer.write(text)
            except Exception:
                pass  # whatever goes wrong with the record, a print is not what it may break
            return self.stream.write(text)
        finally:
            _inside.tee = False

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name == "stream":  # a copy in the making has none yet
            raise AttributeError(name)
        return getattr(self.stream, name)

    def __iter__(self) -> Any:
        return iter(self.stream)

    def __repr__(self) -> str:
        return repr(self.stream)


def follow_streams(current: Callable[[], Writer | None] | None) -> None:
    """Puts tees on the standard streams, or takes them away.

    A stream that somebody else put in the way since then stays; a tee below it passes on.

    Args:
        current: who records what the calling context prints; None takes the tees away.
    """
    for name in STREAMS:
        stream = getattr(sys, name)
        if current is None:
            while isinstance(stream, _Tee):
                stream = stream.stream
            setattr(sys, name, stream)
        elif stream is not None and not isinstance(stream, _Tee):
            setattr(sys, name, _Tee(stream, current))
