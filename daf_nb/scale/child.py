"""What a process that trains one of many runs executes: `python -m daf_nb.scale.child`.

It is sent a parcel by its standard input, then single letters that stop it; when that ends, so does
the process. By its standard output it tells in lines of JSON what comes of the run.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
import traceback
from typing import Any, TextIO

from daf_nb.record.plain import dumps
from daf_nb.scale.parcel import NOW, Parcel, receive, unpack
from daf_nb.session.launch import launch
from daf_nb.session.run import Run
from daf_nb.session.starting import let_go, make_trainer

__all__ = ["main"]

_LOOK = 0.5
"""Seconds between two lines about a run that trains."""
_GRACE = 12.0
"""Seconds after which a process that is to end does, whatever it is doing."""


class _Orders:
    """What the process is asked to do by its parent, from the moment on that there is a run.

    Args:
        source: the file descriptor that it is asked by.
    """

    def __init__(self, source: int) -> None:
        self._source, self._asked = source, b""
        self._parent = os.getppid()
        self._run: Run | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._heed, name="daf_nb-orders", daemon=True).start()

    def follow(self, run: Run) -> None:
        """From now on they are about this run, and those that came before too."""
        with self._lock:
            self._run = run
            self._obey()

    def look(self) -> None:
        """Ends this process where its parent is gone: a fork of that may hold the pipe open."""
        if os.getppid() != self._parent:
            self._leave()

    def _heed(self) -> None:
        while asked := os.read(self._source, 64):
            with self._lock:
                self._asked += asked
                self._obey()
        self._leave()

    def _leave(self) -> None:
        # Live runs end in order before the signal ends the process. One that hangs does not keep
        # it alive: the end of the grace needs no lock of Python's.
        faulthandler.dump_traceback_later(_GRACE, exit=True)
        os.kill(os.getpid(), signal.SIGTERM)

    def _obey(self) -> None:
        if self._run is not None and self._asked:
            self._run.stop(now=NOW in self._asked)
            self._asked = b""


class _Teller:
    """Writes lines to the parent; where nobody reads any more, the orders end this process."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, **told: Any) -> None:
        try:
            self._out.write(dumps(told) + "\n")
            self._out.flush()
        except OSError:
            pass


def main() -> None:
    """Trains what it is sent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which asks us then
    source, tell = _private_streams()
    try:
        seed, parcel = receive(source)
    except EOFError:
        return
    orders = _Orders(source)
    try:
        run = _begin(seed, unpack(parcel))
        tell(run=run.id)
        orders.follow(run)
        while not run.finished.wait(_LOOK):
            tell(step=run.step)
            orders.look()
        results = run.wait()
        tell(step=run.step, results=results, fingerprint=run.fingerprint())
    except BaseException as error:
        trace = "".join(traceback.format_exception(error))
        tell(error=type(error).__name__, message=str(error), traceback=trace)


def _begin(seed: int, parcel: Parcel) -> Run:
    """As `daf_nb.train`, with all that the parent found out in its place."""
    given = dict(parcel.trainer)
    trainer = make_trainer(given.pop("world"), **given, seed=seed)
    try:
        return launch(trainer, **parcel.record)
    except BaseException:
        let_go(trainer)
        raise


def _private_streams() -> tuple[int, _Teller]:
    """The pipes to the parent; whatever else reads gets nothing, and prints to standard error."""
    source, out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, _Teller(os.fdopen(out, "w", encoding="utf-8"))


if __name__ == "__main__":
    main()
