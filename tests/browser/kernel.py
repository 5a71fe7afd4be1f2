"""A second client of a notebook's kernel: what is true there, and how soon it answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jupyter_client.blocking.client import BlockingKernelClient

__all__ = ["Kernel", "connect", "in_words"]


class Kernel:
    """A running kernel, asked by a client of its own.

    Args:
        client: is connected.
    """

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def value(self, expression: str, *, code: str = "") -> str:
        """The `repr` of an expression in the kernel, after `code` was run there."""
        asked = self._client.execute(
            code, store_history=False, user_expressions={"value": expression}
        )
        while True:
            reply = self._client.get_shell_msg(timeout=30)
            if reply["parent_header"].get("msg_id") == asked:
                break
        value = reply["content"]["user_expressions"]["value"]
        assert value["status"] == "ok", value
        return value["data"]["text/plain"]

    def round_trips(self, count: int) -> np.ndarray:
        """Seconds from a request to run `1 + 1` to its answer, `count` times, one by one."""
        seconds = np.empty(count)
        for index in range(count):
            start = time.perf_counter()
            answer = self.value("_two", code="_two = 1 + 1")
            seconds[index] = time.perf_counter() - start
            assert answer == "2"
        return seconds


def in_words(seconds: np.ndarray) -> str:
    """Percentiles, in milliseconds."""
    middle, most, nearly, last = 1000 * np.percentile(seconds, [50, 90, 99, 100])
    return (
        f"execute round trip, {len(seconds)} times: median {middle:.0f} ms, 90 % {most:.0f} ms, "
        f"99 % {nearly:.0f} ms, longest {last:.0f} ms"
    )


@contextmanager
def connect(connection_file: Path) -> Iterator[Kernel]:
    """The kernel that this file leads to.

    Args:
        connection_file: `Lab.connection_file` knows where it lies.
    """
    client = BlockingKernelClient(connection_file=str(connection_file))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        yield Kernel(client)
    finally:
        client.stop_channels()
