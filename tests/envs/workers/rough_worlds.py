"""Tiny real worlds that are rough with the process that plays them."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from daf_nb.testing import Scripted


class Striking(Scripted):
    """Before it takes step `at`, it does what `how` says, while the file `flag` is there.

    `how`: it kills its process ("die"), closes all that its process has open and waits ("shut"),
    stands in a call of C that lets others run ("sleep") or does not ("lock"), or raises ("raise").
    "differ": it shows its process's number. "begin": a second goes by before it is made.
    The pre-flight episode, whose seed is 0 and which the trainer plays, goes well.
    """

    def __init__(self, *, flag: Path, how: str, at: int = 3, agents: int = 2, limit: int = 5):
        super().__init__(agents=agents, limit=limit)
        self.flag, self.how, self.at = flag, how, at
        if how == "begin" and flag.exists():
            time.sleep(1)

    def observe(self, agent: str) -> Any:
        seen = super().observe(agent)
        if self.how == "differ" and self.flag.exists():
            seen[0] = os.getpid()
        return seen

    def step(self, actions: Any) -> Any:
        if self.seed and self.elapsed + 1 == self.at and self.flag.exists():
            self.strike()
        return super().step(actions)

    def strike(self) -> None:
        if self.how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "raise":
            raise RuntimeError("struck")
        if self.how == "lock":
            ctypes.PyDLL(None).usleep(60_000_000)
        if self.how == "shut":
            os.closerange(3, 200)
        if self.how in ("sleep", "shut"):
            time.sleep(60)


class Obeying(Scripted):
    """Its reset options say what it does.

    "limit" is the step at which the time is up; with "breaks" it raises in step 3; with "dies" it
    kills its process in the reset, if the file `flag` is there, which it takes away.
    """

    def __init__(self, *, flag: Path, agents: Any = 1):
        super().__init__(agents=agents)
        self.flag, self.options = flag, dict[str, Any]()

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.options = options or {}
        self.limit = self.options.get("limit", 5)
        if "dies" in self.options and self.flag.exists():
            self.flag.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().reset(seed, options)

    def step(self, actions: Any) -> Any:
        if "breaks" in self.options and self.elapsed == 2:
            raise RuntimeError("it breaks")
        return super().step(actions)


class Serving(Scripted):
    """Has a process of its own, but `home`, that it ends when it is closed; `folder` names it.

    With `forks` that process has all that this one has open. With `breaks` step 3 raises. Closing
    takes `slowly` seconds.
    """

    def __init__(
        self,
        *,
        folder: Path,
        home: int,
        forks: bool = False,
        breaks: bool = False,
        slowly: float = 0.0,
    ):
        super().__init__(agents=1)
        self.server, self.breaks, self.slowly = 0, breaks, slowly
        if os.getpid() == home:
            return
        if not forks:
            self.server = subprocess.Popen(["sleep", "40"]).pid
        elif (pid := os.fork()) != 0:
            self.server = pid
        else:
            time.sleep(40)
            os._exit(0)
        (folder / str(self.server)).touch()

    def step(self, actions: Any) -> Any:
        if self.breaks and self.elapsed == 2:
            raise RuntimeError("it breaks")
        return super().step(actions)

    def close(self) -> None:
        if self.server:
            time.sleep(self.slowly)
            os.kill(self.server, signal.SIGKILL)
            os.waitpid(self.server, 0)


class Unordered(Scripted):
    """Shows the order in which Python goes through a set of words."""

    def observe(self, agent: str) -> Any:
        words = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"}
        return np.array([ord(word[0]) for word in words][:3], np.float32)


class AtHome(Scripted):
    """Reads its level from a file of the folder in which it is made."""

    def __init__(self) -> None:
        super().__init__()
        self.level = int(Path("level.txt").read_text())

    def observe(self, agent: str) -> Any:
        return super().observe(agent) + np.float32(self.level)


class Confiding(Scripted):
    """Says its step, and something that cannot be sent anywhere."""

    def __init__(self) -> None:
        super().__init__(agents=1, limit=2)
        self.engine = threading.Lock()

    def info(self, agent: str) -> dict[str, Any]:
        return {"engine": self.engine, "score": self.elapsed}


class Talking(Scripted):
    """Logs every step; with `badly`, with arguments that do not fit."""

    def __init__(self, *, badly: bool = False):
        super().__init__(agents=1)
        self.badly = badly

    def step(self, actions: Any) -> Any:
        arguments = ("many",) if self.badly else (self.elapsed + 1,)
        logging.getLogger("rough.talking").warning("step %d", *arguments)
        return super().step(actions)


class Switches(Scripted):
    """An action is three switches."""

    def make_action_space(self, agent: str) -> spaces.Space:
        return spaces.MultiBinary(3)


def at_home(home: int) -> str:
    """What `Homesick` becomes, in its own process only."""
    if os.getpid() != home:
        raise OSError("it is only at home here")
    return "here"


class Homesick:
    """Can be sent, and cannot be read elsewhere."""

    def __reduce__(self) -> Any:
        return at_home, (os.getpid(),)
