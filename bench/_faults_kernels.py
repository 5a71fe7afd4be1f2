"""A real Jupyter kernel, spoken to as a notebook speaks to it."""

from __future__ import annotations

import os
import queue
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager

__all__ = ["Kernel"]

HERE = Path(__file__).parent


class _Own(KernelSpecManager):
    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
        ]
        return KernelSpec(argv=argv, display_name="faults", language="python")


class Kernel:
    """A kernel on this Python that finds the modules beside this one; a context manager.

    Args:
        root: its runs folder.
    """

    def __init__(self, root: Path) -> None:
        paths = os.pathsep.join([str(HERE), str(HERE.parent)])
        self._environ = {
            **os.environ,
            "PYTHONPATH": paths,
            "DAF_NB_RUNS_DIR": str(root),
            "OMP_NUM_THREADS": "1",
            "WANDB_MODE": "offline",
        }
        self.start()

    def start(self) -> None:
        """Starts another kernel; the one before was shut down."""
        self.manager = KernelManager(kernel_spec_manager=_Own())
        self.manager.start_kernel(cwd=str(HERE), env=self._environ)
        self.come_back()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)

    @property
    def process(self) -> psutil.Process:
        """The kernel's."""
        return psutil.Process(self.manager.provisioner.process.pid)  # type: ignore[union-attr]

    def send(self, code: str) -> str:
        """Executes a cell; its number, for `reply`."""
        return self.client.execute(code, stop_on_error=False)

    def reply(self, number: str, *, patience: float = 60.0) -> dict[str, Any]:
        """How a cell ended.

        Raises:
            TimeoutError: it did not.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                message = self.client.get_shell_msg(timeout=0.1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") == number:
                return message["content"]
        raise TimeoutError("the cell did not end")

    def run(self, code: str, *, patience: float = 60.0) -> dict[str, Any]:
        """As `send`, then `reply`."""
        return self.reply(self.send(code), patience=patience)

    def value(self, expression: str) -> Any:
        """What an expression gives, by its `repr`.

        Raises:
            RuntimeError: it raised.
        """
        number = self.client.execute("", user_expressions={"it": expression})
        it = self.reply(number)["user_expressions"]["it"]
        if it["status"] != "ok":
            raise RuntimeError(f"{expression}: {it['ename']}: {it['evalue']}")
        return it["data"]["text/plain"]

    def interrupt(self) -> None:
        """Presses the stop button."""
        self.manager.interrupt_kernel()

    def drop(self) -> None:
        """Closes the browser."""
        self.client.stop_channels()

    def come_back(self) -> None:
        """Opens it again."""
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
