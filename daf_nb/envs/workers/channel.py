"""Messages between a trainer and a worker: a kind, and bytes."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable

__all__ = ["LOOK", "Channel"]

LOOK = 0.2
"""Seconds of waiting after which the trainer looks what else there is."""
_HEAD = struct.Struct("<cI")
_AT_ONCE = 1 << 16


class Channel:
    """One end of a connection. Waiting takes no processor time.

    Args:
        end: a connected stream socket; closed with the channel.
        look: this is the trainer's end. While it waits it calls this every `LOOK` seconds (and
            Python can raise what it was told to raise in this thread); True says that nobody is at
            the other end. What comes is taken in while something large is sent, so that two who
            send at once do not wait for each other.
    """

    def __init__(self, end: socket.socket, *, look: Callable[[], bool] | None = None) -> None:
        self._end, self._come, self._look = end, bytearray(), look
        if look is not None:
            seconds = struct.pack("ll", 0, int(LOOK * 1e6))
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)

    def send(self, kind: bytes, content: bytes = b"") -> None:
        """Sends a message of one-letter `kind`.

        Raises:
            EOFError: nobody is there any more.
        """
        try:
            if self._look is None:
                self._end.sendall(_HEAD.pack(kind, len(content)) + content)
            else:
                self._send_and_take(_HEAD.pack(kind, len(content)) + content, self._look)
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
                self._take()
            except (BlockingIOError, InterruptedError):
                if self._look is not None and self._look():
                    self._take_the_last()
            except OSError as error:
                raise EOFError("the other end is gone") from error

    def close(self) -> None:
        """Whoever waits at the other end gets `EOFError`."""
        self._end.close()

    def _send_and_take(self, message: bytes, look: Callable[[], bool]) -> None:
        left = memoryview(message)
        while True:
            try:
                left = left[self._end.send(left, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                either = select.poll()
                either.register(self._end, select.POLLIN | select.POLLOUT)
                found = either.poll(LOOK * 1000)
                if found and found[0][1] & select.POLLIN:
                    self._take()
                elif not found and look():
                    raise EOFError("the other end is gone") from None
            if not left:
                return

    def _take(self, flags: int = 0) -> None:
        part = self._end.recv(_AT_ONCE, flags)
        if not part:
            raise EOFError("the other end is gone")
        self._come += part

    def _take_the_last(self) -> None:
        """What came before the other end went away."""
        try:
            self._take(socket.MSG_DONTWAIT)
        except OSError as error:
            raise EOFError("the other end is gone") from error
