"""Messages between a trainer and a worker."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from daf_nb.envs.workers.channel import Channel

LARGE = bytes(8 << 20)
"""More than a socket holds."""


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    ours, theirs = socket.socketpair()
    pair = Channel(ours, look=lambda: False), Channel(theirs)
    yield pair
    for one in pair:
        one.close()


def test_two_who_send_much_at_once_do_not_wait_for_each_other(ends):
    trainer, worker = ends
    heard: list[tuple[bytes, bytes]] = []

    def serve() -> None:
        worker.send(b"o", LARGE)
        heard.append(worker.receive())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    trainer.send(b"p", LARGE)
    trainer.send(b"q")
    assert trainer.receive() == (b"o", LARGE)
    thread.join(10)
    assert heard == [(b"p", LARGE)]
    assert worker.receive() == (b"q", b"")


def test_messages_come_whole_and_in_order(ends):
    trainer, worker = ends
    sent = [(b"a", b""), (b"b", bytes(range(256)) * 300), (b"c", b"x")]
    for kind, content in sent:
        worker.send(kind, content)
    assert [trainer.receive() for _ in sent] == sent


def test_who_is_gone_is_noticed_in_the_middle_of_a_message(ends):
    trainer, worker = ends
    threading.Timer(0.1, worker.close).start()
    with pytest.raises(EOFError):
        trainer.send(b"p", LARGE)
    with pytest.raises(EOFError):
        trainer.receive()
