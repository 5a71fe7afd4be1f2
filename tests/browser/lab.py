"""A JupyterLab server of one's own: folders, token and port that nobody else uses."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook

__all__ = ["Lab", "serve_lab"]

ROOT = Path(__file__).resolve().parents[2]

_CONFIG = {
    "ServerApp": {"open_browser": False, "allow_root": True, "ip": "127.0.0.1", "port": 0},
    "LabApp": {
        # Nothing is asked of the network, and the page lets a test give JupyterLab's commands.
        "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "extension_manager": "readonly",
        "news_url": None,
        "expose_app_in_browser": True,
    },
}
_NO_NEWS = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}


@dataclass(frozen=True)
class Lab:
    """A server that answers.

    Attributes:
        url: with a slash at its end, without the token.
        token: opens it.
        folder: where its notebooks lie.
        runs: where the runs of its kernels are recorded.
        runtime: where the connection files of its kernels lie.
        process: the server.
    """

    url: str
    token: str
    folder: Path
    runs: Path
    runtime: Path
    process: psutil.Process

    def write(self, name: str, cells: list[str]) -> Path:
        """A new notebook `name` of code cells that run in this environment's Python."""
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = new_notebook(
            cells=[new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
        )
        path = self.folder / name
        nbformat.write(notebook, path)
        return path

    def ask(self, path: str, *, method: str = "GET") -> Any:
        """What the server's REST API says to `api/<path>`; None where it says nothing."""
        request = Request(f"{self.url}api/{path}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urlopen(request, timeout=30) as reply:
            said = reply.read()
        return json.loads(said) if said else None

    def kernel_of(self, name: str) -> str:
        """The id of the kernel of notebook `name`."""
        (kernel,) = [
            session["kernel"]["id"] for session in self.ask("sessions") if session["path"] == name
        ]
        return kernel

    def connection_file(self, kernel: str) -> Path:
        """Where the kernel with this id can be reached."""
        return self.runtime / f"kernel-{kernel}.json"

    def kill(self, kernel: str) -> None:
        """Kills the process of a kernel and those that it started; the server starts it anew."""
        for process in self.process.children():
            if any(f"kernel-{kernel}.json" in word for word in process.cmdline()):
                _kill([process, *process.children(recursive=True)])

    def forget(self, name: str) -> None:
        """Ends the kernel of notebook `name`, where it has one."""
        for session in self.ask("sessions"):
            if session["path"] == name:
                self.ask(f"sessions/{session['id']}", method="DELETE")


@contextmanager
def serve_lab(folder: Path) -> Iterator[Lab]:
    """A JupyterLab on the loopback, of this interpreter, that ends with all its kernels.

    Args:
        folder: an empty folder for everything that it writes: notebooks, runs, settings.
    """
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    token = secrets.token_hex(16)
    runs = folder / "runs"
    environment = _environment(folder, runs=runs, token=token)
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebooks}"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=notebooks,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = _await_answer(server, folder)
        process = psutil.Process(server.pid)
        yield Lab(url, token, notebooks, runs, folder / "runtime", process)
    finally:
        _end(server)


def _environment(folder: Path, *, runs: Path, token: str) -> dict[str, str]:
    config = folder / "config"
    _write(config / "jupyter_server_config.json", _CONFIG)
    settings = config / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    _write(settings / "notification.jupyterlab-settings", _NO_NEWS)
    kept = {name: text for name, text in os.environ.items() if not name.startswith("JUPYTER")}
    return {
        **kept,
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_TOKEN": token,
        "IPYTHONDIR": str(folder / "ipython"),
        "DAF_NB_RUNS": str(runs),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def _await_answer(server: subprocess.Popen[bytes], folder: Path, *, seconds: float = 60) -> str:
    note = folder / "runtime" / f"jpserver-{server.pid}.json"
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            url = json.loads(note.read_text(encoding="utf-8"))["url"]
            with urlopen(f"{url}api", timeout=5):
                return url
        except (FileNotFoundError, json.JSONDecodeError, URLError):
            time.sleep(0.1)
    said = (folder / "server.log").read_text(encoding="utf-8", errors="replace")
    raise RuntimeError(f"JupyterLab does not answer after {seconds:.0f} s. It said:\n{said}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """Kills the server and all that it started: each kernel has a process group of its own."""
    try:
        family = psutil.Process(server.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    server.kill()
    server.wait()
    _kill(family)


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)
