"""Many runs at once, each in a process of its own, as one noun."""

from __future__ import annotations

import atexit
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from daf_nb.errors import DafError
from daf_nb.scale.process import ChildRun

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ManyRuns"]

_LEAVE = 10.0
"""Seconds that a process which ends leaves its children."""
_COLUMNS = ("timesteps", "episodes", "avg_reward", "best_reward", "completion_rate")


class ManyRuns:
    """Runs of one spec on several seeds, that share the machine. Shows itself as text.

    They go on in the background, `workers` at a time, and end with this process.

    Args:
        children: the runs, in the order in which they are to begin.
        parcel: what they train, packed.
        workers: how many train at once.
        name: what they are called.
        runs_dir: where they are recorded.

    Attributes:
        workers: as given, and at most the number of runs.
        name: as given.
        runs_dir: as given.
    """

    def __init__(
        self,
        children: Sequence[ChildRun],
        *,
        parcel: bytes,
        workers: int,
        name: str,
        runs_dir: Path,
    ) -> None:
        self.workers, self.name = min(workers, len(children)), name
        self.runs_dir = runs_dir
        self._children, self._parcel = tuple(children), parcel
        self._waiting = iter(self._children)
        self._taking = threading.Lock()
        atexit.register(self._leave)
        for number in range(self.workers):
            threading.Thread(target=self._work, name=f"daf_nb-many-{number}", daemon=True).start()

    @property
    def seeds(self) -> tuple[int, ...]:
        """As they were given."""
        return tuple(child.seed for child in self._children)

    @property
    def runs(self) -> dict[int, int]:
        """Seed -> the run's number, of those that have begun."""
        return {one.seed: one.id for one in self._children if one.id is not None}

    @property
    def ids(self) -> list[int]:
        """The numbers of the runs that have begun, in the order of their seeds."""
        return list(self.runs.values())

    @property
    def statuses(self) -> dict[int, str]:
        """Seed -> status, as the record says it; QUEUED for those that wait for their turn."""
        return {child.seed: child.status for child in self._children}

    @property
    def fingerprints(self) -> dict[int, str]:
        """Seed -> `Run.fingerprint` at its end, of those that have ended."""
        ended = ((child.seed, child.fingerprint) for child in self._children)
        return {seed: print_ for seed, print_ in ended if print_ is not None}

    @property
    def errors(self) -> dict[int, DafError]:
        """Seed -> what went wrong, of those that failed."""
        return {one.seed: one.error for one in self._children if one.error is not None}

    @property
    def step(self) -> int:
        """Live agent-steps of all, as last heard."""
        return sum(child.step for child in self._children)

    @property
    def done(self) -> bool:
        """All have ended, and no process is left."""
        return all(child.ended.is_set() for child in self._children)

    def results(self) -> pd.DataFrame:
        """A row for each seed: run, status, step, what `RlTrainer.train` returned, and the error.

        At any time; what there is not yet is missing.
        """
        import pandas as pd

        rows = []
        for one in self._children:
            came = one.results or {}
            error = None if one.error is None else str(one.error)
            told = {"run": one.id, "status": one.status, "step": one.step}
            rows.append({**told, **{name: came.get(name) for name in _COLUMNS}, "error": error})
        table = pd.DataFrame(rows, index=pd.Index(self.seeds, name="seed"))
        whole = ["run", "timesteps", "episodes"]
        numbers = list(_COLUMNS[2:])
        return table.astype(dict.fromkeys(whole, "Int64") | dict.fromkeys(numbers, "float64"))

    def wait(self, timeout: float | None = None) -> pd.DataFrame | None:
        """Waits until all have ended; an interrupt (Ctrl-C, the stop button) ends them first.

        They end within a step, and can be resumed. Interrupted once more, they end at once.

        Args:
            timeout: seconds; None for as long as it takes.

        Returns:
            As `results`; None where the timeout came first.

        Raises:
            DafError: a run failed, or its process was killed: the first by order of the seeds,
                of its own kind where it is one of daf_nb's; the message names seed and run.
        """
        try:
            ended = self._wait(timeout)
        except KeyboardInterrupt:
            self.stop(now=True)
            try:
                self._wait(None)
            except KeyboardInterrupt:
                self._leave()
            raise
        if not ended:
            return None
        failures = self.errors
        for error in failures.values():
            note = f"Failed are seeds {', '.join(map(str, failures))}, of {len(self.seeds)}."
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
            raise error
        return self.results()

    def stop(self, *, now: bool = False) -> None:
        """Ends all at their next boundaries, as INTERRUPTED; those that wait do not begin.

        Args:
            now: or within a step, as `Run.stop`.
        """
        for child in self._children:
            child.stop(now=now)

    def _wait(self, timeout: float | None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
        return all(
            child.ended.wait(None if until is None else max(0.0, until - time.monotonic()))
            for child in self._children
        )

    def _work(self) -> None:
        """One after the other, in one of the threads."""
        while (child := self._next()) is not None:
            child.play(self._parcel)
        if self.done:
            atexit.unregister(self._leave)

    def _next(self) -> ChildRun | None:
        with self._taking:
            return next(self._waiting, None)

    def _leave(self) -> None:
        """Ends all, in order if they can; no process is left."""
        for child in self._children:
            child.let_go()
        if not self._wait(_LEAVE):
            for child in self._children:
                child.kill()

    def __repr__(self) -> str:
        counts = Counter(self.statuses.values())
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        lines = [f"{len(self.seeds)} runs {self.name!r}, {self.workers} at a time: {told}"]
        for child in self._children:
            where = "" if child.id is None else f"run {child.id} "
            lines.append(f"  seed {child.seed}: {where}{child.status}, step {child.step:,}")
        return "\n".join(lines)
