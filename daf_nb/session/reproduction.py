"""A run beside the one that is made again: identical, or from where on it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from daf_nb.record import RunRecord, load_run
from daf_nb.session.differences import Difference

if TYPE_CHECKING:
    Compare = Callable[[RunRecord, RunRecord], Difference | None]

__all__ = ["Difference", "Played", "Reproduction"]


class Played(Protocol):
    """A run that makes another one again."""

    @property
    def id(self) -> int: ...

    @property
    def folder(self) -> Path: ...

    @property
    def status(self) -> str: ...

    @property
    def step(self) -> int: ...

    @property
    def done(self) -> bool: ...

    @property
    def error(self) -> BaseException | None: ...

    def wait(self, timeout: float | None = None) -> Any: ...

    def stop(self) -> None: ...


Playing = TypeVar("Playing", bound=Played)


class Reproduction(Generic[Playing]):
    """A recorded run that is being made again.

    Args:
        original: the record.
        run: what makes it again.
        compare: the first in which the record and the new one differ.
        until: the agent-step that it goes up to; 0 where it has none.
        notes: what is to be said with the answer.

    Attributes:
        original: the record.
        run: what makes it again: a `Run`, or of a cell its kernel.
        notes: what is to be said with the answer, such as that it goes only so far.
    """

    def __init__(
        self,
        original: RunRecord,
        run: Playing,
        *,
        compare: Compare,
        until: int = 0,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.original, self.run, self.notes = original, run, notes
        self._compare, self._until = compare, until
        self._first: Difference | None = None
        self._compared = False

    @property
    def identical(self) -> bool:
        """Nothing differs. Waits for the end; raises what kept it from running.

        Compared are, of a training, every metric of rollouts, updates and curriculum, the journal
        and every saved parameter, bit for bit; of a cell how it ended, its output, result, metrics,
        figures and the trainings inside. What a training's callback logged is not.
        """
        return self.first_difference is None

    @property
    def first_difference(self) -> Difference | None:
        """Where they part first; None where they do not. Waits as `identical` does."""
        self.run.wait()
        if not self._compared:
            again = load_run(self.run.id, runs_dir=self.run.folder.parent)
            self._first = self._compare(self.original, again)
            self._compared = True
        return self._first

    def wait(self) -> Reproduction[Playing]:
        """Waits for the end; raises what kept it from running."""
        self.run.wait()
        return self

    def __repr__(self) -> str:
        if not self.run.done:
            return f"{self._said(self.run.id)}: {self.run.status}, step {self.run.step:,}"
        early = self.run.status != "COMPLETED" and self.run.step < self._until
        if self.run.error is not None or early:
            return f"{self._said(self.run.id)}: {self.run.status}"
        first = self.first_difference
        answer = "identical" if first is None else f"they part {first}"
        return "; ".join([f"{self._said(self.run.id)}: {answer}", *self.notes])

    def _said(self, number: int) -> str:
        made = f" as run {number}" if number else ""
        return f"run {self.original.id} played again{made}"
