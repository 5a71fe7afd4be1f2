"""One of many runs, in a process of its own, as this process sees it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from daf_nb import errors
from daf_nb.errors import DafError
from daf_nb.record import load_run
from daf_nb.scale.parcel import NOW, STOP, send
from daf_nb.scale.spawning import close, spawn, tail, trim, what_is_told

__all__ = ["ChildRun"]


class ChildRun:
    """A seed's run: waiting, training in a process, or ended.

    Args:
        seed: the run's.
        root: the folder of all runs.
        on_begun: told the run's number, in the thread that calls `play`.

    Attributes:
        id: the run's number; None before it has begun.
        step: live agent-steps, as last heard.
        results: what `RlTrainer.train` returned; None before the end, and without one.
        fingerprint: that of the policies at the end, as `Run.fingerprint`.
        error: what is wrong with it, once it has ended; None where nothing is.
        ended: set when the process is gone, or will never be.
    """

    def __init__(self, seed: int, *, root: Path, on_begun: Callable[[int], object]) -> None:
        self.seed, self.step = seed, 0
        self.id: int | None = None
        self.results: dict[str, Any] | None = None
        self.fingerprint: str | None = None
        self.error: DafError | None = None
        self.ended = threading.Event()
        self._root, self._on_begun = root, on_begun
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._asked, self._sent, self._unwanted = b"", False, False

    @property
    def status(self) -> str:
        """As in the run's record; QUEUED before it has one, and its end where it never had one."""
        if self.id is not None:
            return load_run(self.id, runs_dir=self._root).status
        if not self.ended.is_set():
            return "QUEUED"
        return "FAILED" if self.error is not None else "INTERRUPTED"

    @property
    def pid(self) -> int | None:
        """Its process's number; None before it has one."""
        return None if self._process is None else self._process.pid

    def play(self, parcel: bytes) -> None:
        """Starts the process and follows it to its end, in the calling thread; nothing is raised.

        Args:
            parcel: what it is to train, packed.
        """
        try:
            with tempfile.TemporaryFile() as said:
                with self._lock:
                    if self._asked or self._unwanted:
                        return
                    self._process = process = spawn(said)
                self._follow(process, parcel, said)
        except BaseException as error:  # such as no memory for another process
            self.error = self.error or self._failed(f"{type(error).__name__}: {error}")
        finally:
            self.ended.set()

    def stop(self, *, now: bool = False) -> None:
        """Ends it at the next boundary, or within a step; one that has not started never will."""
        self._ask(NOW if now else STOP)

    def let_go(self) -> None:
        """Has the process end, its run as INTERRUPTED, within seconds; returns at once."""
        with self._lock:
            self._unwanted = True
            if self._process is not None and self._sent:
                close(self._process.stdin)
            elif self._process is not None:  # there is no run yet
                self._process.kill()

    def kill(self) -> None:
        """Ends the process at once, where it is still there."""
        if self._process is not None:
            self._process.kill()

    def _ask(self, letter: bytes) -> None:
        with self._lock:
            self._asked += letter
            if self._sent:
                self._write(letter)

    def _write(self, letters: bytes) -> None:
        assert self._process is not None, "a parcel was sent to it"
        assert self._process.stdin is not None, "made so"
        with contextlib.suppress(OSError, ValueError):  # it is gone
            self._process.stdin.write(letters)
            self._process.stdin.flush()

    def _follow(self, process: subprocess.Popen[bytes], parcel: bytes, said: IO[bytes]) -> None:
        assert process.stdin is not None, "made so"
        assert process.stdout is not None, "made so"
        try:
            with contextlib.suppress(OSError):  # it died at once; how, is told below
                send(process.stdin, self.seed, parcel)
            with self._lock:
                self._sent = True
                self._write(self._asked)
            for line in process.stdout:
                if (told := what_is_told(line)) is not None:
                    self._hear(told)
                trim(said)
        except BaseException:
            process.kill()
            raise
        finally:
            code = process.wait()
            for stream in (process.stdin, process.stdout):
                close(stream)
        if self.error is None and self.fingerprint is None:
            self._explain(code, tail(said))

    def _hear(self, told: dict[str, Any]) -> None:
        if "run" in told:
            self.id = told["run"]
            self._on_begun(told["run"])
        self.step = told.get("step", self.step)
        if "fingerprint" in told:
            self.results, self.fingerprint = told["results"], told["fingerprint"]
        if "error" in told:
            kind, words = getattr(errors, told["error"], None), told["message"]
            if not (isinstance(kind, type) and issubclass(kind, DafError)):
                kind, words = DafError, f"{told['error']}: {words}"
            self.error = self._failed(words, told["traceback"], kind)

    def _explain(self, code: int, said: str) -> None:
        """A process that ended without a word: what is wrong, unless it was asked to."""
        status = self.status if self.id is not None else None
        if status in (None, "INTERRUPTED") and (self._asked or self._unwanted):
            return
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        words = f"its process {how}"
        if status is not None:
            words += f"; the run is {status}, and daf_nb.resume({self.id}) goes on with it"
        self.error = self._failed(f"{words}.", said)

    def _failed(
        self, words: str, trace: str = "", kind: Callable[[str], DafError] = DafError
    ) -> DafError:
        where = f"seed {self.seed}" + (f" (run {self.id})" if self.id is not None else "")
        error = kind(f"{where}: {words}")
        if trace:
            error.add_note(f"In its process:\n{trace}")
        return error
