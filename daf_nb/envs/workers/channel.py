"""Messages between a trainer and a worker: a kind, and bytes."""

from __future__ import annotations

import select
import socket
import struct

__all__ = ["Channel"]

_HEAD = struct.Struct("<cI")
_AT_ONCE = 1 << 16
_LOOK = 0.2
"""Seconds after which waiting wakes up, for what Python has to do in between."""


class Channel:
    """One end of a connection. Waiting takes no processor time.

    Args:
        end: a connected stream socket; closed with the channel.
        trainers: this is the trainer's end. Waiting wakes up now and then, so that Python can raise
            what it was told to raise in this thread; and what comes is taken in while something
            large is sent, so that two who send at once do not wait for each other.
    """

    def __init__(self, end: socket.socket, *, trainers: bool = False) -> None:
        self._end, self._come, self._trainers = end, bytearray(), trainers
        if trainers:
            end.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, int(_LOOK * 1e6))
            )

    def send(self, kind: bytes, content: bytes = b"") -> None:
        """Sends a message of one-letter `kind`.

        Raises:
            EOFError: nobody is there any more.
        """
        try:
            if self._trainers:
                self._send_and_take(_HEAD.pack(kind, len(content)) + content)
            else:
                self._end.sendall(_HEAD.pack(kind, len(content)) + content)
        except OSError as error:
            raise EOFError("the other end is gone") from error

    def _send_and_take(self, message: bytes) -> None:
        left = memoryview(message)
        while True:
            try:
                left = left[self._end.send(left, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                readable, _, _ = select.select([self._end], [self._end], [], _LOOK)
                if readable:
                    self._take()
            if not left:
                return

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
                self._take()
            except (BlockingIOError, InterruptedError):
                continue
            except OSError as error:
                raise EOFError("the other end is gone") from error

    def _take(self) -> None:
        part = self._end.recv(_AT_ONCE)
        if not part:
            raise EOFError("the other end is gone")
        self._come += part

    def close(self) -> None:
        """Whoever waits at the other end gets `EOFError`."""
        self._end.close()
