"""A kernel of its own for code that is executed again: started here, and gone when this is."""

from __future__ import annotations

import os
import queue
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from daf_nb.errors import RecordError

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient
    from jupyter_client.manager import KernelManager

__all__ = ["Ended", "FreshKernel"]

_LOOK = 0.1
"""Seconds between two looks at whether it is to be given up."""
_START = 60.0
"""Seconds that a kernel may take to start."""
_LONGEST = 90
"""Letters of a path that a socket of this machine can be called by; systems differ, from 104."""
_GRACE = 5.0
"""Seconds that interrupted code, and a kernel that is asked to end, get before they are killed."""


@dataclass(frozen=True)
class Ended:
    """How a piece of code ended.

    Attributes:
        error: the type and the message of what it raised; empty where it raised nothing.
    """

    error: str = ""


class FreshKernel:
    """An IPython kernel in a process of its own, on this Python; a context manager.

    It dies with this process, however that ends. All calls are to come from one thread.

    Args:
        directory: where it is started.
        environ: variables that it gets beside those of this process.
    """

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self._directory, self._environ = directory, environ
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._manager: KernelManager | None = None
        self._client: BlockingKernelClient | None = None

    def __enter__(self) -> FreshKernel:
        from jupyter_client.manager import KernelManager

        self._folder = tempfile.TemporaryDirectory(prefix="daf_nb-")
        connection = str(Path(self._folder.name) / "kernel.json")
        manager = self._manager = KernelManager(
            kernel_spec_manager=_specs(),
            connection_file=connection,
            transport="ipc" if os.name == "posix" and len(connection) < _LONGEST else "tcp",
        )
        manager.shutdown_wait_time = _GRACE
        try:
            manager.start_kernel(cwd=str(self._directory), env={**os.environ, **self._environ})
            client = self._client = manager.client()
            client.start_channels()
            client.wait_for_ready(timeout=_START)
        except BaseException as error:
            self._end(now=True)
            if isinstance(error, Exception):
                raise RecordError(f"a kernel could not be started: {error}") from error
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end(now=kind is not None)

    def execute(
        self, code: str, *, silent: bool = False, enough: Callable[[], bool] = lambda: False
    ) -> Ended:
        """Executes code and waits for its end.

        Args:
            code: as in a cell.
            silent: it is no cell: it counts in no history.
            enough: asked again and again; once it says so, the code is interrupted.

        Raises:
            RecordError: the kernel died.
            BaseException: what `enough` raises.
        """
        manager, client = self._manager, self._client
        assert manager is not None, "the kernel was started"
        assert client is not None, "the kernel was started"
        number = client.execute(
            code, silent=silent, store_history=not silent, allow_stdin=False, stop_on_error=False
        )
        interrupted_at = None
        while True:
            reply = _reply(client, number)
            if reply is not None:
                return _ended(reply)
            if not manager.is_alive():
                raise RecordError("the kernel died; the code ended its process, or was killed")
            if interrupted_at is None and enough():
                interrupted_at = time.monotonic()
                manager.interrupt_kernel()
            elif interrupted_at is not None and time.monotonic() - interrupted_at > _GRACE:
                return Ended("KeyboardInterrupt: it did not heed the interrupt")

    def interrupt(self) -> None:
        """Interrupts what is executed, and gives it a moment to end."""
        manager, client = self._manager, self._client
        if manager is None or client is None or not manager.is_alive():
            return
        manager.interrupt_kernel()
        end = time.monotonic() + _GRACE
        while time.monotonic() < end and manager.is_alive():
            if _reply(client, None) is not None:
                return

    def _end(self, *, now: bool) -> None:
        client, self._client = self._client, None
        manager, self._manager = self._manager, None
        if client is not None:
            client.stop_channels()
        if manager is not None and manager.has_kernel:
            manager.shutdown_kernel(now=now)
        if self._folder is not None:
            self._folder.cleanup()


def _reply(client: BlockingKernelClient, number: str | None) -> dict[str, Any] | None:
    """The answer to a request, or to any; None where none came within a look."""
    try:
        message = client.get_shell_msg(timeout=_LOOK)
    except queue.Empty:
        return None
    if number is not None and message["parent_header"].get("msg_id") != number:
        return None
    return message["content"] if message["msg_type"] == "execute_reply" else None


def _ended(reply: Mapping[str, Any]) -> Ended:
    if reply.get("status") == "ok":
        return Ended()
    return Ended(f"{reply.get('ename', 'an error')}: {reply.get('evalue', '')}")


def _specs() -> Any:
    """What a kernel is, whatever else is installed for this user under its name."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

    class Own(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="daf_nb", language="python")

    return Own()
