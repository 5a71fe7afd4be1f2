"""A process that has everything imported and forks a child for each piece of work."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from _faults_shim import built

__all__ = ["Done", "Warm"]


class Done(NamedTuple):
    """A piece of work that is over.

    Attributes:
        code: as of a process; negative for the signal that killed it.
        value: what the function returned, or None.
        error: what it raised, in words; empty where nothing.
        said: (seconds of the monotonic clock, text) of each warning of ours.
    """

    code: int
    value: Any
    error: str
    said: list[tuple[float, str]]


class Warm:
    """Calls functions of the modules beside this one, each in a child of its own.

    Args:
        folder: for the shim, which is loaded into every child where it can be built.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        library = built(folder)
        self.shimmed = library is not None
        more = {"LD_PRELOAD": str(library)} if library else {}
        self._server = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1", **more},
            text=True,
        )

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()

    def start(self, function: str, **given: Any) -> int:
        """Begins `module:function(**given)`, all of it JSON; the child's process id."""
        return self._ask({"function": function, "given": given})

    def wait(self, child: int) -> Done:
        """Until a child's end."""
        return Done(*self._ask({"wait": child}))

    def run(self, function: str, **given: Any) -> Done:
        """As `start` and `wait`."""
        return self.wait(self.start(function, **given))

    def _ask(self, what: dict[str, Any]) -> Any:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(what) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


def _child(function: str, given: dict[str, Any]) -> tuple[int, int]:
    """The process id of a child, and where its answer comes from."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    said: list[tuple[float, str]] = []
    warnings.showwarning = lambda message, *_: said.append((time.monotonic(), str(message)))
    warnings.simplefilter("ignore")
    warnings.simplefilter("always", importlib.import_module("daf_nb.errors").DafWarning)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    code, value, told = 1, None, ""
    try:
        module, _, name = function.partition(":")
        value = getattr(importlib.import_module(module), name)(**given)
        code = 0
    except BaseException as error:
        told = f"{type(error).__name__}: {error}"
        if not isinstance(error, importlib.import_module("daf_nb.errors").DafError):
            traceback.print_exc()
    os.write(writing, json.dumps([value, told, said]).encode())
    os._exit(code)


def _answer(child: int, reading: int) -> list[Any]:
    content = b""
    while part := os.read(reading, 2**16):
        content += part
    os.close(reading)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return [code, *(json.loads(content) if content else (None, "", []))]


def _serve() -> None:
    import _faults_work  # noqa: F401 - imported once, for all children

    children: dict[int, int] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            answer: Any = _answer(asked["wait"], children.pop(asked["wait"]))
        else:
            answer, reading = _child(asked["function"], asked["given"])
            children[answer] = reading
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
