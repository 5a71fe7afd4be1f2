"""Messages between a trainer and a worker: a kind, and bytes."""

from __future__ import annotations

import socket
import struct

__all__ = ["Channel"]

_HEAD = struct.Struct("<cI")
_AT_ONCE = 1 << 16
_LOOKS = struct.pack("ll", 0, 200_000)
"""Waiting wakes up five times a second, for what Python has to do in between."""


class Channel:
    """One end of a connection. Waiting takes no processor time.

    Args:
        end: a connected stream socket; closed with the channel.
        looks: wake up now and then while waiting, so that Python can raise what it was told to
            raise in this thread.
    """

    def __init__(self, end: socket.socket, *, looks: bool = False) -> None:
        self._end, self._come = end, bytearray()
        if looks:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _LOOKS)

    def send(self, kind: bytes, content: bytes = b"") -> None:
        """Sends a message of one-letter `kind`.

        Raises:
            EOFError: nobody is there any more.
        """
        try:
            self._end.sendall(_HEAD.pack(kind, len(content)) + content)
        except OSError as error:
            raise EOFError("the other end is gone") from error

    def receive(self) -> tuple[bytes, bytes]:
        """The next message, its kind and content; waits for it.

        Raises:
            EOFError: nobody is there any more.
        """
        come = self._come
        while True:
            if len(come) >= _HEAD.size:
                kind, length = _HEAD.unpack_from(come)
                if len(come) >= (end := _HEAD.size + length):
                    content = bytes(come[_HEAD.size : end])
                    del come[:end]
                    return kind, content
            try:
                part = self._end.recv(_AT_ONCE)
            except (BlockingIOError, InterruptedError):
                continue
            except OSError as error:
                raise EOFError("the other end is gone") from error
            if not part:
                raise EOFError("the other end is gone")
            come += part

    def close(self) -> None:
        """Whoever waits at the other end gets `EOFError`."""
        self._end.close()
