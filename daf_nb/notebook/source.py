"""What a view reads: one interface over a run of this kernel and over a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from daf_nb.control import Request
from daf_nb.notebook.history import History
from daf_nb.notebook.state import RunState, read_state

if TYPE_CHECKING:
    from daf_nb.control import AdaptiveController, Controls
    from daf_nb.curriculum import CurriculumManager
    from daf_nb.session import Run

__all__ = ["LiveSource", "Rows", "Source", "source_of"]

Rows = tuple[int, list[Mapping[str, Any]]]
"""How many rows there are in all, and the newest of them, newest first."""


class Source(Protocol):
    """A run to look at, live or recorded.

    Attributes:
        id: the run's number.
        history: its metrics.
        run: the live run; None of a record, where nothing can be pressed.
        controls: its knobs; None of a record.
        curriculum: the live curriculum; None of a record, and where there is none.
        controller: the live adaptive controller; None of a record, and where there is none.
        newest: knob -> the newest request for it, since somebody looks.
    """

    id: int
    history: History
    run: Run | None
    controls: Controls | None
    curriculum: CurriculumManager | None
    controller: AdaptiveController | None
    newest: Mapping[str, Request]

    def read(self) -> RunState:
        """Takes in what is new; the run as it is now."""
        ...

    @property
    def groups(self) -> list[str]:
        """Names of the groups of agents."""
        ...

    @property
    def tasks(self) -> Sequence[str]:
        """Names of the curriculum's tasks, in its order; none without one."""
        ...

    @property
    def has_curriculum(self) -> bool:
        """It is trained on a curriculum."""
        ...

    @property
    def has_decisions(self) -> bool:
        """Rules watch it, or watched it."""
        ...

    def journal(self, most: int) -> Rows:
        """The journal: step, name, old, new, by, number, perhaps because and undoes."""
        ...

    def decisions(self, most: int) -> Rows:
        """Decisions of the adaptive controller, by the fields of `Decision`."""
        ...

    def curriculum_stats(self) -> dict[str, Any]:
        """As `CurriculumManager.get_curriculum_stats`; what a record does not tell is missing."""
        ...

    def subscribe(self, wake: Callable[[], object]) -> Callable[[], object]:
        """Calls `wake` when a request came or ended; returns what ends that."""
        ...


class LiveSource:
    """A run that lives in this kernel.

    Args:
        run: which.
    """

    def __init__(self, run: Run) -> None:
        self.run: Run | None = run
        self._run, self.id = run, run.id
        self.history = History(run.rows)
        self.controls: Controls | None = run.controls
        self.curriculum: CurriculumManager | None = run.curriculum
        self.controller: AdaptiveController | None = run.controller
        self._newest: dict[str, Request] = {}
        self.newest: Mapping[str, Request] = self._newest
        # While a run trains, no task can be added.
        self.tasks = () if run.curriculum is None else tuple(run.curriculum.tasks)

    def read(self) -> RunState:
        self.history.read()
        return read_state(self._run)

    @property
    def groups(self) -> list[str]:
        return list(self._run.policies)

    @property
    def has_curriculum(self) -> bool:
        return self.curriculum is not None

    @property
    def has_decisions(self) -> bool:
        return self.controller is not None

    def journal(self, most: int) -> Rows:
        entries = self._run.controls.journal
        return len(entries), [entry.to_plain() for entry in reversed(entries[-most:])]

    def decisions(self, most: int) -> Rows:
        made = self.controller.decisions if self.controller is not None else []
        return len(made), [decision.to_plain() for decision in reversed(made[-most:])]

    def curriculum_stats(self) -> dict[str, Any]:
        return self.curriculum.get_curriculum_stats() if self.curriculum is not None else {}

    def subscribe(self, wake: Callable[[], object]) -> Callable[[], object]:
        def hear(request: Request) -> None:
            self._newest[request.name] = request
            wake()

        return self._run.controls.subscribe(hear)


def source_of(run: Run | Source) -> Source:
    """The source of a run; a source is its own."""
    return LiveSource(run) if hasattr(run, "trainer") else run  # type: ignore[return-value] - only a run has a trainer
